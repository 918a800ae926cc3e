"""A derivation: an event derived from another by a rule, and the properties of its parent that the rules need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParentEvent:
    """An event from which others may be derived, or to which such a rule refers.

    Attributes:
        source_id: Number of its source.
        event_id: Id of the event.
        occurred_us: Time of the event.
        consumer_id: Canonical consumer.
        brand_id: Brand.
        kind: Kind as sent by the source.
        kind_key: Key in the points table; empty for none.
        magnitude: Its magnitude.
        trust: Trust in its source.
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

    @property
    def is_private(self) -> bool:
        """Whether its source says that others cannot read it; a statement that cannot be read counts as that."""
        stated = str(self.properties.get("private", "false")).strip().lower()
        return (
            stated not in ("", "false", "0", "no", "none") or self.properties.get("visibility") == "private"
        )


@dataclass(frozen=True, slots=True)
class DerivedEvent:
    """An event derived from a parent.

    Attributes:
        parent: Parent event.
        kind_key: Key in the points table.
        brand_id: Brand of its pair; the consumer is the parent's.
        magnitude: Its magnitude.
        trust: Trust in the event.
        occurred_us: Time of the event.
        association_id: Association over which it spread, if it did.
        sentence: Reason for the event, as a sentence.
    """

    parent: ParentEvent
    kind_key: str
    brand_id: int
    magnitude: float
    trust: float
    occurred_us: int
    association_id: str | None
    sentence: str
