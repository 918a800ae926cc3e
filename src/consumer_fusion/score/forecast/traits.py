"""Traits: the inputs of a forecast for each pair, one row of numbers, each of which can only raise the forecast.

Each is logarithmic, so that it saturates, and counted in the brand's own gaps where it concerns the outcome. For
pairs that never had the outcome, traits of the brand are left out: a brand's rhythm is not informative for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.calibration.samples import (
    IntArray,
    Sample,
    fold_sample,
    list_outcome_kinds,
    take_pairs,
)
from consumer_fusion.score.calibration.validity import BoolArray, FloatArray
from consumer_fusion.score.calibration.vectorised_score import build_design, compute_balances
from consumer_fusion.score.forecast.histories import OutcomeHistory, trace_histories
from consumer_fusion.score.forecast.repeats import RepeatForecast, fit_repeats, forecast_repeats

TRAITS = (
    "repeat",
    "returned",
    "prompt",
    "often lately",
    "often",
    "often for long",
    "regular",
    "new",
    "other lately",
    "other",
    "balance",
)
"""In this order: log-odds of the repeat model; had the outcome at all; silence over the own usual gap, negated;
counts at three half-lives; gaps of the brand with an outcome in them; time known without an outcome, negated;
other evidence at two half-lives; the balance of the score. No weight is negative."""

_HALF_LIVES_GAPS = (0.5, 2.0, 8.0)
_REGULAR_HALF_LIFE_GAPS = 6.0
_OTHER_HALF_LIVES_DAYS = (7.0, 30.0)
_AGE_DAYS = 30.0
_BALANCE_BEND = 8.0
_MOST_GAPS = 1_000_000
_PAIRS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class PairFeatures:
    """The pairs of one sample as inputs of a forecast.

    Attributes:
        values: By pair and trait, in the order of `TRAITS`.
        history: Their past outcomes.
        repeat: Forecast of the repeat model; for pairs that never had the outcome, its lowest.
        balance: Balances of their scores, in points.
        is_other: By event: whether it is other evidence.
    """

    values: FloatArray
    history: OutcomeHistory
    repeat: RepeatForecast
    balance: FloatArray
    is_other: BoolArray


def compute_features(
    sample: Sample, points: PointsTable, *, outcome: str, horizon_days: float, direction: float = 1.0
) -> PairFeatures:
    """Describe every pair of a sample.

    Args:
        sample: Sample of one cutoff.
        points: The table in force.
        outcome: Key of the kind to forecast.
        horizon_days: Horizon of the forecast, in days.
        direction: -1 for an outcome that a good relationship makes rarer.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    history = trace_histories(sample)
    had, count = history.has_any, sample.pair_count
    repeat = _forecast_repeats(history, horizon_days)
    balance = read_pairs(sample, points)
    is_other = find_other_kinds(sample, points, outcome)[sample.event_kind]
    gap_of_day = history.day_age / history.brand_gap[history.day_pair]

    def fade(pair: IntArray, age: FloatArray, half_life: float, weight: FloatArray) -> FloatArray:
        return np.log1p(np.bincount(pair, weights=weight * np.exp2(-age / half_life), minlength=count))

    ones = np.ones(gap_of_day.size)
    gaps = np.unique(history.day_pair * _MOST_GAPS + np.floor(gap_of_day).astype(np.int64))
    other = (sample.event_pair[is_other], sample.event_age_days[is_other])
    columns = [
        repeat.log_odds,
        had.astype(np.float64),
        np.where(had, -np.log1p(history.silence / history.own_gap), 0.0),
        *(fade(history.day_pair, gap_of_day, half_life, ones) for half_life in _HALF_LIVES_GAPS),
        fade(
            gaps // _MOST_GAPS,
            (gaps % _MOST_GAPS).astype(np.float64),
            _REGULAR_HALF_LIFE_GAPS,
            np.ones(gaps.size),
        ),
        np.where(had, 0.0, -np.log1p(history.known_age / _AGE_DAYS)),
        *(fade(*other, half_life, sample.event_weight[is_other]) for half_life in _OTHER_HALF_LIVES_DAYS),
        direction * np.arcsinh(balance / _BALANCE_BEND),
    ]
    return PairFeatures(np.column_stack(columns), history, repeat, balance, is_other)


def read_pairs(sample: Sample, points: PointsTable) -> FloatArray:
    """The balance of every pair, computed in parts so that memory stays bounded."""
    design = build_design(points, sample.kinds)
    ones = np.ones(len(sample.kinds))
    parts = [
        compute_balances(fold_sample(take_pairs(sample, places), ones), design, ones).balance
        for places in np.array_split(
            np.arange(sample.pair_count), max(1, -(-sample.pair_count // _PAIRS_AT_ONCE))
        )
    ]
    return np.concatenate(parts)


def find_other_kinds(sample: Sample, points: PointsTable, outcome: str) -> BoolArray:
    """By kind of the sample: whether it is a positive event by the consumer, and not the outcome."""
    counted = list_outcome_kinds(points, outcome)
    return np.array(
        [
            key not in counted
            and not points.kinds[key].is_brand_action
            and sum(entry.points for entry in points.kinds[key].entries) > 0.0
            for key in sample.kinds
        ],
        dtype=bool,
    )


def _forecast_repeats(history: OutcomeHistory, horizon_days: float) -> RepeatForecast:
    """The repeat model's forecast of every pair, fitted to these same pairs.

    Where there was no outcome, it is that of a first one at this time, at the brand where it is lowest: so a
    first outcome never lowers a forecast, and all such pairs are equal whatever their brand.
    """
    model = fit_repeats(history)
    gap, nought = history.brand_gap, np.zeros(history.brand_gap.size)
    own = forecast_repeats(
        model,
        repeats=history.repeat_days,
        span=history.span / gap,
        age=history.first_age / gap,
        horizon=horizon_days / gap,
    )
    first = forecast_repeats(model, repeats=nought, span=nought, age=nought, horizon=horizon_days / gap)
    had, least = history.has_any, int(np.argmin(first.log_odds))
    return RepeatForecast(
        *(
            np.where(had, getattr(own, name), getattr(first, name)[least])
            for name in ("log_odds", "log_active", "log_coming")
        )
    )
