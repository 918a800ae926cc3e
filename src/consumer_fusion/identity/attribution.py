"""Attribution: events without a consumer or brand are listed, and attached to one."""

from __future__ import annotations

from dataclasses import replace

from consumer_fusion.events import attachment
from consumer_fusion.events.attachment import attach_event, take_unattributed
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.event_reader import EventSource, find_canonical
from consumer_fusion.events.inbox import land_in_inbox
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.messages.perceptions import attach_message
from consumer_fusion.operations import Moment, Schema, describe
from consumer_fusion.records.points import BRAND_REFERENCES
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.sizing import update_sizing
from consumer_fusion.workspace import Workspace


class UnattributedEvent(Schema):
    """An event that is stored, but does not count until its consumer and brand are known."""

    source: str = describe("Source", "Source of the event.")
    event_id: str = describe("Event", "Id of the event.")
    occurred_at: Moment = describe("Occurred (UTC)", "Time of the event.")
    consumer: str | None = describe("Consumer", "Its consumer; null while unknown.", absent="unknown")
    brand: str | None = describe("Brand", "Its brand; null while unknown.", absent="unknown")
    kind: str = describe("Kind", "Kind of event, as sent by the source.")
    channel: str | None = describe("Channel", "Channel; null where unknown.", is_shown=False)
    value: float | None = describe("Amount", "Its amount, where it has one.")
    currency: str | None = describe("Currency", "The currency of the amount.")
    text: str | None = describe("Text", "Text of the event.", is_long=True)


class UnattributedEvents(Schema):
    """Events without a consumer or brand, the newest first."""

    count: int = describe("Unattributed events", "Total number.")
    events: list[UnattributedEvent] = describe("Unattributed events", "The newest of them.")


def list_unattributed(workspace: Workspace, *, limit: int = 100) -> UnattributedEvents:
    """Events without a consumer or brand, the newest first, with their total number."""
    with workspace.store.reading() as session:
        rows, count = attachment.list_unattributed(session, workspace.engine, workspace.folder, limit=limit)
        numbers = {row[name] for row in rows for name in ("source_id", "consumer_id", "brand_id")} - {0}
        names = name_entities(session, sorted(numbers))
    events = [
        UnattributedEvent(
            source=names.get(row.pop("source_id"), ""),
            consumer=names.get(row.pop("consumer_id")),
            brand=names.get(row.pop("brand_id")),
            occurred_at=row.pop("occurred_us"),
            **row,
        )
        for row in rows
    ]
    return UnattributedEvents(count=count, events=events)


def attach(
    workspace: Workspace,
    source: str,
    event_id: str,
    *,
    consumer: str | None = None,
    brand: str | None = None,
    reason: str,
) -> None:
    """Attach an event to its unknown consumer or brand; scores are updated at once.

    Raises:
        InputError: Neither is given.
        NotFoundError: There is no such event.
        ConflictError: The event has another one already.
    """
    with begin_change(workspace) as (session, force):
        attached = attach_event(
            session, workspace.engine, workspace.folder, source=source, event_id=event_id, consumer=consumer,
            brand=brand, reason=reason, now_us=workspace.now_us,
        )  # fmt: skip
        if not attached.is_new:
            return
        row = take_unattributed(session, workspace.engine, workspace.folder, attached)
        landing = AffectedConsumers()
        if attached.consumer_id:
            landing.consumers = {find_canonical(session, attached.consumer_id)}
        points = update_sizing(
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
        attach_message(session, (attached.source_id, event_id), attached.consumer_id, attached.brand_id)
        derive_and_fold(replace(force, points=points).open(workspace, session), landing, workspace.now_us)
