"""Replacements: what a source says now comes into the place of what is on record, and goes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

from consumer_fusion import pipeline
from consumer_fusion.errors import InputError
from consumer_fusion.events import corrections
from consumer_fusion.events.corrections import note_applied, note_undone, write_texts
from consumer_fusion.events.landing import NoteReplaced, ignore_progress
from consumer_fusion.ingest.staging import read_rejected, stage_batches
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import Correction, ImportResult
from consumer_fusion.storage.file_locks import claim_folder
from consumer_fusion.workspace import Workspace


def list_corrections(workspace: Workspace, *, limit: int | None = None) -> tuple[Correction, ...]:
    """What sources say now of events on record, the newest first."""
    with workspace.store.reading() as session:
        return corrections.list_corrections(session, limit=limit)


def apply_corrections(workspace: Workspace, correction_ids: Sequence[int] | None = None) -> ImportResult:
    """Put what sources say now into the place of what is on record; the scores follow at once.

    Args:
        workspace: The workspace.
        correction_ids: Which corrections; None for all that are waiting.

    Raises:
        NotFoundError: There is no such correction.
        ConflictError: One of them is applied already, or a later one of the same event is, or two are of one event.
        InputError: What one of them says can no longer be taken.
    """
    with workspace.store.reading() as session:
        found = corrections.list_corrections(session, correction_ids)
    if correction_ids is None:
        found = tuple(each for each in found if each.status == "waiting")
    return _replace(
        workspace,
        [each.newer for each in reversed(found)],
        lambda session, former: note_applied(session, found, former, workspace.now_us),
    )


def undo_correction(workspace: Workspace, correction_id: int) -> None:
    """Put what was on record before a correction back into its place; the scores are exactly what they were.

    What the correction brought to light of who is who stays known: a merge is undone by itself.

    Raises:
        NotFoundError: There is no such correction.
        ConflictError: It is not applied, or a later one of the same event is.
        InputError: What was on record can no longer be taken.
    """
    with workspace.store.reading() as session:
        (found,) = corrections.list_corrections(session, [correction_id])
    _replace(
        workspace,
        [found.former or {}],
        lambda session, former: note_undone(session, found, workspace.now_us),
        is_undoing=True,
    )


def _replace(
    workspace: Workspace, told: Sequence[Mapping[str, str]], note: NoteReplaced, *, is_undoing: bool = False
) -> ImportResult:
    started = perf_counter()
    claim = claim_folder(workspace.staging_folder / make_id())
    assert claim is not None, "an id that was made just now is nobody else's"
    with claim:
        staging = stage_batches(
            workspace.engine, [write_texts(told)], claim.folder, received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
        )  # fmt: skip
        if staging.rejected_count:
            message = next(read_rejected(workspace.engine, staging))[1]
            raise InputError(
                f"What is to come into its place can no longer be taken, so nothing was changed. {message}",
                hint="Older releases took what this one refuses. Let the source send the event again.",
            )
        if is_undoing and staging.nobody_count:
            raise InputError(
                "What was on record names a consumer by a key that stands for nobody now, so nothing was changed.",
                hint="Older releases took what this one refuses. Let the source send the event again.",
            )
        return pipeline.land_staged(
            workspace, staging, "", ignore_progress, started, is_replacing=True, note_replaced=note,
            is_undoing=is_undoing,
        )  # fmt: skip
