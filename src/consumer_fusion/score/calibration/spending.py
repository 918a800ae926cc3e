"""Spending: money forecast from a balance, for pairs whose orders are usually small or large.

The score counts money at most threefold, so that a rich consumer is not a better one. A forecast of money must know
more: a consumer whose orders are ten times as large will go on ordering so. So the money's link has a second factor,
the pair's usual order to a fitted power. It never reaches the score, nor anything learnt for the score.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from consumer_fusion.score.calibration.fitting import minimise_loss
from consumer_fusion.score.calibration.link_functions import LinkFunction, cap_money
from consumer_fusion.score.calibration.samples import Sample, take_pairs
from consumer_fusion.score.calibration.validity import FloatArray

_BOUNDS = [(-15.0, 15.0), (-6.0, 4.0), (0.0, 1.5)]


def fit_spend(balance: FloatArray, link: LinkFunction, sample: Sample) -> LinkFunction:
    """Fit the money's part of a link again, with the usual order as a factor (Poisson quasi-likelihood).

    Args:
        balance: Balance by pair.
        link: Link fitted to the same balances; the bend and the outcome's part stay.
        sample: Pairs; only their latest cutoff is used, whose level is the one to forecast from.
    """
    rows = np.flatnonzero(sample.cutoff_place == 0)
    money, scale = cap_money(take_pairs(sample, rows))
    if not money.any():
        return link
    direction = math.copysign(1.0, link.spend_slope)
    bent = direction * np.arcsinh(balance[rows] / link.bend)
    usual = np.log(sample.usual_order[rows])

    def evaluate(parameters: FloatArray) -> tuple[float, FloatArray]:
        slope = math.exp(float(parameters[1]))
        log_money = np.minimum(parameters[0] + slope * bent + parameters[2] * usual, 30.0)
        expected = np.exp(log_money)
        miss = (expected - money) / rows.size
        gradient = np.array([miss.sum(), np.sum(miss * bent) * slope, np.sum(miss * usual)])
        return float(np.mean(expected - money * log_money)), gradient

    found = minimise_loss(evaluate, np.array([0.0, math.log(0.5), 0.5]), _BOUNDS)
    return replace(
        link,
        spend_intercept=float(found[0]) + math.log(scale),
        spend_slope=direction * math.exp(float(found[1])),
        spend_usual_order=float(found[2]),
    )
