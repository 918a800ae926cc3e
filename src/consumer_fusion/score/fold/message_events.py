"""Message events: the one scored event that a message gives, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from consumer_fusion.records.perception import Perception

LEAST_POLARITY = 0.6
LEAST_DISSATISFACTION = 0.5
MOST_IRONY = 0.5
_PRODUCT_PARTIES = ("kitchen", "production")


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """The scored event of a message.

    Attributes:
        kind: Its kind.
        properties: Its properties. Confidence is in the magnitude, never in the trust.
    """

    kind: Literal["Complaint Made", "Complaint Published", "Brand Mentioned"]
    properties: Mapping[str, object]


def find_message_event(
    perception: Perception, *, is_public: bool, stated: Mapping[str, object] | None = None
) -> MessageEvent | None:
    """The one scored event of a message; None where it gives none.

    Args:
        perception: The perception of the message.
        is_public: Whether others can read it. Only public words are a mention.
        stated: Properties that the source stated; they hold instead of the perceived ones.
    """
    if perception.abstained or (perception.irony or 0.0) > MOST_IRONY:
        return None
    negative, positive = perception.polarity["negative"], perception.polarity["positive"]
    perceived: dict[str, object]
    if (
        negative >= LEAST_POLARITY
        and (perception.failure or 0.0) >= LEAST_DISSATISFACTION
        and (perception.dissatisfaction or 0.0) >= LEAST_DISSATISFACTION
    ):
        perceived = {"severity": round(perception.severity or 0.0, 4)}
        if perception.responsible:
            is_product = perception.responsible[0].party in _PRODUCT_PARTIES
            perceived["blame"] = "product" if is_product else "service"
        kind: Literal["Complaint Made", "Complaint Published"] = (
            "Complaint Published" if is_public else "Complaint Made"
        )
        return MessageEvent(kind, perceived | dict(stated or {}))
    if is_public and max(negative, positive) >= LEAST_POLARITY:
        perceived = {"sentiment": round(-negative if negative > positive else positive, 4)}
        return MessageEvent("Brand Mentioned", perceived | dict(stated or {}))
    return None
