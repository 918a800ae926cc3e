"""The same events, the same score: however they come, and whoever comes first. `python benchmarks/same_events.py`

Orders, refunds and visits of some brands and days are imported at once, day by day, backwards and in any order, some of
it sealed in between; printed is the largest difference between the scores of a pair. Then somebody's first order of
0.01 comes before all others. Exit status 1 where scores differ by more than 1e-9.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from consumer_fusion import Event, create_workspace, import_events, open_workspace, score_pairs
from consumer_fusion.events.compaction import seal_inbox

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TOLERANCE = 1e-9
Batches = Sequence[Sequence[Event]]


def main() -> None:
    """Measure, print, and exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60, help="days of events")
    parser.add_argument("--events", type=int, default=40, help="events a day")
    parser.add_argument("--seed", type=int, default=11, help="of the events and of their order")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    events = draw_events(chance, options.days, options.events)
    shuffled = chance.sample(events, len(events))
    size = options.events * 5
    ways: dict[str, tuple[Batches, bool]] = {
        "day by day": (list(cut(events, lambda event: event.occurred_at.date())), False),
        "backwards, sealed in between": (split(events[::-1], size), True),
        "in any order": (split(shuffled, size), False),
    }
    with tempfile.TemporaryDirectory() as folder:
        at_once = score(Path(folder) / "once", [events], is_sealed=False)
        differences = {
            way: compare(at_once, score(Path(folder) / way, batches, is_sealed=is_sealed))
            for way, (batches, is_sealed) in ways.items()
        }
        prober = make_event(chance, 0, options.days + 30.0, "prober", value=0.01, kind="Order Completed")
        probed = score(Path(folder) / "probed", [[prober], events], is_sealed=False)
    print(f"{len(events):,} events of {len(at_once):,} pairs; against all at once:")
    for way, difference in differences.items():
        verdict = "same" if difference <= TOLERANCE else "DIFFERENT"
        print(f"  {verdict:9s}  {way:32s} largest difference of a score {difference:.1e}")
    print(
        f"after a first order of 0.01 by somebody else: {compare(at_once, probed):.1e} (an order like any other)"
    )
    sys.exit(0 if max(differences.values()) <= TOLERANCE else 1)


def draw_events(chance: random.Random, days: int, a_day: int) -> list[Event]:
    """Events in order of time, of brands whose prices differ and rise."""
    return sorted(
        (
            make_event(
                chance, day * a_day + number + 1, days - day - chance.random(), f"c-{chance.randrange(150)}"
            )
            for day in range(days)
            for number in range(a_day)
        ),
        key=lambda event: event.occurred_at,
    )


def make_event(
    chance: random.Random,
    number: int,
    days_ago: float,
    consumer: str,
    *,
    value: float | None = None,
    kind: str = "",
) -> Event:
    """One event, by its number."""
    brand = chance.randrange(3)
    drawn = round(chance.lognormvariate(2.0 + brand, 0.7) * (1.5 - days_ago / 200), 2)
    kind = kind or chance.choices(["Order Completed", "Order Refunded", "Store Visited"], [6, 1, 3])[0]
    return Event(
        event_id=f"event-{number}",
        source="shop",
        occurred_at=NOW - timedelta(days=days_ago),
        kind=kind,
        consumer=consumer,
        brand=f"brand-{brand}",
        value=None if kind == "Store Visited" else drawn if value is None else value,
        currency="EUR",
    )


def cut(events: Sequence[Event], find: Callable[[Event], object]) -> list[list[Event]]:
    """Events in batches of what is found in them, in their order."""
    batches: dict[object, list[Event]] = {}
    for event in events:
        batches.setdefault(find(event), []).append(event)
    return list(batches.values())


def split(events: Sequence[Event], size: int) -> list[Sequence[Event]]:
    """Events in batches of so many."""
    return [events[start : start + size] for start in range(0, len(events), size)]


def score(folder: Path, batches: Batches, *, is_sealed: bool) -> dict[tuple[str, str], float]:
    """The scores at one moment, by pair, after these imports."""
    create_workspace(folder)
    with open_workspace(folder, clock=lambda: NOW) as workspace:
        for batch in batches:
            import_events(workspace, batch)
            if is_sealed:
                seal_inbox(workspace, is_forced=True)
        rows = score_pairs(workspace, as_of=NOW).to_pylist()
    return {(row["consumer"], row["brand"]): row["fusion_score"] for row in rows}


def compare(first: dict[tuple[str, str], float], second: dict[tuple[str, str], float]) -> float:
    """The largest difference of the score of a pair that is in both."""
    return max(abs(first[pair] - second[pair]) for pair in first.keys() & second.keys())


if __name__ == "__main__":
    main()
