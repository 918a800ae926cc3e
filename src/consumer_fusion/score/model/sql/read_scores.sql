-- The score of many pairs, from their states as of a point in time. Plain SQL: the same text runs on every engine.
-- It computes what reading.py computes for one pair; docs/concepts/score.md describes the model.
--   decayed_states(consumer_id, brand_id, kind_id, x, y, q, r, u): the five sums at the as-of time
--   kind_points(kind_id, evidence, dispersion, <facet>_graded, <facet>_counted): signed points, one wide row per kind
with
-- Points by sign, so that gains and losses of a facet are summed separately.
signed_points as (
    select k.kind_id, k.evidence, k.dispersion,
           case when k.wallet_graded > 0e0 then k.wallet_graded else 0e0 end as wallet_graded_gain,
           case when k.wallet_graded < 0e0 then -k.wallet_graded else 0e0 end as wallet_graded_loss,
           case when k.wallet_counted > 0e0 then k.wallet_counted else 0e0 end as wallet_counted_gain,
           case when k.wallet_counted < 0e0 then -k.wallet_counted else 0e0 end as wallet_counted_loss,
           case when k.feet_graded > 0e0 then k.feet_graded else 0e0 end as feet_graded_gain,
           case when k.feet_graded < 0e0 then -k.feet_graded else 0e0 end as feet_graded_loss,
           case when k.feet_counted > 0e0 then k.feet_counted else 0e0 end as feet_counted_gain,
           case when k.feet_counted < 0e0 then -k.feet_counted else 0e0 end as feet_counted_loss,
           case when k.voice_graded > 0e0 then k.voice_graded else 0e0 end as voice_graded_gain,
           case when k.voice_graded < 0e0 then -k.voice_graded else 0e0 end as voice_graded_loss,
           case when k.voice_counted > 0e0 then k.voice_counted else 0e0 end as voice_counted_gain,
           case when k.voice_counted < 0e0 then -k.voice_counted else 0e0 end as voice_counted_loss,
           case when k.influence_graded > 0e0 then k.influence_graded else 0e0 end as influence_graded_gain,
           case when k.influence_graded < 0e0 then -k.influence_graded else 0e0 end as influence_graded_loss,
           case when k.influence_counted > 0e0 then k.influence_counted else 0e0 end as influence_counted_gain,
           case when k.influence_counted < 0e0 then -k.influence_counted else 0e0 end as influence_counted_loss,
           case when k.service_graded > 0e0 then k.service_graded else 0e0 end as service_graded_gain,
           case when k.service_graded < 0e0 then -k.service_graded else 0e0 end as service_graded_loss,
           case when k.service_counted > 0e0 then k.service_counted else 0e0 end as service_counted_gain,
           case when k.service_counted < 0e0 then -k.service_counted else 0e0 end as service_counted_loss,
           case when k.delight_graded > 0e0 then k.delight_graded else 0e0 end as delight_graded_gain,
           case when k.delight_graded < 0e0 then -k.delight_graded else 0e0 end as delight_graded_loss,
           case when k.delight_counted > 0e0 then k.delight_counted else 0e0 end as delight_counted_gain,
           case when k.delight_counted < 0e0 then -k.delight_counted else 0e0 end as delight_counted_loss,
           case when k.standing_graded > 0e0 then k.standing_graded else 0e0 end as standing_graded_gain,
           case when k.standing_graded < 0e0 then -k.standing_graded else 0e0 end as standing_graded_loss,
           case when k.standing_counted > 0e0 then k.standing_counted else 0e0 end as standing_counted_gain,
           case when k.standing_counted < 0e0 then -k.standing_counted else 0e0 end as standing_counted_loss,
           case when k.wellbeing_graded > 0e0 then k.wellbeing_graded else 0e0 end as wellbeing_graded_gain,
           case when k.wellbeing_graded < 0e0 then -k.wellbeing_graded else 0e0 end as wellbeing_graded_loss,
           case when k.wellbeing_counted > 0e0 then k.wellbeing_counted else 0e0 end as wellbeing_counted_gain,
           case when k.wellbeing_counted < 0e0 then -k.wellbeing_counted else 0e0 end as wellbeing_counted_loss
    from kind_points k
),
-- A: points of each facet and sign, before the knee.
facet_sums as (
    select s.consumer_id as consumer_id, s.brand_id as brand_id,
           sum(p.evidence * s.y) as evidence,
           sum(p.evidence * s.y / p.dispersion) as independent_evidence,
           sum(p.wallet_graded_gain * s.x + p.wallet_counted_gain * s.y) as wallet_gained,
           sum(p.wallet_graded_loss * s.x + p.wallet_counted_loss * s.y) as wallet_lost,
           sum(p.feet_graded_gain * s.x + p.feet_counted_gain * s.y) as feet_gained,
           sum(p.feet_graded_loss * s.x + p.feet_counted_loss * s.y) as feet_lost,
           sum(p.voice_graded_gain * s.x + p.voice_counted_gain * s.y) as voice_gained,
           sum(p.voice_graded_loss * s.x + p.voice_counted_loss * s.y) as voice_lost,
           sum(p.influence_graded_gain * s.x + p.influence_counted_gain * s.y) as influence_gained,
           sum(p.influence_graded_loss * s.x + p.influence_counted_loss * s.y) as influence_lost,
           sum(p.service_graded_gain * s.x + p.service_counted_gain * s.y) as service_gained,
           sum(p.service_graded_loss * s.x + p.service_counted_loss * s.y) as service_lost,
           sum(p.delight_graded_gain * s.x + p.delight_counted_gain * s.y) as delight_gained,
           sum(p.delight_graded_loss * s.x + p.delight_counted_loss * s.y) as delight_lost,
           sum(p.standing_graded_gain * s.x + p.standing_counted_gain * s.y) as standing_gained,
           sum(p.standing_graded_loss * s.x + p.standing_counted_loss * s.y) as standing_lost,
           sum(p.wellbeing_graded_gain * s.x + p.wellbeing_counted_gain * s.y) as wellbeing_gained,
           sum(p.wellbeing_graded_loss * s.x + p.wellbeing_counted_loss * s.y) as wellbeing_lost
    from decayed_states s
    join signed_points p on p.kind_id = s.kind_id
    group by s.consumer_id, s.brand_id
),
-- The soft knee h(A), and its slope h'(A): the contribution of one more point.
facets as (
    select a.consumer_id, a.brand_id, a.evidence, a.independent_evidence,
           case when a.wallet_gained <= ${knee} then a.wallet_gained
                else ${knee} * (1e0 + ln(a.wallet_gained / ${knee})) end
           - case when a.wallet_lost <= ${knee} then a.wallet_lost
                  else ${knee} * (1e0 + ln(a.wallet_lost / ${knee})) end as wallet,
           case when a.feet_gained <= ${knee} then a.feet_gained
                else ${knee} * (1e0 + ln(a.feet_gained / ${knee})) end
           - case when a.feet_lost <= ${knee} then a.feet_lost
                  else ${knee} * (1e0 + ln(a.feet_lost / ${knee})) end as feet,
           case when a.voice_gained <= ${knee} then a.voice_gained
                else ${knee} * (1e0 + ln(a.voice_gained / ${knee})) end
           - case when a.voice_lost <= ${knee} then a.voice_lost
                  else ${knee} * (1e0 + ln(a.voice_lost / ${knee})) end as voice,
           case when a.influence_gained <= ${knee} then a.influence_gained
                else ${knee} * (1e0 + ln(a.influence_gained / ${knee})) end
           - case when a.influence_lost <= ${knee} then a.influence_lost
                  else ${knee} * (1e0 + ln(a.influence_lost / ${knee})) end as influence,
           case when a.service_gained <= ${knee} then a.service_gained
                else ${knee} * (1e0 + ln(a.service_gained / ${knee})) end
           - case when a.service_lost <= ${knee} then a.service_lost
                  else ${knee} * (1e0 + ln(a.service_lost / ${knee})) end as service,
           case when a.delight_gained <= ${knee} then a.delight_gained
                else ${knee} * (1e0 + ln(a.delight_gained / ${knee})) end
           - case when a.delight_lost <= ${knee} then a.delight_lost
                  else ${knee} * (1e0 + ln(a.delight_lost / ${knee})) end as delight,
           case when a.standing_gained <= ${knee} then a.standing_gained
                else ${knee} * (1e0 + ln(a.standing_gained / ${knee})) end
           - case when a.standing_lost <= ${knee} then a.standing_lost
                  else ${knee} * (1e0 + ln(a.standing_lost / ${knee})) end as standing,
           case when a.wellbeing_gained <= ${knee} then a.wellbeing_gained
                else ${knee} * (1e0 + ln(a.wellbeing_gained / ${knee})) end
           - case when a.wellbeing_lost <= ${knee} then a.wellbeing_lost
                  else ${knee} * (1e0 + ln(a.wellbeing_lost / ${knee})) end as wellbeing,
           case when a.wallet_gained <= ${knee} then 1e0 else ${knee} / a.wallet_gained end as wallet_gained_slope,
           case when a.wallet_lost <= ${knee} then 1e0 else ${knee} / a.wallet_lost end as wallet_lost_slope,
           case when a.feet_gained <= ${knee} then 1e0 else ${knee} / a.feet_gained end as feet_gained_slope,
           case when a.feet_lost <= ${knee} then 1e0 else ${knee} / a.feet_lost end as feet_lost_slope,
           case when a.voice_gained <= ${knee} then 1e0 else ${knee} / a.voice_gained end as voice_gained_slope,
           case when a.voice_lost <= ${knee} then 1e0 else ${knee} / a.voice_lost end as voice_lost_slope,
           case when a.influence_gained <= ${knee} then 1e0 else ${knee} / a.influence_gained end as influence_gained_slope,
           case when a.influence_lost <= ${knee} then 1e0 else ${knee} / a.influence_lost end as influence_lost_slope,
           case when a.service_gained <= ${knee} then 1e0 else ${knee} / a.service_gained end as service_gained_slope,
           case when a.service_lost <= ${knee} then 1e0 else ${knee} / a.service_lost end as service_lost_slope,
           case when a.delight_gained <= ${knee} then 1e0 else ${knee} / a.delight_gained end as delight_gained_slope,
           case when a.delight_lost <= ${knee} then 1e0 else ${knee} / a.delight_lost end as delight_lost_slope,
           case when a.standing_gained <= ${knee} then 1e0 else ${knee} / a.standing_gained end as standing_gained_slope,
           case when a.standing_lost <= ${knee} then 1e0 else ${knee} / a.standing_lost end as standing_lost_slope,
           case when a.wellbeing_gained <= ${knee} then 1e0 else ${knee} / a.wellbeing_gained end as wellbeing_gained_slope,
           case when a.wellbeing_lost <= ${knee} then 1e0 else ${knee} / a.wellbeing_lost end as wellbeing_lost_slope
    from facet_sums a
),
-- Contribution of one event of a kind to each side: graded per weight x magnitude, counted per weight.
slopes as (
    select s.consumer_id as consumer_id, s.brand_id as brand_id,
           p.dispersion * s.q as q, p.dispersion * s.r as r, p.dispersion * s.u as u,
           p.wallet_graded_gain * f.wallet_gained_slope - p.wallet_graded_loss * f.wallet_lost_slope
           + p.feet_graded_gain * f.feet_gained_slope - p.feet_graded_loss * f.feet_lost_slope
           + p.voice_graded_gain * f.voice_gained_slope - p.voice_graded_loss * f.voice_lost_slope
           + p.influence_graded_gain * f.influence_gained_slope - p.influence_graded_loss * f.influence_lost_slope as consumer_graded,
           p.wallet_counted_gain * f.wallet_gained_slope - p.wallet_counted_loss * f.wallet_lost_slope
           + p.feet_counted_gain * f.feet_gained_slope - p.feet_counted_loss * f.feet_lost_slope
           + p.voice_counted_gain * f.voice_gained_slope - p.voice_counted_loss * f.voice_lost_slope
           + p.influence_counted_gain * f.influence_gained_slope - p.influence_counted_loss * f.influence_lost_slope as consumer_counted,
           p.service_graded_gain * f.service_gained_slope - p.service_graded_loss * f.service_lost_slope
           + p.delight_graded_gain * f.delight_gained_slope - p.delight_graded_loss * f.delight_lost_slope
           + p.standing_graded_gain * f.standing_gained_slope - p.standing_graded_loss * f.standing_lost_slope
           + p.wellbeing_graded_gain * f.wellbeing_gained_slope - p.wellbeing_graded_loss * f.wellbeing_lost_slope as brand_graded,
           p.service_counted_gain * f.service_gained_slope - p.service_counted_loss * f.service_lost_slope
           + p.delight_counted_gain * f.delight_gained_slope - p.delight_counted_loss * f.delight_lost_slope
           + p.standing_counted_gain * f.standing_gained_slope - p.standing_counted_loss * f.standing_lost_slope
           + p.wellbeing_counted_gain * f.wellbeing_gained_slope - p.wellbeing_counted_loss * f.wellbeing_lost_slope as brand_counted
    from decayed_states s
    join signed_points p on p.kind_id = s.kind_id
    join facets f on f.consumer_id = s.consumer_id and f.brand_id = s.brand_id
),
-- Compound-Poisson variances of both sides and their covariance; entries of one kind move together, and
-- events that cluster vary more.
variances as (
    select v.consumer_id, v.brand_id,
           sum(v.consumer_graded * v.consumer_graded * v.q + v.consumer_counted * v.consumer_counted * v.r
               + 2e0 * v.consumer_graded * v.consumer_counted * v.u) as consumer_variance,
           sum(v.brand_graded * v.brand_graded * v.q + v.brand_counted * v.brand_counted * v.r
               + 2e0 * v.brand_graded * v.brand_counted * v.u) as brand_variance,
           sum(v.consumer_graded * v.brand_graded * v.q + v.consumer_counted * v.brand_counted * v.r
               + (v.consumer_graded * v.brand_counted + v.consumer_counted * v.brand_graded) * v.u) as covariance
    from slopes v
    group by v.consumer_id, v.brand_id
),
sides as (
    select f.consumer_id as consumer_id, f.brand_id as brand_id, f.evidence as evidence,
           f.wallet as wallet,
           f.feet as feet,
           f.voice as voice,
           f.influence as influence,
           f.service as service,
           f.delight as delight,
           f.standing as standing,
           f.wellbeing as wellbeing,
           f.wallet + f.feet + f.voice + f.influence as consumer_points,
           f.service + f.delight + f.standing + f.wellbeing as brand_points,
           v.consumer_variance + ${unseen_consumer} * f.evidence / (f.evidence + ${ignorance_events}) as consumer_variance,
           v.brand_variance + ${unseen_brand} * f.evidence / (f.evidence + ${ignorance_events}) as brand_variance,
           v.covariance + ${unseen_common} * f.evidence / (f.evidence + ${ignorance_events}) as covariance,
           ${ignorance_variance} * ${ignorance_events} / (${ignorance_events} + f.independent_evidence) as unknown_variance,
           f.evidence / (f.evidence + ${ignorance_events}) as confidence
    from facets f
    join variances v on v.consumer_id = f.consumer_id and v.brand_id = f.brand_id
),
-- The smooth balance mean: half of lambda x rho is the additional weight of the weaker side.
tilted as (
    select d.*,
           ${balance} / 2e0 * (d.consumer_points - d.brand_points)
           / (sqrt((d.consumer_points - d.brand_points) * (d.consumer_points - d.brand_points)
                   + ${balance_width} * ${balance_width}) + ${balance_width}) as tilt
    from sides d
),
balanced as (
    select t.*,
           (t.consumer_points + t.brand_points) / 2e0 - t.tilt * (t.consumer_points - t.brand_points) as points,
           ${interval_deviations} * sqrt(t.unknown_variance
               + (5e-1 - t.tilt) * (5e-1 - t.tilt) * t.consumer_variance
               + (5e-1 + t.tilt) * (5e-1 + t.tilt) * t.brand_variance
               + 2e0 * (5e-1 - t.tilt) * (5e-1 + t.tilt) * t.covariance) as margin,
           case when abs(t.consumer_points) < ${sign_points} then 0
                when abs(t.consumer_points) < sqrt(t.consumer_variance + t.unknown_variance) then 0
                when t.consumer_points > 0e0 then 1 else -1 end as consumer_sign,
           case when abs(t.brand_points) < ${sign_points} then 0
                when abs(t.brand_points) < sqrt(t.brand_variance + t.unknown_variance) then 0
                when t.brand_points > 0e0 then 1 else -1 end as brand_sign
    from tilted t
)
select b.consumer_id, b.brand_id,
       1e2 / (1e0 + exp(-b.points / ${scale})) as fusion_score,
       1e2 / (1e0 + exp(-(b.points - b.margin) / ${scale})) as low,
       1e2 / (1e0 + exp(-(b.points + b.margin) / ${scale})) as high,
       1e2 / (1e0 + exp(-b.consumer_points / ${scale})) as consumer_to_brand,
       1e2 / (1e0 + exp(-b.brand_points / ${scale})) as brand_to_consumer,
       b.confidence,
       case when b.consumer_sign = 1 and b.brand_sign = 1 then 'mutualism'
            when b.consumer_sign = 1 and b.brand_sign = 0 then 'commensal-brand-gains'
            when b.consumer_sign = 0 and b.brand_sign = 1 then 'commensal-consumer-gains'
            when b.consumer_sign = 1 and b.brand_sign = -1 then 'one-sided-brand-takes'
            when b.consumer_sign = -1 and b.brand_sign = 1 then 'one-sided-consumer-takes'
            when b.consumer_sign = -1 and b.brand_sign = -1 then 'competition'
            when b.consumer_sign = -1 or b.brand_sign = -1 then 'amensal'
            when b.confidence < ${known_confidence} then 'unknown'
            else 'neutral' end as symbiosis,
       b.evidence,
       b.wallet, b.feet, b.voice, b.influence, b.service, b.delight, b.standing, b.wellbeing
from balanced b
