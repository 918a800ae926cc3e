"""Merging segments into one, range after range of their order, so that only the events of one are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.events.inbox import write_sealed_sql
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.segment import Segment
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.segments import find_segment_path, finish_file

ROWS_TOGETHER = 32_768
"""Number of events that are merged at a time, about; each time is one row group of the new file."""
_SAMPLES = 16
"""Number of samples for each range; more of them make ranges more even."""
_KEY = ("consumer_id", "brand_id", "kind_id", "day")
"""Segments are sorted by it, and events with one key are counted together."""

Key = tuple[int, ...]


def merge_segments(engine: Engine, folder: Path, target: Path, segments: Sequence[Segment]) -> Segment:
    """Write the events of several segments of one bucket into one, with complete counts of each day.

    Args:
        engine: Engine to sort with.
        folder: Folder of the workspace.
        target: Folder to write into as if it were that of the workspace.
        segments: The segments, which stay as they are.

    Returns:
        The new segment; it exists once the caller enters it into the manifest.
    """
    segment_id, bucket = make_id(), segments[0].bucket
    final = find_segment_path(target, segment_id, bucket)
    unfinished = make_file(final.with_suffix(".parquet.unfinished"))
    paths = quote_paths([folder / each.path for each in segments])
    writer: pq.ParquetWriter | None = None
    try:
        for condition in _list_ranges(engine, paths):
            # Streamed, because the engine reserves a million rows for a table.
            batches = list(
                engine.stream(
                    write_sealed_sql(f"(select * from read_parquet({paths}) s where {condition})"),
                    step="merge segments",
                    rows_per_batch=ROWS_TOGETHER // 2,
                )
            )
            if not batches:  # the last sample was the last event
                continue
            rows = pa.Table.from_batches(batches)
            writer = writer or pq.ParquetWriter(unfinished, rows.schema, compression="zstd")
            writer.write_table(rows)
    finally:
        if writer is not None:
            writer.close()
    return Segment(
        segment_id=segment_id,
        path=str(final.relative_to(target)),
        bucket=bucket,
        row_count=sum(each.row_count for each in segments),
        min_day=min(each.min_day for each in segments),
        max_day=max(each.max_day for each in segments),
        sha256=finish_file(unfinished, final),
    )


def _list_ranges(engine: Engine, paths: str) -> Iterator[str]:
    """The conditions of consecutive ranges of the key with about as many events each."""
    step, listed = max(1, ROWS_TOGETHER // _SAMPLES), ", ".join(_KEY)
    sampled = engine.read(
        f"select {listed} from read_parquet({paths}, file_row_number = true) "
        f"where file_row_number % {step} = 0 order by {listed}",
        step="sample segments to merge",
    )
    keys: list[Key] = list(zip(*(column.to_pylist() for column in sampled.columns)))
    # A key may have more events than a range; then it ends only one.
    ends: list[Key | None] = [*dict.fromkeys(keys[_SAMPLES::_SAMPLES]), None]
    start: Key | None = None
    for end in ends:
        conditions = ["true"]
        # The bounds of the consumer alone are what the engine skips row groups by.
        if start is not None:
            conditions += [f"consumer_id >= {start[0]}", _write_after(start)]
        if end is not None:
            conditions += [f"consumer_id <= {end[0]}", f"not {_write_after(end)}"]
        yield " and ".join(conditions)
        start = end


def _write_after(key: Key) -> str:
    """The condition that an event is after a key; DuckDB 1.5.6 fails for two comparisons of rows at once."""
    condition = "false"
    for name, value in zip(reversed(_KEY), reversed(key), strict=True):
        condition = f"({name} > {value} or ({name} = {value} and {condition}))"
    return condition
