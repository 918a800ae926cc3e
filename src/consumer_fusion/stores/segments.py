"""Sealed segments: immutable Parquet files, their manifest, and the ids that still guard against retries.

A file is written under another name, brought to disk, renamed, and exists only once its manifest row commits.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from consumer_fusion.records.segment import SEEN_EVENTS, SEGMENTS, Segment
from consumer_fusion.stores.base import Between, Session

SEGMENT_FOLDER = "segments"
UNATTRIBUTED_BUCKET = -1


def place_segment(folder: Path, segment_id: str, bucket: int) -> Path:
    """Where the file of a segment goes, as an absolute path; its folder is made."""
    name = "unattributed" if bucket == UNATTRIBUTED_BUCKET else f"bucket={bucket:02d}"
    target = folder / SEGMENT_FOLDER / name / f"{segment_id}.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def finish_file(unfinished: Path, final: Path) -> str:
    """Bring a written file to disk under its final name and return its SHA-256."""
    digest = hashlib.sha256()
    with unfinished.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        os.fsync(file.fileno())
    unfinished.rename(final)
    sync_folder(final.parent)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_segments(session: Session) -> tuple[Segment, ...]:
    """The segments of the manifest, oldest days first."""
    rows = session.read(SEGMENTS, order_by=("bucket", "min_day", "segment_id"))
    names = [name for name in SEGMENTS.column_names if name != "sealed_us"]
    return tuple(Segment(**row) for row in rows.select(names).to_pylist())


def add_segments(session: Session, segments: Iterable[Segment], sealed_us: int) -> None:
    """Enter segments into the manifest."""
    rows = [
        (each.segment_id, each.path, each.bucket, each.row_count, each.min_day, each.max_day, each.sha256, sealed_us)
        for each in segments
    ]
    session.insert(SEGMENTS, SEGMENTS.column_names, rows)


def remove_segments(session: Session, segment_ids: Sequence[str]) -> None:
    """Strike segments from the manifest; their files go with `sweep_files`."""
    session.delete(SEGMENTS, {"segment_id": list(segment_ids)})


def remember_events(session: Session, keys: Iterable[tuple[int, str]], sealed_us: int) -> None:
    """Keep the ids of events that leave the inbox, so that a retry of one is known at once."""
    session.insert(
        SEEN_EVENTS,
        SEEN_EVENTS.column_names,
        ((source_id, event_id, sealed_us) for source_id, event_id in keys),
        ignore=True,
    )


def forget_events(session: Session, before_us: int) -> int:
    """Drop remembered ids that were sealed before the moment; segments still hold them."""
    return session.delete(SEEN_EVENTS, {"sealed_us": Between(at_most=before_us)})


def sweep_files(folder: Path, segments: Sequence[Segment], *, older_than_seconds: float, now_seconds: float) -> int:
    """Delete files that no manifest row names and that nobody can be writing any more.

    Returns:
        How many were deleted.
    """
    known = {folder / each.path for each in segments}
    removed = 0
    for path in (folder / SEGMENT_FOLDER).rglob("*.parquet*"):
        if path not in known and now_seconds - path.stat().st_mtime > older_than_seconds:
            path.unlink()
            removed += 1
    return removed
