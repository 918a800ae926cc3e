"""Rewriting: annotating stored events again, or removing them in favour of changed versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.deduplication import KEY
from consumer_fusion.events.inbox import write_segments
from consumer_fusion.events.sealed_ids import find_holders, find_sealed
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, add_segments, list_segments, remove_segments
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
        now_us: Present time.

    Returns:
        The consumers of such money, as named by their sources.
    """
    consumers: set[int] = set()
    asked = {**tables, "moved_spans": moved}
    hot = session.read(EVENTS, {"brand_id": moved["brand_id"].unique().to_pylist()})
    if hot.num_rows:
        chosen = f"(select e.* exclude (kind_id, magnitude) from hot_events e join moved_spans m on {_MOVED})"
        rows = engine.read(annotate(chosen), step="size the inbox again", tables={**asked, "hot_events": hot})
        consumers.update(rows["consumer_id"].to_pylist())
        session.replace(
            EVENTS, EVENTS.column_names, zip(*(rows[name].to_pylist() for name in EVENTS.column_names))
        )
    first_day, last_day = to_day(pc.min(moved["from_us"]).as_py()), to_day(pc.max(moved["to_us"]).as_py())
    for each in list_segments(session):
        if each.bucket == UNATTRIBUTED_BUCKET or each.max_day < first_day or each.min_day > last_day:
            continue
        stored = f"read_parquet({quote_paths([folder / each.path])})"
        found = engine.read(
            f"select distinct e.consumer_id from {stored} e join moved_spans m on {_MOVED}",
            step="find money to size again",
            tables=asked,
        )
        if found.num_rows:
            consumers.update(found["consumer_id"].to_pylist())
            plain = f"(select {_PLAIN} from {stored})"
            made = write_segments(engine, folder, f"({annotate(plain)})", tables, buckets=[each.bucket])
            add_segments(session, made, now_us)
            remove_segments(session, folder, [each])
    return consumers


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
