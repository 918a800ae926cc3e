"""Rejected rows: listed, read again as they are or repaired, or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
)
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import ImportResult, Rejection
from consumer_fusion.storage.file_locks import claim_folder
from consumer_fusion.workspace import Workspace


def list_rejected(
    workspace: Workspace, *, limit: int | None = None
) -> tuple[tuple[Rejection, ...], dict[str, int]]:
    """The rows set aside, and how many there are for each reason."""
    with workspace.store.reading() as session:
        return list_rejections(session, limit=limit), count_rejections(session)


def retry_rejected(
    workspace: Workspace, rejection_ids: Sequence[int] | None = None, raw: str | None = None,
    progress: Progress = ignore_progress, *, reading: ImportFormat | None = None,
) -> ImportResult:  # fmt: skip
    """Read rows again as their import read them; a row that still cannot be taken keeps its number.

    Args:
        workspace: The workspace.
        rejection_ids: Which rows; None for all.
        raw: The repaired row, in place of the one row named.
        progress: Told how far it is.
        reading: How they are read now; None for as their import read them.

    Raises:
        NotFoundError: There is no such row.
        InputError: A repaired row is given for several.
    """
    started = perf_counter()
    if raw is not None and (rejection_ids is None or len(rejection_ids) != 1):
        raise InputError("A repaired row stands for one row.", hint="Name the number of that row.")
    corrected = {} if raw is None or rejection_ids is None else {rejection_ids[0]: raw}
    claim = claim_folder(workspace.staging_folder / make_id())
    assert claim is not None, "an id that was made just now is nobody else's"
    with claim:
        with workspace.store.reading() as session:
            retries = prepare_retries(
                session, claim.folder, rejection_ids=rejection_ids, corrected=corrected, reading=reading
            )
        results = [
            pipeline.import_found(workspace, each.files, each.reading, progress, retried=each.rejection_ids)
            for each in retries
        ]
    return replace(sum(results, ImportResult(0, 0, 0, 0, 0.0)), seconds=perf_counter() - started)


def drop_rejected(workspace: Workspace, rejection_ids: Sequence[int] | None, *, is_all: bool = False) -> int:
    """Drop rows for good and return how many there were.

    Raises:
        InputError: Neither rows nor all are named.
    """
    if rejection_ids is None and not is_all:
        raise InputError("No row is named.", hint="Give numbers, or --all.")
    with workspace.store.writing() as session:
        if rejection_ids is not None:
            list_rejections(session, rejection_ids=rejection_ids)
        count = drop_rejections(session, rejection_ids)
        workspace.note_change(session)
    return count
