"""Sealed segments: immutable Parquet files, their manifest, and the ids that still guard against retries.

A file is written under another name, brought to disk, renamed, and exists only once its manifest row commits.
Files are written in writing sessions only, of which there is one at a time: whoever has one and finds a file that
the manifest does not name knows that nobody is writing it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from consumer_fusion.records.clock import read_system_clock
from consumer_fusion.records.segment import SEEN_EVENTS, SEGMENTS, Segment
from consumer_fusion.storage.store import Between, Session, Store

SEGMENT_FOLDER = "segments"
_REPLACED = ".replaced"
"""Ends the name of the empty file that stands beside a segment since it was struck from the manifest."""
_CLOCK_SECONDS = 1.0
_DIGESTS = ".ids"
"""Ends the name of the file beside a segment in which the digests of its ids are."""
UNATTRIBUTED_BUCKET = -1


def place_segment(folder: Path, segment_id: str, bucket: int) -> Path:
    """Where the file of a segment goes, as an absolute path; its folder is made."""
    name = "unattributed" if bucket == UNATTRIBUTED_BUCKET else f"bucket={bucket:02d}"
    target = folder / SEGMENT_FOLDER / name / f"{segment_id}.parquet"
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(target.parent.parent)
        sync_folder(folder)
    return target


def place_digests(segment: Path) -> Path:
    """Where the digests of the ids of a segment go; the file goes with the segment."""
    return segment.with_suffix(_DIGESTS)


def finish_file(unfinished: Path, final: Path) -> str:
    """Bring a written file to disk under its final name and return its SHA-256."""
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


def remove_segments(session: Session, folder: Path, segments: Sequence[Segment]) -> None:
    """Strike segments from the manifest.

    Their files stay for readers who opened the store before; `sweep_replaced` deletes them later.
    """
    for each in segments:
        path = folder / each.path
        path.with_name(path.name + _REPLACED).touch()
    session.delete_matching(
        SEGMENTS, pa.table({"segment_id": pa.array([s.segment_id for s in segments], pa.string())})
    )


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


def sweep_replaced(store: Store, folder: Path) -> int:
    """Delete the segment files that were replaced, except those that somebody may still be reading.

    Args:
        store: The store of the manifest.
        folder: The workspace.

    Returns:
        How many files were deleted.
    """
    if next((folder / SEGMENT_FOLDER).glob(f"*/*{_REPLACED}"), None) is None:
        return 0
    unseen = find_unseen(store)
    with store.writing(wait_seconds=0.0) as session:
        return sweep_files(session, folder, replaced_before=unseen)


def find_unseen(store: Store) -> float:
    """A moment (seconds since 1970) such that what was replaced before it is in no session; 0 where there is none.

    Whoever reads a segment does so within a session, and the log of the store can be emptied only where no session is
    older than the last commit.
    """
    # Compared with times of files, which lag by some milliseconds; so it is the system's clock, whatever a test's says.
    moment = read_system_clock().timestamp() - _CLOCK_SECONDS
    return moment if store.truncate_log() else 0.0


def sweep_files(session: Session, folder: Path, *, replaced_before: float) -> int:
    """Delete files of segments that no manifest row names.

    What an interrupted writer left goes at once, because nobody ever read it; a replaced segment goes once the
    readers who may still need it had their time.

    Args:
        session: A writing session, so that no file is being written.
        folder: The workspace.
        replaced_before: A moment at which nobody saw a state of the store in which they were named any more, in
            seconds since 1970 on the clock of the files; what was replaced later is kept.

    Returns:
        How many were deleted.
    """
    known = {folder / each.path for each in list_segments(session)}
    removed = 0
    for path in sorted((folder / SEGMENT_FOLDER).glob("*/*.parquet*")):
        if path.suffix == _REPLACED:
            segment = path.with_suffix("")
            # The strike of a segment that is in the manifest never committed.
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
        else:  # unfinished: whoever writes it does so within a session
            is_left = path.stat().st_mtime < replaced_before
        if is_left:
            path.unlink(missing_ok=True)
    return removed
