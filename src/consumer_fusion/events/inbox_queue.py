"""Arrivals: events received over the network, kept as lines until they are read like lines of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.ingest.formats import ImportFormat
from consumer_fusion.records.arrival import ARRIVALS, Arrival
from consumer_fusion.storage.store import RangeCondition, Session

_READING_COLUMNS = ("format", "source", "brand", "trust_rule", "trust_limit")
_get_reading = attrgetter(*_READING_COLUMNS)
ROW_EVENTS = 1_000
ROW_CHARACTERS = 1 << 20
"""Number of events and of characters after which nothing is added to a row."""
_ROWS_AT_A_TIME = 32
LAST_MARK = "last_arrival"


@dataclass(frozen=True, slots=True)
class ArrivalBatch:
    """Arrivals with the same format.

    Attributes:
        reading: Format of the lines.
        received_us: Time of the last arrivals.
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

    Those of one source are one row: a row of its own for each would cost ten times as much to write, read and delete.

    Returns:
        Number of events.
    """
    sources: dict[tuple[Any, ...], list[Arrival]] = {}
    for each in arrivals:
        sources.setdefault(_get_reading(each), []).append(each)
    before = last = int(session.read_mark(LAST_MARK) or 0) or _find_last(session)
    rows = []
    for reading, found in sources.items():
        for some in _cut_rows(found):
            lines = "\n".join([each.lines for each in some])
            count = lines.count("\n") + 1
            last += count
            rows.append((last, *reading, min(each.received_us for each in some), count, lines))
    session.insert(ARRIVALS, ARRIVALS.column_names, rows)
    # No number is given twice: a landing that takes long deletes the rows that it read by their numbers.
    session.write_mark(LAST_MARK, last)
    return last - before


def _find_last(session: Session) -> int:
    return int(session.summarise(ARRIVALS, "sequence", "max") or 0)


def _cut_rows(arrivals: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    begin, count, characters = 0, 0, 0
    for place, each in enumerate(arrivals):
        if count >= ROW_EVENTS or characters >= ROW_CHARACTERS:
            yield arrivals[begin:place]
            begin, count, characters = place, 0, 0
        count += each.event_count
        characters += len(each.lines)
    yield arrivals[begin:]


def count_arrivals(session: Session) -> int:
    """Number of waiting events, computed from their sequence numbers, because the oldest leave first."""
    rows = session.read(ARRIVALS, columns=("sequence", "event_count"), order_by=("sequence",), limit=1)
    if not rows.num_rows:
        return 0
    (oldest,) = rows.to_pylist()
    return _find_last(session) - int(oldest["sequence"]) + int(oldest["event_count"])


def find_oldest_arrival(session: Session) -> int | None:
    """Time of the oldest waiting arrival; None where none waits."""
    rows = session.read(ARRIVALS, columns=("received_us",), order_by=("sequence",), limit=1)
    return int(rows["received_us"][0].as_py()) if rows.num_rows else None


def read_arrivals(session: Session, *, limit: int, characters: int) -> pa.Table:
    """The oldest waiting arrivals.

    Args:
        session: A session of the store of arrivals.
        limit: Number of events after which reading stops.
        characters: Number of characters of their lines after which reading stops.
    """
    parts: list[pa.Table] = []
    size, count, last = 0, 0, 0
    while count < limit and size < characters:
        some = session.read(
            ARRIVALS, {"sequence": RangeCondition(above=last)}, order_by=("sequence",), limit=_ROWS_AT_A_TIME
        )
        if not some.num_rows:
            break
        parts.append(some)
        last = some["sequence"][-1].as_py()
        count += pc.sum(some["event_count"]).as_py()
        size += pc.sum(pc.binary_length(some["lines"])).as_py()
    return pa.concat_tables(parts) if parts else session.read(ARRIVALS, limit=0)


def group_arrivals(waiting: pa.Table) -> tuple[ArrivalBatch, ...]:
    """The arrivals by format, in the order of the first of each."""
    lines: dict[tuple[Any, ...], list[str]] = {}
    moments: dict[tuple[Any, ...], int] = {}
    for row in zip(*(waiting[name].to_pylist() for name in (*_READING_COLUMNS, "received_us", "lines"))):
        *reading, received_us, some = row
        key = tuple(reading)
        lines.setdefault(key, []).extend(some.split("\n"))
        moments[key] = max(received_us, moments.get(key, 0))
    return tuple(
        ArrivalBatch(
            ImportFormat(**dict(zip(_READING_COLUMNS, key))),
            moments[key],
            tuple(found),
        )
        for key, found in lines.items()
    )


def forget_arrivals(session: Session, sequences: Sequence[int]) -> None:
    """Delete rows of arrivals that are now stored or rejected."""
    session.delete_matching(ARRIVALS, pa.table({"sequence": pa.array(sequences, pa.int64())}))
