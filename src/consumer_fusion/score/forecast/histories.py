"""Histories: the past outcomes of each pair, in days and in the brand's own gaps, for forecasts.

Only days count: several outcomes within a day are one, as in models of repeat buying.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.validity import BoolArray, FloatArray

_GAP_DAYS_BEFORE = 30.0
_BRAND_PRIOR_GAPS = 20.0
_PAIR_PRIOR_GAPS = 2.0
_MOST_DAYS = 1_000_000


@dataclass(frozen=True, slots=True)
class OutcomeHistory:
    """Past outcomes of the pairs of a sample at its cutoff.

    Attributes:
        has_any: By pair: whether there was an outcome at all; where not, the days below are 0.
        repeat_days: By pair: number of days with an outcome after the first.
        first_age: By pair: days since the first.
        silence: By pair: days since the last.
        known_age: By pair: days since the first evidence of any kind.
        brand_gap: By pair: usual days between outcomes at its brand, shrunk towards the mean of all brands.
        own_gap: By pair: usual days between outcomes of the pair itself, shrunk towards its brand.
        day_pair: Position of the pair of each day with an outcome.
        day_age: Days from each of these days to the cutoff.
    """

    has_any: BoolArray
    repeat_days: FloatArray
    first_age: FloatArray
    silence: FloatArray
    known_age: FloatArray
    brand_gap: FloatArray
    own_gap: FloatArray
    day_pair: IntArray
    day_age: FloatArray

    @property
    def span(self) -> FloatArray:
        """By pair: days from the first outcome to the last; 0 where all are within a day."""
        return np.where(self.repeat_days > 0.0, self.first_age - self.silence, 0.0)


def trace_histories(sample: Sample) -> OutcomeHistory:
    """Summarise the past outcomes of every pair of a sample.

    Args:
        sample: Sample of one cutoff.
    """
    count = sample.pair_count
    code = np.unique(sample.past_pair * _MOST_DAYS + np.floor(sample.past_age_days).astype(np.int64))
    day_pair, day_age = code // _MOST_DAYS, (code % _MOST_DAYS).astype(np.float64)
    days = np.bincount(day_pair, minlength=count).astype(np.float64)
    first_age, known_age = np.zeros(count), np.zeros(count)
    np.maximum.at(first_age, sample.past_pair, sample.past_age_days)
    np.maximum.at(known_age, sample.event_pair, sample.event_age_days)
    silence = np.full(count, np.inf)
    np.minimum.at(silence, sample.past_pair, sample.past_age_days)
    has_any = days > 0.0
    silence = np.where(has_any, silence, 0.0)
    repeat_days = np.maximum(days - 1.0, 0.0)
    span = np.where(repeat_days > 0.0, first_age - silence, 0.0)

    _, brand = np.unique(sample.brand_id, return_inverse=True)
    all_gap = (span.sum() + _GAP_DAYS_BEFORE) / (repeat_days.sum() + 1.0)
    brand_gap = (np.bincount(brand, weights=span) + _BRAND_PRIOR_GAPS * all_gap) / (
        np.bincount(brand, weights=repeat_days) + _BRAND_PRIOR_GAPS
    )
    return OutcomeHistory(
        has_any=has_any,
        repeat_days=repeat_days,
        first_age=first_age,
        silence=silence,
        known_age=np.maximum(known_age, first_age),
        brand_gap=brand_gap[brand],
        own_gap=(span + _PAIR_PRIOR_GAPS * brand_gap[brand]) / (repeat_days + _PAIR_PRIOR_GAPS),
        day_pair=day_pair,
        day_age=day_age,
    )
