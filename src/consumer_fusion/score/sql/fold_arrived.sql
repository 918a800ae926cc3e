-- Events in any order: first the day of a pair and kind, because n events of a day count as log2(1 + n).
select d.consumer_id, d.brand_id, d.kind_id,
       sum(d.n) as event_count,
       sum(d.burst * d.x) as x,
       sum(d.burst * d.y) as y,
       sum(d.burst * d.burst * d.q) as q,
       sum(d.burst * d.burst * d.r) as r,
       sum(d.burst * d.burst * d.u) as u,
       max(d.last_occurred_us) as last_occurred_us
from (
    select e.consumer_id, e.brand_id, e.kind_id, e.day,
           count(*) as n,
           case when count(*) = 1 then 1e0 else ln(1e0 + count(*)) / (ln(2e0) * count(*)) end as burst,
           sum(e.w * e.magnitude) as x,
           sum(e.w) as y,
           sum(e.w * e.magnitude * e.w * e.magnitude) as q,
           sum(e.w * e.w) as r,
           sum(e.w * e.w * e.magnitude) as u,
           max(e.occurred_us) as last_occurred_us
    from (
        select a.consumer_id, a.brand_id, a.kind_id, a.day, a.occurred_us, a.magnitude,
               a.trust * k.trust * power(2e0, (a.occurred_us - k.landmark_us) / k.half_life_us) as w
        from ${events} a
        join fold_kinds k on k.kind_id = a.kind_id
    ) e
    group by e.consumer_id, e.brand_id, e.kind_id, e.day
) d
group by d.consumer_id, d.brand_id, d.kind_id
