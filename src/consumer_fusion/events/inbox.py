"""The inbox: new events are stored in it, or in sealed segments where they are many.

Reading and validating files is in `staging`, finding stored rows in `deduplication`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from consumer_fusion.records.event import EVENTS, SEGMENT_COLUMNS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.segment import Segment
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, find_segment_path, finish_file
from consumer_fusion.storage.store import Session, Value

INBOX_COLUMNS = EVENTS.column_names[1:]
_SEGMENT_NAMES = tuple(column.name for column in SEGMENT_COLUMNS if column.name != "same_day_count")


def land_in_inbox(session: Session, events: Mapping[str, Sequence[Value]]) -> int:
    """Insert annotated events, given by column, into the inbox and return the number of new ones."""
    rows = zip(*(events[name] for name in INBOX_COLUMNS), strict=True)
    return session.insert(EVENTS, INBOX_COLUMNS, rows, ignore=True)


def write_sealed_sql(events_sql: str) -> str:
    """The query of a segment's rows: in their order, each with the number of events of its pair, kind and day."""
    return f"""
        select {", ".join(_SEGMENT_NAMES)}, cast(sum(case when trust > 0 then 1 else 0 end)
            over (partition by consumer_id, brand_id, kind_id, day) as bigint) as same_day_count
        from {events_sql} e
        order by consumer_id, brand_id, kind_id, occurred_us, source_id, event_id
    """


def write_segments(
    engine: Engine,
    folder: Path,
    events_sql: str,
    tables: Mapping[str, pa.Table],
    *,
    buckets: Sequence[int] = (*range(BUCKET_COUNT), UNATTRIBUTED_BUCKET),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Segment]:
    """Write events into sealed files, one per bucket, sorted by pair, kind and time.

    Args:
        engine: Engine to compute with.
        folder: Folder of the workspace.
        events_sql: A relation of annotated events with all columns of a segment except the last.
        tables: Tables to which the relation refers.
        buckets: Buckets to write.
        progress: Called with the number of buckets done and in total.

    Returns:
        The segments; they exist once the caller enters them into the manifest.
    """
    segments: list[Segment] = []
    for done, bucket in enumerate(buckets):
        chosen = (
            "consumer_id = 0 or brand_id = 0"
            if bucket == UNATTRIBUTED_BUCKET
            else f"consumer_id <> 0 and brand_id <> 0 and consumer_id % {BUCKET_COUNT} = {bucket}"
        )
        segment_id = make_id()
        final = find_segment_path(folder, segment_id, bucket)
        unfinished = final.with_suffix(".parquet.unfinished")
        count = engine.write(
            write_sealed_sql(f"(select * from {events_sql} e where {chosen})"),
            unfinished,
            step="seal events",
            tables=tables,
        )
        progress(done + 1, len(buckets))
        if not count:
            unfinished.unlink()
            continue
        days = engine.read(
            f"select min(day) as first, max(day) as last from read_parquet({quote_paths([unfinished])})",
            step="read the days of a segment",
        ).to_pylist()[0]
        digest = finish_file(unfinished, final)
        segments.append(
            Segment(
                segment_id=segment_id,
                path=str(final.relative_to(folder)),
                bucket=bucket,
                row_count=count,
                min_day=days["first"],
                max_day=days["last"],
                sha256=digest,
            )
        )
    return segments
