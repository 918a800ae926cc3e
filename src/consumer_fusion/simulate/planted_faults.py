"""Writes a town's events with planted faults, and returns the exact number of each.

Every good event of the town is still there once, so that importing the file must give the same relationships as the
file without faults: the planted lines are additional (repeated lines, broken ones, wrong clocks) or delayed (late
arrivals).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from consumer_fusion.simulate.event_files import write_event_lines, write_text_lines
from consumer_fusion.simulate.towns import Town

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class PlantedFaults:
    """The lines written, by kind of fault.

    Attributes:
        lines: Number of lines in the file.
        events: Number of good events of the town; each is there once, not counting repeats.
        duplicates: Lines sent again with the same id.
        late_arrivals: Good events far out of order, received up to 60 days late.
        numeric_consumers: Rows with a JSON number as their consumer: a valid id, to be read as text.
        wrong_clocks: Rows that occurred days after they were received.
        without_time: Rows without `occurred_at`.
        without_kind: Rows without `kind`.
        unparsable: Lines that are not JSON.
        wrong_types: Rows with a text as value, or a list as properties, identifiers or consumer.
        negative_trust: Rows with a trust below 0.
    """

    lines: int
    events: int
    duplicates: int
    late_arrivals: int
    numeric_consumers: int
    wrong_clocks: int
    without_time: int
    without_kind: int
    unparsable: int
    wrong_types: int
    negative_trust: int

    @property
    def accepted(self) -> int:
        """Number of events that an import must accept."""
        return self.events + self.numeric_consumers

    @property
    def rejected(self) -> int:
        """Number of rows that an import must reject with a reason."""
        return (
            self.wrong_clocks
            + self.without_time
            + self.without_kind
            + self.unparsable
            + self.wrong_types
            + self.negative_trust
        )


def write_faulty_events(town: Town, path: Path, seed: int = 0, *, share: float = 0.01) -> PlantedFaults:
    """Write a town's events with planted faults.

    Args:
        town: The town.
        path: The file; compressed where its name ends in `.gz`.
        seed: Random seed of the positions of the faults.
        share: Share of the town's events for each kind of fault; at least one of each is planted.

    Returns:
        The exact counts.
    """
    chance = np.random.default_rng([seed, town.seed, town.people])
    lines = [line for batch in town.batches() for line in write_event_lines(batch)]
    events = len(lines)
    count = max(1, round(events * share))
    chosen = chance.permutation(events)
    late, again = chosen[:count], chosen[count : 2 * count]
    turns: list[float] = [float(turn) for turn in range(events)]
    for position in late:
        row = json.loads(lines[position])
        row["received_at"] = _move(row["received_at"], days=float(chance.uniform(1, 60)))
        lines[position] = _write(row)
        turns[position] = position + float(chance.uniform(0.2, 1.0)) * (events - position)
    for position in again:
        lines.append(lines[position])
        turns.append(float(chance.uniform(position + 0.5, events)))
    plans: dict[str, Callable[[Row, int], str]] = {
        "numeric_consumers": _give_number,
        "wrong_clocks": _set_clock_forward,
        "without_time": _leave_out("occurred_at"),
        "without_kind": _leave_out("kind"),
        "unparsable": _cut,
        "wrong_types": _confuse_types,
        "negative_trust": _distrust,
    }
    for name, spoil in plans.items():
        for number in range(count):
            row = json.loads(lines[int(chance.integers(events))])
            row["event_id"] = f"planted-{name.replace('_', '-')}-{number}"
            lines.append(spoil(row, number))
            turns.append(float(chance.uniform(0, events)))
    order = np.argsort(np.array(turns), kind="stable")
    written = write_text_lines(path, (lines[position] for position in order))
    return PlantedFaults(
        lines=written,
        events=events,
        duplicates=len(again),
        late_arrivals=len(late),
        **dict.fromkeys(plans, count),
    )


def _write(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _move(moment: object, *, days: float) -> str:
    moved = datetime.fromisoformat(str(moment)) + timedelta(days=days)
    return moved.replace(microsecond=0).isoformat()


def _give_number(row: Row, number: int) -> str:
    return _write(row | {"consumer": 7_000_000 + number})


def _set_clock_forward(row: Row, number: int) -> str:
    return _write(row | {"occurred_at": _move(row["received_at"], days=2.0 + number % 400)})


def _leave_out(field: str) -> Callable[[Row, int], str]:
    def spoil(row: Row, number: int) -> str:
        return _write({name: value for name, value in row.items() if name != field})

    return spoil


def _cut(row: Row, number: int) -> str:
    line = _write(row)
    return line[: len(line) // 2]


def _confuse_types(row: Row, number: int) -> str:
    wrong: tuple[Row, ...] = (
        {"value": "a lot"},
        {"properties": [1, 2]},
        {"identifiers": "none"},
        {"consumer": ["one", "two"]},
    )
    return _write(row | wrong[number % len(wrong)])


def _distrust(row: Row, number: int) -> str:
    return _write(row | {"trust": -0.5})
