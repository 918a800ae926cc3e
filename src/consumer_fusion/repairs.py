"""Repairs: rows set aside are read again, events are given a party they lack or what their source says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import pyarrow.parquet as pq

from consumer_fusion import pipeline
from consumer_fusion.errors import InputError
from consumer_fusion.events import attachment, corrections
from consumer_fusion.events.attachment import attach_event, take_unattributed
from consumer_fusion.events.corrections import note_applied, note_undone, write_texts
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.event_reader import EventSource, find_canonical
from consumer_fusion.events.inbox import land_in_inbox
from consumer_fusion.events.landing import Consequences, NoteReplaced, Progress, ignore_progress
from consumer_fusion.ingest.formats import Reading
from consumer_fusion.ingest.rejections import (
    count_rejections,
    drop_rejections,
    list_rejections,
    prepare_retries,
)
from consumer_fusion.ingest.staging import stage_batches
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import Acceptance, Correction, Rejection
from consumer_fusion.records.points import BRAND_REFERENCES
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import settle
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.sizing import follow_orders
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
    progress: Progress = ignore_progress, *, reading: Reading | None = None,
) -> Acceptance:  # fmt: skip
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
    return replace(sum(results, Acceptance(0, 0, 0, 0, 0.0)), seconds=perf_counter() - started)


def list_corrections(workspace: Workspace, *, limit: int | None = None) -> tuple[Correction, ...]:
    """What sources say now of events on record, the newest first."""
    with workspace.store.reading() as session:
        return corrections.list_corrections(session, limit=limit)


def apply_corrections(workspace: Workspace, correction_ids: Sequence[int] | None = None) -> Acceptance:
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
) -> Acceptance:
    started = perf_counter()
    claim = claim_folder(workspace.staging_folder / make_id())
    assert claim is not None, "an id that was made just now is nobody else's"
    with claim:
        staging = stage_batches(
            workspace.engine, [write_texts(told)], claim.folder, received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
        )  # fmt: skip
        if staging.rejected_files:
            message = pq.read_table(staging.rejected_files[0], columns=["message"])["message"][0].as_py()
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


@dataclass(frozen=True, slots=True)
class UnattributedEvent:
    """An event that is kept, but counts for nobody until its consumer and brand are known.

    Attributes:
        source: Where it came from.
        event_id: The event.
        occurred_us: When it happened.
        consumer: Its consumer; None while unknown.
        brand: Its brand; None while unknown.
        kind: What happened, in the words of the source.
        channel: Where; None where unknown.
        value: Its amount, where it has one.
        currency: Of the amount.
        text: The words that were said.
    """

    source: str
    event_id: str
    occurred_us: int
    consumer: str | None
    brand: str | None
    kind: str
    channel: str | None
    value: float | None
    currency: str | None
    text: str | None


def list_unattributed(workspace: Workspace, *, limit: int = 100) -> tuple[tuple[UnattributedEvent, ...], int]:
    """Events that name no consumer or no brand, the newest first; and how many there are in all."""
    with workspace.store.reading() as session:
        rows, count = attachment.list_unattributed(session, workspace.engine, workspace.folder, limit=limit)
        numbers = {row[name] for row in rows for name in ("source_id", "consumer_id", "brand_id")} - {0}
        names = name_entities(session, sorted(numbers))
    return (
        tuple(
            UnattributedEvent(
                source=names.get(row.pop("source_id"), ""),
                consumer=names.get(row.pop("consumer_id")),
                brand=names.get(row.pop("brand_id")),
                **row,
            )
            for row in rows
        ),
        count,
    )


def attach(
    workspace: Workspace,
    source: str,
    event_id: str,
    *,
    consumer: str | None = None,
    brand: str | None = None,
    reason: str,
) -> None:
    """Give an event its unknown consumer or brand; the scores follow at once.

    Raises:
        InputError: Neither is given.
        NotFoundError: There is no such event.
        ConflictError: The event names another one already.
    """
    with begin_change(workspace) as (session, force):
        attached = attach_event(
            session, workspace.engine, workspace.folder, source=source, event_id=event_id, consumer=consumer,
            brand=brand, reason=reason, now_us=workspace.now_us,
        )  # fmt: skip
        if not attached.is_new:
            return
        row = take_unattributed(session, workspace.engine, workspace.folder, attached)
        landing = Consequences()
        points = follow_orders(
            workspace, session, force.points, force.kind_ids, landing,
            EventSource("attached_event", {"attached_event": row}),
        )  # fmt: skip
        rows = workspace.engine.read(
            annotate_sql(points, force.kind_ids, "attached_event"),
            step="give kind and magnitude",
            tables={
                "attached_event": row,
                **annotation_tables(points, force.kind_ids, session.read(BRAND_REFERENCES)),
            },
        )
        land_in_inbox(session, rows.to_pydict())
        if attached.consumer_id:
            landing.consumers = {find_canonical(session, attached.consumer_id)}
        settle(workspace, session, points, force.kind_ids, landing)


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
