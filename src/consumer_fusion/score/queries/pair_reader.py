"""Reads the events of one pair: their numbers as arrays, and texts only of the events that are shown.

A sealed event never changes, so that the numbers of sealed events can be remembered for as long as the segments, the
merges and the points stay; only the inbox and the derived events are then read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.event_reader import EventSelection, open_events, read_events
from consumer_fusion.i18n.messages import Message
from consumer_fusion.score.model.ledger import HIDDEN_EVENT_ID, LedgerEntry, order_entries
from consumer_fusion.score.model.pair_events import (
    UNSCORED,
    Integers,
    PairEvents,
    PairFold,
)
from consumer_fusion.score.queries.other_brands import is_of_other_brand, mask_other_brands
from consumer_fusion.score.queries.score_queries import read_ledgers, to_entries
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session

Recall = Callable[[Hashable, Hashable, Callable[[], PairFold]], PairFold]
"""Remembers folds by key and version; calls the function where it does not know them."""
_READ = ("consumer_id", "brand_id", "kind_id", "occurred_us", "magnitude", "trust", "parent_event_id")
_IDENTIFIED = (*_READ, "day", "event_id")


@dataclass(frozen=True, slots=True)
class PairSelection:
    """One pair at a time, as a caller may see it.

    Attributes:
        consumers: The canonical consumer.
        brand_ids: The brand.
        as_of_us: As-of time, in microseconds since the epoch.
        with_other_brands: Whether events derived from those of other brands are named.
    """

    consumers: tuple[int, ...]
    brand_ids: tuple[int, ...]
    as_of_us: int
    with_other_brands: bool


def read_data_version(session: Session) -> tuple[int, ...]:
    """Version of all that the answers about a pair depend on, besides the points."""
    return tuple(session.read_version(scope) for scope in ("events", "segments", "rules"))


def read_pair_fold(
    context: ScoreContext, pair: PairSelection, recall: Recall = lambda key, version, read: read()
) -> PairFold:
    """The numbers of a pair's events up to the as-of time.

    Args:
        context: Context for reading scores, with the half-lives for the brand.
        pair: The pair.
        recall: Remembers the fold of sealed events.
    """
    session, points = context.session, context.points

    def read_sealed() -> PairFold:
        return PairFold(_name_kinds(_read_numbers(context, pair, is_sealed=True), context), points)

    sealed = recall(
        ("sealed events", pair.consumers, pair.brand_ids),
        (session.read_version("segments"), session.read_version("rules"), points.version),
        read_sealed,
    )
    others = _name_kinds(_read_numbers(context, pair, is_sealed=False), context, sealed.events.kinds)
    fold = sealed.insert(others)
    is_past = len(fold.events) and fold.events.occurred_us[-1] > pair.as_of_us
    return PairFold(fold.events.until(pair.as_of_us), points) if is_past else fold


def _read_numbers(context: ScoreContext, pair: PairSelection, *, is_sealed: bool) -> PairEvents:
    """The numbers of sealed or of all other events, in order, with the numbers of their kinds as stored."""
    rows = read_events(
        context.session,
        context.engine,
        context.folder,
        EventSelection(consumers=pair.consumers, brand_ids=pair.brand_ids),
        columns=_READ,
        segments=None if is_sealed else (),
        only_segments=is_sealed,
    )
    events = _to_events(rows)
    # Sealed events are sorted by kind and time, so that a stable sort is a merge of few runs.
    return events.select(
        np.argsort(events.occurred_us, kind="stable")
        if is_sealed
        else np.lexsort((events.is_derived, events.occurred_us))
    )


def _to_events(rows: pa.Table) -> PairEvents:
    return PairEvents(
        rows["occurred_us"].to_numpy(),
        rows["kind_id"].to_numpy().astype(np.int16),
        rows["magnitude"].to_numpy(),
        rows["trust"].to_numpy(),
        pc.is_valid(rows["parent_event_id"]).to_numpy(),
        (),
    )


def _name_kinds(
    events: PairEvents, context: ScoreContext, known: tuple[str, ...] = (UNSCORED,)
) -> PairEvents:
    """The same events with the kinds of the points table, and with their trust.

    Args:
        events: Events with the numbers of their kinds as stored.
        context: Context for reading scores.
        known: Keys that have their places already.
    """
    keys = {number: key for key, number in context.kind_ids.items()}
    present = np.flatnonzero(np.bincount(events.kind)) if len(events) else np.empty(0, np.int64)
    places = np.zeros(int(present.max(initial=0)) + 1, np.int16)
    trust = np.ones(len(places))
    kinds = list(known)
    for number in present.tolist():
        kind = context.points.kinds.get(keys.get(number, UNSCORED))
        if kind is not None:
            if kind.key not in kinds:
                kinds.append(kind.key)
            places[number], trust[number] = kinds.index(kind.key), kind.trust
    return PairEvents(
        events.occurred_us,
        places[events.kind],
        events.magnitude,
        events.trust * trust[events.kind],
        events.is_derived,
        tuple(kinds),
    )


def read_entries(
    context: ScoreContext, pair: PairSelection, times_us: Collection[int] | None = None
) -> list[LedgerEntry]:
    """The events of a pair at some times, or all, in order, as the caller may see them."""
    entries = _read_entries(context, pair, times_us)
    return entries if pair.with_other_brands else mask_other_brands(entries, context.points)


def _read_entries(
    context: ScoreContext, pair: PairSelection, times_us: Collection[int] | None
) -> list[LedgerEntry]:
    ledger = read_ledgers(
        context,
        consumers=pair.consumers,
        brand_ids=pair.brand_ids,
        until_us=pair.as_of_us,
        times_us=times_us,
    )
    return order_entries(to_entries(ledger), pair.as_of_us)


def match_entries(events: PairEvents, places: Integers, entries: list[LedgerEntry]) -> dict[int, LedgerEntry]:
    """The event at each place.

    Args:
        events: All events.
        places: All events at some times.
        entries: The same events, in order.
    """
    numbers = PairEvents.from_entries(entries, events.kinds)
    mine, theirs = places[events.select(places).sort_numbers()].tolist(), numbers.sort_numbers().tolist()
    return {place: entries[other] for place, other in zip(mine, theirs, strict=True)}


def arrange_ties(context: ScoreContext, pair: PairSelection, fold: PairFold) -> PairFold:
    """The same fold with its events in the order of the ledger, which among those of one time depends on their ids."""
    events = fold.events
    is_same = events.occurred_us[1:] == events.occurred_us[:-1]
    if not is_same.any():
        return fold
    places = events.find_ties(np.flatnonzero(is_same))
    rows = read_events(
        context.session,
        context.engine,
        context.folder,
        EventSelection(
            consumers=pair.consumers,
            brand_ids=pair.brand_ids,
            times_us=np.unique(events.occurred_us[places]).tolist(),
            until_us=pair.as_of_us,
        ),
        columns=(*_READ, "event_id"),
    )
    rows = rows.append_column("is_derived", pc.is_valid(rows["parent_event_id"]))
    rows = rows.sort_by([(name, "ascending") for name in ("occurred_us", "is_derived", "event_id")])
    return fold.arrange(places, _name_kinds(_to_events(rows), context, events.kinds))


def find_with_descendants(
    context: ScoreContext, pair: PairSelection, events: PairEvents, event_id: str
) -> Integers:
    """The places of an event and of all events derived from it.

    Args:
        context: Context for reading scores.
        pair: The pair.
        events: Its events.
        event_id: The event; it may be another pair's whose derived events are in this ledger.

    Raises:
        NotFoundError: Neither the event nor anything derived from it is in the ledger, as the caller may see it.
    """
    gone = {event_id}
    found: dict[int, LedgerEntry] = {}
    times = _find_times(context, pair, events, gone, is_first=True)
    while times:
        places = events.find_ties(np.searchsorted(events.occurred_us, np.array(sorted(times), np.int64)))
        entries = read_entries(context, pair, sorted(times))
        new = {
            place: each
            for place, each in match_entries(events, places, entries).items()
            if place not in found and (each.event_id in gone or each.parent_event_id in gone)
        }
        found.update(new)
        fresh = {each.event_id for each in new.values()} - gone
        gone |= fresh
        times = _find_times(context, pair, events, fresh, is_first=False) if fresh else set()
    if not found:
        raise NotFoundError(
            Message("The event '{event_id}' is not in the ledger of this pair.", event_id=event_id),
            hint="`fusion explain` lists the events of a pair.",
        )
    return np.array(sorted(found), np.int64)


def _find_times(
    context: ScoreContext, pair: PairSelection, events: PairEvents, ids: Collection[str], *, is_first: bool
) -> set[int]:
    """The times of events with these ids, or derived from such."""
    hidden = set() if pair.with_other_brands else _find_hidden_times(context, events, ids)
    own = "event_id in (select event_id from wanted_ids) or " if is_first else ""
    source = open_events(
        context.session,
        context.folder,
        EventSelection(consumers=pair.consumers, brand_ids=pair.brand_ids, until_us=pair.as_of_us),
        columns=_IDENTIFIED,
        segments=None if is_first else (),
    )
    rows = context.engine.read(
        f"select distinct occurred_us from {source.relation} e "
        f"where {own}parent_event_id in (select event_id from wanted_ids)",
        step="find an event and what was derived from it",
        tables={**source.tables, "wanted_ids": pa.table({"event_id": pa.array(sorted(ids), pa.string())})},
    )
    return {*hidden, *rows["occurred_us"].to_pylist()}


def _find_hidden_times(context: ScoreContext, events: PairEvents, ids: Collection[str]) -> set[int]:
    """The times of events that are described in neutral words, by the ids that they bear there."""
    if HIDDEN_EVENT_ID in ids:
        is_hidden = np.array([is_of_other_brand(key, context.points) for key in events.kinds], np.bool_)
        return set(events.occurred_us[events.is_derived & is_hidden[events.kind]].tolist())
    told = {_read_hidden_time(each) for each in ids if each.startswith(HIDDEN_EVENT_ID)}
    return {each for each in told if each is not None and _has_time(events, each)}


def _read_hidden_time(event_id: str) -> int | None:
    """The time in the id of an event that is described in neutral words."""
    _word, _dash, rest = event_id.partition("-")
    text = rest.rpartition("-")[0]
    return int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() else None


def _has_time(events: PairEvents, time_us: int) -> bool:
    place = int(np.searchsorted(events.occurred_us, time_us))
    return place < len(events) and int(events.occurred_us[place]) == time_us
