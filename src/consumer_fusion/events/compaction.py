"""Sealing: moving events of past days from the inbox to segments, in one transaction with the manifest."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from consumer_fusion.events.inbox import INBOX_COLUMNS, write_segments
from consumer_fusion.records.event import EVENTS
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import (
    add_segments,
    forget_events,
    list_segments,
    remember_events,
    remove_segments,
)
from consumer_fusion.storage.store import RangeCondition, Session, Where

COMPACT_ABOVE = 8
"""Number of segment files above which a bucket is rewritten as one file."""


def count_sealable(session: Session, *, limit_day: int, folded_sequence: int) -> int:
    """Number of events that can leave the inbox; see `seal_events`."""
    return session.count(EVENTS, _choose_events(limit_day, folded_sequence))


def _choose_events(limit_day: int, folded_sequence: int) -> Where:
    return {"day": RangeCondition(at_most=limit_day - 1), "sequence": RangeCondition(at_most=folded_sequence)}


def seal_events(
    session: Session,
    engine: Engine,
    folder: Path,
    *,
    limit_day: int,
    folded_sequence: int,
    now_us: int,
    forget_before_us: int,
) -> int:
    """Move folded events of days before the limit from the inbox into segments.

    Args:
        session: A writing session; files exist only once it commits.
        engine: Engine to sort with.
        folder: Folder of the workspace.
        limit_day: First UTC day that stays.
        folded_sequence: Sequence of the newest folded event.
        now_us: Present time.
        forget_before_us: Time before which ids of sealed events are forgotten, to be looked up in segments.

    Returns:
        Number of events moved.
    """
    rows = session.read(EVENTS, _choose_events(limit_day, folded_sequence))
    if not rows.num_rows:
        return 0
    events = rows.select(list(INBOX_COLUMNS))
    segments = write_segments(engine, folder, "inbox_events", {"inbox_events": events})
    add_segments(session, segments, now_us)
    remember_events(session, zip(events["source_id"].to_pylist(), events["event_id"].to_pylist()), now_us)
    forget_events(session, forget_before_us)
    session.delete_matching(EVENTS, pa.table({"sequence": rows["sequence"]}))
    compact_segments(session, engine, folder, now_us)
    return int(rows.num_rows)


def compact_segments(session: Session, engine: Engine, folder: Path, now_us: int) -> int:
    """Rewrite buckets with many segment files as one file each, with complete day counts.

    Returns:
        Number of files replaced.
    """
    by_bucket: dict[int, list[str]] = {}
    segments = {each.segment_id: each for each in list_segments(session)}
    for each in segments.values():
        by_bucket.setdefault(each.bucket, []).append(each.segment_id)
    replaced = 0
    for bucket, ids in by_bucket.items():
        if len(ids) <= COMPACT_ABOVE:
            continue
        paths = [folder / segments[segment_id].path for segment_id in ids]
        made = write_segments(engine, folder, f"read_parquet({quote_paths(paths)})", {}, buckets=[bucket])
        remove_segments(session, folder, [segments[segment_id] for segment_id in ids])
        add_segments(session, made, now_us)
        replaced += len(ids)
    return replaced
