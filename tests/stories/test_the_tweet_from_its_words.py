"""The salmon again, from nothing but the words of the tweet and the order, which names the kitchen.

Nobody states how severe it was or what onlookers thought: the perceiver reads it. She blames the waiters, the kitchen
was at fault, so those who read it side against her, and the brand of her sweater suffers with the restaurant. Had she
blamed the kitchen mildly, or told the restaurant alone, the sweater would not have suffered at all.
"""

from __future__ import annotations

import pytest

from command_line import ask_fusion, write_events
from consumer_fusion.perception.message_events import find_message_event
from consumer_fusion.perception.onlookers import Circumstances, estimate_onlookers, find_responsible
from consumer_fusion.perception.shipped_perceiver import load_perceiver
from consumer_fusion.records.perception import ConsumerMessage
from consumer_fusion.simulate.founding_example import POP_ARTIST, SALMON_TEXT
from consumer_fusion.simulate.town_brands import SALMON_RESTAURANT, SWEATER_BRAND

BRANDS = (SALMON_RESTAURANT, SWEATER_BRAND)
STAR = Circumstances(followers=1_000_000, is_staff_named=True, is_tip_withheld=True)
BLAMED_FAIRLY = (
    "The salmon was off tonight, I am afraid. "
    "Anyone can have a bad day, and they took it off the bill without a word."
)
BLAMED_HARSHLY = (
    "Worst dinner of my life at Salmon Restaurant. The salmon was off, and the cooks did not care. "
    "Lazy, useless people, every one in that kitchen should be fired tonight."
)


@pytest.fixture
def live_through(workspace, read_score):
    """The evening with some words, said in public or not; the scores with the restaurant and the sweater's brand."""

    def live(text, *, is_public=True):
        perception = load_perceiver().perceive([ConsumerMessage(text)])[0]
        kitchen_failed = {"kitchen": 1.0}
        estimate = estimate_onlookers(perception, STAR, find_responsible(perception, kitchen_failed))
        told = find_message_event(perception, is_public=is_public)
        assert told is not None
        shared = {"consumer": POP_ARTIST, "brand": SALMON_RESTAURANT, "source": "social", "trust": 1.0}
        failed = {
            **shared, "event_id": "E2", "occurred_at": "2026-06-15T20:00:00Z", "kind": "Product Failed",
            "properties": {"severity": 1, "visibility": "private"},
        }  # fmt: skip
        properties = {**told.properties, "about_event_id": "E2"}
        if is_public:
            seen = {"people": 100_000, "visible_brands": [SWEATER_BRAND], "onlookers_share": estimate.share}
            properties |= seen
        said = {
            **shared,
            "event_id": "E3",
            "occurred_at": "2026-06-15T20:30:00Z",
            "kind": told.kind,
            "properties": properties,
        }
        ask_fusion(
            workspace, "associations", "declare", POP_ARTIST, SWEATER_BRAND, "--evidence", "wears", "--strength", 1,
            "--from", "2026-06-05T20:00:00Z",
        )  # fmt: skip
        file = write_events(workspace / "evening.jsonl", failed, said)
        ask_fusion(workspace, "import", file, "--format", "events")
        return {
            brand: ask_fusion(workspace, "explain", POP_ARTIST, brand, "--as-of", "2026-06-15T20:30:00Z")[
                "fusion_score"
            ]
            for brand in (SALMON_RESTAURANT, SWEATER_BRAND)
        }

    return live


def test_blaming_the_waiters_costs_the_restaurant_and_the_sweater_8(live_through):
    scores = live_through(SALMON_TEXT)
    assert scores[SALMON_RESTAURANT] - 50 == pytest.approx(-8, abs=1)
    assert scores[SWEATER_BRAND] - 50 == pytest.approx(-8, abs=1)


def test_blaming_the_kitchen_as_harshly_spills_about_a_quarter(live_through):
    assert -4 < live_through(BLAMED_HARSHLY)[SWEATER_BRAND] - 50 <= 0


def test_a_fair_complaint_leaves_the_sweater_alone(live_through):
    assert live_through(BLAMED_FAIRLY)[SWEATER_BRAND] == 50


def test_a_private_complaint_leaves_the_sweater_alone(live_through):
    assert live_through(SALMON_TEXT, is_public=False)[SWEATER_BRAND] == 50
