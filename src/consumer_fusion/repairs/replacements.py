"""Replacements: applying newer versions of stored events, and undoing that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

from consumer_fusion import pipeline
from consumer_fusion.errors import InputError
from consumer_fusion.events import corrections
from consumer_fusion.events.corrections import note_applied, note_undone, write_texts
from consumer_fusion.events.landing import NoteReplaced, ignore_progress
from consumer_fusion.i18n.messages import Message
from consumer_fusion.ingest.staging import read_rejected, stage_batches
from consumer_fusion.perception.perception_runs import read_messages
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import Correction, ImportResult
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.workspace import Workspace


def list_corrections(workspace: Workspace, *, limit: int | None = None) -> tuple[Correction, ...]:
    """The changed versions of stored events, the newest first."""
    with workspace.store.reading() as session:
        return corrections.list_corrections(session, limit=limit)


def apply_corrections(workspace: Workspace, correction_ids: Sequence[int] | None = None) -> ImportResult:
    """Replace stored events by their newer versions; scores are updated at once.

    Args:
        workspace: The workspace.
        correction_ids: Corrections to apply; None for all waiting ones.

    Raises:
        NotFoundError: A correction does not exist.
        ConflictError: One of them is applied already, or a later one of the same event is, or two are for one event.
        InputError: The newer version of one of them is no longer valid.
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
    """Restore the version stored before a correction; the scores are exactly as before.

    Identities found through the correction remain: a merge is undone separately.

    Raises:
        NotFoundError: The correction does not exist.
        ConflictError: It is not applied, or a later one of the same event is.
        InputError: The former version is no longer valid.
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
    workspace: Workspace,
    versions: Sequence[Mapping[str, str]],
    note: NoteReplaced,
    *,
    is_undoing: bool = False,
) -> ImportResult:
    started = perf_counter()
    claim = lock_folder(workspace.staging_folder / make_id())
    assert claim is not None, "an id that was made just now is nobody else's"
    with claim:
        staging = stage_batches(
            workspace.engine, [write_texts(versions)], claim.folder, received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
        )  # fmt: skip
        if staging.rejected_count:
            message = next(read_rejected(workspace.engine, staging))[1]
            raise InputError(
                Message(
                    "The replacing version is no longer valid, so nothing was changed. {message}",
                    message=message,
                ),
                hint="Older releases accepted what this one rejects. Let the source send the event again.",
            )
        if is_undoing and staging.nobody_count:
            raise InputError(
                "The former version has a placeholder as consumer key, so nothing was changed.",
                hint="Older releases accepted what this one rejects. Let the source send the event again.",
            )
        result = pipeline.land_staged(
            workspace, staging, "", ignore_progress, started, is_replacing=True, note_replaced=note,
            is_undoing=is_undoing,
        )  # fmt: skip
    # Words that changed are read at once, so that scores are up to date.
    read_messages(workspace)
    return result
