-- States as of a moment: one factor per kind brings the forward-decayed sums there.
select s.consumer_id, s.brand_id, s.kind_id,
       s.x * k.factor as x,
       s.y * k.factor as y,
       s.q * k.factor * k.factor as q,
       s.r * k.factor * k.factor as r,
       s.u * k.factor * k.factor as u
from ${states} s
join decay_factors k on k.kind_id = s.kind_id
