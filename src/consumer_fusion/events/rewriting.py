"""Rewriting: annotating stored events again, or removing them in favour of changed versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer_fusion.events.deduplication import KEY
from consumer_fusion.events.inbox import write_segments
from consumer_fusion.events.sealed_ids import find_holders, find_sealed
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.segments import (
    UNATTRIBUTED_BUCKET,
    add_segments,
    find_segment_path,
    finish_file,
    list_segments,
    remove_segments,
)
from consumer_fusion.storage.store import Session

_PLAIN = "* exclude (kind_id, magnitude, same_day_count)"
_MOVED = (
    "m.brand_id = e.brand_id and m.currency = coalesce(e.currency, '') "
    "and e.occurred_us >= m.from_us and e.occurred_us < m.to_us and e.value is not null"
)


def rewrite_events(
    session: Session,
    engine: Engine,
    folder: Path,
    annotate: Callable[[str], str],
    tables: Mapping[str, pa.Table],
    now_us: int,
) -> int:
    """Annotate all stored events again, those of the inbox in place and those of segments in new files.

    Args:
        session: A writing session.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        annotate: Converts a relation without kind and magnitude into a query with both.
        tables: Tables that the query joins.
        now_us: Present time.

    Returns:
        Number of events.
    """
    hot = session.read(EVENTS).drop_columns(["kind_id", "magnitude"])
    count: int = hot.num_rows
    if count:
        rows = engine.read(
            annotate("hot_events"), step="annotate the inbox again", tables={**tables, "hot_events": hot}
        )
        session.replace(
            EVENTS, EVENTS.column_names, zip(*(rows[name].to_pylist() for name in EVENTS.column_names))
        )
    segments = list_segments(session)
    by_bucket: dict[int, list[Path]] = {}
    for each in segments:
        by_bucket.setdefault(each.bucket, []).append(folder / each.path)
        count += each.row_count
    for bucket, paths in by_bucket.items():
        plain = f"(select {_PLAIN} from read_parquet({quote_paths(paths)}))"
        made = write_segments(engine, folder, f"({annotate(plain)})", tables, buckets=[bucket])
        add_segments(session, made, now_us)
    remove_segments(session, folder, segments)
    return count


def resize_events(
    session: Session,
    engine: Engine,
    folder: Path,
    annotate: Callable[[str], str],
    tables: Mapping[str, pa.Table],
    moved: pa.Table,
    kind_ids: Sequence[int],
    now_us: int,
) -> set[int]:
    """Annotate stored money again where its reference changed; other files stay as they are.

    Args:
        session: A writing session.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        annotate: Converts a relation without kind and magnitude into a query with both.
        tables: Tables that the query joins.
        moved: Periods of changed references: brand_id, currency, from_us, to_us (exclusive).
        kind_ids: Kinds whose magnitude is money.
        now_us: Present time.

    Returns:
        The brands with such money.
    """
    brands: set[int] = set()
    asked = {**tables, "moved_spans": moved}
    is_sized = f"e.kind_id in ({', '.join(map(str, kind_ids)) or 'null'})"

    def choose(relation: str, columns: str) -> str:
        return f"(select {columns} from {relation} e join moved_spans m on {_MOVED} where {is_sized})"

    hot = session.read(
        EVENTS, {"brand_id": moved["brand_id"].unique().to_pylist(), "kind_id": list(kind_ids)}
    )
    if hot.num_rows:
        chosen = choose("hot_events", "e.* exclude (kind_id, magnitude)")
        rows = engine.read(annotate(chosen), step="size the inbox again", tables={**asked, "hot_events": hot})
        brands.update(rows["brand_id"].to_pylist())
        session.replace(
            EVENTS, EVENTS.column_names, zip(*(rows[name].to_pylist() for name in EVENTS.column_names))
        )
    first_day, last_day = to_day(pc.min(moved["from_us"]).as_py()), to_day(pc.max(moved["to_us"]).as_py())
    for each in list_segments(session):
        if each.bucket == UNATTRIBUTED_BUCKET or each.max_day < first_day or each.min_day > last_day:
            continue
        stored = f"read_parquet({quote_paths([folder / each.path])}, file_row_number = true)"
        chosen = choose(stored, "e.* exclude (kind_id, magnitude, same_day_count)")
        resized = engine.read(
            f"select file_row_number, magnitude, brand_id from ({annotate(chosen)})",
            step="size sealed money again",
            tables=asked,
        )
        if resized.num_rows:
            brands.update(resized["brand_id"].unique().to_pylist())
            positions, magnitudes = (resized[name].to_numpy() for name in ("file_row_number", "magnitude"))
            made = _copy_resized(folder, each, positions, magnitudes)
            add_segments(session, [made], now_us)
            remove_segments(session, folder, [each])
    return brands


def _copy_resized(
    folder: Path, segment: Segment, positions: npt.NDArray[np.int64], magnitudes: npt.NDArray[np.float64]
) -> Segment:
    """Write a segment again with other magnitudes: its order and its counts stay, so that nothing is sorted.

    Args:
        folder: Folder of the workspace.
        segment: The segment.
        positions: Positions of the events in its file, from 0.
        magnitudes: Their magnitudes.
    """
    segment_id = make_id()
    final = find_segment_path(folder, segment_id, segment.bucket)
    unfinished = make_file(final.with_suffix(".parquet.unfinished"))
    order = np.argsort(positions)
    positions, magnitudes = positions[order], magnitudes[order]
    with pq.ParquetFile(folder / segment.path) as file:
        place = file.schema_arrow.get_field_index("magnitude")
        with pq.ParquetWriter(unfinished, file.schema_arrow, compression="zstd") as writer:
            start = 0
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, use_threads=False)
                first, last = np.searchsorted(positions, [start, start + rows.num_rows])
                values = rows["magnitude"].to_numpy().copy()
                values[positions[first:last] - start] = magnitudes[first:last]
                writer.write_table(rows.set_column(place, "magnitude", pa.array(values)))
                start += rows.num_rows
    return replace(
        segment,
        segment_id=segment_id,
        path=str(final.relative_to(folder)),
        sha256=finish_file(unfinished, final),
    )


def remove_events(session: Session, engine: Engine, folder: Path, keys: pa.Table, now_us: int) -> pa.Table:
    """Remove events; the segment files that contain them are rewritten without them.

    Args:
        session: A writing session.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        keys: `source_id` and `event_id`.
        now_us: Present time.

    Returns:
        The events, with the columns of `EVENTS` except the sequence.
    """
    names = EVENTS.column_names[1:]
    taken = [session.read_matching(EVENTS, keys, columns=names)]
    session.delete_matching(EVENTS, keys)
    holders = find_holders(engine, folder, list_segments(session), keys)
    if holders:
        taken.append(find_sealed(engine, folder, holders, keys, columns=names).cast(taken[0].schema))
    condition = " and ".join(f"k.{name} = e.{name}" for name in KEY)
    for each in holders:
        rest = (
            f"(select * exclude (same_day_count) from read_parquet({quote_paths([folder / each.path])}) e "
            f"where not exists (select 1 from taken_keys k where {condition}))"
        )
        made = write_segments(engine, folder, rest, {"taken_keys": keys}, buckets=[each.bucket])
        add_segments(session, made, now_us)
    remove_segments(session, folder, holders)
    return pa.concat_tables(taken)
