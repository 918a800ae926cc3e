"""The changes of a score as arrays: every step of a ledger of any length, equal to `changes.list_changes`.

The points of a facet are sums over half-lives of terms that decay alike, so that their course is a running sum of what
each event adds, taken forward in time. Within a day, a further event of a kind also takes weight from those before it;
what it adds is the difference of the day so far with it and without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from consumer_fusion.records.points import Constants, Facet
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.pair_events import Integers, PairFold, Reals, dampen_bursts
from consumer_fusion.score.model.reading import BASELINE, FACET_ORDER, read_score
from consumer_fusion.score.model.score_arrays import apply_knee, balance_sides, to_scores

DECAY_PLACE = -1
"""Stands for an event where only time passed."""
_BLOCK_EVENTS = 65_536
_BLOCK_HALF_LIVES = 400
"""Longest block in half-lives: forward weights double with each, and have to stay far within a double."""

_Slot = tuple[Facet, bool]
Numbers = TypeVar("Numbers", Integers, Reals)


@dataclass(frozen=True, slots=True)
class ChangeSeries:
    """Steps of a score, in order of time.

    Attributes:
        at_us: Times, in microseconds since 1970 in UTC.
        place: Places of the events in the ledger; `DECAY_PLACE` for decay.
        change: Changes of the score.
        score_after: Scores after the steps.
    """

    at_us: Integers
    place: Integers
    change: Reals
    score_after: Reals

    def __len__(self) -> int:
        return len(self.at_us)


def trace_changes(
    fold: PairFold,
    since_us: int | None,
    as_of_us: int,
    *,
    first: int = 0,
    stop: int | None = None,
) -> ChangeSeries:
    """The changes of a score between two times, or those of some of the events there.

    An event's step includes all its effects; see `changes.list_changes`. Decay before an event belongs to it, and decay
    after the newest event to the end.

    Args:
        fold: The events up to the as-of time.
        since_us: Start; None for the time before the first event, where the score is 50.
        as_of_us: As-of time, in microseconds since the epoch.
        first: First of the events with points after the start, by its number among these.
        stop: End of the events with points, exclusive; None for all and the as-of time.
    """
    places = list_steps(fold, since_us)
    # The score before the first of them is that after the event before it, which may be of the same time.
    extra = 1 if first else 0
    times, before, after = _run_over(fold, places[first - extra : stop])
    known_us: int | None
    if extra and len(times):
        known_us, known = int(times[0]), float(after[0])
    elif since_us is not None:
        known_us, known = since_us, read_score(fold.list_states(since_us), fold.points)
    else:
        known_us, known = None, BASELINE
    chosen, times, before, after = places[first:stop], times[extra:], before[extra:], after[extra:]
    last_us = int(times[-1]) if len(times) else known_us
    has_end = (stop is None or stop >= len(places)) and last_us != as_of_us
    at_us = np.repeat(times, 2)
    place = np.stack([np.full(len(chosen), DECAY_PLACE), chosen], axis=1).ravel()
    score_after = np.stack([before, after], axis=1).ravel()
    if len(times):
        is_later = np.ones(len(times), np.bool_)
        is_later[1:] = times[1:] != times[:-1]
        is_later[0] = times[0] != known_us
        # At the time of the event before, nothing decays.
        previous = np.concatenate([[known], after[:-1]])
        score_after[::2] = np.where(is_later, before, previous)
    if has_end:
        at_us = np.append(at_us, as_of_us)
        place = np.append(place, DECAY_PLACE)
        score_after = np.append(score_after, read_score(fold.list_states(as_of_us), fold.points))
    change = np.diff(score_after, prepend=known)
    kept = (place != DECAY_PLACE) | (change != 0)
    return ChangeSeries(at_us[kept], place[kept], change[kept], score_after[kept])


def list_steps(fold: PairFold, since_us: int | None) -> Integers:
    """The places of the events with points after a time; None for all."""
    first = 0 if since_us is None else fold.events.find_place(since_us)
    return first + np.flatnonzero(fold.is_evidence[fold.events.kind[first:]])


def _run_over(fold: PairFold, places: Integers) -> tuple[Integers, Reals, Reals]:
    """The times of events with points, and the score before and after each."""
    if not len(places):
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    # What an event of a day adds depends on the others of the day before it.
    first = int(np.searchsorted(fold.day, fold.day[places[0]]))
    every = first + np.flatnonzero(fold.is_evidence[fold.events.kind[first : int(places[-1]) + 1]])
    before, after = np.empty(len(every)), np.empty(len(every))
    running = _RunningSums(fold, int(fold.day[every[0]]) * DAY_MICROSECONDS - 1)
    for block in _split_days(fold, every):
        before[block], after[block] = running.add(every[block])
    own = slice(len(every) - len(places), None)
    return fold.events.occurred_us[places], before[own], after[own]


def _split_days(fold: PairFold, places: Integers) -> Iterator[slice]:
    """Blocks of whole days, neither too many events nor too long."""
    day = fold.day[places]
    shortest = float(fold.half_life_us[fold.is_evidence].min()) / DAY_MICROSECONDS
    most_days = max(int(_BLOCK_HALF_LIVES * shortest), 1)
    start = 0
    while start < len(places):
        end = int(np.searchsorted(day, day[start] + most_days))
        if end - start > _BLOCK_EVENTS:
            whole = int(np.searchsorted(day, day[start + _BLOCK_EVENTS]))
            end = whole if whole > start else int(np.searchsorted(day, day[start], side="right"))
        yield slice(start, end)
        start = end


class _RunningSums:
    """The points of each facet and sign before the knee, by half-life, while blocks of events are added."""

    def __init__(self, fold: PairFold, at_us: int) -> None:
        self._fold = fold
        self._at_us = at_us
        totals = fold.sum_kinds(at_us)
        present = sorted(set(fold.half_life_us[fold.is_evidence].tolist()))
        self._amounts: dict[tuple[float, _Slot], float] = {}
        for half_life_us in present:
            for place in np.flatnonzero(fold.is_evidence & (fold.half_life_us == half_life_us)).tolist():
                for slot, points, row in self._list_entries(place):
                    key = half_life_us, slot
                    self._amounts[key] = self._amounts.get(key, 0.0) + points * totals[row, place]

    def _list_entries(self, place: int) -> list[tuple[_Slot, float, int]]:
        """The points of a kind without sign, with the row of the sums that they multiply."""
        kind = self._fold.kinds[place]
        assert kind is not None
        return [
            ((entry.facet, entry.points > 0), abs(entry.points), 0 if entry.is_graded else 1)
            for entry in kind.entries
        ]

    def add(self, places: Integers) -> tuple[Reals, Reals]:
        """Add a block of whole days, and return the scores before and after each event."""
        fold = self._fold
        times, kinds = fold.events.occurred_us[places], fold.events.kind[places]
        added = self._find_added(places)
        before: dict[_Slot, Reals] = {}
        after: dict[_Slot, Reals] = {}
        start_us = int(times[0])
        forward_of: dict[float, Reals] = {}
        by_kind = {place: np.flatnonzero(kinds == place) for place in np.unique(kinds).tolist()}
        for (half_life_us, slot), amount in self._amounts.items():
            if half_life_us not in forward_of:
                forward_of[half_life_us] = np.exp2((times - start_us) / half_life_us)
            forward = forward_of[half_life_us]
            known = amount * np.exp2((self._at_us - start_us) / half_life_us)
            terms = np.zeros(len(places))
            for place, own in by_kind.items():
                if fold.half_life_us[place] == half_life_us:
                    for other, points, row in self._list_entries(place):
                        if other == slot:
                            terms[own] += points * added[row][own]
            terms *= forward
            # From what was there, not by subtraction: before the first event it is exactly nothing.
            sums = np.cumsum(np.concatenate([[known], terms]))
            _accumulate(before, slot, sums[:-1] / forward)
            _accumulate(after, slot, sums[1:] / forward)
            self._amounts[half_life_us, slot] = float(sums[-1] / forward[-1])
        self._at_us = int(times[-1])
        constants = fold.points.constants
        return read_scores(before, constants), read_scores(after, constants)

    def _find_added(self, places: Integers) -> tuple[Reals, Reals]:
        """Change of x and y of its kind at each event, in which it takes weight from the others of its day."""
        fold, events = self._fold, self._fold.events
        order = np.argsort(events.kind[places], kind="stable")
        chosen = places[order]
        kind, day = events.kind[chosen], fold.day[chosen]
        begins = np.ones(len(chosen), np.bool_)
        begins[1:] = (kind[1:] != kind[:-1]) | (day[1:] != day[:-1])
        starts = np.flatnonzero(begins)
        run = np.cumsum(begins) - 1
        trust = events.trust[chosen]
        count = _sum_within((trust > 0).astype(np.int64), starts, run)
        burst = dampen_bursts(count)
        forward = np.exp2((events.occurred_us[chosen] - day * DAY_MICROSECONDS) / fold.half_life_us[kind])
        added = []
        for terms in (trust * events.magnitude[chosen], trust):
            joined = burst * _sum_within(terms * forward, starts, run)
            earlier = np.concatenate([[0.0], joined[:-1]])
            earlier[starts] = 0.0
            values = np.empty(len(places))
            values[order] = (joined - earlier) / forward
            added.append(values)
        return added[0], added[1]


def _sum_within(terms: Numbers, starts: Integers, run: Integers) -> Numbers:
    """Running sums that start at 0 with each run."""
    sums = np.cumsum(terms)
    sums -= (sums[starts] - terms[starts])[run]
    return sums


def _accumulate(totals: dict[_Slot, Reals], slot: _Slot, amounts: Reals) -> None:
    if slot in totals:
        totals[slot] += amounts
    else:
        totals[slot] = amounts


def read_scores(amounts: dict[_Slot, Reals], constants: Constants) -> Reals:
    """The scores of many moments, from the points of each facet and sign before the knee; see `reading.read_score`."""
    size = len(next(iter(amounts.values()), ()))
    sides = np.zeros(size), np.zeros(size)
    for (facet, is_gain), amount in amounts.items():
        bent = apply_knee(amount, constants.knee)
        side = sides[FACET_ORDER.index(facet) >= len(FACET_ORDER) // 2]
        side += bent if is_gain else -bent
    return to_scores(balance_sides(*sides, constants)[0], constants)
