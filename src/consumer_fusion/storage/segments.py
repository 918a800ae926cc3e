"""Sealed segments: immutable Parquet files, and their manifest.

A file is written under a temporary name, synced, renamed, and exists only once its manifest row commits.
Files get into the folder of segments in writing sessions only, of which there is one at a time: so in such a session
a file that the manifest does not list is not being written. Files prepared outside of a session are in another folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from consumer_fusion.records.clock import read_system_clock
from consumer_fusion.records.segment import SEGMENTS, Segment
from consumer_fusion.storage.store import Session, Store

SEGMENT_FOLDER = "segments"
_REPLACED = ".replaced"
"""Suffix of the empty marker file next to a segment that was removed from the manifest."""
_CLOCK_SECONDS = 1.0
_DIGESTS = ".ids"
"""Suffix of the file next to a segment with the digests of its ids."""
UNATTRIBUTED_BUCKET = -1


def find_segment_path(folder: Path, segment_id: str, bucket: int) -> Path:
    """The absolute path of a segment's file; its folder is created."""
    name = "unattributed" if bucket == UNATTRIBUTED_BUCKET else f"bucket={bucket:02d}"
    target = folder / SEGMENT_FOLDER / name / f"{segment_id}.parquet"
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(target.parent.parent)
        sync_folder(folder)
    return target


def place_digests(segment: Path) -> Path:
    """The path of the digests of a segment's ids; the file is deleted with the segment."""
    return segment.with_suffix(_DIGESTS)


def finish_file(unfinished: Path, final: Path) -> str:
    """Sync a written file to disk under its final name and return its SHA-256."""
    digest = hashlib.sha256()
    with unfinished.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
        os.fchmod(file.fileno(), 0o600)
        os.fsync(file.fileno())
    unfinished.rename(final)
    sync_folder(final.parent)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Sync the directory entries of a folder to disk."""
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
    """Insert segments into the manifest."""
    rows = [
        (
            each.segment_id,
            each.path,
            each.bucket,
            each.row_count,
            each.min_day,
            each.max_day,
            each.sha256,
            sealed_us,
        )
        for each in segments
    ]
    session.insert(SEGMENTS, SEGMENTS.column_names, rows)


def adopt_segments(
    session: Session, folder: Path, scratch: Path, segments: Iterable[Segment], sealed_us: int
) -> None:
    """Move segments that were prepared in another folder, with their digests, and insert them into the manifest.

    Args:
        session: A writing session.
        folder: Folder of the workspace.
        scratch: Folder in which they were prepared as if it were that of the workspace.
        segments: The segments.
        sealed_us: Present time.
    """
    adopted = list(segments)
    for each in adopted:
        target, prepared = find_segment_path(folder, each.segment_id, each.bucket), scratch / each.path
        place_digests(prepared).rename(place_digests(target))
        prepared.rename(target)
        sync_folder(target.parent)
    add_segments(session, adopted, sealed_us)


def remove_segments(session: Session, folder: Path, segments: Sequence[Segment]) -> None:
    """Remove segments from the manifest.

    Their files stay for readers who opened the store before; `sweep_replaced` deletes them later.
    """
    for each in segments:
        path = folder / each.path
        path.with_name(path.name + _REPLACED).touch()
    session.delete_matching(
        SEGMENTS, pa.table({"segment_id": pa.array([s.segment_id for s in segments], pa.string())})
    )


def sweep_replaced(store: Store, folder: Path) -> int:
    """Delete replaced segment files, except those that may still be read.

    Args:
        store: The store of the manifest.
        folder: Folder of the workspace.

    Returns:
        Number of deleted files.
    """
    if next((folder / SEGMENT_FOLDER).glob(f"*/*{_REPLACED}"), None) is None:
        return 0
    unseen = find_safe_deletion_time(store)
    with store.writing(wait_seconds=0.0) as session:
        return sweep_files(session, folder, replaced_before=unseen)


def find_safe_deletion_time(store: Store) -> float:
    """A time (seconds since 1970) such that files replaced before it are in no session; 0 where there is none.

    A segment is only read within a session, and the log of the store can only be truncated if no session is
    older than the last commit.
    """
    # Compared with times of files, which lag by some milliseconds; so it is the system's clock, even in tests.
    moment = read_system_clock().timestamp() - _CLOCK_SECONDS
    return moment if store.truncate_log() else 0.0


def sweep_files(session: Session, folder: Path, *, replaced_before: float) -> int:
    """Delete files of segments that are missing from the manifest.

    Remains of an interrupted writer are deleted at once, because they were never read; a replaced segment is deleted
    once no reader can still need it.

    Args:
        session: A writing session, so that no file is being written.
        folder: Folder of the workspace.
        replaced_before: Time after which no session saw them in the manifest any more, in
            seconds since 1970 on the clock of the files; files replaced later are kept.

    Returns:
        Number of deleted files.
    """
    known = {folder / each.path for each in list_segments(session)}
    removed = 0
    for path in sorted((folder / SEGMENT_FOLDER).glob("*/*.parquet*")):
        if path.suffix == _REPLACED:
            segment = path.with_suffix("")
            # The removal of a segment that is in the manifest never committed.
            if segment in known or not segment.exists():
                path.unlink(missing_ok=True)
        elif path not in known:
            mark = path.with_name(path.name + _REPLACED)
            if not mark.exists():
                path.unlink()
                removed += 1
            elif mark.stat().st_mtime < replaced_before:
                path.unlink()
                mark.unlink()
                removed += 1
    for path in (folder / SEGMENT_FOLDER).glob(f"*/*{_DIGESTS}*"):
        if path.suffix == _DIGESTS:
            is_left = not path.with_suffix(".parquet").exists()
        else:  # unfinished: it is only written within a session
            is_left = path.stat().st_mtime < replaced_before
        if is_left:
            path.unlink(missing_ok=True)
    return removed
