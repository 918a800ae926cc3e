"""Rejected rows: listing, retrying unchanged or corrected, and dropping."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from consumer_fusion import pipeline
from consumer_fusion.errors import InputError
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.ingest.formats import ImportFormat
from consumer_fusion.ingest.rejections import (
    count_rejections,
    drop_rejections,
    list_rejections,
    prepare_retries,
    require_readable,
)
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import ImportResult, Rejection
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.workspace import Workspace


def list_rejected(
    workspace: Workspace, *, code: str | None = None, after: int = 0, limit: int | None = None
) -> tuple[tuple[Rejection, ...], dict[str, int]]:
    """The rejected rows, and their number for each reason.

    Args:
        workspace: The workspace.
        code: Only rows with this reason.
        after: Only rows with a higher ID.
        limit: Maximum number of rows.
    """
    with workspace.store.reading() as session:
        return list_rejections(session, code=code, after=after, limit=limit), count_rejections(session)


def retry_rejected(
    workspace: Workspace, rejection_ids: Sequence[int] | None = None, raw: str | None = None,
    progress: Progress = ignore_progress, *, reading: ImportFormat | None = None,
) -> ImportResult:  # fmt: skip
    """Read rows again in their import's format; a row that is rejected again keeps its number.

    Args:
        workspace: The workspace.
        rejection_ids: Rows to read; None for all.
        raw: Corrected row, in place of the given one.
        progress: Progress callback.
        reading: Format to read them in; None for that of their import.

    Raises:
        NotFoundError: A row does not exist.
        InputError: A corrected row is given for several rows, or is not a row in the format of its import.
    """
    started = perf_counter()
    if raw is not None and (rejection_ids is None or len(rejection_ids) != 1):
        raise InputError("A corrected row replaces exactly one row.", hint="Give the ID of that row.")
    corrected = {} if raw is None or rejection_ids is None else {rejection_ids[0]: raw}
    claim = lock_folder(workspace.staging_folder / make_id())
    assert claim is not None, "an id that was made just now is nobody else's"
    with claim:
        with workspace.store.reading() as session:
            retries = prepare_retries(
                session, claim.folder, rejection_ids=rejection_ids, corrected=corrected, reading=reading
            )
            before = list_rejections(session, rejection_ids=[*corrected]) if corrected else ()
        for each in before:
            require_readable(
                workspace.engine, retries[0], each, claim.folder / "check", received_us=workspace.now_us,
                tolerance_hours=workspace.settings.future_tolerance_hours,
            )  # fmt: skip
        results = [
            pipeline.import_found(workspace, each.files, each.reading, progress, retried=each.rejection_ids)
            for each in retries
        ]
    return sum(results, ImportResult()).model_copy(update={"seconds": perf_counter() - started})


def drop_rejected(workspace: Workspace, rejection_ids: Sequence[int] | None, *, is_all: bool = False) -> int:
    """Drop rows permanently and return their number.

    Raises:
        InputError: Neither rows nor all are given.
    """
    if rejection_ids is None and not is_all:
        raise InputError("No row is selected.", hint="Give IDs, or --all.")
    with workspace.store.writing() as session:
        if rejection_ids is not None:
            list_rejections(session, rejection_ids=rejection_ids)
        count = drop_rejections(session, rejection_ids)
        workspace.note_change(session)
    return count
