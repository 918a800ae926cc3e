-- Changes by new events, given the old events (is_old = 1) of the same days, pairs and kinds: a day's contribution
-- is computed again with them, and the difference is added to the state.
select d.consumer_id, d.brand_id, d.kind_id,
       sum(d.n - d.n_old) as event_count,
       sum(d.burst * d.x - d.burst_old * d.x_old) as x,
       sum(d.burst * d.y - d.burst_old * d.y_old) as y,
       sum(d.burst * d.burst * d.q - d.burst_old * d.burst_old * d.q_old) as q,
       sum(d.burst * d.burst * d.r - d.burst_old * d.burst_old * d.r_old) as r,
       sum(d.burst * d.burst * d.u - d.burst_old * d.burst_old * d.u_old) as u,
       max(d.last_occurred_us) as last_occurred_us
from (
    select e.consumer_id, e.brand_id, e.kind_id, e.day,
           count(*) as n,
           sum(e.is_old) as n_old,
           case when count(*) = 1 then 1e0 else ln(1e0 + count(*)) / (ln(2e0) * count(*)) end as burst,
           case when sum(e.is_old) = 0 then 0e0
                else ln(1e0 + sum(e.is_old)) / (ln(2e0) * sum(e.is_old)) end as burst_old,
           sum(e.w * e.magnitude) as x,
           sum(e.w) as y,
           sum(e.w * e.magnitude * e.w * e.magnitude) as q,
           sum(e.w * e.w) as r,
           sum(e.w * e.w * e.magnitude) as u,
           sum(e.is_old * e.w * e.magnitude) as x_old,
           sum(e.is_old * e.w) as y_old,
           sum(e.is_old * e.w * e.magnitude * e.w * e.magnitude) as q_old,
           sum(e.is_old * e.w * e.w) as r_old,
           sum(e.is_old * e.w * e.w * e.magnitude) as u_old,
           max(e.occurred_us) as last_occurred_us
    from (
        -- Below 2^-400 a weight is 0, as in fold_arrived.
        select g.consumer_id, g.brand_id, g.kind_id, g.day, g.occurred_us, g.magnitude, g.is_old,
               case when g.half_lives < -400e0 then 0e0 else g.weight * power(2e0, g.half_lives) end as w
        from (
            select a.consumer_id as consumer_id, a.brand_id as brand_id, a.kind_id as kind_id, a.day as day,
                   a.occurred_us as occurred_us, a.magnitude as magnitude, a.is_old as is_old,
                   a.trust * k.trust as weight,
                   (a.occurred_us - coalesce(o.landmark_us, k.landmark_us))
                   / coalesce(o.half_life_us, k.half_life_us) as half_lives
            from ${events} a
            join fold_kinds k on k.kind_id = a.kind_id and k.brand_id = 0
            left join fold_kinds o on o.kind_id = a.kind_id and o.brand_id = a.brand_id
            where a.trust > 0e0
        ) g
    ) e
    group by e.consumer_id, e.brand_id, e.kind_id, e.day
) d
where d.n > d.n_old
group by d.consumer_id, d.brand_id, d.kind_id
