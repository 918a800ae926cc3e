"""Measures of a forecast against the outcomes: ranking, likelihood, calibration and spend, with standard errors.

Only the measures are defined here; the forecasts are made elsewhere (`calibration`, `forecasts`, the benchmarks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class ValidityMeasures:
    """Quality of probabilities.

    Attributes:
        log_loss: Mean negative log-likelihood; lower is better.
        auc: Probability that a pair with the outcome is ranked above one without; ties count half.
        calibration_error: Expected calibration error over ten bins of equal width.
    """

    log_loss: float
    auc: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One point of a reliability diagram: pairs with about the same forecast.

    Attributes:
        predicted: Mean forecast of the bin's pairs.
        observed: Share of them that had the outcome.
        count: Number of pairs.
    """

    predicted: float
    observed: float
    count: int


def measure_forecast(is_outcome: BoolArray, probability: FloatArray) -> ValidityMeasures:
    """All measures of probabilities at once.

    Args:
        is_outcome: Whether the outcome happened, by pair.
        probability: Forecast probability, by pair.
    """
    return ValidityMeasures(
        log_loss=float(np.mean(compute_log_losses(is_outcome, probability))),
        auc=compute_auc(is_outcome, probability),
        calibration_error=compute_calibration_error(is_outcome, probability),
    )


def compute_log_losses(is_outcome: BoolArray, probability: FloatArray) -> FloatArray:
    """Negative log-likelihood of each pair; probabilities are clipped to a millionth from 0 and 1."""
    kept = np.clip(probability, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    losses: FloatArray = -np.where(is_outcome, np.log(kept), np.log1p(-kept))
    return losses


def compute_auc(is_outcome: BoolArray, ranking: FloatArray) -> float:
    """Area under the receiver operating characteristic, by ranks (Mann and Whitney 1947); ties count half.

    Returns:
        .5 where all pairs had the outcome, or none.
    """
    hits = int(np.count_nonzero(is_outcome))
    misses = is_outcome.size - hits
    if hits == 0 or misses == 0:
        return 0.5
    _, place, counts = np.unique(ranking, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    rank = (last_rank - (counts - 1) / 2.0)[place]
    return float((rank[is_outcome].sum() - hits * (hits + 1) / 2.0) / (hits * misses))


def compute_calibration_error(is_outcome: BoolArray, probability: FloatArray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width (Naeini, Cooper and Hauskrecht 2015)."""
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    predicted = np.bincount(place, weights=probability, minlength=bins)
    observed = np.bincount(place, weights=is_outcome.astype(np.float64), minlength=bins)
    return float(np.abs(predicted - observed).sum() / is_outcome.size)


def draw_reliability(
    is_outcome: BoolArray, probability: FloatArray, bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Points of the reliability diagram: bins with about equal numbers of pairs, in order of the forecast."""
    order = np.argsort(probability, kind="stable")
    return tuple(
        ReliabilityBin(
            predicted=float(probability[part].mean()),
            observed=float(is_outcome[part].mean()),
            count=int(part.size),
        )
        for part in np.array_split(order, min(bins, order.size))
    )


def compute_gini(amount: FloatArray, ranking: FloatArray) -> float:
    """Normalised Gini: how far the ranking puts the money first; 1 for a perfect ranking, 0 for a random one.

    Pairs of equal rank share their money equally, so that the order of the table does not matter.
    """
    best = _gini_area(amount, amount)
    return _gini_area(amount, ranking) / best if best > 0.0 else 0.0


def _gini_area(amount: FloatArray, ranking: FloatArray) -> float:
    """Twice the area between the curve of cumulated money and the diagonal, from the highest rank down."""
    total = float(amount.sum())
    if total <= 0.0:
        return 0.0
    _, place, counts = np.unique(-ranking, return_inverse=True, return_counts=True)
    money = np.concatenate(([0.0], np.cumsum(np.bincount(place, weights=amount)))) / total
    people = np.concatenate(([0.0], np.cumsum(counts))) / amount.size
    return float(np.sum((money[1:] + money[:-1]) * np.diff(people)) - 1.0)


def bootstrap_mean_error(values: FloatArray, seed: int, rounds: int = 200) -> float:
    """Standard error of a mean by the bootstrap: resampling the pairs with replacement."""
    chance = np.random.default_rng(seed)
    means = [float(values[chance.integers(0, values.size, values.size)].mean()) for _ in range(rounds)]
    return float(np.std(means, ddof=1))


def bootstrap_differences(
    is_outcome: BoolArray,
    first: FloatArray,
    others: Sequence[FloatArray],
    seed: int,
    rounds: int = 200,
) -> list[FloatArray]:
    """Paired bootstrap of the AUC of one ranking minus that of others, on the same resamples."""
    chance = np.random.default_rng(seed)
    differences: list[list[float]] = [[] for _ in others]
    for _ in range(rounds):
        draw = chance.integers(0, is_outcome.size, is_outcome.size)
        drawn = is_outcome[draw]
        reference = compute_auc(drawn, first[draw])
        for found, other in zip(differences, others, strict=True):
            found.append(reference - compute_auc(drawn, other[draw]))
    return [np.asarray(found) for found in differences]
