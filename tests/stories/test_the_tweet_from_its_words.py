"""The salmon again, from nothing but the words of the tweet and the order, which names the kitchen.

Nobody states that it is a complaint, how severe it was or what onlookers thought: the perceiver reads it. She blames
the waiters, the kitchen was at fault, so those who read it side against her, and the brand of her sweater suffers with
the restaurant. Had she blamed the kitchen mildly, or told the restaurant alone, the sweater would not have suffered.
"""

from __future__ import annotations

import pytest

from command_line import ask_fusion, write_events
from consumer_fusion.simulate.founding_example import POP_ARTIST, SALMON_TEXT
from consumer_fusion.simulate.town_brands import SALMON_RESTAURANT, SWEATER_BRAND

BRANDS = (SALMON_RESTAURANT, SWEATER_BRAND)
STAR = {"followers": 1_000_000, "names_staff": True, "tip_withheld": True}
BLAMED_FAIRLY = (
    "The salmon was off tonight, I am afraid. "
    "Anyone can have a bad day, and they took it off the bill without a word."
)
BLAMED_HARSHLY = (
    "Worst dinner of my life at Salmon Restaurant. The salmon was off, and the cooks did not care. "
    "Lazy, useless people, every one in that kitchen should be fired tonight."
)


@pytest.fixture
def live_through(workspace):
    """The evening with some words, in public or not; what became of the scores with restaurant and sweater brand."""

    def live(text, kind="Post Published", **stated):
        shared = {"consumer": POP_ARTIST, "brand": SALMON_RESTAURANT, "source": "social", "trust": 1.0}
        failed = {
            **shared, "event_id": "E2", "occurred_at": "2026-06-15T20:00:00Z", "kind": "Product Failed",
            "properties": {"severity": 1, "visibility": "private", "order_id": "table 7", "responsible": "kitchen"},
        }  # fmt: skip
        said = {
            **shared, "event_id": "E3", "occurred_at": "2026-06-15T20:30:00Z", "kind": kind, "text": text,
            "properties": {
                "people": 100_000, "about_event_id": "E2", "order_id": "table 7", "visible_brands": [SWEATER_BRAND],
                **STAR, **stated,
            },
        }  # fmt: skip
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
            - 50
            for brand in BRANDS
        }

    return live


def test_blaming_the_waiters_costs_the_restaurant_and_the_sweater_8(live_through):
    change = live_through(SALMON_TEXT)
    assert change[SALMON_RESTAURANT] == pytest.approx(-8, abs=1)
    assert change[SWEATER_BRAND] == pytest.approx(-8, abs=1)


def test_with_severity_and_share_stated_it_is_8_within_a_tenth(live_through):
    change = live_through(SALMON_TEXT, severity=1, onlookers_share=1)
    assert change[SALMON_RESTAURANT] == pytest.approx(-8, abs=0.1)
    assert change[SWEATER_BRAND] == pytest.approx(-8, abs=0.1)


def test_blaming_the_kitchen_as_harshly_spills_about_a_quarter(live_through):
    # A share of .25 for words that surely insult: an eighth to three eighths of 8.
    assert -3 < live_through(BLAMED_HARSHLY)[SWEATER_BRAND] < -1


def test_a_fair_complaint_leaves_the_sweater_alone(live_through):
    assert live_through(BLAMED_FAIRLY)[SWEATER_BRAND] == 0


def test_a_private_complaint_leaves_the_sweater_alone(live_through):
    assert live_through(SALMON_TEXT, "Message Sent")[SWEATER_BRAND] == 0
