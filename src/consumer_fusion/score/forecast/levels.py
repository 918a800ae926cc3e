"""Levels: how often an outcome comes on the whole, and by brand; who comes first is left to the traits.

For pairs that had the outcome before, the mean forecast is the repeat model's, fitted at the moment of the forecast,
moved by what that model was off by on horizons that have ended. So a forecast follows a population that ages or goes
silent. Brands move only pairs that had the outcome: of others, a brand says nothing, and their order is their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer_fusion.score.calibration.link_functions import compute_probability
from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.forecast.traits import PairFeatures

_ROUNDS = 25
_PRIOR_HORIZONS = 1.0


@dataclass(frozen=True, slots=True)
class BrandLevels:
    """What was learnt of levels.

    Attributes:
        error: Log-odds by which the repeat model's mean fell short on ended horizons; drawn towards 0.
        brand_id: In rising order.
        brand_shift: By brand: log-odds added to its pairs that had the outcome.
    """

    error: float
    brand_id: IntArray
    brand_shift: FloatArray


def learn_levels(
    samples: Sequence[Sample],
    described: Sequence[PairFeatures],
    log_odds: Sequence[FloatArray],
    seasons: Sequence[FloatArray],
) -> BrandLevels:
    """Learn levels from horizons that have ended.

    Args:
        samples: One a cutoff.
        described: Their traits.
        log_odds: What the traits say, by pair.
        seasons: What the season multiplies rates with, by pair.
    """
    nought = np.zeros(0, dtype=np.int64)
    errors, brands, surprises = [], [], []
    for sample, traits, own, season in zip(samples, described, log_odds, seasons, strict=True):
        had = traits.history.has_any
        if not had.any():
            continue
        happened = sample.is_outcome[had].astype(np.float64)
        share = float((happened.sum() + 1.0) / (happened.size + 2.0))
        errors.append(find_shift(traits.repeat.log_odds[had], share, season[had]))
        brands.append(sample.brand_id[had])
        surprises.append((own[had] + find_shift(own[had], share), happened))
    if not errors:
        return BrandLevels(0.0, nought, np.zeros(0))
    brand_id, shift = _learn_brand_shifts(
        np.concatenate(brands),
        np.concatenate([one for one, _ in surprises]),
        np.concatenate([one for _, one in surprises]),
    )
    # One horizon without error stands for what the model promises of itself.
    return BrandLevels(float(sum(errors)) / (len(errors) + _PRIOR_HORIZONS), brand_id, shift)


def apply_levels(
    levels: BrandLevels, sample: Sample, traits: PairFeatures, log_odds: FloatArray, season: FloatArray
) -> FloatArray:
    """The probability of every pair at the level that is expected.

    Args:
        levels: As learnt.
        sample: The pairs.
        traits: Of the same pairs.
        log_odds: What the traits say, by pair.
        season: What the season multiplies the rate of pairs with that had the outcome.
    """
    had = traits.history.has_any
    if not had.any():
        return compute_probability(log_odds)
    expected = compute_probability(traits.repeat.log_odds[had] + levels.error)
    place = np.searchsorted(levels.brand_id, sample.brand_id)
    is_known = np.append(levels.brand_id, -1)[place] == sample.brand_id
    shifted = log_odds + np.where(is_known, np.append(levels.brand_shift, 0.0)[place], 0.0)
    shift = find_shift(shifted[had], float(expected.mean()))
    own = multiply_rate(compute_probability(shifted + shift), season)
    return np.where(had, own, compute_probability(log_odds))


def multiply_rate(probability: FloatArray, factor: FloatArray) -> FloatArray:
    """The probability of at least one outcome where outcomes come so many times as often."""
    multiplied: FloatArray = -np.expm1(factor * np.log1p(-np.minimum(probability, 1.0 - 1e-12)))
    return multiplied


def find_shift(log_odds: FloatArray, mean: float, season: FloatArray | None = None) -> float:
    """What to add to all log-odds so that the mean of their probabilities, in their season, is this (by bisection)."""
    lowest, highest = -40.0, 40.0
    for _ in range(50):
        middle = 0.5 * (lowest + highest)
        probability = compute_probability(log_odds + middle)
        if season is not None:
            probability = multiply_rate(probability, season)
        if float(probability.mean()) < mean:
            lowest = middle
        else:
            highest = middle
    return 0.5 * (lowest + highest)


def _learn_brand_shifts(
    brand_id: IntArray, log_odds: FloatArray, happened: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Learn a normal effect of each brand in the log-odds, whose spread is learnt too (empirical Bayes)."""
    brands, place = np.unique(brand_id, return_inverse=True)
    shift, spread = np.zeros(brands.size), 0.25
    for _ in range(_ROUNDS):
        probability = compute_probability(log_odds + shift[place])
        surprise = np.bincount(place, weights=happened - probability, minlength=brands.size)
        certainty = np.bincount(place, weights=probability * (1.0 - probability), minlength=brands.size)
        variance = 1.0 / (certainty + 1.0 / spread)
        shift += np.clip((surprise - shift / spread) * variance, -1.0, 1.0)
        spread = max(float(np.mean(shift**2 + variance)), 1e-4)
    return brands, shift
