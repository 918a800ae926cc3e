"""Samples: the evidence of pairs at a cutoff and their outcomes within a horizon, as numpy arrays.

The evidence is folded as the score folds it (`docs/concepts/score.md`), but for all pairs at once and for any
half-lives, so that those can be learnt. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.calibration.validity import BoolArray, FloatArray

IntArray = NDArray[np.int64]
_USUAL_ORDER_PRIOR = 1.0
_BY_PAIR = ("pair_code", "consumer_id", "brand_id", "is_outcome", "spend", "usual_order")
_BY_EVENT = ("event_kind", "event_age_days", "event_pace", "event_weight", "event_magnitude")
_BY_PAST = ("past_age_days", "past_value")


@dataclass(frozen=True, slots=True)
class Sample:
    """Pairs with evidence at a cutoff, or at several (then a row is a pair at one of them).

    Attributes:
        pair_code: By pair: a number that is the same in all samples of one ledger.
        cutoff_place: By pair: 0 for the latest cutoff, then back in time.
        consumer_id: By pair: consumer.
        brand_id: By pair: brand.
        kinds: Keys of the kinds in evidence, in the order of `event_kind`.
        half_life_days: By kind, as in the points table.
        event_pair: Position of each event's pair.
        event_kind: Position of each event's kind.
        event_age_days: Days from the event to the cutoff.
        event_pace: Factor of its half-life from the rhythm of its brand.
        event_weight: Trust x burst compression.
        event_magnitude: Magnitude of the event.
        past_pair: Position of the pair of each outcome before the cutoff; forecasts use these three.
        past_age_days: Days from that outcome to the cutoff.
        past_value: Its money in units of the brand; 0 where there is none.
        is_outcome: By pair: whether the outcome occurred within the horizon.
        spend: By pair: money of those outcomes, in units of the brand.
        usual_order: By pair: mean of its outcomes before the cutoff, in units of the brand, shrunk towards 1.
        brand_units: By brand: median positive order before the cutoff, the unit of `spend`.
    """

    pair_code: IntArray
    cutoff_place: IntArray
    consumer_id: IntArray
    brand_id: IntArray
    kinds: tuple[str, ...]
    half_life_days: FloatArray
    event_pair: IntArray
    event_kind: IntArray
    event_age_days: FloatArray
    event_pace: FloatArray
    event_weight: FloatArray
    event_magnitude: FloatArray
    past_pair: IntArray
    past_age_days: FloatArray
    past_value: FloatArray
    is_outcome: BoolArray
    spend: FloatArray
    usual_order: FloatArray
    brand_units: Mapping[int, float]

    @property
    def pair_count(self) -> int:
        """Number of pairs."""
        return int(self.consumer_id.size)


@dataclass(frozen=True, slots=True)
class FoldedSums:
    """Decayed sums by pair (row) and kind (column), with their slopes in the logarithm of the half-life.

    Attributes:
        x: Sum of weight x magnitude.
        y: Sum of weight.
        x_slope: Derivative of `x` by the logarithm of its kind's half-life.
        y_slope: Likewise of `y`.
    """

    x: FloatArray
    y: FloatArray
    x_slope: FloatArray
    y_slope: FloatArray


def list_outcome_kinds(points: PointsTable, outcome: str) -> frozenset[str]:
    """The keys that count as an outcome: the kind itself and, for a plain kind, its variants with points."""
    keys = {outcome}
    if outcome in points.kinds and "/" not in outcome:
        event = points.kinds[outcome].event
        keys |= {key for key, kind in points.kinds.items() if kind.event == event and kind.entries}
    return frozenset(keys)


def draw_sample(
    ledger: pa.Table, points: PointsTable, *, outcome: str, cutoff_us: int, horizon_days: float
) -> Sample:
    """Take the evidence of all pairs up to a cutoff and the outcomes of the horizon that follows it.

    Args:
        ledger: Annotated events: consumer_id, brand_id, kind, occurred_us, day, magnitude, trust, value.
        points: The table in force; a kind without points is no evidence.
        outcome: Key of the outcome's kind.
        cutoff_us: Cutoff; later events are not evidence.
        horizon_days: Number of days after the cutoff in which outcomes count; 0 for a sample without outcomes.
    """
    occurred = _take_integers(ledger, "occurred_us")
    kind_keys, kind_place = _encode_kinds(ledger)
    evidence_keys = [key for key in kind_keys if key in points.kinds and points.kinds[key].entries]
    is_evidence = np.isin(kind_keys, evidence_keys)[kind_place] & (occurred <= cutoff_us)

    consumer = _take_integers(ledger, "consumer_id")
    brand = _take_integers(ledger, "brand_id")
    pair_of_row = _encode_pairs(consumer, brand)
    in_sample, first_row, event_pair = np.unique(
        pair_of_row[is_evidence], return_index=True, return_inverse=True
    )
    rows = np.flatnonzero(is_evidence)[first_row]

    new_place = np.full(len(kind_keys), -1)
    new_place[np.isin(kind_keys, evidence_keys)] = np.arange(len(evidence_keys))
    event_kind = new_place[kind_place[is_evidence]]
    day = _take_integers(ledger, "day")[is_evidence]
    weight = _take_numbers(ledger, "trust")[is_evidence] * _compress_bursts(event_pair, event_kind, day)
    value = _take_numbers(ledger, "value")
    is_outcome_row = np.isin(kind_keys, list(list_outcome_kinds(points, outcome)))[kind_place]
    is_past = is_outcome_row & (occurred <= cutoff_us)
    brand_units = _find_brand_units(brand, value, is_past)
    unit = np.array([brand_units.get(int(one), 1.0) for one in brand[rows]])
    is_paid = is_past & (np.nan_to_num(value) > 0.0)
    had, paid = _add_outcomes(pair_of_row[is_paid], value[is_paid], in_sample)
    end_us = cutoff_us + round(horizon_days * DAY_MICROSECONDS)
    is_ahead = is_outcome_row & (occurred > cutoff_us) & (occurred <= end_us)
    happened, money = _add_outcomes(pair_of_row[is_ahead], value[is_ahead], in_sample)
    past_pair = _find_pairs(pair_of_row[is_past], in_sample)
    past = np.flatnonzero(is_past)[past_pair >= 0]
    past_pair = past_pair[past_pair >= 0]
    return Sample(
        pair_code=in_sample,
        cutoff_place=np.zeros(in_sample.size, dtype=np.int64),
        consumer_id=consumer[rows],
        brand_id=brand[rows],
        kinds=tuple(evidence_keys),
        half_life_days=np.array([points.kinds[key].half_life_days for key in evidence_keys]),
        event_pair=event_pair.astype(np.int64),
        event_kind=event_kind.astype(np.int64),
        event_age_days=(cutoff_us - occurred[is_evidence]) / DAY_MICROSECONDS,
        event_pace=_find_paces(points, evidence_keys, brand[is_evidence], event_kind),
        event_weight=weight,
        event_magnitude=_take_numbers(ledger, "magnitude")[is_evidence],
        past_pair=past_pair,
        past_age_days=(cutoff_us - occurred[past]) / DAY_MICROSECONDS,
        past_value=np.maximum(np.nan_to_num(value[past]), 0.0) / unit[past_pair],
        is_outcome=happened > 0,
        spend=money / unit,
        usual_order=(_USUAL_ORDER_PRIOR + paid / unit) / (_USUAL_ORDER_PRIOR + had),
        brand_units=brand_units,
    )


def _find_paces(points: PointsTable, keys: Sequence[str], brand: IntArray, kind: IntArray) -> FloatArray:
    """Factor of each event's half-life from the rhythm of its brand."""
    brands, place = np.unique(brand, return_inverse=True)
    factors = np.array([points.rhythms.get(int(one), 1.0) for one in brands])
    follows = np.array([points.kinds[key].follows_rhythm for key in keys], dtype=np.bool_)
    return np.where(follows[kind], factors[place], 1.0)


def _add_outcomes(pair: IntArray, value: FloatArray, in_sample: IntArray) -> tuple[FloatArray, FloatArray]:
    """Number of outcomes of each pair of the sample, and their money; refunds are not counted."""
    place = _find_pairs(pair, in_sample)
    known = place >= 0
    money = np.maximum(np.nan_to_num(value[known]), 0.0)
    return (
        np.bincount(place[known], minlength=in_sample.size).astype(np.float64),
        np.asarray(np.bincount(place[known], weights=money, minlength=in_sample.size), np.float64),
    )


def _find_pairs(pair: IntArray, in_sample: IntArray) -> IntArray:
    """The position of each pair in the sample; -1 where it has no evidence."""
    if in_sample.size == 0:
        return np.full(pair.size, -1)
    place = np.minimum(np.searchsorted(in_sample, pair), in_sample.size - 1)
    return np.where(in_sample[place] == pair, place, -1)


def take_pairs(sample: Sample, places: IntArray) -> Sample:
    """The sample reduced to these pairs, in this order."""
    new_place = np.full(sample.pair_count, -1)
    new_place[places] = np.arange(places.size)
    event_pair = new_place[sample.event_pair]
    kept = event_pair >= 0
    past_pair = new_place[sample.past_pair]
    is_own = past_pair >= 0
    return replace(
        sample,
        pair_code=sample.pair_code[places],
        cutoff_place=sample.cutoff_place[places],
        consumer_id=sample.consumer_id[places],
        brand_id=sample.brand_id[places],
        event_pair=event_pair[kept],
        event_kind=sample.event_kind[kept],
        event_age_days=sample.event_age_days[kept],
        event_pace=sample.event_pace[kept],
        event_weight=sample.event_weight[kept],
        event_magnitude=sample.event_magnitude[kept],
        past_pair=past_pair[is_own],
        past_age_days=sample.past_age_days[is_own],
        past_value=sample.past_value[is_own],
        is_outcome=sample.is_outcome[places],
        spend=sample.spend[places],
        usual_order=sample.usual_order[places],
    )


def stack_samples(samples: Sequence[Sample]) -> Sample:
    """One sample of the same pairs at several cutoffs, the latest first."""
    first_row = np.cumsum([0, *(sample.pair_count for sample in samples[:-1])])

    stacked: dict[str, Any] = {
        name: np.concatenate([getattr(sample, name) for sample in samples])
        for name in _BY_PAIR + _BY_EVENT + _BY_PAST
    }
    stacked["cutoff_place"] = np.repeat(np.arange(len(samples)), [sample.pair_count for sample in samples])
    for name in ("event_pair", "past_pair"):
        stacked[name] = np.concatenate(
            [getattr(sample, name) + start for sample, start in zip(samples, first_row, strict=True)]
        )
    return replace(samples[0], **stacked)


def fold_sample(sample: Sample, half_life_factors: FloatArray) -> FoldedSums:
    """Fold the evidence at the cutoff with half-lives multiplied by these factors, one per kind."""
    shape = (sample.pair_count, len(sample.kinds))
    cell = sample.event_pair * shape[1] + sample.event_kind
    half_life = (sample.half_life_days * half_life_factors)[sample.event_kind] * sample.event_pace
    decays = np.log(2.0) * sample.event_age_days / half_life
    weight = sample.event_weight * np.exp(-decays)

    def add_up(values: FloatArray) -> FloatArray:
        sums = np.bincount(cell, weights=values, minlength=shape[0] * shape[1])
        return sums.reshape(shape).astype(np.float64, copy=False)

    return FoldedSums(
        x=add_up(weight * sample.event_magnitude),
        y=add_up(weight),
        # d/d(ln h) of 2^(-age/h) is 2^(-age/h) times ln(2) age/h.
        x_slope=add_up(weight * decays * sample.event_magnitude),
        y_slope=add_up(weight * decays),
    )


def _take_integers(ledger: pa.Table, name: str) -> IntArray:
    """One column as numpy integers."""
    return np.asarray(ledger.column(name).to_numpy(zero_copy_only=False)).astype(np.int64, copy=False)


def _take_numbers(ledger: pa.Table, name: str) -> FloatArray:
    """One column as numpy floats; missing values become NaN."""
    return np.asarray(ledger.column(name).to_numpy(zero_copy_only=False)).astype(np.float64, copy=False)


def _encode_kinds(ledger: pa.Table) -> tuple[list[str], IntArray]:
    """The kinds that occur, and the position of each row's kind among them."""
    column = ledger.column("kind").combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    return [str(key) for key in column.dictionary.to_pylist()], column.indices.to_numpy(
        zero_copy_only=False
    ).astype(np.int64)


def _encode_pairs(consumer: IntArray, brand: IntArray) -> IntArray:
    """A number for each row's pair."""
    _, consumer_place = np.unique(consumer, return_inverse=True)
    brands, brand_place = np.unique(brand, return_inverse=True)
    return consumer_place.astype(np.int64) * max(brands.size, 1) + brand_place


def _compress_bursts(pair: IntArray, kind: IntArray, day: IntArray) -> FloatArray:
    """log2(1 + n) / n for the n events of an event's pair, kind and day (`docs/concepts/score.md`)."""
    if pair.size == 0:
        return np.zeros(0)
    order = np.lexsort((day, kind, pair))
    is_new = np.ones(order.size, dtype=bool)
    for column in (pair, kind, day):
        ordered = column[order]
        is_new[1:] &= ordered[1:] == ordered[:-1]
    is_new[1:] = ~is_new[1:]
    group = np.cumsum(is_new) - 1
    count = np.bincount(group)[group].astype(np.float64)
    compressed = np.empty(order.size)
    compressed[order] = np.log2(1.0 + count) / count
    return compressed


def _find_brand_units(brand: IntArray, value: FloatArray, is_counted: BoolArray) -> dict[int, float]:
    """Median positive value of each brand's outcomes; brands without one take the overall median."""
    is_counted = is_counted & (np.nan_to_num(value) > 0.0)
    if not is_counted.any():
        return dict.fromkeys((int(one) for one in np.unique(brand)), 1.0)
    units = dict.fromkeys((int(one) for one in np.unique(brand)), float(np.median(value[is_counted])))
    order = np.lexsort((value[is_counted], brand[is_counted]))
    brands, starts, counts = np.unique(brand[is_counted][order], return_index=True, return_counts=True)
    ordered = value[is_counted][order]
    for one, start, count in zip(brands, starts, counts, strict=True):
        units[int(one)] = float(np.median(ordered[start : start + count]))
    return units
