"""Changes of a score: steps at events and decay between them; its history; and the score without an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.schema import Moment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, write_moment
from consumer_fusion.score.model.ledger import (
    LedgerEntry,
    dampen_burst,
    fade_over,
    fold_ledger,
    order_entries,
)
from consumer_fusion.score.model.reading import BASELINE, KindState, Reading, read_pair, read_score

DECAY = N_("decay")
"""Stands for an event where only time passed."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a score.

    Attributes:
        at: Time at which the step was complete.
        event_id: Id of the event that caused it, or `decay`.
        kind: Key of the event's kind, or `decay`.
        change: Change of the score.
        score_after: Score after the step.
    """

    at: Moment
    event_id: str
    kind: str
    change: float
    score_after: float


def list_changes(
    entries: Iterable[LedgerEntry], since_us: int | None, as_of_us: int, points: PointsTable
) -> list[Change]:
    """List the changes of a score between two times; they add up to the difference of its scores.

    An event's own step includes all its effects: within a burst, each further event also reduces the weight of
    the earlier ones of that day. Events without points change nothing and are left out.

    Args:
        entries: The pair's events, in any order.
        since_us: Start; None for the time before the first event, where the score is 50.
        as_of_us: As-of time, in microseconds since the epoch.
        points: The points in force.

    Raises:
        InputError: The start is after the end.
    """
    if since_us is not None and since_us > as_of_us:
        raise InputError(
            Message(
                "The changes since {since_us} end before they begin, at {as_of_us}.",
                since_us=write_moment(since_us),
                as_of_us=write_moment(as_of_us),
            ),
            hint="Give an earlier 'since' or a later 'as of'.",
        )
    running = _RunningFold(points)
    ordered = order_entries(entries, as_of_us)
    if since_us is not None:
        running.add([entry for entry in ordered if entry.occurred_us <= since_us])
        ordered = [entry for entry in ordered if entry.occurred_us > since_us]
    score = BASELINE if since_us is None else running.read_score(since_us)
    now_us = since_us
    changes: list[Change] = []

    def step(at_us: int, event_id: str, kind: str, after: float) -> float:
        changes.append(Change(at_us, event_id, kind, after - score, after))
        return after

    for entry in ordered:
        if not running.is_evidence(entry):
            continue
        if entry.occurred_us != now_us:
            faded = running.read_score(entry.occurred_us)
            if faded != score:
                score = step(entry.occurred_us, DECAY, DECAY, faded)
            now_us = entry.occurred_us
        running.add([entry])
        score = step(entry.occurred_us, entry.event_id, entry.kind, running.read_score(entry.occurred_us))
    if now_us != as_of_us:
        faded = running.read_score(as_of_us)
        if faded != score:
            step(as_of_us, DECAY, DECAY, faded)
    return changes


def replay_history(
    entries: Iterable[LedgerEntry], days: Iterable[int], points: PointsTable
) -> list[tuple[int, float, float, float]]:
    """The score of a pair on any days, as of the last microsecond of each (UTC).

    Args:
        entries: The pair's events, in any order.
        days: Days since 1970; the result is in order of time.
        points: The points in force.

    Returns:
        The day, the score, and the lower and upper end of its interval.
    """
    asked = sorted(set(days))
    if not asked:
        return []
    ends_us = [(day + 1) * DAY_MICROSECONDS - 1 for day in asked]
    ordered = order_entries(entries, ends_us[-1])
    running = _RunningFold(points)
    history, place = [], 0
    for day, end_us in zip(asked, ends_us, strict=True):
        first = place
        while place < len(ordered) and ordered[place].occurred_us <= end_us:
            place += 1
        running.add(ordered[first:place])
        reading = read_pair(running.list_states(end_us), points)
        history.append((day, reading.fusion_score, reading.low, reading.high))
    return history


def read_without(
    entries: Sequence[LedgerEntry], event_id: str, as_of_us: int, points: PointsTable
) -> Reading:
    """The score of a pair as it would be without an event and all events derived from it.

    Args:
        entries: The pair's events, in any order.
        event_id: The event; it may be another pair's whose derived events are in this ledger.
        as_of_us: As-of time, in microseconds since the epoch.
        points: The points in force.

    Raises:
        NotFoundError: Neither the event nor anything derived from it is in the ledger.
    """
    gone = {event_id}
    kept = list(entries)
    while True:
        left = [entry for entry in kept if entry.event_id not in gone and entry.parent_event_id not in gone]
        if len(left) == len(kept):
            break
        gone |= {entry.event_id for entry in kept} - {entry.event_id for entry in left}
        kept = left
    if len(kept) == len(entries):
        raise NotFoundError(
            Message("The event '{event_id}' is not in the ledger of this pair.", event_id=event_id),
            hint="`fusion explain` lists the events of a pair.",
        )
    return read_pair(fold_ledger(kept, as_of_us, points), points)


class _RunningKind:
    """The sums of one kind while events are added in order; its newest day is kept open, because a burst grows."""

    __slots__ = ("at_us", "closed", "count", "day", "half_life_days", "opened")

    def __init__(self, half_life_days: float) -> None:
        self.half_life_days = half_life_days
        self.closed = [0.0] * 5
        self.opened = [0.0] * 5
        self.day, self.count, self.at_us = 0, 0, 0

    def add(self, entry: LedgerEntry) -> None:
        """Add the next event."""
        faded = fade_over(entry.occurred_us - self.at_us, self.half_life_days) if self.count else 1.0
        self.at_us = entry.occurred_us
        self.closed = _fade_sums(self.closed, faded)
        self.opened = _fade_sums(self.opened, faded)
        if entry.day != self.day:
            self.closed = self._join()
            self.opened, self.day, self.count = [0.0] * 5, entry.day, 0
        weight, sized = entry.trust, entry.trust * entry.magnitude
        terms = (sized, weight, sized * sized, weight * weight, weight * sized)
        self.opened = [total + term for total, term in zip(self.opened, terms, strict=True)]
        self.count += 1

    def _join(self) -> list[float]:
        """The closed days and the open one, dampened as the burst that it is so far."""
        burst = dampen_burst(self.count) if self.count else 1.0
        factors = (burst, burst, burst * burst, burst * burst, burst * burst)
        return [
            closed + opened * factor
            for closed, opened, factor in zip(self.closed, self.opened, factors, strict=True)
        ]

    def list_sums(self, at_us: int) -> list[float]:
        """The five sums at a time not before the newest event."""
        return _fade_sums(self._join(), fade_over(at_us - self.at_us, self.half_life_days))


class _RunningFold:
    """The states of a pair while its events are added in order; equals `fold_ledger` at every time."""

    def __init__(self, points: PointsTable) -> None:
        self._points = points
        self._kinds: dict[str, _RunningKind] = {}

    def is_evidence(self, entry: LedgerEntry) -> bool:
        """Whether the event's kind has points."""
        kind = self._points.kinds.get(entry.kind)
        return kind is not None and bool(kind.entries)

    def add(self, entries: Iterable[LedgerEntry]) -> None:
        """Add the next events, ordered by time."""
        for entry in entries:
            if self.is_evidence(entry) and entry.trust > 0:
                if entry.kind not in self._kinds:
                    half_life_days = self._points.kinds[entry.kind].half_life_days
                    self._kinds[entry.kind] = _RunningKind(half_life_days)
                self._kinds[entry.kind].add(entry)

    def list_states(self, at_us: int) -> list[KindState]:
        """The states at a given time."""
        return [KindState(key, *kind.list_sums(at_us)) for key, kind in self._kinds.items()]

    def read_score(self, at_us: int) -> float:
        """The score at a given time."""
        return read_score(self.list_states(at_us), self._points)


def _fade_sums(sums: Sequence[float], faded: float) -> list[float]:
    """Decay x and y, and q, r, u by the square."""
    squared = faded * faded
    x, y, q, r, u = sums
    return [x * faded, y * faded, q * squared, r * squared, u * squared]
