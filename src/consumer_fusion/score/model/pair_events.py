"""The events of one pair as arrays, folded for any time: equal to the plain `ledger` and `explanation`, at any size.

A day's events of a kind are summed once, decayed to the end of the day and without the burst, which depends only on
their number. Every later question reads these sums and the events of one day: the score at any time, its history, the
contributions by kind and facet. Single events are weighed only where they are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from consumer_fusion.records.points import Direction, Facet, Kind, PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.explanation import price_points
from consumer_fusion.score.model.ledger import LedgerEntry
from consumer_fusion.score.model.reading import KindState, Reading, read_pair, sum_facets

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNSCORED = ""
"""Stands for all kinds without points in force."""
NUMBER_COLUMNS = ("occurred_us", "kind", "magnitude", "trust", "is_derived")
_SUMS = 5
_SQUARES = slice(2, _SUMS)


@dataclass(frozen=True)
class PairEvents:
    """The numbers of a pair's events in order of time; at the same time, causes before their effects.

    Events of one time are otherwise in any order, until `PairFold.arrange` puts them into that of the ledger.

    Attributes:
        occurred_us: Times, in microseconds since 1970 in UTC.
        kind: Places of their kinds in `kinds`.
        magnitude: Sizes relative to their kinds.
        trust: 0 to 1: the source's trust times the kind's.
        is_derived: Whether each was derived from another event.
        kinds: Keys of the points table; `UNSCORED` for all others.
    """

    occurred_us: Integers
    kind: npt.NDArray[np.int16]
    magnitude: Reals
    trust: Reals
    is_derived: Flags
    kinds: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.occurred_us)

    @classmethod
    def from_entries(cls, entries: Sequence[LedgerEntry], kinds: Sequence[str] | None = None) -> PairEvents:
        """The numbers of events in the order of the ledger; see `ledger.order_entries`.

        Args:
            entries: The events, in order.
            kinds: Keys of the points table, `UNSCORED` among them; None for those of the events.
        """
        listed = tuple(dict.fromkeys(each.kind for each in entries)) if kinds is None else tuple(kinds)
        places = {key: place for place, key in enumerate(listed)}
        otherwise = places.get(UNSCORED, 0)
        return cls(
            np.array([each.occurred_us for each in entries], np.int64),
            np.array([places.get(each.kind, otherwise) for each in entries], np.int16),
            np.array([each.magnitude for each in entries], np.float64),
            np.array([each.trust for each in entries], np.float64),
            np.array([each.parent_event_id is not None for each in entries], np.bool_),
            listed,
        )

    def insert(self, others: PairEvents) -> PairEvents:
        """These events and others with the same kinds; at the same time, the others come later."""
        if not len(others):
            return self
        places = np.searchsorted(self.occurred_us, others.occurred_us, side="right")
        columns = {
            name: np.insert(getattr(self, name), places, getattr(others, name)) for name in NUMBER_COLUMNS
        }
        return PairEvents(**columns, kinds=self.kinds)

    def select(self, chosen: slice | Flags | Integers) -> PairEvents:
        """Some of the events, in the order of the choice."""
        return PairEvents(
            self.occurred_us[chosen],
            self.kind[chosen],
            self.magnitude[chosen],
            self.trust[chosen],
            self.is_derived[chosen],
            self.kinds,
        )

    def until(self, as_of_us: int) -> PairEvents:
        """The events up to a time."""
        return self.select(slice(0, self.find_place(as_of_us)))

    def find_place(self, as_of_us: int) -> int:
        """The number of events up to a time."""
        return int(np.searchsorted(self.occurred_us, as_of_us, side="right"))

    def find_ties(self, places: Integers) -> Integers:
        """All events at the times of these, in order."""
        times = np.unique(self.occurred_us[places])
        first = np.searchsorted(self.occurred_us, times, side="left")
        length = np.searchsorted(self.occurred_us, times, side="right") - first
        begin = np.repeat(first - np.cumsum(length) + length, length)
        return begin + np.arange(length.sum())

    def sort_numbers(self) -> Integers:
        """An order by all numbers, in which equal events are adjacent."""
        return np.lexsort((self.trust, self.magnitude, self.kind, self.is_derived, self.occurred_us))


@dataclass(frozen=True, slots=True)
class DaySums:
    """The events of each day and kind that has any, in order of time, summed.

    Attributes:
        day: UTC days, days since 1970.
        kind: Places of the kinds.
        event_count: Numbers of events.
        burst_count: Numbers of events with any trust.
        sums: The five sums of `KindState`, at the end of the day, as though each event were alone on its day.
    """

    day: Integers
    kind: Integers
    event_count: Integers
    burst_count: Integers
    sums: Reals


@dataclass(frozen=True, slots=True)
class KindContribution:
    """The contribution of all events of a kind through one facet.

    Attributes:
        kind: Key of the points table.
        facet: Facet of the points.
        direction: Direction of the points.
        event_count: Number of events of the kind until the as-of time.
        contribution: Their part of the score minus 50.
    """

    kind: str
    facet: Facet
    direction: Direction
    event_count: int
    contribution: float


@dataclass(frozen=True)
class PairFold:
    """The events of a pair with the points in force, for questions about any time.

    Attributes:
        events: The events up to the latest requested time.
        points: The points in force, with the half-lives for the brand.
    """

    events: PairEvents
    points: PointsTable

    @cached_property
    def kinds(self) -> tuple[Kind | None, ...]:
        """The kind of each place; None where it has no points in force."""
        return tuple(self.points.kinds.get(key) for key in self.events.kinds)

    @cached_property
    def is_evidence(self) -> Flags:
        """Whether each kind has points."""
        return np.array([bool(kind and kind.entries) for kind in self.kinds], np.bool_)

    @cached_property
    def half_life_us(self) -> Reals:
        """Half-life of each kind, in microseconds."""
        return np.array(
            [kind.half_life_days * DAY_MICROSECONDS if kind else np.inf for kind in self.kinds], np.float64
        )

    @cached_property
    def day(self) -> Integers:
        """UTC day of each event."""
        return np.floor_divide(self.events.occurred_us, DAY_MICROSECONDS)

    @cached_property
    def group(self) -> Integers:
        """The place in `day_sums` of each event's day and kind."""
        return self._grouped[0]

    @cached_property
    def day_sums(self) -> DaySums:
        """The sums of each day and kind."""
        return self._grouped[1]

    @cached_property
    def _grouped(self) -> tuple[Integers, DaySums]:
        events, width = self.events, max(len(self.kinds), 1)
        begins = np.ones(len(events), np.bool_)
        begins[1:] = self.day[1:] != self.day[:-1]
        days = self.day[begins]
        key = (np.cumsum(begins) - 1) * width + events.kind
        size = len(days) * width
        event_count = np.bincount(key, minlength=size)
        present = np.flatnonzero(event_count)
        has_trust = events.trust > 0
        trusted = event_count if has_trust.all() else np.bincount(key[has_trust], minlength=size)
        terms = self._weigh(slice(None), (self.day + 1) * DAY_MICROSECONDS)
        sums: Reals = np.stack([np.bincount(key, term, minlength=size)[present] for term in terms])
        place = np.zeros(size, np.int32)
        place[present] = np.arange(len(present))
        day_sums = DaySums(
            days[present // width], present % width, event_count[present], trusted[present], sums
        )
        return place[key], day_sums

    def arrange(self, places: Integers, arranged: PairEvents) -> PairFold:
        """The same fold, with the events of some times in the order of the ledger.

        Args:
            places: All events of these times.
            arranged: The same events, in order.
        """
        if (np.diff(self.events.occurred_us[places]) > 0).all():
            return self
        before = places[self.events.select(places).sort_numbers()]
        after = places[arranged.sort_numbers()]

        def move(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            moved = values.copy()
            moved[after] = values[before]
            return moved

        columns = {name: move(getattr(self.events, name)) for name in NUMBER_COLUMNS}
        made = PairFold(PairEvents(**columns, kinds=self.events.kinds), self.points)
        group, sums = self._grouped
        vars(made).update(day=self.day, _grouped=(move(group), sums))
        return made

    def insert(self, others: PairEvents) -> PairFold:
        """The same fold with more events, whose kinds begin with those of these; see `PairEvents.insert`."""
        known = replace(self.events, kinds=others.kinds)
        if not len(others):
            return self
        if not len(known):
            return PairFold(others, self.points)
        added = PairFold(others, self.points)
        width = len(others.kinds)
        mine, theirs = (each.day_sums.day * width + each.day_sums.kind for each in (self, added))
        keys = np.union1d(mine, theirs)
        own, other = np.searchsorted(keys, mine), np.searchsorted(keys, theirs)
        numbers = np.zeros((_SUMS + 2, len(keys)))
        for places, sums in ((own, self.day_sums), (other, added.day_sums)):
            numbers[:, places] += np.stack([*sums.sums, sums.event_count, sums.burst_count])
        counts = numbers[_SUMS:].astype(np.int64)
        merged = DaySums(keys // width, keys % width, counts[0], counts[1], numbers[:_SUMS])
        at = np.searchsorted(known.occurred_us, others.occurred_us, side="right")
        group = np.insert(own.astype(np.int32)[self.group], at, other.astype(np.int32)[added.group])
        made = PairFold(known.insert(others), self.points)
        vars(made).update(day=np.insert(self.day, at, added.day), _grouped=(group, merged))
        return made

    def _weigh(self, chosen: slice, at_us: Integers | int) -> tuple[Reals, Reals, Reals, Reals, Reals]:
        """The terms of the five sums at a time not before the events, without the burst."""
        events = self.events
        kind = events.kind[chosen]
        weight = np.exp2((events.occurred_us[chosen] - at_us) / self.half_life_us[kind])
        weight *= events.trust[chosen]
        sized = weight * events.magnitude[chosen]
        return sized, weight, sized * sized, weight * weight, weight * sized

    def sum_kinds(self, at_us: int) -> Reals:
        """The five sums of each kind at a time, by row, from the events up to then."""
        width, today = len(self.kinds), at_us // DAY_MICROSECONDS
        totals = np.zeros((_SUMS, width))
        stop = int(np.searchsorted(self.day_sums.day, today))
        closed = self.day_sums
        kind: npt.NDArray[np.integer[Any]] = closed.kind[:stop]
        elapsed = (closed.day[:stop] + 1) * DAY_MICROSECONDS - at_us
        factor = np.exp2(elapsed / self.half_life_us[kind]) * dampen_bursts(closed.burst_count[:stop])
        for row in range(_SUMS):
            terms = closed.sums[row, :stop] * (factor if row < _SQUARES.start else factor * factor)
            totals[row] = np.bincount(kind, terms, minlength=width)
        chosen = slice(int(np.searchsorted(self.day, today)), self.events.find_place(at_us))
        kind = self.events.kind[chosen]
        burst = dampen_bursts(np.bincount(kind[self.events.trust[chosen] > 0], minlength=width))
        for row, terms in enumerate(self._weigh(chosen, at_us)):
            own = np.bincount(kind, terms, minlength=width)
            totals[row] += own * (burst if row < _SQUARES.start else burst * burst)
        return totals

    def list_states(self, at_us: int) -> list[KindState]:
        """The states of the kinds in the points table at a time."""
        return self._to_states(self.sum_kinds(at_us))

    def _to_states(self, totals: Reals) -> list[KindState]:
        return [
            KindState(kind.key, *column)
            for kind, column in zip(self.kinds, totals.T.tolist(), strict=True)
            if kind is not None
        ]

    def read(self, at_us: int) -> Reading:
        """The score at a time."""
        return read_pair(self.list_states(at_us), self.points)

    def list_history(self, days: range) -> list[tuple[int, float, float, float]]:
        """The day, the score, and both ends of its interval at the last microsecond of days (UTC) in a row."""
        if not days:
            return []
        width, sums = len(self.kinds), self.day_sums
        totals = self.sum_kinds(days[0] * DAY_MICROSECONDS - 1)
        fade = np.exp2(-DAY_MICROSECONDS / self.half_life_us)
        fades = np.stack([fade, fade, fade * fade, fade * fade, fade * fade])
        burst = dampen_bursts(sums.burst_count)
        bursts = np.stack([burst, burst, burst * burst, burst * burst, burst * burst])
        # The sums are those of the end of the day; its last microsecond is one before.
        back = np.exp2(1 / self.half_life_us[sums.kind])
        backs = np.stack([back, back, back * back, back * back, back * back])
        daily = sums.sums * bursts * backs
        edges = np.searchsorted(sums.day, [*days, days[-1] + 1])
        history = []
        for number, day in enumerate(days):
            chosen = slice(int(edges[number]), int(edges[number + 1]))
            totals *= fades
            kind = sums.kind[chosen]
            for row in range(_SUMS):
                totals[row] += np.bincount(kind, daily[row, chosen], minlength=width)
            reading = read_pair(self._to_states(totals), self.points)
            history.append((day, reading.fusion_score, reading.low, reading.high))
        return history

    def price_kinds(self, at_us: int) -> dict[tuple[Facet, bool], float]:
        """The average contribution of one point of each facet and sign at a time."""
        return price_points(sum_facets(self.list_states(at_us), self.points), self.points.constants)

    def list_contributions(self, at_us: int) -> list[KindContribution]:
        """The contributions by kind and facet at a time; they add up to the score minus 50."""
        totals = self.sum_kinds(at_us)
        prices = price_points(sum_facets(self._to_states(totals), self.points), self.points.constants)
        counts = np.bincount(self.events.kind[: self.events.find_place(at_us)], minlength=len(self.kinds))
        return [
            KindContribution(
                kind.key,
                entry.facet,
                entry.direction,
                int(counts[place]),
                float(
                    prices[entry.facet, entry.points > 0]
                    * entry.points
                    * totals[0 if entry.is_graded else 1, place]
                ),
            )
            for place, kind in enumerate(self.kinds)
            if kind is not None and counts[place]
            for entry in kind.entries
        ]

    def weigh_events(self, places: Integers | slice, at_us: int) -> tuple[Reals, Integers]:
        """The weights of events at a time not before the newest of all, and the counts of their bursts."""
        counts = np.maximum(self.day_sums.burst_count[self.group[places]], 1)
        kind = self.events.kind[places]
        elapsed = (self.events.occurred_us[places] - at_us) / self.half_life_us[kind]
        return np.exp2(elapsed) * self.events.trust[places] * dampen_bursts(counts), counts

    def share_out(self, at_us: int) -> Reals:
        """The contribution of each event over all facets, at a time not before the newest."""
        prices = self.price_kinds(at_us)
        counted, graded = np.zeros(len(self.kinds)), np.zeros(len(self.kinds))
        for place, kind in enumerate(self.kinds):
            for entry in kind.entries if kind is not None else ():
                worth = prices[entry.facet, entry.points > 0] * entry.points
                (graded if entry.is_graded else counted)[place] += worth
        kinds = self.events.kind
        return self.weigh_events(slice(None), at_us)[0] * (
            counted[kinds] + graded[kinds] * self.events.magnitude
        )


def dampen_bursts(counts: Integers) -> Reals:
    """The weight of each event of bursts of these sizes: together log2(1 + n), not n; 1 for none."""
    sizes = np.maximum(counts, 1)
    return np.log2(1.0 + sizes) / sizes
