"""Folding on arrays: the fast path of the fold, with the same result as the SQL of `fold_arrived` and `fold_sealed`.

Events of a pair and kind are adjacent in a sealed segment, so that its sums are runs of an array; events in any
order are sorted first by one packed number. About twice as fast as the SQL, with less memory; tests compare both, and
the plain reference of `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.records.pair_state import STATE_COLUMNS, SUMS
from consumer_fusion.score.model.ledger import FADED_HALF_LIVES
from consumer_fusion.score.model.row_order import find_runs, order_rows

_KEY = ("consumer_id", "brand_id", "kind_id")

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class KindArrays:
    """Half-life, landmark and trust by row; kinds that are not folded have no trust and are not known.

    Attributes:
        is_known: By row: whether it is folded.
        half_life_us: Half-life by row, in microseconds.
        landmark_us: Landmark by row.
        trust: Trust by row.
        brand_id: Brands with a rhythm of their own, in ascending order; each has one row per kind,
            after the rows for all other brands.
        kind_count: Number of kinds, plus one for unknown kinds.
    """

    is_known: npt.NDArray[np.bool_]
    half_life_us: Reals
    landmark_us: Integers
    trust: Reals
    brand_id: Integers
    kind_count: int

    @classmethod
    def from_table(cls, fold_kinds: pa.Table) -> KindArrays:
        """Lay out the table `fold_kinds` by brand and kind number."""
        numbers, brands = fold_kinds["kind_id"].to_numpy(), fold_kinds["brand_id"].to_numpy()
        kinds = int(numbers.max(initial=0)) + 2
        known = np.unique(brands[brands != 0])
        size = kinds * (known.size + 1)
        made = cls(
            np.zeros(size, bool), np.ones(size), np.zeros(size, np.int64), np.zeros(size), known, kinds
        )
        is_common = brands == 0
        for name in ("half_life_us", "landmark_us", "trust"):
            column, values = getattr(made, name).reshape(-1, kinds), fold_kinds[name].to_numpy()
            column[:, numbers[is_common]] = values[is_common]
            column[np.searchsorted(known, brands[~is_common]) + 1, numbers[~is_common]] = values[~is_common]
        made.is_known.reshape(-1, kinds)[:, numbers] = True
        return made

    def find_rows(self, kind_id: Integers, brand_id: Integers) -> Integers:
        """The row of each kind and brand."""
        row: Integers = np.minimum(kind_id, self.kind_count - 1)
        if self.brand_id.size:
            place = np.minimum(np.searchsorted(self.brand_id, brand_id), self.brand_id.size - 1)
            row = row + np.where(self.brand_id[place] == brand_id, (place + 1) * self.kind_count, 0)
        return row


def fold_sealed_batches(batches: Iterable[pa.RecordBatch], kinds: KindArrays) -> Iterator[pa.Table]:
    """Fold events that carry their day's count and are sorted by consumer, brand and kind.

    Args:
        batches: The columns of `FOLD_COLUMNS` and `same_day_count`.
        kinds: Parameters of the folded kinds.

    Yields:
        Columns `STATE_COLUMNS`; a pair and kind may occur in two of the tables, whose sums are to be added.
    """
    for batch in batches:
        columns = _select_known({name: batch[name].to_numpy(False) for name in batch.schema.names}, kinds)
        if not len(columns["kind_id"]):
            continue
        count = columns["same_day_count"]
        yield _sum_runs(columns, _weigh(columns, count, kinds), find_runs([columns[name] for name in _KEY]))


def fold_events_table(events: pa.Table, kinds: KindArrays) -> pa.Table:
    """Fold events in any order.

    Args:
        events: The columns of `FOLD_COLUMNS`.
        kinds: Parameters of the folded kinds.

    Returns:
        Columns `STATE_COLUMNS`, in the order of consumer, brand and kind.
    """
    columns: Columns = {}
    for name in events.column_names:
        # Column by column, so that at most one of them is in memory twice; the caller keeps no reference.
        columns[name] = events[name].to_numpy()
        events = events.drop_columns([name])
    columns = _select_known(columns, kinds)
    if not len(columns["kind_id"]):
        return to_states({name: np.empty(0) for name in STATE_COLUMNS})
    order = order_rows(*(columns[name] for name in (*_KEY, "day")))
    for name, values in columns.items():
        columns[name] = values[order]
    del order, values
    starts = find_runs([columns[name] for name in (*_KEY, "day")])
    counts = np.diff(starts, append=len(columns["day"]))
    weights = _weigh(columns, np.repeat(counts, counts), kinds)
    return _sum_runs(columns, weights, find_runs([columns[name] for name in _KEY]))


def fold_days(events: pa.Table, kinds: KindArrays, days: Sequence[int]) -> Iterator[pa.Table]:
    """The states at the ends of some days, each event folded once: sums are additive over days.

    Args:
        events: The columns of `FOLD_COLUMNS`; all events of their pairs, in any order.
        kinds: Parameters of the folded kinds.
        days: UTC days, in ascending order.

    Yields:
        For each day the columns `_KEY` and the sums, of the pairs and kinds with an event by then; in the order of
        consumer, brand and kind.
    """
    events = events.filter(events["day"].to_numpy() <= days[-1])
    period = np.searchsorted(days, events["day"].to_numpy())
    events = events.take(np.argsort(period, kind="stable"))
    ends = np.cumsum(np.bincount(period, minlength=len(days)))
    folded = [
        fold_events_table(events.slice(start, end - start), kinds)
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    keys = [np.concatenate([table[name].to_numpy() for table in folded]) for name in _KEY]
    order = order_rows(*keys)
    starts = find_runs([key[order] for key in keys])
    place = np.empty(len(order), np.int64)
    place[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    own = {name: key[order[starts]] for name, key in zip(_KEY, keys, strict=True)}
    sums = {name: np.zeros(len(starts)) for name in SUMS}
    is_there = np.zeros(len(starts), bool)
    done = 0
    for table in folded:
        added = place[done : done + table.num_rows]
        done += table.num_rows
        is_there[added] = True
        for name, values in sums.items():
            values[added] += table[name].to_numpy()
        yield pa.table({name: values[is_there] for name, values in (own | sums).items()})


def fold_late_events(new: pa.Table, old: pa.Table, kinds: KindArrays) -> pa.Table:
    """Changes of states by new events: days that also have old events are folded again with both.

    Args:
        new: The columns of `FOLD_COLUMNS`.
        old: Folded events, the same columns; those that share no day, pair and kind with a new one change nothing.
        kinds: Parameters of the folded kinds.

    Returns:
        Columns `STATE_COLUMNS`, in the order of consumer, brand and kind.
    """
    shared = old.filter(_find_shared_days(new, old))
    after = fold_events_table(pa.concat_tables([new, shared]), kinds)
    if not shared.num_rows:
        return after
    before = fold_events_table(shared, kinds)
    columns: Columns = {}
    for name in STATE_COLUMNS:
        taken = before[name].to_numpy()
        is_sum = name in SUMS or name == "event_count"
        columns[name] = np.concatenate([after[name].to_numpy(), -taken if is_sum else taken])
    order = order_rows(*(columns[name] for name in _KEY))
    columns = {name: values[order] for name, values in columns.items()}
    starts = find_runs([columns[name] for name in _KEY])
    for name, values in columns.items():
        if name == "last_occurred_us":
            columns[name] = np.maximum.reduceat(values, starts)
        else:
            columns[name] = np.add.reduceat(values, starts) if name not in _KEY else values[starts]
    is_changed = columns["event_count"] > 0
    return to_states({name: values[is_changed] for name, values in columns.items()})


def _find_shared_days(new: pa.Table, old: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether each old event shares its day, pair and kind with a new one."""
    keys = [np.concatenate([new[name].to_numpy(), old[name].to_numpy()]) for name in (*_KEY, "day")]
    order = order_rows(*keys)
    starts = find_runs([key[order] for key in keys])
    if not len(starts):
        return np.empty(0, np.bool_)
    has_new = np.logical_or.reduceat(order < new.num_rows, starts)
    is_shared = np.empty(len(order), np.bool_)
    is_shared[order] = np.repeat(has_new, np.diff(starts, append=len(order)))
    return is_shared[new.num_rows :]


def to_states(columns: Mapping[str, Any]) -> pa.Table:
    """Columns `STATE_COLUMNS`, with their types, from columns of any numbers."""
    return pa.table(
        {
            name: pa.array(columns[name]).cast(pa.float64() if name in SUMS else pa.int64())
            for name in STATE_COLUMNS
        }
    )


def _select_known(columns: Columns, kinds: KindArrays) -> Columns:
    is_known = kinds.is_known[np.minimum(columns["kind_id"], kinds.kind_count - 1)]
    is_known &= columns["trust"] > 0
    return columns if is_known.all() else {name: values[is_known] for name, values in columns.items()}


def _weigh(columns: Columns, same_day_count: Integers, kinds: KindArrays) -> Reals:
    """Trust x burst x decay to the landmark; n events of a day count as log2(1 + n) together."""
    row = kinds.find_rows(columns["kind_id"], columns["brand_id"])
    elapsed = (columns["occurred_us"] - kinds.landmark_us[row]) / kinds.half_life_us[row]
    weights: Reals = np.exp2(elapsed) * columns["trust"] * kinds.trust[row]
    weights[elapsed < -FADED_HALF_LIVES] = 0.0
    crowded = np.flatnonzero(same_day_count > 1)
    count = same_day_count[crowded]
    weights[crowded] *= np.log2(1.0 + count) / count
    return weights


def _sum_runs(columns: Columns, weights: Reals, starts: Integers) -> pa.Table:
    sized: Reals = weights * columns["magnitude"]
    pairs = {
        "x": (sized, None),
        "y": (weights, None),
        "q": (sized, sized),
        "r": (weights, weights),
        "u": (weights, sized),
    }
    states: dict[str, npt.NDArray[Any]] = {name: columns[name][starts] for name in _KEY}
    states["event_count"] = np.diff(starts, append=len(weights))
    for name, (first, second) in pairs.items():
        states[name] = np.add.reduceat(first if second is None else first * second, starts)
    states["last_occurred_us"] = np.maximum.reduceat(columns["occurred_us"], starts)
    return to_states(states)
