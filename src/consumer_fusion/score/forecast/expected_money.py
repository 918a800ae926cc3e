"""Expected money of an outcome, from the pair's usual order and the expected number of outcomes.

The score counts money at most threefold, so that a rich consumer is not a better one; a forecast of money must know
more. A pair's usual order is shrunk towards its brand's mean according to the variance within pairs and between
them (Buehlmann's credibility, which for gamma amounts is the Gamma-Gamma model of Fader and Hardie).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer_fusion.score.calibration.fitting import minimise_loss
from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.validity import FloatArray

_BRAND_PRIOR_ORDERS = 20.0
_PRIOR_BOUNDS = (0.2, 20.0)
_CAP = 0.99
_BOUNDS = [(-20.0, 20.0), (0.0, 1.5), (0.0, 1.5)]


@dataclass(frozen=True, slots=True)
class AmountModel:
    """Model of the money of pairs with the outcome.

    Attributes:
        level: Logarithm of the money of one expected outcome at a usual order of 1, in units of the brand.
        usual_power: Exponent of the usual order.
        count_power: Exponent of the expected number of outcomes of a pair that has at least one.
    """

    level: float
    usual_power: float
    count_power: float


def find_usual_orders(sample: Sample) -> FloatArray:
    """By pair: mean of its paid outcomes in units of the brand, shrunk towards the brand's mean.

    Args:
        sample: Sample of one cutoff.
    """
    is_paid = sample.past_value > 0.0
    pair, value = sample.past_pair[is_paid], sample.past_value[is_paid]
    brands, brand = np.unique(sample.brand_id, return_inverse=True)
    paid = np.bincount(pair, weights=value, minlength=sample.pair_count)
    count = np.bincount(pair, minlength=sample.pair_count).astype(np.float64)
    overall = float(value.mean()) if value.size else 1.0
    of_brand = (np.bincount(brand, weights=paid, minlength=brands.size) + _BRAND_PRIOR_ORDERS * overall) / (
        np.bincount(brand, weights=count, minlength=brands.size) + _BRAND_PRIOR_ORDERS
    )
    prior = _weigh_prior(pair, np.log(value), count)
    usual: FloatArray = (paid + prior * of_brand[brand]) / (count + prior)
    return usual


def learn_amounts(
    spend: Sequence[FloatArray], usual: Sequence[FloatArray], count: Sequence[FloatArray]
) -> AmountModel | None:
    """Learn the money of pairs with the outcome (Poisson quasi-likelihood).

    All horizons are used for the exponents, the latest for the level, because spending drifts.

    Args:
        spend: By horizon, the latest first, and pair with the outcome: its money, in units of the brand.
        usual: Their usual orders.
        count: Expected number of their outcomes, given at least one.

    Returns:
        None where nothing was spent.
    """
    everything = np.concatenate(spend)
    if not np.any(everything > 0.0):
        return None
    money = np.minimum(everything, np.quantile(everything[everything > 0.0], _CAP))
    scale = float(money.mean())
    traits = np.column_stack((np.log(np.concatenate(usual)), np.log(np.concatenate(count))))
    columns = np.column_stack((np.ones(money.size), traits))

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        log_money = np.minimum(columns @ theta, 30.0)
        expected = np.exp(log_money)
        gradient = (expected - money / scale) @ columns / money.size
        return float(np.mean(expected - money / scale * log_money)), gradient

    found = minimise_loss(evaluate, np.array([0.0, 0.5, 0.5]), _BOUNDS)
    # The cap keeps a few large orders from bending the exponents; the level uses all the money.
    rows = slice(0, spend[0].size) if np.any(spend[0] > 0.0) else slice(None)
    level = float(everything[rows].sum() / np.exp(traits[rows] @ found[1:]).sum())
    return AmountModel(level=float(np.log(level)), usual_power=float(found[1]), count_power=float(found[2]))


def forecast_amounts(
    amounts: AmountModel | None, usual: FloatArray, count: FloatArray, probability: FloatArray
) -> FloatArray:
    """Expected money of each pair, in units of the brand: probability x money of those with the outcome."""
    if amounts is None:
        return np.zeros(usual.size)
    log_money = amounts.level + amounts.usual_power * np.log(usual) + amounts.count_power * np.log(count)
    money: FloatArray = probability * np.exp(log_money)
    return money


def expect_counts(log_coming: FloatArray, season: FloatArray) -> FloatArray:
    """Expected number of outcomes of a pair that has at least one, by its own rate.

    Args:
        log_coming: Logarithm of the probability of at least one, if the pair has not left.
        season: Seasonal factor of its rate.
    """
    rate = -season * np.log1p(-np.minimum(np.exp(log_coming), 1.0 - 1e-6))
    counts: FloatArray = rate / -np.expm1(-rate)
    return counts


def _weigh_prior(pair: IntArray, log_value: FloatArray, count: FloatArray) -> float:
    """Weight of the brand's mean in orders: the variance within pairs over that between them, in logarithms."""
    mean = np.bincount(pair, weights=log_value, minlength=count.size) / np.maximum(count, 1.0)
    repeats = float(np.maximum(count - 1.0, 0.0).sum())
    if repeats < 1.0:
        return _PRIOR_BOUNDS[1]
    within = float(np.sum((log_value - mean[pair]) ** 2)) / repeats
    several = count > 1.0
    between = float(np.var(mean[several]) - within * np.mean(1.0 / count[several]))
    return float(np.clip(within / max(between, 1e-9), *_PRIOR_BOUNDS))
