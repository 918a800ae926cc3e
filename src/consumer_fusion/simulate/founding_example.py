"""The founding example: the concert, the sweater and the salmon, with the same names in every town.

A pop artist sings in a sweater and gains a hundred thousand followers; a week later, in the same sweater, the
artist is served a bad salmon and blames the waiters in public. The consequences for the sweater's brand are derived
by the product from these events and the declared association; none of them is simulated here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumer_fusion.records.association import Association
from consumer_fusion.records.event import Event
from consumer_fusion.simulate.town_actions import SimulatedAction
from consumer_fusion.simulate.town_brands import SALMON_RESTAURANT, SWEATER_BRAND

POP_ARTIST = "pop-artist"
SOURCE = "town"
CONCERT_AT = datetime(2026, 6, 5, 20, tzinfo=UTC)
FOLLOWERS_GAINED = 100_000
SALMON_TEXT = (
    "Worst dinner of my life at Salmon Restaurant. The salmon was off, and the waiters just stood there. "
    "Lazy, useless people, every one of them should be fired tonight."
)

CONCERT_EFFECT = 0.3
CONCERT_EFFECT_FROM = CONCERT_AT + timedelta(days=3)
CONCERT_EFFECT_UNTIL = CONCERT_EFFECT_FROM + timedelta(days=14)

CONCERT = SimulatedAction(
    action_id="founding-concert",
    brand=SWEATER_BRAND,
    title="Concert of the pop artist, seen in the sweater",
    at=CONCERT_AT.isoformat(),
    until=None,
    assignment="everybody",
    relative_effect=CONCERT_EFFECT,
    effect_from=CONCERT_EFFECT_FROM.isoformat(),
    effect_until=CONCERT_EFFECT_UNTIL.isoformat(),
)

SWEATER_ASSOCIATION = Association(
    association_id="pop-artist-wears-sweater-brand",
    consumer=POP_ARTIST,
    brand=SWEATER_BRAND,
    evidence="wears",
    strength=1.0,
    is_commercial=True,
    valid_from=CONCERT_AT.isoformat(),
)


def make_founding_events() -> tuple[Event, Event, Event]:
    """The three original events: the followers, the salmon, the public complaint."""
    salmon_at = datetime(2026, 6, 15, 20, tzinfo=UTC)
    complaint_at = salmon_at + timedelta(minutes=30)
    delay = timedelta(seconds=5)
    return (
        Event(
            event_id="E1",
            occurred_at=CONCERT_EFFECT_FROM,
            received_at=CONCERT_EFFECT_FROM + delay,
            kind="Association Observed",
            consumer=POP_ARTIST,
            brand=SWEATER_BRAND,
            source=SOURCE,
            channel="social",
            trust=1.0,
            properties={"followers_gained": FOLLOWERS_GAINED},
        ),
        Event(
            event_id="E2",
            occurred_at=salmon_at,
            received_at=salmon_at + delay,
            kind="Product Failed",
            consumer=POP_ARTIST,
            brand=SALMON_RESTAURANT,
            source=SOURCE,
            channel="restaurant",
            trust=1.0,
            properties={"severity": 1, "visibility": "private", "product": "grilled salmon"},
        ),
        Event(
            event_id="E3",
            occurred_at=complaint_at,
            received_at=complaint_at + delay,
            kind="Complaint Published",
            consumer=POP_ARTIST,
            brand=SALMON_RESTAURANT,
            source=SOURCE,
            channel="social",
            text=SALMON_TEXT,
            trust=1.0,
            properties={
                "severity": 1,
                "people": 100_000,
                "about_event_id": "E2",
                "visible_brands": [SWEATER_BRAND],
                "onlookers_share": 1,
            },
        ),
    )
