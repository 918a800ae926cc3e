"""The class of a relationship: who gives, who takes, and when that cannot be told."""

from __future__ import annotations

from typing import get_args

import pytest

from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.symbiosis import classify_symbiosis, read_sign
from pair_ledgers import read, repeat_event, write_event

CLASSES = [
    (20, 20, "mutualism"),
    (20, 0, "commensal-brand-gains"),
    (0, 20, "commensal-consumer-gains"),
    (20, -20, "one-sided-brand-takes"),
    (-20, 20, "one-sided-consumer-takes"),
    (-20, -20, "competition"),
    (-20, 0, "amensal"),
    (0, -20, "amensal"),
    (0, 0, "neutral"),
]


@pytest.mark.parametrize(("consumer_points", "brand_points", "expected"), CLASSES)
def test_what_both_give_names_the_class(consumer_points, brand_points, expected):
    assert classify_symbiosis(consumer_points, 4, brand_points, 4, confidence=0.9) == expected


def test_every_class_can_come_out():
    assert {expected for _, _, expected in CLASSES} | {"unknown"} == set(get_args(Symbiosis))


@pytest.mark.parametrize(("confidence", "expected"), [(0.0, "unknown"), (0.49, "unknown"), (0.5, "neutral")])
def test_without_a_sign_little_evidence_is_unknown_and_not_neutral(confidence, expected):
    assert classify_symbiosis(3, 10, -3, 10, confidence) == expected


def test_a_clear_sign_is_told_even_with_little_evidence():
    assert classify_symbiosis(20, 10, 0, 10, confidence=0.1) == "commensal-brand-gains"


@pytest.mark.parametrize(
    ("points", "deviation", "sign"),
    [(5, 5, 1), (4.99, 1, 0), (7, 7.01, 0), (-5, 5, -1), (-7, 7.01, 0), (0, 0, 0)],
)
def test_a_side_needs_five_points_and_more_than_its_doubt(points, deviation, sign):
    assert read_sign(points, deviation) == sign


def test_relationships_that_a_person_would_name_so():
    buyer = repeat_event("Order Completed", 20, every_days=7)
    assert read(buyer).symbiosis == "mutualism"
    assert read(repeat_event("Service Failed", 20, every_days=7)).symbiosis == "amensal"
    betrayed = [
        *repeat_event("Referral Made", 10, every_days=7),
        *repeat_event("Service Failed", 10, every_days=7),
    ]
    assert read(betrayed).symbiosis == "one-sided-brand-takes"
    assert read([write_event("Page Viewed")]).symbiosis == "neutral"
    assert read([write_event("Page Viewed", days_ago=30)]).symbiosis == "unknown"
