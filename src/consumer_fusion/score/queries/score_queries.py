"""Scores of pairs from the workspace: their states as of a given time, their scores, and the ledger of their events.

At or after the newest event a score comes from the state and the events since the last fold; for an earlier time it is
folded from the events up to and including that time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import (
    FOLD_COLUMNS,
    NEWEST_MARK,
    EventSelection,
    EventSource,
    open_events,
    read_events,
)
from consumer_fusion.i18n.messages import parse_message
from consumer_fusion.records.pair_state import SUMS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_day
from consumer_fusion.score.fold.array_folding import KindArrays, fold_events_table
from consumer_fusion.score.fold.decay import DECAYED_COLUMNS, decay_states, fold_kinds_at, read_fold_kinds
from consumer_fusion.score.fold.fold_queries import fold_events, stream_consumers
from consumer_fusion.score.fold.folding import fold_unfolded, read_unfolded
from consumer_fusion.score.model.ledger import LedgerEntry
from consumer_fusion.score.model.pair_events import PairEvents
from consumer_fusion.score.model.reading import KindState, Reading, read_pair
from consumer_fusion.score.model.score_arrays import sort_states
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import read_kept_states, stream_kept_states

MOST_DAYS_BACK = 62
"""Maximum age in days of states that come from those of now, less the events since; older ones from all events."""
MOST_HALF_LIVES_BACK = 20
"""The same in half-lives: events since weigh up to two to this power more than those that are left, so that six of
the sixteen digits of their sums are lost."""

UNCOUNTED = "/without points"
"""Suffix for an event whose name is a kind of the points table but which does not count as that kind."""

_LEDGER_READ = (
    "consumer_id",
    "brand_id",
    "kind_id",
    "event_id",
    "occurred_us",
    "day",
    "kind",
    "channel",
    "value",
    "text",
    "trust",
    "magnitude",
    "properties",
    "parent_event_id",
    "sentence",
)


def read_states(
    context: ScoreContext,
    as_of_us: int,
    *,
    consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None,
) -> pa.Table:
    """The states of pairs as of a given time, in one table; see `stream_states`."""
    return pa.concat_tables(stream_states(context, as_of_us, consumers=consumers, brand_ids=brand_ids))


def stream_states(
    context: ScoreContext,
    as_of_us: int,
    *,
    consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None,
) -> Iterator[pa.Table]:
    """The states of pairs as of a given time, some ten thousand at a time.

    Args:
        context: Context for reading scores.
        as_of_us: As-of time, in microseconds since the epoch.
        consumers: Canonical consumers; None for all.
        brand_ids: Brands; None for all.

    Yields:
        consumer_id, brand_id, kind_id and the five sums; the rows of a pair together and in one table, one for each
        kind. At least one table.
    """
    unfolded = read_unfolded(context.session, consumers)
    newest = int(context.session.read_mark(NEWEST_MARK) or 0)
    if unfolded.num_rows:
        newest = max(newest, pc.max(unfolded["occurred_us"]).as_py())
    fold_kinds = read_fold_kinds(context.session, context.points, context.kind_ids)
    if as_of_us < newest:
        if consumers is None and not unfolded.num_rows and _is_recent(fold_kinds, newest - as_of_us):
            yield from _take_back(context, fold_kinds, brand_ids, as_of_us)
            return
        selection = EventSelection(consumers=consumers, brand_ids=brand_ids, until_us=as_of_us)
        yield from _fold_until(context, selection, as_of_us)
        return
    if not unfolded.num_rows:
        for kept in _stream_kept(context, consumers, brand_ids):
            yield decay_states(kept, fold_kinds, as_of_us)
        return
    tail = fold_unfolded(context, unfolded, as_of_us).select(list(DECAYED_COLUMNS))
    if brand_ids is not None:
        tail = tail.filter(pc.is_in(tail["brand_id"], pa.array(list(brand_ids), pa.int64())))
    held = [tail]
    for kept in _stream_kept(context, consumers, brand_ids):
        states = decay_states(kept, fold_kinds, as_of_us)
        is_held = pc.is_in(states["consumer_id"], tail["consumer_id"].combine_chunks())
        held.append(states.filter(is_held))
        yield states.filter(pc.invert(is_held))
    yield sort_states(pa.concat_tables(held))


def _is_recent(fold_kinds: pa.Table, elapsed_us: int) -> bool:
    """Whether the events since a time can be taken back out of the states without losing digits of what is left."""
    shortest_us = pc.min(fold_kinds["half_life_us"]).as_py()
    return elapsed_us <= MOST_DAYS_BACK * DAY_MICROSECONDS and (
        shortest_us is None or elapsed_us <= MOST_HALF_LIVES_BACK * shortest_us
    )


def _take_back(
    context: ScoreContext, fold_kinds: pa.Table, brand_ids: Collection[int] | None, as_of_us: int
) -> Iterator[pa.Table]:
    """The states as of a recent time: those of now less the events since, which are far fewer than those before.

    Sums are additive over days, because events of a day count together: the day of that time is taken out whole, and
    its part until then is added.
    """
    selection = EventSelection(brand_ids=brand_ids, min_day=to_day(as_of_us))
    events = open_events(context.session, context.folder, selection, columns=FOLD_COLUMNS)
    kinds = KindArrays.from_table(fold_kinds)
    added: list[pa.Table] = []
    for since in stream_consumers(context.engine, events):
        until = since.filter(pc.less_equal(since["occurred_us"], as_of_us))
        taken = fold_events_table(since, kinds)
        for name in ("event_count", *SUMS):
            taken = taken.set_column(taken.column_names.index(name), name, pc.negate(taken[name]))
        added += (taken, fold_events_table(until, kinds))
    for states in stream_kept_states(context.session, brand_ids=brand_ids, added=pa.concat_tables(added)):
        before = states.filter(pc.greater(states["event_count"], 0))
        yield decay_states(before, fold_kinds, as_of_us)


def _stream_kept(
    context: ScoreContext, consumers: Collection[int] | None, brand_ids: Collection[int] | None
) -> Iterator[pa.Table]:
    if consumers is None:
        return stream_kept_states(context.session, brand_ids=brand_ids)
    return iter([read_kept_states(context.session, consumers=consumers, brand_ids=brand_ids)])


def fold_until(
    context: ScoreContext,
    selection: EventSelection,
    as_of_us: int,
    *,
    without: pa.Table | None = None,
) -> pa.Table:
    """The states of pairs as of a given time, folded from their events until then; nothing is stored.

    Args:
        context: Context for reading scores.
        selection: Events to read.
        as_of_us: As-of time, in microseconds since the epoch.
        without: `source_id`, `event_id` and `occurred_us` of events to leave out; None for none.

    Returns:
        The columns of `read_states`.
    """
    return pa.concat_tables(_fold_until(context, selection, as_of_us, without))


def _fold_until(
    context: ScoreContext, selection: EventSelection, as_of_us: int, without: pa.Table | None = None
) -> Iterator[pa.Table]:
    events = open_events(context.session, context.folder, selection, columns=FOLD_COLUMNS)
    if without is not None:
        events = _leave_out(context, selection, events, without)
    kinds = fold_kinds_at(context.points, context.kind_ids, as_of_us)
    for folded in fold_events(context.engine, events, kinds):
        yield folded.select(list(DECAYED_COLUMNS))


def _leave_out(
    context: ScoreContext, selection: EventSelection, events: EventSource, without: pa.Table
) -> EventSource:
    """The same events without some. Only events of the times of these are compared by their ids, which are texts."""
    times_us = without["occurred_us"].unique().to_pylist()
    named = open_events(
        context.session,
        context.folder,
        replace(selection, times_us=times_us),
        columns=(*FOLD_COLUMNS, "source_id", "event_id"),
    )
    listed = ", ".join(FOLD_COLUMNS)
    kept = [
        context.engine.read(
            f"select {listed} from {events.relation} e "
            "where occurred_us not in (select occurred_us from left_out)",
            step="read events of other times",
            tables={**events.tables, "left_out": without},
        ),
        context.engine.read(
            f"select {listed} from {named.relation} e where not exists "
            "(select 1 from left_out o where o.source_id = e.source_id and o.event_id = e.event_id)",
            step="leave out events",
            tables={**named.tables, "left_out": without},
        ),
    ]
    return EventSource("kept_events", {"kept_events": pa.concat_tables(kept)})


def read_reading(
    context: ScoreContext,
    as_of_us: int,
    consumer_id: int,
    brand_id: int,
) -> Reading:
    """The score of one pair as of a given time, by a point read; the engine runs only for events not folded yet."""
    states = read_states(context, as_of_us, consumers=[consumer_id], brand_ids=[brand_id])
    return read_states_of_pair(context, states)


def read_states_of_pair(context: ScoreContext, states: pa.Table) -> Reading:
    """The score of one pair from its states: faster than `score_states`, which is for many."""
    keys = {number: key for key, number in context.kind_ids.items()}
    kinds = [
        KindState(keys.get(row["kind_id"], ""), *(row[name] for name in SUMS)) for row in states.to_pylist()
    ]
    return read_pair(kinds, context.points)


def read_ledgers(
    context: ScoreContext,
    *,
    consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None,
    until_us: int | None = None,
    times_us: Collection[int] | None = None,
    kind_ids: Collection[int] | None = None,
    min_day: int | None = None,
) -> pa.Table:
    """The events of pairs with their magnitudes, oldest first; trust already includes the kind's own.

    Args:
        context: Context for reading scores.
        consumers: Canonical consumers; None for all.
        brand_ids: Brands; None for all.
        until_us: Last time, inclusive; None for all.
        times_us: Only events of these times; None for all.
        kind_ids: Only events of these kinds; None for all.
        min_day: First UTC day; None for all.

    Returns:
        The columns of a ledger, with `kind` as the key of the points table that the event counts as. An event without
        points keeps its own name, with a suffix if that name is a key too, to distinguish it from events that count.
    """
    keys = {number: key for key, number in context.kind_ids.items()}
    selection = EventSelection(
        consumers=consumers,
        brand_ids=brand_ids,
        kind_ids=kind_ids,
        until_us=until_us,
        times_us=times_us,
        min_day=min_day,
    )
    rows = read_events(context.session, context.engine, context.folder, selection, columns=_LEDGER_READ)
    counted = {
        number: context.points.kinds[key] for number, key in keys.items() if key in context.points.kinds
    }
    numbers = pa.array(list(counted), pa.int64())
    names = pa.array([kind.key for kind in counted.values()], pa.string())
    trusts = pa.array([kind.trust for kind in counted.values()], pa.float64())
    place = pc.index_in(rows["kind_id"].combine_chunks(), numbers)
    kind = rows["kind"].combine_chunks()
    other = pc.if_else(pc.is_in(kind, names), pc.binary_join_element_wise(kind, UNCOUNTED, ""), kind)
    columns = {name: rows[name] for name in _LEDGER_READ if name != "kind_id"} | {
        "kind": pc.coalesce(names.take(place), other),
        "trust": pc.multiply(rows["trust"].combine_chunks(), pc.coalesce(trusts.take(place), 1.0)),
    }
    return pa.table(columns).sort_by(
        [(name, "ascending") for name in ("consumer_id", "brand_id", "occurred_us", "event_id")]
    )


def to_entries(ledger: pa.Table) -> list[LedgerEntry]:
    """The rows of one pair's ledger as entries."""
    columns = {name: ledger[name].to_pylist() for name in ledger.column_names}
    return [
        LedgerEntry(
            event_id=columns["event_id"][row],
            occurred_us=columns["occurred_us"][row],
            day=columns["day"][row],
            kind=columns["kind"][row],
            magnitude=columns["magnitude"][row],
            trust=columns["trust"][row],
            channel=columns["channel"][row],
            text=columns["text"][row],
            properties=_read_properties(columns["properties"][row], columns["value"][row]),
            parent_event_id=columns["parent_event_id"][row],
            sentence=None if columns["sentence"][row] is None else parse_message(columns["sentence"][row]),
        )
        for row in range(ledger.num_rows)
    ]


def to_events(ledger: pa.Table) -> PairEvents:
    """The rows of one pair's ledger as arrays."""
    kinds = ledger["kind"].combine_chunks().dictionary_encode()
    return PairEvents(
        ledger["occurred_us"].to_numpy(),
        kinds.indices.to_numpy().astype(np.int16),
        ledger["magnitude"].to_numpy(),
        ledger["trust"].to_numpy(),
        pc.is_valid(ledger["parent_event_id"]).to_numpy(),
        tuple(kinds.dictionary.to_pylist()),
    )


def _read_properties(text: str | None, value: float | None) -> Mapping[str, object]:
    properties: dict[str, object] = json.loads(text) if text else {}
    if value is not None:
        properties.setdefault("value", value)
    return properties
