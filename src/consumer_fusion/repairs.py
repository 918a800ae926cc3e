"""Repairs: rows that were set aside are read again, and events with an unknown party are given one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from time import perf_counter

from consumer_fusion import ingest, pipeline
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.kit.ids import make_id
from consumer_fusion.records.intake import Acceptance, Rejection
from consumer_fusion.settlement import Progress, ignore_progress
from consumer_fusion.workspace import Workspace


def list_rejected(workspace: Workspace, *, limit: int | None = None) -> tuple[list[Rejection], dict[str, int]]:
    """The rows set aside, and how many there are for each reason."""
    with workspace.store.reading() as session:
        return ingest.list_rejections(session, limit=limit), ingest.count_rejections(session)


def retry_rejected(
    workspace: Workspace, rejection_ids: Sequence[int] | None = None, raw: str | None = None,
    progress: Progress = ignore_progress,
) -> Acceptance:  # fmt: skip
    """Read rows again as their import read them; a row that still cannot be taken is set aside anew.

    Args:
        workspace: The workspace.
        rejection_ids: Which rows; None for all.
        raw: The repaired row, in place of the one row named.
        progress: Told how far it is.

    Raises:
        NotFoundError: There is no such row.
        InputError: A repaired row is given for several.
    """
    started = perf_counter()
    if raw is not None and (rejection_ids is None or len(rejection_ids) != 1):
        raise InputError("A repaired row stands for one row.", hint="Name the number of that row.")
    with workspace.store.reading() as session:
        retries = ingest.read_retries(session, rejection_ids)
    if rejection_ids is not None and sum(len(each.rejection_ids) for each in retries) < len(set(rejection_ids)):
        raise NotFoundError("Not all of these rows are set aside.", hint="`fusion rejected list` shows the numbers.")
    total = Acceptance(accepted=0, duplicates=0, rejected=0, unattributed=0, seconds=0.0)
    for each in retries:
        import_id = make_id()
        folder = workspace.staging_folder / import_id
        with workspace.store.writing() as session:
            ingest.begin_retry(session, import_id, each.reading, workspace.now_us)
        staging = ingest.stage_lines(
            workspace.engine, [raw] if raw is not None else each.lines, each.reading, folder,
            received_us=workspace.now_us, tolerance_hours=workspace.settings.future_tolerance_hours,
        )  # fmt: skip
        acceptance = pipeline.land_staged(
            workspace, staging, folder, import_id, progress, started, retried=each.rejection_ids
        )
        shutil.rmtree(folder, ignore_errors=True)
        total = Acceptance(
            accepted=total.accepted + acceptance.accepted,
            duplicates=total.duplicates + acceptance.duplicates,
            rejected=total.rejected + acceptance.rejected,
            unattributed=total.unattributed + acceptance.unattributed,
            seconds=perf_counter() - started,
        )
    return total


def drop_rejected(workspace: Workspace, rejection_ids: Sequence[int] | None, *, is_all: bool = False) -> int:
    """Drop rows for good and return how many there were.

    Raises:
        InputError: Neither rows nor all are named.
    """
    if rejection_ids is None and not is_all:
        raise InputError("No row is named.", hint="Give numbers, or --all.")
    with workspace.store.writing() as session:
        return ingest.drop_rejections(session, rejection_ids)
