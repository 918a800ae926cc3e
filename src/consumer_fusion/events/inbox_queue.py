"""Arrivals: events received over the network, kept as lines until they are read like lines of files."""

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
    """Arrivals with the same format.

    Attributes:
        reading: Format of the lines.
        received_us: Time of the last arrival.
        lines: Events in the order of arrival.
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
    """Store arrivals; they are durable once the session's block is left.

    Returns:
        Number of arrivals.
    """
    return session.insert(ARRIVALS, _COLUMNS, map(_write_row, arrivals))


def count_arrivals(session: Session) -> int:
    """Number of waiting arrivals, computed from their sequence numbers, because the oldest leave first."""
    first, last = (session.summarise(ARRIVALS, "sequence", function) for function in ("min", "max"))
    return 0 if first is None or last is None else int(last - first) + 1


def find_oldest_arrival(session: Session) -> int | None:
    """Time of the oldest waiting arrival; None where none waits."""
    rows = session.read(ARRIVALS, columns=("received_us",), order_by=("sequence",), limit=1)
    return int(rows["received_us"][0].as_py()) if rows.num_rows else None


def read_arrivals(session: Session, *, limit: int, characters: int) -> pa.Table:
    """The oldest waiting arrivals.

    Args:
        session: A session of the store of arrivals.
        limit: Maximum number of arrivals.
        characters: Number of characters of their lines after which reading stops.
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
    """The arrivals by format, in the order of the first of each."""
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
    """Delete arrivals that are now stored or rejected, and return their number."""
    return session.delete_matching(ARRIVALS, pa.table({"sequence": pa.array(sequences, pa.int64())}))
