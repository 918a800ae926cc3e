"""The import pipeline: runs the stages declared by capabilities in order, in one transaction.

A crash leaves either nothing of an import or all of it.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import (
    ConflictError,
    EngineError,
    ExhaustedError,
    InputError,
    MissingExtraError,
    SettingsError,
)
from consumer_fusion.events.compaction import seal_inbox
from consumer_fusion.events.inbox_queue import ArrivalBatch, forget_arrivals, group_arrivals, read_arrivals
from consumer_fusion.events.landing import Landing, NoteReplaced, Progress, ignore_progress
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.ingest.arrow_events import CANONICAL_SCHEMA, write_batches
from consumer_fusion.ingest.formats import ImportFormat, find_files
from consumer_fusion.ingest.imports import begin_import, begin_stream, enter_arrivals, finish_import
from consumer_fusion.ingest.rejections import list_pending
from consumer_fusion.ingest.staging import (
    Staging,
    check_first_rows,
    reject_lines,
    stage_batches,
    stage_files,
    stage_lines,
)
from consumer_fusion.operations import Stage, find_stages
from consumer_fusion.perception.perception_runs import read_messages
from consumer_fusion.records.event import Event
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import ImportResult
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.snapshot_renewal import keep_snapshots
from consumer_fusion.score.states.kept_states import move_changes
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.file_locks import FolderLock, lock_folder
from consumer_fusion.workspace import Workspace, make_intake_engine

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame

_ARRIVAL_CHARACTERS = 32 << 20
"""Maximum number of characters of arrivals read at a time, regardless of the number of events."""


def import_files(
    workspace: Workspace,
    patterns: Sequence[str | Path],
    reading: ImportFormat,
    progress: Progress = ignore_progress,
    *,
    is_setting_aside: bool = False,
) -> ImportResult:
    """Import events from files or globs; importing the same events again changes nothing.

    An interrupted import resumes where its staging stopped when the same files are given again.

    Args:
        workspace: Workspace.
        patterns: Files or globs.
        reading: Format of the files.
        progress: Callback for progress.
        is_setting_aside: Whether to continue even if most of the first rows are rejected for one reason.

    Raises:
        InputError: A file does not exist or cannot be read.
        MappingError: The mapping does not match the files, or their first rows.
    """
    files = find_files(patterns)
    if not is_setting_aside:
        claim = lock_folder(workspace.staging_folder / make_id())
        assert claim is not None, "a new id is unique"
        with claim, _open_engine(workspace, claim.folder) as engine:
            check_first_rows(
                engine, files, reading, claim.folder, received_us=workspace.now_us,
                tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            )  # fmt: skip
    return import_found(workspace, files, reading, progress)


def import_found(
    workspace: Workspace, files: Sequence[Path], reading: ImportFormat, progress: Progress,
    *, retried: Sequence[int] = (),
) -> ImportResult:  # fmt: skip
    """Import existing files; rejected rows that they replace leave the list once they are accepted."""
    started = perf_counter()
    with workspace.store.writing() as session:
        import_id, claim = begin_import(session, files, reading, workspace.staging_folder, workspace.now_us)
        pending = list_pending(session)
    with claim, _open_engine(workspace, claim.folder) as engine:
        staging = stage_files(
            engine,
            files,
            reading,
            claim.folder,
            received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            progress=lambda done, total: progress("read and check", done, total),
            pending=pending,
            has_lines=bool(retried),
        )
        result = land_staged(
            workspace,
            staging,
            import_id,
            progress,
            started,
            retried=retried,
            is_replacing=reading.is_replacing,
        )
    _finish(workspace, progress)
    return result


def _finish(workspace: Workspace, progress: Progress) -> None:
    """The work after an import that changes no event: files and states are arranged, and messages are read."""
    seal_inbox(workspace)
    try:
        read_messages(workspace, progress)
    except (InputError, SettingsError, MissingExtraError) as error:
        # The setting of the perceiver is wrong, which is no fault of the events.
        raise type(error)(
            Message(
                "The events are stored, but their messages could not be read: {reason}",
                reason=as_message(error.message),
            ),
            hint=error.hint,
            where=error.where,
        ) from error
    finally:
        move_changes(workspace.store)
        keep_snapshots(workspace)


@contextmanager
def _open_engine(workspace: Workspace, folder: Path) -> Iterator[Engine]:
    """An engine for an import alone, so that its memory is free when the import ends."""
    engine = make_intake_engine(workspace.settings, folder / "spill")
    try:
        yield engine
    finally:
        engine.close()


def import_events(
    workspace: Workspace, events: Iterable[Event], progress: Progress = ignore_progress
) -> ImportResult:
    """Import events, with the same checks as those of files."""
    return import_batches(workspace, write_batches(events), progress)


def import_batches(
    workspace: Workspace, batches: Iterable[pa.RecordBatch], progress: Progress = ignore_progress
) -> ImportResult:
    """Import Arrow batches of the canonical text columns (`CANONICAL_SCHEMA` of `arrow_events`), checked like files."""
    started = perf_counter()
    with workspace.store.writing() as session:
        import_id, claim = begin_stream(session, workspace.staging_folder, workspace.now_us)
    with claim, _open_engine(workspace, claim.folder) as engine:
        staging = stage_batches(
            engine,
            batches,
            claim.folder,
            received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            progress=lambda done, total: progress("check", done, total),
        )
        result = land_staged(workspace, staging, import_id, progress, started)
    _finish(workspace, progress)
    return result


def import_frame(
    workspace: Workspace, frame: IntoDataFrame, progress: Progress = ignore_progress
) -> ImportResult:
    """Import events from a data frame of any library (pandas, Polars, Arrow, ...) with the column names of `Event`.

    Raises:
        InputError: A required column is missing.
    """
    # Imported here, because files and arriving events are no data frames.
    import narwhals as nw

    table = nw.from_native(frame, eager_only=True).to_arrow()
    missing = {"occurred_at", "kind"} - set(table.column_names)
    if missing:
        raise InputError(
            f"The data frame has no column {' and no column '.join(sorted(missing))}.",
            hint="Name its columns as the fields of Event: event_id, occurred_at, kind, consumer, brand, value, ...",
        )
    columns = [
        _write_texts(table[name]) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        for name in CANONICAL_SCHEMA.names
    ]
    texts = pa.Table.from_arrays(columns, schema=CANONICAL_SCHEMA)
    return import_batches(workspace, texts.to_batches(max_chunksize=100_000), progress)


def _write_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        offset = "Z" if column.type.tz is None else "%z"
        return pc.strftime(
            column.cast(pa.timestamp("us", column.type.tz)), format=f"%Y-%m-%dT%H:%M:%S{offset}"
        )
    if pa.types.is_nested(column.type):
        texts = [None if each is None else json.dumps(each, default=str) for each in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def land_arrivals(workspace: Workspace, *, limit: int = 20_000, wait_seconds: float = 600.0) -> ImportResult:
    """Land the events that arrived over the network, with the same checks as those of files, and update scores.

    Arrivals are deleted from their file after the transaction that lands them. After a crash between the two they
    land again, and are recognised as duplicates by their ids.

    Args:
        workspace: Workspace.
        limit: Maximum number of arrivals at a time.
        wait_seconds: Maximum time to wait while another process or thread is landing arrivals.

    Raises:
        ConflictError: The wait timed out.
    """
    started = perf_counter()
    total = ImportResult()
    with _claim_landing(workspace, wait_seconds):
        with workspace.arrivals.reading() as session:
            waiting = read_arrivals(session, limit=limit, characters=_ARRIVAL_CHARACTERS)
        for sending in group_arrivals(waiting):
            total += _land_sending(workspace, sending)
        if waiting.num_rows:
            with workspace.arrivals.writing() as session:
                forget_arrivals(session, waiting["sequence"].to_pylist())
    return total.model_copy(update={"seconds": perf_counter() - started})


def _claim_landing(workspace: Workspace, wait_seconds: float) -> FolderLock:
    end = perf_counter() + wait_seconds
    while (claim := lock_folder(workspace.staging_folder / "arrivals")) is None:
        if perf_counter() > end:
            raise ConflictError(
                "Another process has been landing arrivals for too long.",
                hint="Wait until it is done, then run the same command again.",
            )
        time.sleep(0.02)
    return claim


def _land_sending(workspace: Workspace, sending: ArrivalBatch) -> ImportResult:
    """Land arrivals; a line that cannot even be read without the store is rejected, so that it blocks no other.

    Where memory or disk is short, fewer are landed at a time. Any other failure is not the fault of a line: the
    arrivals stay where they are.
    """
    try:
        staging = stage_lines(
            workspace.arrivals_engine, sending.lines, sending.reading, received_us=sending.received_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
        )  # fmt: skip
    except (EngineError, ValueError) as error:
        if len(sending.lines) > 1:
            first, second = sending.split()
            return _land_sending(workspace, first) + _land_sending(workspace, second)
        if isinstance(error, ExhaustedError):
            raise
        staging = reject_lines(workspace.arrivals_engine, sending.lines, sending.reading, "engine_failed")
    import_id = ""
    if staging.rejected_count:
        with workspace.store.writing() as session:
            import_id = enter_arrivals(session, sending.reading, workspace.now_us)
    return land_staged(workspace, staging, import_id, ignore_progress, perf_counter())


@functools.cache
def list_stages() -> tuple[Stage, ...]:
    """The stages of an import, in order; declared by the capabilities, and validated as a whole before one runs."""
    return find_stages()


def land_staged(
    workspace: Workspace, staging: Staging, import_id: str, progress: Progress, started: float,
    *, retried: Sequence[int] = (), is_replacing: bool = False, note_replaced: NoteReplaced | None = None,
    is_undoing: bool = False,
) -> ImportResult:  # fmt: skip
    """Run all stages over staged rows in one transaction.

    Args:
        workspace: Workspace.
        staging: Checked rows.
        import_id: Import that they belong to.
        progress: Callback for progress.
        started: Start of the import, on the clock of `perf_counter`.
        retried: Rejected rows that this import retries; they leave the list once they are accepted.
        is_replacing: Whether rows with other content replace the stored event; else they are kept as corrections, to
        be reviewed.
        note_replaced: Records what was replaced, if requested.
        is_undoing: Whether the replacement restores the earlier event completely; else it keeps parties that it omits.
    """
    workspace = replace(workspace, engine=staging.scratch.engine)
    with begin_change(workspace, progress) as (session, force):
        landing = Landing(
            workspace=workspace, session=session, points=force.points, kind_ids=force.kind_ids, staging=staging,
            scratch=staging.scratch, progress=progress, import_id=import_id, retried=retried, is_replacing=is_replacing,
            note_replaced=note_replaced, is_undoing=is_undoing,
        )  # fmt: skip
        for stage in list_stages():
            if landing.has_rows or not stage.of_rows:
                progress(stage.name, 0, None)
                stage.run(landing)
        duplicates = landing.duplicates
        acceptance = ImportResult(
            accepted=landing.accepted - landing.replaced,
            duplicates=duplicates.count if duplicates else 0,
            rejected=landing.rejected,
            unattributed=landing.unattributed,
            seconds=perf_counter() - started,
            nobody=staging.nobody_count,
            changed=duplicates.changed_count if duplicates else 0,
            replaced=landing.replaced,
        )
        finish_import(session, import_id, acceptance, workspace.now_us)
    return acceptance
