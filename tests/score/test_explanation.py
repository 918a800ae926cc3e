"""The explanation: every part of a score with its reason, adding up to the whole."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from consumer_fusion.records.points import FACETS
from consumer_fusion.score.model.explanation import explain_pair
from pair_ledgers import (
    NOW_US,
    POINTS,
    ledgers,
    list_founding_events,
    read,
    repeat_event,
    score,
    write_event,
)


def explain(entries):
    return explain_pair(entries, NOW_US, POINTS)


def tell(kind, **details):
    """The sentences of one event, by facet."""
    return {part.facet: part.sentence for part in explain([write_event(kind, **details)]).contributions}


@given(ledgers)
def test_the_contributions_add_up_to_the_score(entries):
    explanation = explain(entries)
    total = math.fsum(part.contribution for part in explanation.contributions)
    assert total == pytest.approx(score(entries) - 50, abs=1e-9)
    assert explanation.reading == read(entries)


@given(ledgers)
def test_no_contribution_turns_the_sign_of_its_points(entries):
    for part in explain(entries).contributions:
        assert part.contribution * part.points >= 0
        assert part.facet in FACETS[part.direction]
        assert part.sentence.startswith(f"{part.points:+.1f}: ".replace("-", "−")) or abs(part.points) < 0.1


@given(ledgers)
def test_every_event_with_points_is_told_once_for_each_facet(entries):
    told = [(part.event_id, part.facet) for part in explain(entries).contributions]
    expected = [
        (entry.event_id, facet.facet) for entry in entries for facet in POINTS.kinds[entry.kind].entries
    ]
    assert sorted(told) == sorted(expected)


def test_contributions_come_in_the_order_of_what_happened():
    told = [
        part.occurred_at for part in explain(repeat_event("Order Completed", 5, every_days=3)).contributions
    ]
    assert told == sorted(told)


def test_nothing_known_has_nothing_to_explain():
    assert explain([]).contributions == ()


def test_twice_as_large_contributes_twice_as_much_within_a_facet():
    small = write_event("Product Failed", magnitude=0.4, event_id="small")
    large = write_event("Product Failed", days_ago=1, magnitude=0.8, event_id="large")
    parts = {part.event_id: part for part in explain([small, large]).contributions}
    faded = 2 ** (-1 / POINTS.kinds["Product Failed"].half_life_days)
    assert parts["large"].contribution == pytest.approx(2 * faded * parts["small"].contribution)
    assert parts["large"].points == pytest.approx(2 * parts["small"].points)


def test_the_founding_example_is_told_with_its_parent_and_its_reason():
    parts = explain(list_founding_events()).contributions
    assert [(part.event_id, part.facet, part.parent_event_id) for part in parts] == [
        ("E1", "influence", None),
        ("E1", "standing", None),
        ("E4", "influence", "E3"),
        ("E4", "standing", "E3"),
    ]
    assert parts[0].sentence == "+3.0: seen with the brand; 100,000 new followers"
    assert parts[2].sentence == ("−8.0: the sweater was worn in the scene; onlookers sided with the waiters")
    assert [part.points for part in parts] == pytest.approx([3, 3, -8, -8], abs=1e-5)


def test_how_many_heard_it_is_told():
    known = tell("Complaint Published", magnitude=1, properties={"severity": 0.6, "people": 100_000})
    assert known["voice"] == "−8.0: a public complaint, severity 0.6, before 100,000 people"


def test_what_was_assumed_is_said():
    assumed = tell("Complaint Published", magnitude=0.4)["voice"]
    assert "before 100 people (assumed: the source does not say how many)" in assumed
    assert "severity 1 (assumed: the source does not say)" in assumed
    assert "assumed" not in tell("Complaint Published", properties={"severity": 1, "people": 7})["voice"]
    assert "assumed" in tell("Brand Mentioned/positive", properties={"sentiment": 0.9})["voice"]
    assert "assumed" not in tell("Association Observed/audience", properties={"audience": 50})["influence"]


@pytest.mark.parametrize(
    ("kind", "details", "facet", "expected"),
    [
        ("Order Completed", {"magnitude": 2.5}, "wallet", "2.5 times the weight of a usual order"),
        ("CSAT Answered/positive", {"properties": {"rating": 4}}, "delight", "a positive answer"),
        ("CSAT Answered/positive", {"properties": {"rating": "4"}}, "delight", ": 4 of 5"),
        ("NPS Answered/negative", {"properties": {"rating": 3}}, "delight", ": 3 of 10"),
        ("CES Answered/negative", {"properties": {"rating": 2}}, "delight", ": 2 of 7"),
        ("Delivery Late", {"properties": {"days_late": 1}}, "service", ", 1 day late"),
        ("Recovery/Service Failed", {"magnitude": 0.8}, "service", ", 80% of what it had cost"),
        ("Gift Received", {"magnitude": 2, "trust": 0.25}, "delight", "counted at 25%"),
        ("Product Failed", {"trust": 0}, "delight", "not counted"),
        (
            "Association Observed/lost",
            {"properties": {"followers_gained": -1}},
            "standing",
            "1 follower lost",
        ),
    ],
)
def test_a_sentence_says_what_made_it_so_large(kind, details, facet, expected):
    assert expected in tell(kind, **details)[facet]


def test_points_that_count_once_an_event_do_not_speak_of_its_size():
    told = tell("Order Completed", magnitude=2.5)
    assert told["feet"] == "+3.0: a purchase: money and a visit in return for something wanted"
    assert told["wallet"].startswith("+7.5: ")


def test_a_burst_says_that_it_counts_less():
    (first, *_) = explain(repeat_event("Page Viewed", 1023)).contributions
    assert first.sentence.endswith("one of 1,023 that day, which together count as 10.0")


def test_a_derived_event_without_a_sentence_tells_what_it_is():
    told = tell("Reputation Raised", parent_event_id="E9")["standing"]
    assert told.endswith("a rise in one side's reputation benefited the other")
