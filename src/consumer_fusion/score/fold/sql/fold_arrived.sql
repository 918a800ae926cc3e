-- Events in any order. n events of a pair, kind and day count as log2(1 + n); days with more than one event are few,
-- so they are counted first and joined: that is one wide table of sums, not one for days and another for pairs.
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
        -- Below 2^-400 a weight is 0, on every engine: some refuse the square of a smaller one.
        select g.consumer_id, g.brand_id, g.kind_id, g.occurred_us, g.magnitude,
               case when g.half_lives < -400e0 then 0e0 else g.weight * power(2e0, g.half_lives) end as w
        from (
            select a.consumer_id as consumer_id, a.brand_id as brand_id, a.kind_id as kind_id,
                   a.occurred_us as occurred_us, a.magnitude as magnitude,
                   a.trust * k.trust * coalesce(d.burst, 1e0) as weight,
                   (a.occurred_us - coalesce(o.landmark_us, k.landmark_us))
                   / coalesce(o.half_life_us, k.half_life_us) as half_lives
            from ${events} a
            join fold_kinds k on k.kind_id = a.kind_id and k.brand_id = 0
            left join fold_kinds o on o.kind_id = a.kind_id and o.brand_id = a.brand_id
            left join (
                select b.consumer_id, b.brand_id, b.kind_id, b.day,
                       ln(1e0 + count(*)) / (ln(2e0) * count(*)) as burst
                from ${events} b
                where b.trust > 0e0
                group by b.consumer_id, b.brand_id, b.kind_id, b.day
                having count(*) > 1
            ) d on d.consumer_id = a.consumer_id and d.brand_id = a.brand_id and d.kind_id = a.kind_id
               and d.day = a.day
            where a.trust > 0e0
        ) g
    ) f
) e
group by e.consumer_id, e.brand_id, e.kind_id
