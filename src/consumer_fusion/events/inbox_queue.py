"""Arrivals: events sent over the network, kept as lines until they are read exactly as the lines of files are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pyarrow as pa

from consumer_fusion.ingest.formats import ImportFormat
from consumer_fusion.records.arrival import ARRIVALS, Arrival
from consumer_fusion.storage.store import Session

_COLUMNS = ARRIVALS.column_names[1:]
_write_row = attrgetter(*_COLUMNS)
_READING_COLUMNS = ("format", "source", "brand", "trust_rule", "trust_limit")


@dataclass(frozen=True, slots=True)
class ArrivalBatch:
    """Arrivals that are read in one way.

    Attributes:
        reading: How.
        received_us: When the last of them arrived.
        lines: The events, in the order of arrival.
    """

    reading: ImportFormat
    received_us: int
    lines: tuple[str, ...]

    def split(self) -> tuple[ArrivalBatch, ArrivalBatch]:
        """The first and the second half."""
        half = len(self.lines) // 2
        return (
            ArrivalBatch(self.reading, self.received_us, self.lines[:half]),
            ArrivalBatch(self.reading, self.received_us, self.lines[half:]),
        )


def append_arrivals(session: Session, arrivals: Iterable[Arrival]) -> int:
    """Write what arrived; it is durable once the session's block is left.

    Returns:
        How many there were.
    """
    return session.insert(ARRIVALS, _COLUMNS, map(_write_row, arrivals))


def count_arrivals(session: Session) -> int:
    """How many arrivals wait to be read; told by their numbers, because those that wait longest leave first."""
    first, last = (session.summarise(ARRIVALS, "sequence", function) for function in ("min", "max"))
    return 0 if first is None or last is None else int(last - first) + 1


def find_oldest_arrival(session: Session) -> int | None:
    """When the arrival came that waits longest; None where none waits."""
    rows = session.read(ARRIVALS, columns=("received_us",), order_by=("sequence",), limit=1)
    return int(rows["received_us"][0].as_py()) if rows.num_rows else None


def read_arrivals(session: Session, *, limit: int, characters: int) -> pa.Table:
    """The arrivals that wait longest.

    Args:
        session: A session of the store of arrivals.
        limit: At most so many.
        characters: No more are read once their lines have so many characters together.
    """
    sizes = session.read(ARRIVALS, columns=("sequence",), order_by=("sequence",), limit=limit)
    parts: list[pa.Table] = []
    size, done = 0, 0
    while done < sizes.num_rows and size < characters:
        wanted = sizes.slice(done, 1_000)
        parts.append(session.read_matching(ARRIVALS, wanted))
        size += sum(map(len, parts[-1]["line"].to_pylist()))
        done += wanted.num_rows
    return pa.concat_tables(parts) if parts else session.read(ARRIVALS, limit=0)


def group_arrivals(waiting: pa.Table) -> tuple[ArrivalBatch, ...]:
    """The arrivals by the way in which they are read, in the order of the first of each."""
    lines: dict[tuple[Any, ...], list[str]] = {}
    moments: dict[tuple[Any, ...], int] = {}
    for row in zip(*(waiting[name].to_pylist() for name in (*_READING_COLUMNS, "received_us", "line"))):
        *reading, received_us, line = row
        key = tuple(reading)
        lines.setdefault(key, []).append(line)
        moments[key] = max(received_us, moments.get(key, 0))
    return tuple(
        ArrivalBatch(
            ImportFormat(**dict(zip(_READING_COLUMNS, key))),
            moments[key],
            tuple(found),
        )
        for key, found in lines.items()
    )


def forget_arrivals(session: Session, sequences: Sequence[int]) -> int:
    """Take away arrivals that are among the events now, or set aside, and return how many there were."""
    return session.delete_matching(ARRIVALS, pa.table({"sequence": pa.array(sequences, pa.int64())}))
