"""Queries about one pair: its explanation, changes, history, and the score without an event.

However many events a pair has, its numbers are read as arrays and its texts only for the events that are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Literal

import numpy as np
import pyarrow as pa

from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import to_day, to_microseconds, write_moment
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.fold.rhythms import apply_rhythm
from consumer_fusion.score.model.change_tracing import ChangeSeries, list_steps, trace_changes
from consumer_fusion.score.model.changes import DECAY, Change
from consumer_fusion.score.model.explanation import Contribution, Explanation, share_out
from consumer_fusion.score.model.ledger import LedgerEntry, WeighedEntry
from consumer_fusion.score.model.pair_events import Integers, KindContribution, PairEvents, PairFold
from consumer_fusion.score.model.reading import BASELINE, Reading
from consumer_fusion.score.queries.answers import Moment, resolve_as_of
from consumer_fusion.score.queries.brand_visibility import (
    find_brand_ids,
    find_consumer_ids,
    find_visibility,
    tell_unknown_consumer,
)
from consumer_fusion.score.queries.pair_reader import (
    PairSelection,
    Recall,
    arrange_ties,
    find_with_descendants,
    match_entries,
    read_data_version,
    read_entries,
    read_pair_fold,
)
from consumer_fusion.score.queries.score_results import (
    CounterfactualScore,
    KindSummary,
    OtherEvents,
    PairExplanation,
    ScoreDay,
)
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

EventOrder = Literal["largest", "newest"]
"""Order of events: the largest contribution first, or the newest event first."""
LISTED_EVENTS = 100
"""Default number of events, and of changes, that an explanation lists."""

_EPOCH = date(1970, 1, 1)
_MOMENT = pa.timestamp("us", "UTC")
_CONTRIBUTION_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("occurred_at", _MOMENT),
        ("kind", pa.string()),
        ("facet", pa.string()),
        ("direction", pa.string()),
        ("points", pa.float64()),
        ("contribution", pa.float64()),
        ("parent_event_id", pa.string()),
        ("sentence", pa.string()),
    ]
)
_CHANGE_SCHEMA = pa.schema(
    [
        ("at", _MOMENT),
        ("event_id", pa.string()),
        ("kind", pa.string()),
        ("change", pa.float64()),
        ("score_after", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class ExplainedEvent:
    """One event of a pair.

    Attributes:
        entry: The event.
        contributions: Its contributions by facet; none without points.
        change: Change of the score when it happened; None without points.
    """

    entry: LedgerEntry
    contributions: tuple[Contribution, ...]
    change: float | None

    @property
    def contribution(self) -> float:
        """Its part of the score minus 50, over all facets."""
        return sum(each.contribution for each in self.contributions)


@dataclass(frozen=True, slots=True)
class ListedEvents:
    """Some events of a pair.

    Attributes:
        events: The events, in the requested order.
        event_count: Number of all events.
        other_count: Number of those not listed.
        other_contribution: Their part of the score minus 50; with those of the listed events it is all of it.
    """

    events: tuple[ExplainedEvent, ...]
    event_count: int
    other_count: int
    other_contribution: float


@dataclass(frozen=True, slots=True)
class ListedChanges:
    """Some changes of a score.

    Attributes:
        changes: The changes, in order of time.
        event_count: Number of all events that may have changed it since the start.
        earlier_count: Number of those before the listed ones.
        earlier_change: Change of the score from the start until the listed ones.
    """

    changes: tuple[Change, ...]
    event_count: int
    earlier_count: int
    earlier_change: float


@dataclass(frozen=True)
class PairSnapshot:
    """The explanation of one pair as of a given time.

    While the workspace is open, `explanation`, `changes` and `entries` read every event with its texts; `list_largest`,
    `list_newest` and `list_changes` only some.

    Attributes:
        consumer: Key of the consumer (after merges).
        brand: Key of the brand.
        as_of_us: As-of time, in microseconds since the epoch.
        since_us: Start of the changes; None for all.
        reading: Score, interval, both directions, confidence, class, facets.
        fold: Its events as arrays, with the points in force and the half-lives for the brand.
        pair: The pair as the caller may see it.
        version: Version of the data that it was read from.
        workspace: The workspace.
    """

    consumer: str
    brand: str
    as_of_us: int
    since_us: int | None
    reading: Reading
    fold: PairFold
    pair: PairSelection
    version: tuple[object, ...]
    workspace: Workspace

    @property
    def points(self) -> PointsTable:
        """The points in force, with the half-lives for the brand."""
        return self.fold.points

    @property
    def event_count(self) -> int:
        """Number of events until the as-of time, with and without points."""
        return len(self.fold.events)

    @property
    def first_day(self) -> int | None:
        """UTC day of the first event, days since 1970; None without any."""
        return int(self.fold.day[0]) if self.event_count else None

    @cached_property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """All events, in order of time."""
        with self._open() as (context, _fold):
            return tuple(read_entries(context, self.pair))

    @cached_property
    def explanation(self) -> Explanation:
        """The reading and the contributions of all events, in order of time."""
        with self._open() as (context, fold):
            entries = read_entries(context, self.pair)
            places = np.arange(len(fold.events))
        fold = fold.arrange(places, PairEvents.from_entries(entries, fold.events.kinds))
        explained = self._explain(fold, places, entries)
        parts = tuple(part for each in explained for part in each.contributions)
        return Explanation(fold.read(self.as_of_us), parts)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """All changes of the score since the start."""
        return self.list_changes(limit=None).changes

    def list_kinds(self) -> list[KindContribution]:
        """The contributions of all events by kind and facet; they add up to the score minus 50."""
        return self.fold.list_contributions(self.as_of_us)

    def list_largest(self, *, limit: int = LISTED_EVENTS, offset: int = 0) -> ListedEvents:
        """The events with the largest contributions first; those without points are left out.

        Args:
            limit: Maximum number of events.
            offset: Number of larger events to skip.
        """
        with self._open() as (context, fold):
            every = list_steps(fold, None)
            sizes = np.abs(fold.share_out(self.as_of_us)[every])
            chosen = every[_rank(-sizes, offset + limit)[offset:]]
            places = fold.events.find_ties(chosen)
            found = match_entries(fold.events, places, self._read_at(context, fold, places))
        events = self._explain(fold, chosen, [found[place] for place in chosen.tolist()])
        return self._complete(fold, events, len(every))

    def list_newest(
        self, *, limit: int = LISTED_EVENTS, offset: int = 0, with_unscored: bool = False
    ) -> ListedEvents:
        """The newest events first, with the change of the score at each.

        Args:
            limit: Maximum number of events.
            offset: Number of newer events to skip.
            with_unscored: Whether to list events without points too.
        """
        with self._open() as (context, fold):
            every = np.arange(len(fold.events)) if with_unscored else list_steps(fold, None)
            stop = max(len(every) - offset, 0)
            places = fold.events.find_ties(every[max(stop - limit, 0) : stop])
            entries = self._read_at(context, fold, places)
        fold = fold.arrange(places, PairEvents.from_entries(entries, fold.events.kinds))
        found = dict(zip(places.tolist(), entries, strict=True))
        if not with_unscored:
            every = list_steps(fold, None)
        # Which of the events of one time comes first depends on their ids.
        listed = sorted(
            every[np.isin(every, places)].tolist(),
            key=lambda place: (-found[place].occurred_us, found[place].event_id),
        )
        newer = len(every) - int(np.searchsorted(every, places[-1], side="right")) if listed else 0
        chosen = np.array(listed[offset - newer : offset - newer + limit], np.int64)
        changes = _find_changes(fold, chosen, self.as_of_us)
        events = self._explain(fold, chosen, [found[place] for place in chosen.tolist()], changes)
        return self._complete(fold, events, len(every))

    def _read_at(self, context: ScoreContext, fold: PairFold, places: Integers) -> list[LedgerEntry]:
        """The events of some times; those read last are remembered, for lists of the same events."""
        times_us = np.unique(fold.events.occurred_us[places]).tolist()
        key = context.session.read_version("events"), context.session.read_version("segments"), times_us
        known = self._texts[-1]
        if known[0] != key:
            # One assignment, because requests in several threads share a cached answer.
            self._texts[-1] = known = key, read_entries(context, self.pair, times_us)
        return known[1]

    @cached_property
    def _texts(self) -> list[tuple[object, list[LedgerEntry]]]:
        return [(None, [])]

    def _complete(self, fold: PairFold, events: tuple[ExplainedEvent, ...], count: int) -> ListedEvents:
        """Listed events with what all others contribute."""
        shown = sum(each.contribution for each in events)
        score = fold.read(self.as_of_us).fusion_score
        return ListedEvents(events, count, count - len(events), score - BASELINE - shown)

    def _explain(
        self,
        fold: PairFold,
        places: Integers,
        entries: Sequence[LedgerEntry],
        changes: Mapping[int, float] = MappingProxyType({}),
    ) -> tuple[ExplainedEvent, ...]:
        weights, counts = fold.weigh_events(places, self.as_of_us)
        prices = fold.price_kinds(self.as_of_us)
        explained = []
        for place, entry, weight, count in zip(
            places.tolist(), entries, weights.tolist(), counts.tolist(), strict=True
        ):
            kind = fold.points.kinds.get(entry.kind)
            parts: tuple[Contribution, ...] = ()
            if kind is not None:
                weighed = WeighedEntry(entry, kind, weight, count)
                parts = tuple(
                    share_out(weighed, each, prices[each.facet, each.points > 0]) for each in kind.entries
                )
            explained.append(ExplainedEvent(entry, parts, changes.get(place)))
        return tuple(explained)

    def list_changes(self, *, limit: int | None = LISTED_EVENTS, offset: int = 0) -> ListedChanges:
        """The changes at the newest events since the start, in order of time.

        Args:
            limit: Maximum number of events; None for all.
            offset: Number of newer events to skip.
        """
        with self._open() as (context, fold):
            steps = list_steps(fold, self.since_us)
            stop = max(len(steps) - offset, 0)
            first = 0 if limit is None else max(stop - limit, 0)
            places = fold.events.find_ties(steps[first:stop])
            entries = self._read_at(context, fold, places)
        fold = fold.arrange(places, PairEvents.from_entries(entries, fold.events.kinds))
        traced = trace_changes(
            fold, self.since_us, self.as_of_us, first=first, stop=None if stop == len(steps) else stop
        )
        start = BASELINE if self.since_us is None else fold.read(self.since_us).fusion_score
        found = dict(zip(places.tolist(), entries, strict=True))
        changes = tuple(
            Change(
                at_us,
                DECAY if place not in found else found[place].event_id,
                DECAY if place not in found else found[place].kind,
                change,
                score_after,
            )
            for at_us, place, change, score_after in zip(
                *(getattr(traced, name).tolist() for name in ("at_us", "place", "change", "score_after")),
                strict=True,
            )
        )
        before = changes[0].score_after - changes[0].change if changes else start
        return ListedChanges(changes, len(steps), first, before - start)

    def trace(self) -> pa.Table:
        """All changes since the start without the ids of events: `at`, `kind`, `change`, `score_after`."""
        with self._open() as (context, fold):
            fold = arrange_ties(context, self.pair, fold)
            traced = trace_changes(fold, self.since_us, self.as_of_us)
        return _tabulate_series(fold, traced)

    def replay(self, days: int) -> pa.Table:
        """The score at the end of each of the last days; see `replay_pair`."""
        last = to_day(self.as_of_us)
        history = self.fold.list_history(range(last - days + 1, last + 1))
        return pa.table(dict(zip(("day", "fusion_score", "low", "high"), zip(*history))))

    def leave_out(self, event_id: str) -> Reading:
        """The score without one of the events and all events derived from it.

        Raises:
            NotFoundError: The pair has no such event.
        """
        with self._open() as (context, fold):
            gone = find_with_descendants(context, self.pair, fold.events, event_id)
        is_kept = np.ones(len(fold.events), np.bool_)
        is_kept[gone] = False
        return PairFold(fold.events.select(is_kept), fold.points).read(self.as_of_us)

    @contextmanager
    def _open(self) -> Iterator[tuple[ScoreContext, PairFold]]:
        """A session of the store, and the events in it; read again where data changed since."""
        force = put_points_in_force(self.workspace)
        with self.workspace.store.reading() as session:
            context = _open_context(self.workspace, session, force, self.pair)
            if self.version == _find_version(session, force):
                yield context, self.fold
            else:
                yield context, read_pair_fold(context, self.pair)


def explain_pair(
    workspace: Workspace,
    consumer: str,
    brand: str,
    *,
    as_of: Moment = None,
    since: datetime | None = None,
    with_other_brands: bool = True,
    recall: Recall = lambda key, version, read: read(),
) -> PairSnapshot:
    """Explain the score of a pair and its changes; 50 and nothing where there is no event.

    Args:
        workspace: The workspace.
        consumer: Key of the consumer.
        brand: Key of the brand.
        as_of: As-of time; None for the default.
        since: Start of the changes; None for all.
        with_other_brands: Whether events of other brands, from which some of it follows, are named; otherwise they are
            described in neutral words, for callers who may not see those brands, and consumers known only to others are
            unknown.
        recall: Remembers the fold of sealed events.

    Raises:
        InputError: The start is after the as-of time.
        NotFoundError: The brand or the consumer is not known; the hint names the most similar known key.
    """
    moment = resolve_as_of(workspace, as_of)
    since_us = None if since is None else to_microseconds(since)
    if since_us is not None and since_us > moment:
        raise InputError(
            Message(
                "The changes since {since_us} end before they begin, at {as_of_us}.",
                since_us=write_moment(since_us),
                as_of_us=write_moment(moment),
            ),
            hint="Give an earlier 'since' or a later 'as of'.",
        )
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        brand_ids = find_brand_ids(session, brand) or []
        visibility = None if with_other_brands else find_visibility(workspace, session, brand_ids)
        consumers = find_consumer_ids(session, consumer, visibility) or []
        pair = PairSelection(tuple(consumers), tuple(brand_ids), moment, with_other_brands)
        context = _open_context(workspace, session, force, pair)
        fold = read_pair_fold(context, pair, recall)
        named = name_entities(session, consumers)
        version = _find_version(session, force)
    if not with_other_brands and not len(fold.events):
        raise tell_unknown_consumer(None)  # does not reveal whether another brand knows them
    return PairSnapshot(
        consumer=next(iter(named.values()), consumer),
        brand=brand,
        as_of_us=moment,
        since_us=since_us,
        reading=fold.read(moment),
        fold=fold,
        pair=pair,
        version=version,
        workspace=workspace,
    )


def _open_context(
    workspace: Workspace, session: Session, force: EffectivePoints, pair: PairSelection
) -> ScoreContext:
    context = force.open(workspace, session)
    return replace(context, points=apply_rhythm(force.points, next(iter(pair.brand_ids), 0)))


def _find_version(session: Session, force: EffectivePoints) -> tuple[object, ...]:
    return (*read_data_version(session), force.points.version)


def _find_changes(fold: PairFold, places: Integers, as_of_us: int) -> dict[int, float]:
    """The change of the score at each of these events, which follow each other, as far as they have points."""
    if not len(places):
        return {}
    steps = list_steps(fold, None)
    first = int(np.searchsorted(steps, places.min()))
    stop = int(np.searchsorted(steps, places.max(), side="right"))
    traced = trace_changes(fold, None, as_of_us, first=first, stop=stop)
    return dict(zip(traced.place.tolist(), traced.change.tolist(), strict=True))


def _rank(values: np.ndarray, count: int) -> Integers:
    """The places of the smallest values, the smallest first, equal ones in order."""
    if count < len(values):
        least = np.partition(values, count - 1)[count - 1] if count else -np.inf
        near = np.flatnonzero(values <= least)
    else:
        near = np.arange(len(values))
    return near[np.argsort(values[near], kind="stable")][:count]


def score_without(answer: PairSnapshot, event_id: str) -> CounterfactualScore:
    """The score of a pair without one of its events and all events derived from it.

    Raises:
        NotFoundError: The pair has no such event.
    """
    reading = answer.leave_out(event_id)
    return CounterfactualScore(
        event_id=event_id,
        fusion_score=reading.fusion_score,
        low=reading.low,
        high=reading.high,
        change=reading.fusion_score - answer.reading.fusion_score,
    )


def replay_pair(answer: PairSnapshot, days: int) -> pa.Table:
    """The score of a pair at the end of each of the last days (for the last one, as of the as-of time).

    Returns:
        day (days since 1970), fusion_score, low, high.
    """
    return answer.replay(days)


def list_history(answer: PairSnapshot, days: int) -> list[ScoreDay]:
    """The history as results."""
    return [
        ScoreDay.model_validate({**row, "day": (_EPOCH + timedelta(days=row["day"])).isoformat()})
        for row in replay_pair(answer, days).to_pylist()
    ]


def tabulate_kinds(answer: PairSnapshot) -> pa.Table:
    """Contributions of all events by kind and facet, as a table; they add up to the score minus 50."""
    names = ("kind", "facet", "direction", "event_count", "contribution")
    rows = [{name: getattr(each, name) for name in names} for each in answer.list_kinds()]
    types = (pa.string(), pa.string(), pa.string(), pa.int64(), pa.float64())
    return pa.Table.from_pylist(rows, schema=pa.schema(zip(names, types, strict=True)))


def tabulate_contributions(answer: PairSnapshot) -> pa.Table:
    """Contributions of all events to the score, as a table; its contributions add up to the score minus 50."""
    return _tabulate(answer.explanation.contributions, _CONTRIBUTION_SCHEMA)


def tabulate_changes(answer: PairSnapshot) -> pa.Table:
    """All changes of the score, as a table."""
    return _tabulate(answer.changes, _CHANGE_SCHEMA)


def to_explanation(
    answer: PairSnapshot,
    *,
    without: CounterfactualScore | None = None,
    history_days: int = 0,
    order: EventOrder = "largest",
    limit: int = LISTED_EVENTS,
    offset: int = 0,
) -> PairExplanation:
    """The explanation of a pair as a result.

    Args:
        answer: The answer.
        without: Score without an event, if requested.
        history_days: Number of days of history.
        order: Order of the events whose contributions are listed.
        limit: Maximum number of events, and of events with changes.
        offset: Number of events to skip.
    """
    list_events = answer.list_largest if order == "largest" else answer.list_newest
    listed = list_events(limit=limit, offset=offset)
    changed = answer.list_changes(limit=limit)
    return PairExplanation(
        consumer=answer.consumer,
        brand=answer.brand,
        as_of=write_moment(answer.as_of_us),
        fusion_score=answer.reading.fusion_score,
        baseline=BASELINE,
        event_count=listed.event_count,
        kinds=[KindSummary.model_validate(each, from_attributes=True) for each in answer.list_kinds()],
        contributions=[part for each in listed.events for part in each.contributions],
        others=OtherEvents(event_count=listed.other_count, contribution=listed.other_contribution),
        changes=list(changed.changes),
        earlier=OtherEvents(event_count=changed.earlier_count, contribution=changed.earlier_change),
        without=without,
        history=list_history(answer, history_days) if history_days else [],
    )


def _tabulate(items: Sequence[object], schema: pa.Schema) -> pa.Table:
    columns = {name: [getattr(item, name) for item in items] for name in schema.names}
    return pa.table(
        {
            name: pa.array(values, pa.int64()).cast(_MOMENT)
            if schema.field(name).type == _MOMENT
            else pa.array(values, schema.field(name).type)
            for name, values in columns.items()
        }
    )


def _tabulate_series(fold: PairFold, traced: ChangeSeries) -> pa.Table:
    """Changes as a table without ids; kinds are a dictionary, so that millions of them take little memory."""
    is_event = traced.place >= 0
    kinds = np.where(is_event, fold.events.kind[np.maximum(traced.place, 0)], len(fold.events.kinds))
    return pa.table(
        {
            "at": pa.array(traced.at_us, pa.int64()).cast(_MOMENT),
            "kind": pa.DictionaryArray.from_arrays(
                pa.array(kinds, pa.int32()), pa.array([*fold.events.kinds, DECAY], pa.string())
            ),
            "change": pa.array(traced.change),
            "score_after": pa.array(traced.score_after),
        }
    )
