"""Queries and passes that compute states, or changes of states, from events.

Their use, and the transaction they belong to, is in `folding`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import (
    FOLD_COLUMNS,
    EventSelection,
    EventSource,
    read_events,
    read_identity_map,
)
from consumer_fusion.records.pair_state import STATE_COLUMNS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import (
    KindArrays,
    fold_events_table,
    fold_late_events,
    to_states,
)
from consumer_fusion.score.query_texts import read_query
from consumer_fusion.score.states.kept_states import read_kept_states
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session

_FOLD_SCHEMA = pa.schema(
    [(name, pa.float64() if name in ("magnitude", "trust") else pa.int64()) for name in FOLD_COLUMNS]
)

DAY_COLUMNS = ("consumer_id", "brand_id", "kind_id", "day")
"""Events with the same values in these columns count together."""

FEW_CONSUMERS = 2_000
"""Maximum number of consumers whose states are looked at to find those with events of the same day."""

EVENTS_PER_PIECE = 125_000
"""Events are folded in pieces of about this number, which fit into the caches of a processor."""


def fold_relation(
    engine: Engine, events: EventSource, fold_kinds: pa.Table, *, query: str = "fold_arrived"
) -> pa.Table:
    """Fold events into states, from nothing, in SQL: the portable reference with which `fold_events` is compared.

    Args:
        engine: Engine to compute with.
        events: Events with the columns of `FOLD_COLUMNS` (and `same_day_count` for `fold_sealed`).
        fold_kinds: Half-life, landmark and trust of each kind.
        query: `fold_arrived` for any order, `fold_sealed` for events that carry their day's count, `fold_late` for new
            events and old ones (`is_old`).

    Returns:
        Columns `STATE_COLUMNS`, in the order of consumer, brand and kind.
    """
    text = read_query("fold", query).substitute(events=events.relation)
    return _type_states(
        engine.read(
            f"select * from ({text}) folded order by consumer_id, brand_id, kind_id",
            step="fold events",
            tables={**events.tables, "fold_kinds": fold_kinds},
        )
    )


def fold_events(engine: Engine, events: EventSource, fold_kinds: pa.Table) -> Iterator[pa.Table]:
    """Fold events into states, from nothing, on arrays.

    The engine only orders the events by consumer, within its own limit of memory: whole consumers are then small
    enough to be ordered by pair, kind and day in the caches.

    Args:
        engine: Engine to read with.
        events: Events with the columns of `FOLD_COLUMNS`, in any order.
        fold_kinds: Half-life, landmark and trust of each kind.

    Yields:
        Columns `STATE_COLUMNS`, in the order of consumer, brand and kind; no consumer is in two of the tables, and
        there is at least one.
    """
    kinds = KindArrays.from_table(fold_kinds)
    for whole in stream_consumers(engine, events):
        yield fold_events_table(whole, kinds)


def stream_consumers(engine: Engine, events: EventSource) -> Iterator[pa.Table]:
    """Events in the order of their consumers, some ten thousand at a time.

    Args:
        engine: Engine to read with.
        events: Events with the columns of `FOLD_COLUMNS`, in any order.

    Yields:
        The columns of `FOLD_COLUMNS`; no consumer is in two of the tables, and there is at least one.
    """
    batches = engine.stream(
        f"select {', '.join(FOLD_COLUMNS)} from {events.relation} e order by consumer_id",
        step="read events to fold",
        tables=events.tables,
        rows_per_batch=EVENTS_PER_PIECE,
    )
    held: list[pa.RecordBatch] = []
    for batch in batches:
        consumers = batch["consumer_id"].to_numpy()
        # The last consumer of a batch may go on in the next one.
        start = int(np.searchsorted(consumers, consumers[-1]))
        if start or (held and held[-1]["consumer_id"][-1].as_py() != consumers[0]):
            yield pa.Table.from_batches([*held, batch[:start]])
            held = []
        held.append(batch[start:])
    yield pa.Table.from_batches(held, None if held else _FOLD_SCHEMA)


def compute_late(
    session: Session,
    engine: Engine,
    folder: Path,
    new: pa.Table,
    fold_kinds: pa.Table,
    *,
    is_folded_only: bool,
) -> pa.Table:
    """Changes of the states by new events, given the events that are folded already.

    Args:
        session: Session of the store.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        new: The new events, with the columns of `FOLD_COLUMNS`.
        fold_kinds: Half-life, landmark and trust of each kind.
        is_folded_only: Whether to leave out inbox rows that are not in the state yet.
    """
    known = new.filter(pc.and_(pc.not_equal(new["consumer_id"], 0), pc.not_equal(new["brand_id"], 0)))
    if not known.num_rows:
        return to_states({name: [] for name in STATE_COLUMNS})
    identity_map = read_identity_map(session, known["consumer_id"].unique().to_pylist())
    if identity_map:
        canonical = [identity_map.get(each, each) for each in known["consumer_id"].to_pylist()]
        known = known.set_column(0, "consumer_id", pa.array(canonical, pa.int64()))
    consumers = _find_with_old_days(session, known)
    if not consumers:
        return fold_events_table(known.select(FOLD_COLUMNS), KindArrays.from_table(fold_kinds))
    selection = EventSelection(
        consumers=consumers,
        min_day=pc.min(known["day"]).as_py(),
        max_day=pc.max(known["day"]).as_py(),
        is_folded_only=is_folded_only,
    )
    old = read_events(session, engine, folder, selection, columns=FOLD_COLUMNS)
    return fold_late_events(known.select(FOLD_COLUMNS), old, KindArrays.from_table(fold_kinds))


def _find_with_old_days(session: Session, new: pa.Table) -> list[int]:
    """The consumers of new events of whom an old event may share its day, pair and kind with a new one.

    States are read by their keys, while the events of a few consumers may be all over the segments.
    """
    consumers: list[int] = new["consumer_id"].unique().to_pylist()
    if len(consumers) > FEW_CONSUMERS:
        return consumers
    names = ("consumer_id", "brand_id", "kind_id")
    kept = read_kept_states(session, consumers=consumers).select([*names, "last_occurred_us"])
    joined = new.select([*names, "day"]).join(kept, list(names), join_type="inner", use_threads=False)
    last_day = joined["last_occurred_us"].to_numpy() // DAY_MICROSECONDS
    is_late = joined["day"].to_numpy() <= last_day
    late: list[int] = np.unique(joined["consumer_id"].to_numpy()[is_late]).tolist()
    return late


def compute_with_old(engine: Engine, new: EventSource, old: EventSource, fold_kinds: pa.Table) -> pa.Table:
    """Changes of the states by new events: days that also have old events are computed again with both.

    Args:
        engine: Engine to read with.
        new: The new events.
        old: Folded events.
        fold_kinds: Half-life, landmark and trust of each kind.
    """
    rows = engine.read(
        f"select {', '.join(FOLD_COLUMNS)} from {new.relation} n",
        step="read events to fold",
        tables=new.tables,
    )
    return fold_late_events(rows, read_same_days(engine, new, old), KindArrays.from_table(fold_kinds))


def read_same_days(engine: Engine, new: EventSource, old: EventSource) -> pa.Table:
    """The old events (`FOLD_COLUMNS`) that share their day, pair and kind with a new one."""
    same = " and ".join(f"n.{name} = o.{name}" for name in DAY_COLUMNS)
    return engine.read(
        f"select {', '.join(FOLD_COLUMNS)} from {old.relation} o semi join {new.relation} n on {same}",
        step="read stored events of the same days",
        tables={**old.tables, **new.tables},
    )


def _type_states(states: pa.Table) -> pa.Table:
    # As NumPy: Arrow would copy a column in chunks value by value.
    return to_states({name: states[name].to_numpy() for name in STATE_COLUMNS})
