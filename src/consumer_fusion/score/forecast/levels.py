"""Levels: the frequency of an outcome, overall and by brand; the ranking of the pairs is left to the traits.

For pairs that had the outcome before, the mean forecast is that of the repeat model, fitted at the time of the
forecast, corrected by that model's error on horizons that have ended. So a forecast follows a population that ages or
goes silent. Brands only shift pairs that had the outcome: for others a brand is not informative.
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
    """Learnt levels.

    Attributes:
        error: Log-odds by which the repeat model's mean fell short on ended horizons; shrunk towards 0.
        brand_id: Brands in ascending order.
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
        samples: Samples, one per cutoff.
        described: Their traits.
        log_odds: Log-odds from the traits, by pair.
        seasons: Seasonal factor of the rate, by pair.
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
    # One horizon without error represents the model's own claim.
    return BrandLevels(float(sum(errors)) / (len(errors) + _PRIOR_HORIZONS), brand_id, shift)


def apply_levels(
    levels: BrandLevels, sample: Sample, traits: PairFeatures, log_odds: FloatArray, season: FloatArray
) -> FloatArray:
    """The probability of every pair at the expected level.

    Args:
        levels: Learnt levels.
        sample: The pairs.
        traits: Traits of the same pairs.
        log_odds: Log-odds from the traits, by pair.
        season: Seasonal factor of the rate of pairs that had the outcome.
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
    """The probability of at least one outcome if the rate is multiplied by a factor."""
    multiplied: FloatArray = -np.expm1(factor * np.log1p(-np.minimum(probability, 1.0 - 1e-12)))
    return multiplied


def find_shift(log_odds: FloatArray, mean: float, season: FloatArray | None = None) -> float:
    """Shift of all log-odds at which the mean of the probabilities, in their season, equals `mean` (by bisection)."""
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
    """Learn a normal effect of each brand on the log-odds, with its variance (empirical Bayes)."""
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
