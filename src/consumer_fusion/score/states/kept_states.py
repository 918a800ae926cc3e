"""The states that the store keeps: blocks that are read as arrays, and the changes since they were written.

States are additive, so a few changes wait as rows of their own, which are cheap to write one by one, and are added to
the blocks when there are many. A state is the sum of both: a log-structured merge of two levels (O'Neil, Cheng,
Gawlick and O'Neil, "The log-structured merge-tree", Acta Informatica 33, 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from consumer_fusion.records.pair_state import PAIRS, STATE_BLOCKS, STATE_CHANGES, STATE_COLUMNS, SUMS
from consumer_fusion.score.model.row_order import find_runs, order_rows
from consumer_fusion.score.states.brand_snapshots import forget_snapshots, note_changed_pairs
from consumer_fusion.score.states.state_blocks import (
    FEW_PAIRS,
    Columns,
    Integers,
    add_to_blocks,
    change_blocks,
    find_places,
    list_conditions,
    read_blocks,
    stream_blocks,
    sum_states,
)
from consumer_fusion.storage.store import Session, Store

MANY_CHANGES = 50_000
"""Number of changes that are written into the blocks at once, and above which waiting ones are moved there."""

CHANGES_PER_MOVE = 1_000
"""Number of changes that are moved in one transaction: others wait a tenth of a second for it."""

_STATES_PER_PIECE = 200_000
_PAIRS_TOGETHER = 2_000_000
_KEY = ("consumer_id", "brand_id", "kind_id")
_SQUARES = ("q", "r", "u")


def read_kept_states(
    session: Session,
    *,
    consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None,
) -> pa.Table:
    """The states of some pairs, or of all.

    Args:
        session: Session of the store.
        consumers: Canonical consumers; None for all.
        brand_ids: Brands; None for all.

    Returns:
        Columns `STATE_COLUMNS`; the rows of a pair together, one for each kind.
    """
    if consumers is None:
        return pa.concat_tables(stream_kept_states(session, brand_ids=brand_ids))
    if brand_ids is not None and len(consumers) * len(brand_ids) <= FEW_PAIRS:
        where = {"consumer_id": sorted(set(consumers)), "brand_id": sorted(set(brand_ids))}
        pairs, changes = (session.read(table, where) for table in (PAIRS, STATE_CHANGES))
    else:
        keys = pa.table({"consumer_id": pa.array(sorted(set(consumers)), pa.int64())})
        pairs, changes = (session.read_matching(table, keys) for table in (PAIRS, STATE_CHANGES))
        if brand_ids is not None:
            wanted = {"brand_id": np.array(sorted(set(brand_ids)), np.int64)}
            pairs, changes = _select(pairs, wanted), _select(changes, wanted)
    if not pairs.num_rows:
        return _to_table(_to_columns(changes))
    brand_id, consumer_id = (pairs[name].to_numpy() for name in ("brand_id", "consumer_id"))
    blocks = read_blocks(session, pairs)
    is_wanted = np.isin(blocks["consumer_id"], consumer_id) & np.isin(blocks["brand_id"], brand_id)
    added = _to_columns(changes)
    states = {name: np.concatenate([blocks[name][is_wanted], added[name]]) for name in STATE_COLUMNS}
    return _to_table(sum_states(states | {"place": find_places(states["consumer_id"])}))


def stream_kept_states(
    session: Session, *, brand_ids: Collection[int] | None = None, added: pa.Table | None = None
) -> Iterator[pa.Table]:
    """All states, or those of some brands, in tables of some ten thousand.

    Args:
        session: Session of the store, in which no state is written meanwhile.
        brand_ids: Brands; None for all.
        added: Changes of these brands that are not stored, to add (`STATE_COLUMNS`); None for none.

    Yields:
        Columns `STATE_COLUMNS`; in the order of brands, the rows of a pair together and in one table, one for each
        kind. At least one table.
    """
    parts = [session.read(STATE_CHANGES, where) for where in list_conditions(brand_ids)]
    changes = _order_changes(pa.concat_tables([*parts, *([] if added is None else [added])]))
    done, count = 0, len(changes["place"])
    for states in stream_blocks(session, brand_ids):
        if done < count:
            # Both are in order: the changes up to the last pair of this batch are due.
            due = _find_end(changes, states, done)
            some = {name: values[done:due] for name, values in changes.items()}
            states = sum_states({name: np.concatenate([states[name], some[name]]) for name in states})
            done = due
        yield _to_table(states)
    yield _to_table({name: values[done:] for name, values in changes.items()})


def count_kept_states(session: Session, brand_id: int | None = None) -> int:
    """About how many states a brand has, or all: a state with changes may be counted twice."""
    where = {} if brand_id is None else {"brand_id": brand_id}
    kept = session.summarise(STATE_BLOCKS, "state_count", "sum", where)
    return int(kept or 0) + session.count(STATE_CHANGES, where)


def add_states(
    session: Session,
    deltas: Iterable[pa.Table],
    *,
    oldest_us: int = 0,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> int:
    """Add changes to the states: few wait as changes, many go into the blocks at once.

    Args:
        session: A writing session.
        deltas: Columns `STATE_COLUMNS`, in any order; the sums and the number of events are added to those of the same
            pair and kind, the later time of the newest event is kept.
        oldest_us: Time before which no event was added or removed; 0 where that is unknown.
        progress: Progress callback.

    Returns:
        Number of rows of the changes.
    """
    waiting: list[pa.Table] = []
    pairs: list[pa.Table] = []
    done = 0
    for table in deltas:
        waiting.append(table.select(list(STATE_COLUMNS)))
        done += table.num_rows
        if sum(each.num_rows for each in waiting) >= MANY_CHANGES:
            pairs.append(_add_many(session, waiting))
            waiting.clear()
            # Together and in order: one by one they would be all over the table with every bucket.
            if sum(each.num_rows for each in pairs) > _PAIRS_TOGETHER:
                _note_pairs(session, pairs)
                pairs.clear()
        progress(done, None)
    if waiting and done >= MANY_CHANGES:
        pairs.append(_add_many(session, waiting))
        waiting.clear()
    for table in waiting:
        session.add(
            STATE_CHANGES,
            STATE_COLUMNS,
            # By way of NumPy: several times faster than Arrow's own lists, and no column has nulls.
            zip(*(column.to_numpy().tolist() for column in table.columns), strict=True),
            largest=("last_occurred_us",),
        )
        pairs.append(_list_pairs(table))
        note_changed_pairs(session, pairs[-1], oldest_us)
    _note_pairs(session, pairs)
    return done


def _add_many(session: Session, deltas: Sequence[pa.Table]) -> pa.Table:
    """Add changes to the blocks, together because they may be in the same ones, and return their pairs."""
    states = pa.concat_tables(deltas)
    for first in range(0, states.num_rows, _STATES_PER_PIECE):
        add_to_blocks(session, _to_columns(states.slice(first, _STATES_PER_PIECE)))
    forget_snapshots(session, states["brand_id"].unique().to_pylist())
    return _list_pairs(states)


def remove_states(
    session: Session,
    *,
    consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None,
    kind_ids: Collection[int] | None = None,
) -> None:
    """Remove the states that meet all conditions.

    Args:
        session: A writing session.
        consumers: Consumers; None for all.
        brand_ids: Brands; None for all.
        kind_ids: Kinds; None for all.
    """
    if consumers is None and kind_ids is None:
        for where in list_conditions(brand_ids):
            for table in (STATE_BLOCKS, STATE_CHANGES, PAIRS):
                session.delete(table, where)
        forget_snapshots(session, brand_ids)
        return
    chosen = {"consumer_id": consumers, "brand_id": brand_ids, "kind_id": kind_ids}
    wanted = {
        name: np.array(sorted(set(each)), np.int64) for name, each in chosen.items() if each is not None
    }

    def drop(states: Columns) -> Columns:
        is_gone = np.ones(len(states["brand_id"]), bool)
        for name, values in wanted.items():
            is_gone &= np.isin(states[name], values)
        return {name: values[~is_gone] for name, values in states.items()}

    if consumers is None:
        change_blocks(session, None, drop, brand_ids=brand_ids)
        forget_snapshots(session, brand_ids)
        changes = pa.concat_tables(session.read(STATE_CHANGES, where) for where in list_conditions(brand_ids))
    else:
        keys = pa.table({"consumer_id": wanted["consumer_id"]})
        pairs, changes = (
            _select(session.read_matching(table, keys), wanted) for table in (PAIRS, STATE_CHANGES)
        )
        change_blocks(session, pairs, drop)
        note_changed_pairs(session, pairs, 0)
        if kind_ids is None:
            session.delete_matching(PAIRS, pairs)
    session.delete_matching(STATE_CHANGES, _select(changes, wanted).select(list(_KEY)))


def scale_states(
    session: Session,
    factor: float,
    *,
    kind_ids: Sequence[int],
    brand_ids: Collection[int] | None = None,
) -> None:
    """Multiply the sums of some kinds, and the sums of squares by the square.

    Args:
        session: A writing session.
        factor: Factor of the weights.
        kind_ids: Kinds.
        brand_ids: Brands; None for all.
    """
    factors = {name: factor * factor if name in _SQUARES else factor for name in SUMS}

    def scale(states: Columns) -> Columns:
        is_scaled = np.isin(states["kind_id"], kind_ids)
        return states | {
            name: np.where(is_scaled, states[name] * by, states[name]) for name, by in factors.items()
        }

    change_blocks(session, None, scale, brand_ids=brand_ids)
    for where in list_conditions(brand_ids):
        session.multiply(STATE_CHANGES, factors, {**where, "kind_id": kind_ids})


def move_changes(store: Store, *, least: int = MANY_CHANGES) -> int:
    """Move waiting changes into the blocks, if there are many: some in each transaction, so that others get a turn.

    Args:
        store: The store.
        least: Minimum number of changes from which they are moved.

    Returns:
        Number of changes moved.
    """
    with store.reading() as session:
        if session.count(STATE_CHANGES) < max(least, 1):
            return 0
    moved = 0
    while True:
        with store.writing(is_rearranging=True) as session:
            count = move_some(session)
        if not count:
            return moved
        moved += count


def move_some(session: Session) -> int:
    """Move some waiting changes into the blocks, and return their number."""
    changes = session.read(STATE_CHANGES, limit=CHANGES_PER_MOVE)
    if changes.num_rows:
        add_to_blocks(session, _to_columns(changes))
        session.delete_matching(STATE_CHANGES, changes.select(list(_KEY)))
    return int(changes.num_rows)


def _list_pairs(states: pa.Table) -> pa.Table:
    """The pairs of states, in order."""
    columns = [states[name].to_numpy() for name in PAIRS.column_names]
    order = order_rows(*columns)
    starts = order[find_runs([each[order] for each in columns])]
    return pa.table({name: each[starts] for name, each in zip(PAIRS.column_names, columns, strict=True)})


def _note_pairs(session: Session, pairs: Sequence[pa.Table]) -> None:
    if pairs:
        ordered = _list_pairs(pa.concat_tables(pairs))
        rows = zip(*(column.to_numpy().tolist() for column in ordered.columns), strict=True)
        session.insert(PAIRS, PAIRS.column_names, rows, ignore=True)


def _order_changes(changes: pa.Table) -> Columns:
    """Changes in the order of brand, place and kind, added up: `STATE_COLUMNS` and `place`."""
    columns = _to_columns(changes)
    return sum_states(columns | {"place": find_places(columns["consumer_id"])})


def _find_end(changes: Columns, states: Columns, start: int) -> int:
    """The position after the last change, from a start, of a pair up to the last one of the states."""
    if not len(states["place"]):
        return start
    brand_id, place = states["brand_id"][-1], states["place"][-1]
    first, last = (int(np.searchsorted(changes["brand_id"], brand_id, side)) for side in ("left", "right"))
    return max(start, first + int(np.searchsorted(changes["place"][first:last], place, "right")))


def _select(rows: pa.Table, wanted: Mapping[str, Integers]) -> pa.Table:
    for name, values in wanted.items():
        if name in rows.column_names:
            rows = rows.filter(np.isin(rows[name].to_numpy(), values))
    return rows


def _to_columns(states: pa.Table) -> Columns:
    return {name: states[name].to_numpy() for name in STATE_COLUMNS}


def _to_table(states: Columns) -> pa.Table:
    return pa.table({name: states[name] for name in STATE_COLUMNS})
