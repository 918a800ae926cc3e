"""Message derivation: the events that messages give, and what words add to events that others are derived from.

A message of a kind without points gives at most one scored event. A complaint that a source declared keeps its kind
and its own magnitude; what it does not state of the failure that it implies is taken from its words. What a source
states always holds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from consumer_fusion.events.event_reader import find_members
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.messages.perceptions import MessageKey, read_perceptions
from consumer_fusion.records.derived_event import DerivedEvent, ParentEvent
from consumer_fusion.records.perception import (
    MESSAGE_KINDS,
    UNSCORED_MESSAGE_KINDS,
    Perception,
)
from consumer_fusion.records.points import BRAND_REFERENCES
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.message_events import MessageEvent, find_message_event
from consumer_fusion.score.message_causes import MessageReference, set_known_causes
from consumer_fusion.score.score_context import ScoreContext


@dataclass(frozen=True, slots=True)
class MessageDerivation:
    """Parent events with what their words add.

    Attributes:
        parents: The parents; a message that gives an event is that event.
        derived: The events that messages give.
        perceptions: Perception of the words of each, by source and event.
    """

    parents: Sequence[ParentEvent]
    derived: Sequence[DerivedEvent] = ()
    perceptions: Mapping[MessageKey, Perception] = field(default_factory=dict)


def apply_perceptions(
    context: ScoreContext, parents: Sequence[ParentEvent], consumers: Collection[int] | None
) -> MessageDerivation:
    """Add what the words of messages say to the parents.

    Args:
        context: The transaction of the change, and the points in force.
        parents: Parents, messages among them.
        consumers: Canonical consumers; None for all.
    """
    members = None if consumers is None else find_members(context.session, consumers)
    perceptions = read_perceptions(context.session, members)
    if not perceptions:
        return MessageDerivation(parents)
    references = [
        MessageReference((each.source_id, each.event_id), each.consumer_id, each.brand_id, each.properties)
        for each in parents
    ]
    perceptions = set_known_causes(context, references, perceptions)
    kept: list[ParentEvent] = []
    given: list[tuple[ParentEvent, MessageEvent]] = []
    for parent in parents:
        perception = perceptions.get((parent.source_id, parent.event_id))
        if perception is None or parent.kind not in MESSAGE_KINDS:
            kept.append(parent)
        elif parent.kind not in UNSCORED_MESSAGE_KINDS or _counts_itself(parent, context):
            kept.append(_fill_in(parent, perception))
        else:
            event = find_message_event(perception, is_public=_is_public(parent), stated=parent.properties)
            if event is not None:
                given.append((parent, event))
    as_events = _annotate(context, given)
    derived = [
        _describe(each, perceptions[each.source_id, each.event_id], context)
        for each in as_events
        if each.kind_key in context.points.kinds
    ]
    return MessageDerivation([*kept, *as_events], derived, perceptions)


def _counts_itself(parent: ParentEvent, context: ScoreContext) -> bool:
    """Whether an event has points already, such as a mention whose source states the sentiment."""
    kind = context.points.kinds.get(parent.kind_key)
    return kind is not None and bool(kind.entries)


def _is_public(parent: ParentEvent) -> bool:
    return MESSAGE_KINDS[parent.kind] and not parent.is_private


def _fill_in(parent: ParentEvent, perception: Perception) -> ParentEvent:
    """A declared complaint with the severity of its words, where its source states none and they can be read."""
    if not parent.kind.startswith("Complaint") or perception.abstained or not perception.polarity:
        return parent
    severity = perception.polarity["negative"] * (0.5 + 0.5 * (perception.harshness or 0.0))
    return replace(parent, properties={"severity": round(severity, 4), **parent.properties})


def _annotate(context: ScoreContext, given: Sequence[tuple[ParentEvent, MessageEvent]]) -> list[ParentEvent]:
    """The events that messages give, with kind and magnitude by the rules of every other event."""
    if not given:
        return []
    rows = pa.table(
        {
            "place": pa.array(range(len(given)), pa.int64()),
            "kind": pa.array([event.kind for _, event in given], pa.string()),
            "value": pa.nulls(len(given), pa.float64()),
            "currency": pa.nulls(len(given), pa.string()),
            "channel": pa.nulls(len(given), pa.string()),
            "properties": pa.array([json.dumps(dict(event.properties)) for _, event in given], pa.string()),
            "brand_id": pa.array([parent.brand_id for parent, _ in given], pa.int64()),
            "occurred_us": pa.array([parent.occurred_us for parent, _ in given], pa.int64()),
        }
    )
    references = context.session.read(BRAND_REFERENCES, limit=0)
    annotated = context.engine.read(
        f"select kind_id, magnitude from ({annotate_sql(context.points, context.kind_ids, 'message_events')}) "
        "order by place",
        step="give kind and magnitude to messages",
        tables={
            "message_events": rows,
            **annotation_tables(context.points, context.kind_ids, references),
        },
    )
    keys = {number: key for key, number in context.kind_ids.items()}
    return [
        replace(
            parent,
            kind=event.kind,
            kind_key=keys.get(row["kind_id"], ""),
            magnitude=row["magnitude"],
            properties=event.properties,
        )
        for (parent, event), row in zip(given, annotated.to_pylist(), strict=True)
    ]


def _describe(event: ParentEvent, perception: Perception, context: ScoreContext) -> DerivedEvent:
    kind = context.points.kinds[event.kind_key]
    polarity, probability = max(perception.polarity.items(), key=lambda each: each[1])
    return DerivedEvent(
        parent=event,
        kind_key=event.kind_key,
        brand_id=event.brand_id,
        magnitude=event.magnitude,
        trust=event.trust,
        occurred_us=event.occurred_us,
        association_id=None,
        sentence=Message(
            "{meaning} (from the words: {polarity} {probability})",
            meaning=as_message(kind.meaning or kind.event),
            polarity=as_message(polarity),
            probability=f"{probability:.0%}",
        ),
    )
