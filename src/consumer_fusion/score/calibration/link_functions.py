"""Links: functions from the balance of a score to the probability of an outcome and an amount of money.

A link is monotone: a + b asinh(M / m0), linear near 0 and logarithmic far out, so that one very busy pair cannot
bend it (`docs/concepts/calibration.md`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from consumer_fusion.score.calibration.samples import Sample
from consumer_fusion.score.calibration.validity import FloatArray

LINK_BOUNDS = ((-15.0, 15.0), (-6.0, 4.0), (math.log(0.5), math.log(50.0)), (-15.0, 15.0), (-6.0, 4.0))
"""Bounds of a, ln b, ln m0, and of a and ln b of the money."""

_MONEY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class LinkFunction:
    """Monotone function from a balance M to a probability and an amount: a + b asinh(M / m0).

    Attributes:
        intercept: a, at the latest cutoff.
        slope: b, negative for an outcome that a good relationship makes rarer.
        bend: m0, in points: linear below it, logarithmic far beyond.
        spend_intercept: a of the logarithm of the money, in units of the brand.
        spend_slope: b of the same.
        spend_usual_order: Exponent of the pair's usual order in the forecast of money.
    """

    intercept: float
    slope: float
    bend: float
    spend_intercept: float
    spend_slope: float
    spend_usual_order: float = 0.0


def forecast_outcomes(balance: FloatArray, link: LinkFunction) -> FloatArray:
    """The log-odds of the outcome for each balance."""
    log_odds: FloatArray = link.intercept + link.slope * np.arcsinh(balance / link.bend)
    return log_odds


def compute_probability(log_odds: FloatArray) -> FloatArray:
    """The probability of log-odds."""
    probability: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return probability


def cap_money(sample: Sample) -> tuple[FloatArray, float]:
    """The spend of each pair, capped at the 99th percentile of those that spent and scaled to a mean of 1.

    Returns:
        The scaled money, and the value of 1 in units of the brand.
    """
    spent = sample.spend[sample.spend > 0.0]
    if spent.size == 0:
        return np.zeros(sample.pair_count), 1.0
    capped = np.minimum(sample.spend, np.quantile(spent, 0.99))
    scale = float(capped.mean())
    return capped / scale, scale


def count_shifts(sample: Sample) -> int:
    """Number of earlier cutoffs; each has its own levels, to allow for seasons."""
    return int(sample.cutoff_place.max(initial=0))


def start_link(sample: Sample) -> FloatArray:
    """Initial parameters that forecast the mean for all, with a slight slope in the balance."""
    share = float(np.clip(np.mean(sample.is_outcome), 1e-4, 1.0 - 1e-4))
    start = [math.log(share / (1.0 - share)), math.log(0.5), math.log(10.0), 0.0, math.log(0.5)]
    return np.array([*start, *[0.0] * (2 * count_shifts(sample))])


def read_link(parameters: FloatArray, money_scale: float, direction: float) -> LinkFunction:
    """The link with these fitted parameters, its money in units of the brand."""
    return LinkFunction(
        intercept=float(parameters[0]),
        slope=direction * math.exp(float(parameters[1])),
        bend=math.exp(float(parameters[2])),
        spend_intercept=float(parameters[3]) + math.log(money_scale),
        spend_slope=direction * math.exp(float(parameters[4])),
    )


def compute_link_loss(
    parameters: FloatArray, balance: FloatArray, sample: Sample, money: FloatArray, direction: float
) -> tuple[float, FloatArray, FloatArray]:
    """Logistic loss of the outcome and half a Poisson quasi-likelihood of its money.

    Args:
        parameters: a, ln b, ln m0, a and ln b of the money; then by earlier cutoff what is added to the first a,
            and likewise to that of the money.
        balance: M, by pair.
        sample: Sample with the outcomes.
        money: By pair, scaled to a mean of 1; all 0 to leave it out.
        direction: Sign of b.

    Returns:
        The loss, its gradient in the parameters, and its slope in each balance.
    """
    slope, money_slope = direction * np.exp(parameters[1]), direction * np.exp(parameters[4])
    shifts = count_shifts(sample)
    relative = balance / np.exp(parameters[2])
    bent = np.arcsinh(relative)
    steepness = 1.0 / np.sqrt(1.0 + relative**2)

    level = np.append(0.0, parameters[5 : 5 + shifts])[sample.cutoff_place]
    log_odds = parameters[0] + level + slope * bent
    happened = sample.is_outcome.astype(np.float64)
    loss = float(np.mean(np.logaddexp(0.0, log_odds) - happened * log_odds))
    miss = (compute_probability(log_odds) - happened) / balance.size
    gradient = np.zeros_like(parameters)
    gradient[0], gradient[1] = miss.sum(), np.sum(miss * bent) * slope
    gradient[5 : 5 + shifts] = np.bincount(sample.cutoff_place, weights=miss, minlength=shifts + 1)[1:]
    by_bent = miss * slope
    if money.any():
        money_level = np.append(0.0, parameters[5 + shifts :])[sample.cutoff_place]
        log_money = np.minimum(parameters[3] + money_level + money_slope * bent, 30.0)
        expected = np.exp(log_money)
        loss += _MONEY_SHARE * float(np.mean(expected - money * log_money))
        miss = _MONEY_SHARE * (expected - money) / balance.size
        gradient[3], gradient[4] = miss.sum(), np.sum(miss * bent) * money_slope
        gradient[5 + shifts :] = np.bincount(sample.cutoff_place, weights=miss, minlength=shifts + 1)[1:]
        by_bent = by_bent + miss * money_slope
    gradient[2] = -np.sum(by_bent * relative * steepness)
    return loss, gradient, by_bent * steepness / np.exp(parameters[2])
