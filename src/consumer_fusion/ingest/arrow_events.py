"""Events and batches of rows as parts, so that events from programs are validated exactly like files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import pyarrow as pa

from consumer_fusion.ingest.row_batches import POSITION, RowBatch, cut_batch, is_part
from consumer_fusion.ingest.validation import CANONICAL_COLUMNS
from consumer_fusion.records.event import Event

CANONICAL_SCHEMA = pa.schema([(name, pa.string()) for name in CANONICAL_COLUMNS])
"""The columns of a batch: texts, with JSON objects for identifiers and properties."""

_OBJECTS = ("identifiers", "properties")
_AS_JSON = ", ".join(
    f"'{name}': coalesce(try_cast({name} as json), to_json({name}))"
    if name in _OBJECTS
    else f"'{name}': {name}"
    for name in CANONICAL_COLUMNS
)
SELECT_BATCH_ROWS = (
    f"select {POSITION} as position, cast(json_merge_patch('{{}}', to_json({{{_AS_JSON}}})) as varchar) as raw, "
    "cast(null as varchar) as content, cast(null as varchar) as problem, cast(null as varchar) as detail, "
    f"{', '.join(CANONICAL_COLUMNS)} from lines"
)
"""The canonical query over the rows of a batch; a rejected row is stored as an event line."""


def gather_batches(batches: Iterable[pa.RecordBatch], rows_per_part: int) -> Iterator[RowBatch]:
    """Batches of canonical columns as parts of approximately `rows_per_part` rows."""
    gathered: list[pa.RecordBatch] = []
    position = 0

    def join() -> RowBatch:
        table = pa.Table.from_batches(gathered).select(list(CANONICAL_COLUMNS)).cast(CANONICAL_SCHEMA)
        positions = pa.array(range(position - len(table) + 1, position + 1), pa.int64())
        return RowBatch(table.append_column(POSITION, positions), "values", CANONICAL_COLUMNS, position, 0.0)

    for batch in batches:
        for some in cut_batch(batch):
            gathered.append(some)
            position += len(some)
            if is_part(gathered, rows_per_part):
                yield join()
                gathered = []
    if gathered:
        yield join()


def write_batches(events: Iterable[Event], rows_per_batch: int = 50_000) -> Iterator[pa.RecordBatch]:
    """Events as batches of canonical columns."""
    rows: list[tuple[str | None, ...]] = []
    for event in events:
        rows.append(_write_texts(event))
        if len(rows) == rows_per_batch:
            yield _make_batch(rows)
            rows = []
    if rows:
        yield _make_batch(rows)


def _make_batch(rows: Sequence[tuple[str | None, ...]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema=CANONICAL_SCHEMA
    )


def _write_texts(event: Event) -> tuple[str | None, ...]:
    def write_time(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return (
        event.source, event.event_id, write_time(event.occurred_at), event.precision, write_time(event.received_at),
        event.consumer, event.brand, event.kind, event.channel,
        None if event.value is None else repr(float(event.value)), event.currency, event.text,
        None if event.trust is None else repr(float(event.trust)),
        json.dumps(dict(event.identifiers)) if event.identifiers else None,
        json.dumps(dict(event.properties)) if event.properties else None,
    )  # fmt: skip
