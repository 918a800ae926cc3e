"""The ledger of one pair: its events with magnitude and trust, weighed and folded.

The same fold as the engine's, written plainly for one pair: the reference of the tests, and the basis of explanations.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from consumer_fusion.records.points import Kind, PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.reading import KindState

FADED_HALF_LIVES = 400
"""Age in half-lives beyond which an event weighs nothing; the SQL of the fold has the same bound. Squares of smaller
weights leave the range of a double, which some engines refuse."""
HIDDEN_EVENT_ID = "elsewhere"
"""Stands for the parent event where the caller may not see it."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event of a pair, ready to be weighed.

    Attributes:
        event_id: The event.
        occurred_us: Time of the event, in microseconds since 1970 in UTC.
        day: Its UTC day, days since 1970.
        kind: Key of the points table that it counts as.
        magnitude: Size relative to its kind; 1 is ordinary.
        trust: 0 to 1: the source's trust times the kind's.
        channel: Channel of the event.
        text: Text of the event.
        properties: All its other properties.
        parent_event_id: Id of the event that it was derived from.
        sentence: Reason for a derived event.
    """

    event_id: str
    occurred_us: int
    day: int
    kind: str
    magnitude: float = 1.0
    trust: float = 1.0
    channel: str | None = None
    text: str | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    parent_event_id: str | None = None
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class WeighedEntry:
    """An event with its weight at some time.

    Attributes:
        entry: The event.
        kind: Its kind in the points table.
        weight: Trust x burst x decay.
        burst_count: Number of events of its kind on its day until that time, including itself.
    """

    entry: LedgerEntry
    kind: Kind
    weight: float
    burst_count: int


def dampen_burst(count: int) -> float:
    """The weight of each of n events of one kind and day: together log2(1 + n), not n."""
    return math.log2(1 + count) / count


def fade_over(elapsed_us: int, half_life_days: float) -> float:
    """The remaining part of a weight after some time; above 1 for a time before the event."""
    half_lives = elapsed_us / (DAY_MICROSECONDS * half_life_days)
    return 0.0 if half_lives > FADED_HALF_LIVES else math.exp2(-half_lives)


def order_entries(entries: Iterable[LedgerEntry], until_us: int) -> list[LedgerEntry]:
    """The events until a given time in order; at the same time, causes before their effects."""
    happened = [entry for entry in entries if entry.occurred_us <= until_us]
    return sorted(
        happened, key=lambda entry: (entry.occurred_us, entry.parent_event_id is not None, entry.event_id)
    )


def weigh_entries(entries: Iterable[LedgerEntry], as_of_us: int, points: PointsTable) -> list[WeighedEntry]:
    """Weigh every event until a given time, in order; kinds missing from the table are left out."""
    known = [entry for entry in order_entries(entries, as_of_us) if entry.kind in points.kinds]
    # An event without trust takes nothing from the others of its day.
    counts = Counter((entry.kind, entry.day) for entry in known if entry.trust > 0)
    weighed = []
    for entry in known:
        kind, count = points.kinds[entry.kind], max(counts[entry.kind, entry.day], 1)
        faded = fade_over(as_of_us - entry.occurred_us, kind.half_life_days)
        weighed.append(WeighedEntry(entry, kind, entry.trust * dampen_burst(count) * faded, count))
    return weighed


def fold_weighed(weighed: Sequence[WeighedEntry]) -> list[KindState]:
    """Fold weighed events into one state for each kind."""
    sums: dict[str, list[float]] = {}
    for item in weighed:
        sized = item.weight * item.entry.magnitude
        total = sums.setdefault(item.kind.key, [0.0] * 5)
        for place, term in enumerate(
            (sized, item.weight, sized * sized, item.weight**2, item.weight * sized)
        ):
            total[place] += term
    return [KindState(kind, *total) for kind, total in sums.items()]


def fold_ledger(entries: Iterable[LedgerEntry], as_of_us: int, points: PointsTable) -> list[KindState]:
    """Fold the events of a pair up to a given time.

    Args:
        entries: The pair's events, in any order.
        as_of_us: As-of time; later events are left out.
        points: Points table, for its half-lives and kinds.
    """
    return fold_weighed(weigh_entries(entries, as_of_us, points))
