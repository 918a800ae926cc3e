"""The deliberate actions of the brands of the town, their assignment, and their true effect on orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.simulate.town_brands import SWEATER_BRAND

Assignment = Literal["everybody", "random", "targeted high", "targeted low"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedAction:
    """A deliberate act of a brand, with its true effect.

    Attributes:
        action_id: Its id.
        brand: Key of the brand.
        title: Name of the action.
        at: Start, ISO 8601.
        until: End, ISO 8601; None for a single point in time.
        assignment: Assignment: to everybody, a random half, or those with the highest or lowest affinity.
        relative_effect: True effect on the orders of those who got it, as a share; 0 for none.
        effect_from: Start of the effect, ISO 8601; None without effect.
        effect_until: End of the effect, ISO 8601; None without effect.
    """

    action_id: str
    brand: str
    title: str
    at: str
    until: str | None
    assignment: Assignment
    relative_effect: float = 0.0
    effect_from: str | None = None
    effect_until: str | None = None


CAMPAIGNS: tuple[SimulatedAction, ...] = (
    SimulatedAction(
        action_id="autumn-letter",
        brand="book-shop",
        title="A letter about new books to a random half; it changes nothing",
        at="2025-10-06T10:00:00+00:00",
        until=None,
        assignment="random",
    ),
    SimulatedAction(
        action_id="winter-invitation",
        brand=SWEATER_BRAND,
        title="An invitation to the brand's best customers, who would come anyway; it changes nothing",
        at="2025-12-01T10:00:00+00:00",
        until=None,
        assignment="targeted high",
    ),
    SimulatedAction(
        action_id="spring-voucher",
        brand="corner-grocery",
        title="A voucher to a random half: a quarter more orders for three weeks",
        at="2026-03-16T10:00:00+00:00",
        until="2026-04-06T10:00:00+00:00",
        assignment="random",
        relative_effect=0.25,
        effect_from="2026-03-16T10:00:00+00:00",
        effect_until="2026-04-06T10:00:00+00:00",
    ),
    SimulatedAction(
        action_id="apology-card",
        brand="phone-company",
        title="A card to the brand's least satisfied customers; it changes nothing",
        at="2026-02-02T10:00:00+00:00",
        until=None,
        assignment="targeted low",
    ),
)
"""Campaigns that are sent to individual consumers, as `Campaign Received`."""

OCCASIONS: tuple[SimulatedAction, ...] = (
    SimulatedAction(
        action_id="museum-night",
        brand="city-museum",
        title="The long night of the museum",
        at="2025-10-04T18:00:00+00:00",
        until=None,
        assignment="everybody",
    ),
    SimulatedAction(
        action_id="reading-evening",
        brand="book-shop",
        title="An evening with an author",
        at="2025-11-20T19:00:00+00:00",
        until=None,
        assignment="everybody",
    ),
    SimulatedAction(
        action_id="winter-concert",
        brand=SWEATER_BRAND,
        title="A concert in the shop by another artist",
        at="2026-01-16T19:00:00+00:00",
        until=None,
        assignment="everybody",
    ),
    SimulatedAction(
        action_id="open-day",
        brand="sports-club",
        title="An open day",
        at="2026-05-09T10:00:00+00:00",
        until=None,
        assignment="everybody",
    ),
)
"""Concerts and other events that people attend; without effect on orders."""
