"""Operations on corrections: stored events that their source sent again with other content."""

from __future__ import annotations

from collections.abc import Sequence

from consumer_fusion.errors import ConflictError, InputError
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import Context, Moment, Operation, OperationGroup, Query, Schema, describe
from consumer_fusion.records.import_record import Correction, CorrectionStatus, ImportResult
from consumer_fusion.repairs import replacements

STATUS_WORDS: dict[CorrectionStatus, str] = {
    "waiting": N_("waiting"),
    "applied": N_("applied"),
    "undone": N_("undone"),
}

_ID = (N_("Number"), N_("Number of the correction."))


class CorrectionRow(Schema):
    """A changed version of a stored event."""

    correction_id: int = describe(*_ID)
    source: str = describe(N_("Source"), "Source of the event.")
    event_id: str = describe(N_("Event"), "Id of the event.")
    change: str = describe(N_("The source says now"), "Changed fields, as far as known.", is_long=True)
    status: CorrectionStatus = describe(
        N_("Status"),
        "waiting (not applied yet), applied (the newer version is stored), undone (the former version is restored).",
        words=STATUS_WORDS,
    )
    found_at: Moment = describe(N_("Received (UTC)"), "Time when the newer version arrived.")
    newer: dict[str, str] = describe("Newer", "Fields of the newer version.", is_shown=False)
    former: dict[str, str] | None = describe(
        "Former", "Fields as stored before; null while it is waiting.", is_shown=False
    )


class CorrectionFilter(Schema):
    """Selection of corrections."""

    limit: int | None = describe(
        N_("At most"), "Maximum number of rows; all if left out.", default=None, is_shown=False
    )


class CorrectionIds(Schema):
    """Selection of corrections."""

    correction_ids: list[int] = describe("Corrections", "Numbers of corrections.", default=[])
    is_all: bool = describe("All", "All waiting corrections.", default=False, option="--all")


class CorrectionId(Schema):
    """A correction."""

    correction_id: int = describe(*_ID)


def _list_corrections(context: Context, asked: CorrectionFilter) -> list[CorrectionRow]:
    return [_describe(each) for each in replacements.list_corrections(context.workspace, limit=asked.limit)]


def _describe(each: Correction) -> CorrectionRow:
    return CorrectionRow(
        correction_id=each.correction_id, source=each.source, event_id=each.event_id, change=_tell_change(each),
        status=each.status, found_at=each.found_us, newer=each.newer, former=each.former,
    )  # fmt: skip


def _tell_change(each: Correction) -> str:
    former = each.former or {}
    hidden = {"source", "event_id", "identifiers", "precision"}
    # A stored event always has these, even if no version of it contains them.
    lacking = former.keys() - each.newer.keys() - {"received_at", "trust"}
    return ", ".join(
        f"{name}: {each.newer.get(name, '-')}"
        for name in (*each.newer, *sorted(lacking))
        if name not in hidden and former.get(name) != each.newer.get(name)
    )


def _apply_corrections(context: Context, asked: CorrectionIds) -> ImportResult:
    if bool(asked.correction_ids) == asked.is_all:
        raise InputError("No corrections are selected.", hint="Give numbers, or --all, and only one of them.")
    if asked.is_all and not _find(context, None):
        raise ConflictError("No correction is waiting.", hint="`fusion corrections list` shows all of them.")
    if not asked.is_all:
        context.describe(corrections=asked.correction_ids)
    return replacements.apply_corrections(context.workspace, asked.correction_ids or None)


def _undo_correction(context: Context, asked: CorrectionId) -> CorrectionRow:
    context.describe(object_id=str(asked.correction_id))
    replacements.undo_correction(context.workspace, asked.correction_id)
    return next(_describe(each) for each in _find(context, asked.correction_id))


def _find(context: Context, correction_id: int | None) -> Sequence[Correction]:
    """The correction with a number, or the waiting ones."""
    return [
        each
        for each in replacements.list_corrections(context.workspace)
        if each.correction_id == correction_id or (correction_id is None and each.status == "waiting")
    ]


CORRECTIONS = OperationGroup(
    "corrections",
    N_("Corrections"),
    N_(
        "List, apply and undo corrections. A correction is an event that its source sent again with other content; "
        "applying it changes the scores at once."
    ),
    under="Events and people",
)
CORRECTION_OPERATIONS = (
    Query(
        name="corrections list", run=_list_corrections, needs="fix_events", parameters=CorrectionFilter,
        result=CorrectionRow, is_many=True, title=N_("Corrections"),
        summary="List the changed versions of stored events, the newest first.",
        empty=N_("No source has changed a stored event."), audit="list corrections",
    ),
    Operation(
        name="corrections apply", run=_apply_corrections, needs="fix_events", parameters=CorrectionIds,
        result=ImportResult, arguments=("correction_ids",), is_on_page=False, of_row="correction_id",
        summary="Replace stored events by their newer versions; scores are updated at once.",
        audit="apply corrections", button=N_("Apply"), is_offered=lambda row: row.status != "applied",
        done=N_("Events replaced: {replaced}. Scores are updated at once."),
    ),
    Operation(
        name="corrections undo", run=_undo_correction, needs="fix_events", parameters=CorrectionId,
        result=CorrectionRow, arguments=("correction_id",), is_on_page=False, of_row="correction_id",
        summary="Undo a correction; scores are as before it, but merges that it caused remain.",
        audit="undo correction", button=N_("Undo"), is_offered=lambda row: row.status == "applied",
        done=N_("Correction {correction_id} was undone."),
    ),
)  # fmt: skip
