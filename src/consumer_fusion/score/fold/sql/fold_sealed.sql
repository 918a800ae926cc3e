-- One pass over sealed events, which carry the number of events of their kind on their day.
select e.consumer_id, e.brand_id, e.kind_id,
       count(*) as event_count,
       sum(e.wm) as x,
       sum(e.w) as y,
       sum(e.wm * e.wm) as q,
       sum(e.w * e.w) as r,
       sum(e.w * e.wm) as u,
       max(e.occurred_us) as last_occurred_us
from (
    select f.consumer_id, f.brand_id, f.kind_id, f.occurred_us, f.w, f.w * f.magnitude as wm
    from (
        -- Below 2^-400 a weight is 0, as in fold_arrived.
        select g.consumer_id, g.brand_id, g.kind_id, g.occurred_us, g.magnitude,
               case when g.half_lives < -400e0 then 0e0 else g.weight * power(2e0, g.half_lives) end as w
        from (
            select s.consumer_id as consumer_id, s.brand_id as brand_id, s.kind_id as kind_id,
                   s.occurred_us as occurred_us, s.magnitude as magnitude,
                   s.trust * k.trust
                   * case when s.same_day_count = 1 then 1e0
                          else ln(1e0 + s.same_day_count) / (ln(2e0) * s.same_day_count) end as weight,
                   (s.occurred_us - coalesce(o.landmark_us, k.landmark_us))
                   / coalesce(o.half_life_us, k.half_life_us) as half_lives
            from ${events} s
            join fold_kinds k on k.kind_id = s.kind_id and k.brand_id = 0
            left join fold_kinds o on o.kind_id = s.kind_id and o.brand_id = s.brand_id
            where s.trust > 0e0
        ) g
    ) f
) e
group by e.consumer_id, e.brand_id, e.kind_id
