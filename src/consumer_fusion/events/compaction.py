"""Sealing and compaction: events of past days move from the inbox to segments, small segments become large ones.

Both work in pieces. The file of a piece is prepared while others read and write; its write turn only checks that
nothing changed meanwhile, moves the file, and changes the manifest and the inbox.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pyarrow as pa

from consumer_fusion.events.event_reader import FOLDED_MARK
from consumer_fusion.events.inbox import INBOX_COLUMNS, write_segments
from consumer_fusion.events.sealed_ids import digest_segments
from consumer_fusion.events.segment_merging import merge_segments
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.storage.segments import (
    UNATTRIBUTED_BUCKET,
    adopt_segments,
    list_segments,
    remove_segments,
)
from consumer_fusion.storage.store import RangeCondition, Session, Where
from consumer_fusion.workspace import Workspace

PIECE_ROWS = 1_200
"""Maximum number of events that leave the inbox in one write turn; each changes two to four pages of the store."""
BATCH_ROWS = BUCKET_COUNT * 1_000
"""Number of events read at a time: about one piece for each bucket."""
FAN_IN = 8
"""Number of segment files of similar size in one bucket that are merged into one."""
FULL_ROWS = 2_097_152
"""Number of events from which a segment file is never merged again."""
_MEMORY_LIMIT_MB = 96
_FOLDER = "sealing"
# An event is replaced under a new sequence; in place only its kind and magnitude change.
_CHECKED_COLUMNS = tuple(column.name for column in EVENTS.columns if not column.is_optional)


class _ChangedRowsError(Exception):
    """The events of a piece changed while its file was prepared."""


def is_sealing_due(workspace: Workspace) -> bool:
    """Whether many events can leave the inbox, or a bucket has many small files."""
    return _is_inbox_full(workspace, workspace.settings.inbox_import_limit) or _is_crowded(workspace)


def seal_inbox(workspace: Workspace, *, is_forced: bool = False) -> int:
    """Move folded events of past days into segments, if there are many of them, and merge small segments.

    Nothing is done while another process does it. An event that changes meanwhile stays for the next time.

    Args:
        workspace: Workspace.
        is_forced: Whether to seal few events, too.

    Returns:
        Number of events moved.
    """
    is_sealing = _is_inbox_full(workspace, 0 if is_forced else workspace.settings.inbox_import_limit)
    if not (is_sealing or _is_crowded(workspace)):
        return 0
    claim = lock_folder(workspace.staging_folder / _FOLDER)
    if claim is None:
        return 0
    with claim:
        shutil.rmtree(claim.folder, ignore_errors=True)  # left by a process that was killed
        claim.folder.mkdir()
        # An engine of its own: that of the workspace may take as much memory as an import needs.
        engine = DuckDBEngine(claim.folder / "spill", memory_limit_mb=_MEMORY_LIMIT_MB, threads=1)
        try:
            moved = 0
            for rows in _read_batches(workspace) if is_sealing else ():
                moved += sum(
                    _seal_piece(workspace, engine, claim.folder, bucket, piece)
                    for bucket, piece in _cut_batch(rows)
                )
                compact_segments(workspace, engine, claim.folder)
            compact_segments(workspace, engine, claim.folder)
            return moved
        finally:
            engine.close()


def compact_segments(workspace: Workspace, engine: Engine, scratch: Path) -> int:
    """Merge segment files until no bucket has many of similar size.

    Args:
        workspace: Workspace.
        engine: Engine to compute with.
        scratch: Folder to prepare files in.

    Returns:
        Number of events written again.
    """
    rewritten = 0
    while True:
        # Within the session, so that no segment is deleted while it is read.
        with workspace.store.reading() as session:
            group = choose_group(list_segments(session))
            if not group:
                return rewritten
            made = merge_segments(engine, workspace.folder, scratch, group)
        digest_segments(engine, scratch, [made])
        with _take_turn(workspace) as session:
            if set(group) <= set(list_segments(session)):
                remove_segments(session, workspace.folder, group)
                adopt_segments(session, workspace.folder, scratch, [made], workspace.now_us)
        rewritten += made.row_count


def choose_group(segments: Sequence[Segment]) -> list[Segment]:
    """The segment files to merge next: the oldest of `FAN_IN` or more of one bucket and size; empty if there are none.

    Sizes are powers of eight, and the merged file is of a larger one. So an event is written again a few times in all,
    a bucket has a few files of each size and its full ones, and a merge reads less than twice `FULL_ROWS` events.
    """
    by_size: dict[tuple[int, int], list[Segment]] = {}
    for each in segments:
        if each.row_count < FULL_ROWS:
            size = (each.row_count.bit_length() - 1) // 3
            by_size.setdefault((size, each.bucket), []).append(each)
    for _, members in sorted(by_size.items()):
        if len(members) >= FAN_IN:
            members.sort(key=lambda each: (each.max_day, each.min_day, each.segment_id))
            sums = np.cumsum([each.row_count for each in members[:FAN_IN]])
            return members[: int(np.searchsorted(sums, FULL_ROWS)) + 1][:FAN_IN]
    return []


def _is_crowded(workspace: Workspace) -> bool:
    with workspace.store.reading() as session:
        return bool(choose_group(list_segments(session)))


def _is_inbox_full(workspace: Workspace, limit: int) -> bool:
    with workspace.store.reading() as session:
        return session.count(EVENTS, _choose_events(workspace, session)) > limit


def _choose_events(workspace: Workspace, session: Session, above: int | None = None) -> Where:
    """The events that can leave the inbox: folded ones of past days; above a sequence, if one is given."""
    last_day = to_day(workspace.now_us) - workspace.settings.seal_after_days - 1
    folded = int(session.read_mark(FOLDED_MARK) or 0)
    return {
        "day": RangeCondition(at_most=last_day),
        "sequence": RangeCondition(above=above, at_most=folded),
    }


def _read_batches(workspace: Workspace) -> Iterator[pa.Table]:
    last = 0
    while True:
        with workspace.store.reading() as session:
            where = _choose_events(workspace, session, last)
            rows = session.read(EVENTS, where, order_by=("sequence",), limit=BATCH_ROWS)
        if not rows.num_rows:
            return
        last = rows["sequence"][-1].as_py()
        yield rows


def _cut_batch(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The pieces of a batch, each with its bucket."""
    consumer, brand = (rows[name].to_numpy() for name in ("consumer_id", "brand_id"))
    buckets = np.where((consumer == 0) | (brand == 0), UNATTRIBUTED_BUCKET, consumer % BUCKET_COUNT)
    for bucket in np.unique(buckets):
        places = np.flatnonzero(buckets == bucket)
        for part in np.array_split(places, -(-len(places) // PIECE_ROWS)):
            yield int(bucket), rows.take(pa.array(part))


def _seal_piece(workspace: Workspace, engine: Engine, scratch: Path, bucket: int, rows: pa.Table) -> int:
    """Move events of one bucket into a segment, unless they changed meanwhile, and return their number."""
    events = rows.select(list(INBOX_COLUMNS))
    made = write_segments(engine, scratch, "inbox_events", {"inbox_events": events}, buckets=[bucket])
    digest_segments(engine, scratch, made)
    try:
        with _take_turn(workspace) as session:
            if session.delete_matching(EVENTS, rows.select(list(_CHECKED_COLUMNS))) != rows.num_rows:
                raise _ChangedRowsError
            adopt_segments(session, workspace.folder, scratch, made, workspace.now_us)
    except _ChangedRowsError:
        return 0
    return int(rows.num_rows)


@contextmanager
def _take_turn(workspace: Workspace) -> Iterator[Session]:
    """A write turn, and as long a pause after it: who waits in another process looks from time to time only."""
    with workspace.store.writing(is_rearranging=True) as session:
        began = monotonic()
        yield session
    sleep(monotonic() - began)
