"""Causes of failures that messages speak of, as data of orders name them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast, get_args

from consumer_fusion.events.event_reader import EventSelection, open_events
from consumer_fusion.messages.perceptions import MessageKey
from consumer_fusion.records.perception import Party, Perception, ResponsibleParty
from consumer_fusion.score.score_context import ScoreContext


@dataclass(frozen=True, slots=True)
class MessageReference:
    """A message with what it refers to.

    Attributes:
        key: Source and id of its event.
        consumer_id: Canonical consumer.
        brand_id: Brand.
        properties: Properties of its event.
    """

    key: MessageKey
    consumer_id: int
    brand_id: int
    properties: Mapping[str, object]


def set_known_causes(
    context: ScoreContext,
    references: Iterable[MessageReference],
    perceptions: Mapping[MessageKey, Perception],
) -> dict[MessageKey, Perception]:
    """Perceptions with the responsible parties that data of the order name, in place of those of the words.

    They are in a property `responsible` of the message, of an event of its order (`order_id`), or of the event that
    it is about.
    """
    causes: dict[MessageKey, set[Party]] = {}
    referring: list[tuple[MessageKey, tuple[tuple[int, int, str], ...]]] = []
    for each in references:
        if each.key not in perceptions:
            continue
        if party := _as_party(each.properties.get("responsible")):
            causes[each.key] = {party}
            continue
        names = [
            str(each.properties[name]) for name in ("about_event_id", "order_id") if each.properties.get(name)
        ]
        if names:
            referring.append((each.key, tuple((each.consumer_id, each.brand_id, name) for name in names)))
    if referring:
        named = _read_responsible(context, {places[0][0] for _, places in referring})
        for key, places in referring:
            causes[key] = {party for place in places for party in named.get(place, ())}
    return {key: _set_causes(found, causes.get(key, ())) for key, found in perceptions.items()}


def _read_responsible(
    context: ScoreContext, consumers: Collection[int]
) -> dict[tuple[int, int, str], set[Party]]:
    """The responsible parties that events of consumers name, by consumer, brand, and order or event."""
    source = open_events(
        context.session, context.folder, EventSelection(consumers=sorted(consumers)),
        columns=("consumer_id", "brand_id", "event_id", "properties"),
    )  # fmt: skip
    rows = context.engine.read(
        f"select * from {source.relation} e where properties like '%\"responsible\"%'",
        step="read who was responsible",
        tables=source.tables,
    )
    found: dict[tuple[int, int, str], set[Party]] = {}
    for row in rows.to_pylist():
        properties = json.loads(row["properties"])
        party = _as_party(properties.get("responsible"))
        for name in (row["event_id"], properties.get("order_id")):
            if party and name:
                found.setdefault((row["consumer_id"], row["brand_id"], str(name)), set()).add(party)
    return found


def _as_party(value: object) -> Party | None:
    return cast(Party, value) if value in get_args(Party) else None


def _set_causes(perception: Perception, causes: Iterable[Party]) -> Perception:
    """A perception with the responsible parties that data name in place of those of the words; the staff's hold."""
    named = tuple(ResponsibleParty(party, 1.0, "order") for party in causes)
    if not named or any(each.basis == "staff" for each in perception.responsible):
        return perception
    return replace(perception, responsible=named)
