"""The scores of many pairs from their states, on arrays: what `reading` computes for one pair, kind by kind.

States lie in the order of their pairs, so that a piece of them fits into the processor's cache. Within a piece each
kind adds its points to the facets of its pairs, then, once the slopes of the knees are known, its variances.
`read_scores.sql` says the same as portable SQL for engines; tests compare all three.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.records.pair_state import SUMS
from consumer_fusion.records.points import Constants, Kind, PointsTable
from consumer_fusion.records.score import SYMBIOSIS_BY_SIGNS
from consumer_fusion.score.model.reading import (
    BASELINE,
    FACET_ORDER,
    INTERVAL_DEVIATIONS,
    READING_COLUMNS,
    sum_unseen_runs,
)
from consumer_fusion.score.model.row_order import find_runs, order_rows
from consumer_fusion.score.model.symbiosis import KNOWN_CONFIDENCE, SIGN_POINTS

STATES_PER_PIECE = 60_000
"""States that are scored at a time: the sums of their pairs stay in the processor's cache."""

_SCORES_SCHEMA = pa.schema(
    [
        ("consumer_id", pa.int64()),
        ("brand_id", pa.int64()),
        *((name, pa.string() if name == "symbiosis" else pa.float64()) for name in READING_COLUMNS),
        *((facet, pa.float64()) for facet in FACET_ORDER),
    ]
)
SCORED_COLUMNS: tuple[str, ...] = tuple(_SCORES_SCHEMA.names)
"""The columns of scores: a pair, its reading, and its facets."""

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]

_KEY = ("consumer_id", "brand_id", "kind_id")
_SIDE_FACETS = len(FACET_ORDER) // 2
_CLASSES = (*dict.fromkeys(SYMBIOSIS_BY_SIGNS.values()), "unknown")
_CLASS_BY_SIGNS = np.array(
    [[_CLASSES.index(SYMBIOSIS_BY_SIGNS[own, other]) for other in (-1, 0, 1)] for own in (-1, 0, 1)]
)


@dataclass(frozen=True, slots=True)
class _KindPoints:
    """The points of one kind.

    Attributes:
        entries: Facet, 1 for a loss or 0 for a gain, signed points, and whether they are graded.
        dispersion: Factor of the variance.
    """

    entries: tuple[tuple[int, int, float, bool], ...]
    dispersion: float


@dataclass(slots=True)
class _PieceSums:
    """The sums of the pairs of a piece, and its states by kind.

    Attributes:
        kinds: Points of each kind in the piece, with the positions of its states.
        pair: Position of the pair of each state.
        states: The five sums, in the order of `kinds`.
        amounts: Points before the knee, by gain or loss, facet and pair.
        evidence: Evidence by pair.
        independent: Evidence by pair, that of each kind divided by its dispersion.
    """

    kinds: list[tuple[_KindPoints, slice]]
    pair: Integers
    states: dict[str, Reals]
    amounts: Reals
    evidence: Reals
    independent: Reals


def sort_states(states: pa.Table) -> pa.Table:
    """States with the rows of each pair together and one row for each of its kinds; rows of the same are added up.

    Args:
        states: consumer_id, brand_id, kind_id and the five sums, in any order.
    """
    columns = {name: states[name].to_numpy() for name in (*_KEY, *SUMS)}
    order = order_rows(*(columns[name] for name in _KEY))
    columns = {name: values[order] for name, values in columns.items()}
    starts = find_runs([columns[name] for name in _KEY])
    if len(starts) < states.num_rows:
        columns = {
            name: np.add.reduceat(values, starts) if name in SUMS else values[starts]
            for name, values in columns.items()
        }
    return pa.table(columns)


def score_states(
    states: pa.Table,
    points: PointsTable,
    kind_ids: Mapping[str, int],
    columns: Sequence[str] = SCORED_COLUMNS,
) -> pa.Table:
    """The scores of all pairs that have states.

    Args:
        states: consumer_id, brand_id, kind_id and the five sums at the as-of time; the rows of a pair together, one
            for each kind, as `sort_states` arranges them. Kinds without points add nothing: a pair with nothing else
            has the score 50, unknown.
        points: The points in force.
        kind_ids: Number of every key that states may have.
        columns: Columns wanted, of `SCORED_COLUMNS`; without intervals and classes it takes half the time.

    Returns:
        These columns, one row for each pair, in the order of the states.
    """
    schema = pa.schema([_SCORES_SCHEMA.field(name) for name in columns])
    if not states.num_rows:
        return schema.empty_table()
    arrays = {name: states[name].to_numpy() for name in (*_KEY, *SUMS)}
    kinds = {
        number: _KindPoints(_list_entries(points.kinds[key]), points.dispersions.get(key, 1.0))
        for key, number in kind_ids.items()
        if key in points.kinds and points.kinds[key].entries
    }
    with_intervals = bool({"low", "high", "symbiosis"} & set(columns))
    batches = []
    for piece, starts in _cut_at_pairs(arrays):
        found = _score_piece(piece, starts, points, kinds, with_intervals=with_intervals)
        batches.append(
            pa.record_batch(
                [pa.array(found[name], schema.field(name).type) for name in columns], schema=schema
            )
        )
    return pa.Table.from_batches(batches, schema)


def _list_entries(kind: Kind) -> tuple[tuple[int, int, float, bool], ...]:
    return tuple(
        (FACET_ORDER.index(entry.facet), int(entry.points < 0), entry.points, entry.is_graded)
        for entry in kind.entries
    )


def _cut_at_pairs(arrays: Columns) -> Iterator[tuple[Columns, Integers]]:
    """Pieces of whole pairs, with the start of each pair in its piece."""
    starts = find_runs([arrays[name] for name in _KEY[:2]])
    size, place = len(arrays[_KEY[0]]), 0
    while place < len(starts):
        first = int(starts[place])
        following = int(np.searchsorted(starts, first + STATES_PER_PIECE))
        last = int(starts[following]) if following < len(starts) else size
        yield {name: values[first:last] for name, values in arrays.items()}, starts[place:following] - first
        place = following


def _score_piece(
    piece: Columns,
    starts: Integers,
    points: PointsTable,
    kinds: Mapping[int, _KindPoints],
    *,
    with_intervals: bool,
) -> dict[str, Any]:
    constants = points.constants
    sums = _sum_points(piece, starts, kinds)
    gained, lost = (apply_knee(amounts, constants.knee) for amounts in sums.amounts)
    facets = gained - lost
    given, received = facets[:_SIDE_FACETS].sum(axis=0), facets[_SIDE_FACETS:].sum(axis=0)
    balance, tilt = balance_sides(given, received, constants)
    confidence = sums.evidence / (sums.evidence + constants.ignorance_events)
    found: dict[str, Any] = {
        "consumer_id": piece["consumer_id"][starts],
        "brand_id": piece["brand_id"][starts],
        "fusion_score": to_scores(balance, constants),
        "consumer_to_brand": to_scores(given, constants),
        "brand_to_consumer": to_scores(received, constants),
        "confidence": confidence,
        "evidence": sums.evidence,
        **dict(zip(FACET_ORDER, facets, strict=True)),
    }
    if with_intervals:
        consumer, brand, common = _sum_variances(sums, constants.knee)
        unseen = sum_unseen_runs(points)
        consumer += confidence * unseen.consumer
        brand += confidence * unseen.brand
        common += confidence * unseen.common
        ignorance = constants.ignorance**2 * constants.ignorance_events
        unknown = ignorance / (constants.ignorance_events + sums.independent)
        own, other = 0.5 - tilt, 0.5 + tilt
        variance = own * own * consumer + other * other * brand + 2.0 * own * other * common
        margin = INTERVAL_DEVIATIONS * np.sqrt(variance + unknown)
        found["low"] = to_scores(balance - margin, constants)
        found["high"] = to_scores(balance + margin, constants)
        found["symbiosis"] = _classify(
            _read_signs(given, np.sqrt(consumer + unknown)),
            _read_signs(received, np.sqrt(brand + unknown)),
            confidence,
        )
    return found


def _sum_points(piece: Columns, starts: Integers, kinds: Mapping[int, _KindPoints]) -> _PieceSums:
    """Apply the points to the sums: gains and losses of each facet separately."""
    size = len(piece["kind_id"])
    order = _order_by_kind(piece["kind_id"])
    kind_id = piece["kind_id"][order]
    pair = np.repeat(np.arange(len(starts)), np.diff(starts, append=size))[order]
    states = {name: piece[name][order] for name in SUMS}
    amounts = np.zeros((2, len(FACET_ORDER), len(starts)))
    evidence, independent = np.zeros(len(starts)), np.zeros(len(starts))
    found: list[tuple[_KindPoints, slice]] = []
    edges = [*find_runs([kind_id]).tolist(), size]
    for first, last in itertools.pairwise(edges):
        kind = kinds.get(int(kind_id[first]))
        if kind is None:
            continue
        own = slice(first, last)
        found.append((kind, own))
        # A kind occurs once in a pair, so that no position is named twice.
        whose, weights = pair[own], states["y"][own]
        evidence[whose] += weights
        independent[whose] += weights / kind.dispersion
        for facet, is_loss, value, is_graded in kind.entries:
            amounts[is_loss, facet][whose] += abs(value) * (states["x"][own] if is_graded else weights)
    return _PieceSums(found, pair, states, amounts, evidence, independent)


def _order_by_kind(kind_id: Integers) -> Integers:
    # NumPy sorts 16-bit numbers by radix, several times faster than wider ones.
    is_narrow = kind_id.min() >= 0 and kind_id.max() < 2**16
    return np.argsort(kind_id.astype(np.uint16) if is_narrow else kind_id, kind="stable")


def apply_knee(amounts: Reals, knee: float) -> Reals:
    """The soft knee of many amounts; see `reading.apply_knee`."""
    bent = amounts.copy()
    is_past = amounts > knee
    bent[is_past] = knee * (1.0 + np.log(amounts[is_past] / knee))
    return bent


def _sum_variances(sums: _PieceSums, knee: float) -> tuple[Reals, Reals, Reals]:
    """Compound-Poisson variances of both sides and their covariance; the entries of one kind move together."""
    size = len(sums.evidence)
    consumer, brand, common = np.zeros(size), np.zeros(size), np.zeros(size)
    slopes = knee / np.maximum(sums.amounts, knee)
    for kind, own in sums.kinds:
        whose = sums.pair[own]
        # By side, points per weight x magnitude and per weight; None where the kind has none.
        rates: list[list[Reals | None]] = [[None, None], [None, None]]
        for facet, is_loss, value, is_graded in kind.entries:
            side = rates[facet >= _SIDE_FACETS]
            rate = value * slopes[is_loss, facet][whose]
            before = side[not is_graded]
            side[not is_graded] = rate if before is None else before + rate
        q, r, u = (kind.dispersion * sums.states[name][own] for name in ("q", "r", "u"))
        for target, one, two in ((consumer, 0, 0), (brand, 1, 1), (common, 0, 1)):
            (graded, counted), (other_graded, other_counted) = rates[one], rates[two]
            for first, second, squares in (
                (graded, other_graded, q),
                (counted, other_counted, r),
                (graded, other_counted, u),
                (counted, other_graded, u),
            ):
                if first is not None and second is not None:
                    target[whose] += first * second * squares
    return consumer, brand, common


def _read_signs(points: Reals, deviation: Reals) -> Integers:
    """The signs of a side: giving (1), taking (-1) or undetermined (0)."""
    size = np.abs(points)
    is_clear = (size >= SIGN_POINTS) & (size >= deviation)
    return np.where(is_clear, np.where(points > 0, 1, -1), 0)


def _classify(own: Integers, other: Integers, confidence: Reals) -> pa.Array:
    classes = _CLASS_BY_SIGNS[own + 1, other + 1]
    classes[(own == 0) & (other == 0) & (confidence < KNOWN_CONFIDENCE)] = _CLASSES.index("unknown")
    return pa.DictionaryArray.from_arrays(classes, pa.array(_CLASSES)).cast(pa.string())


def balance_sides(given: Reals, received: Reals, constants: Constants) -> tuple[Reals, Reals]:
    """The combined points of many pairs or moments, and the tilt to the weaker side; see `reading.balance_sides`."""
    difference = given - received
    width = constants.balance_width
    tilt = constants.balance / 2.0 * difference / (np.sqrt(difference * difference + width * width) + width)
    return (given + received) / 2.0 - tilt * difference, tilt


def to_scores(balance: Reals, constants: Constants) -> Reals:
    """The scores of many combined points; see `reading.to_score`."""
    scores: Reals = BASELINE + BASELINE * np.tanh(balance / (2.0 * constants.scale))
    return scores
