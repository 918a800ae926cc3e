"""A derivation: an event that follows from another by a rule, and what the rules need to know of its parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParentEvent:
    """An event from which others may follow, or which such a rule refers to.

    Attributes:
        source_id: Its source.
        event_id: Its id.
        occurred_us: When.
        consumer_id: Canonical consumer.
        brand_id: Brand.
        kind: As the source said it.
        kind_key: Key in the points table; empty for none.
        magnitude: Its magnitude.
        trust: How far its source is believed.
        properties: Its properties.
    """

    source_id: int
    event_id: str
    occurred_us: int
    consumer_id: int
    brand_id: int
    kind: str
    kind_key: str
    magnitude: float
    trust: float
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DerivedEvent:
    """An event that follows from a parent.

    Attributes:
        parent: What it follows from.
        kind_key: Key in the points table.
        brand_id: The brand of its pair; the consumer is the parent's.
        magnitude: Its magnitude.
        trust: How far it is believed.
        occurred_us: When.
        association_id: The association it spread over, if it did.
        sentence: Why it is there, for people.
    """

    parent: ParentEvent
    kind_key: str
    brand_id: int
    magnitude: float
    trust: float
    occurred_us: int
    association_id: str | None
    sentence: str
