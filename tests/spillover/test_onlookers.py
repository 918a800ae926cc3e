"""Onlookers' fairness: blaming the innocent costs the author, a fair complaint costs nothing, and onlookers decide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer_fusion.records.perception import BlamedParty, Party, Perception, ResponsibleParty, Span
from consumer_fusion.spillover.onlookers import (
    Circumstances,
    estimate_onlookers,
    find_responsible,
    measure_mismatch,
)

STAR = Circumstances(followers=100_000, is_staff_named=True)
KITCHEN: dict[Party, float] = {"kitchen": 1.0}


def say(party: Party, *, blame: float = 1.0, harshness: float = 1.0, repair: float = 0.0) -> Perception:
    """A complaint that accuses one party."""
    return Perception(
        language="en",
        model="written by hand",
        polarity={"negative": 1.0, "neutral": 0.0, "positive": 0.0},
        emotions={},
        blame=(BlamedParty(party, blame, Span(0, 1)),),
        harshness=harshness,
        repair=repair,
    )


@pytest.mark.story
def test_blaming_the_waiters_harshly_for_the_kitchens_salmon_falls_on_the_star() -> None:
    found = estimate_onlookers(say("front"), STAR, KITCHEN)
    assert found.prior == pytest.approx(0.96, abs=0.02)
    assert found.share == 1
    assert found.is_prior_only


@pytest.mark.story
def test_blaming_the_kitchen_as_harshly_spills_about_a_quarter() -> None:
    found = estimate_onlookers(say("kitchen"), Circumstances(1_000_000, is_staff_named=True), KITCHEN)
    assert found.prior == pytest.approx(0.60, abs=0.02)
    assert found.share == pytest.approx(0.25, abs=0.05)


@pytest.mark.story
def test_a_mild_or_fair_complaint_spills_nothing() -> None:
    assert estimate_onlookers(say("kitchen", harshness=0.1), STAR, KITCHEN).share == 0
    assert estimate_onlookers(say("kitchen", harshness=0.0, repair=1.0), STAR, KITCHEN).share == 0


def test_replies_outweigh_the_prior() -> None:
    alone = estimate_onlookers(say("front"), STAR, KITCHEN)
    defended = estimate_onlookers(say("front"), STAR, KITCHEN, critical=5, supportive=60)
    assert defended.probability < 0.25 < alone.probability
    assert defended.share == 0
    assert not defended.is_prior_only
    assert defended.high - defended.low < alone.high - alone.low + 0.2


def test_the_responsible_parties_are_those_that_are_known() -> None:
    words = Perception(
        language="en",
        model="written by hand",
        polarity={},
        emotions={},
        responsible=(ResponsibleParty("front", 0.7),),
    )
    assert find_responsible(words) == {"front": 0.7}


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**9))
def test_more_mismatch_and_harsher_words_never_help_the_author(
    blame: float, harshness: float, repair: float, followers: int
) -> None:
    facts = Circumstances(followers=followers)
    here = estimate_onlookers(say("front", blame=blame, harshness=harshness, repair=repair), facts, KITCHEN)
    fair = estimate_onlookers(say("kitchen", blame=blame, harshness=harshness, repair=repair), facts, KITCHEN)
    assert fair.probability <= here.probability
    assert 0 <= here.share <= 1
    assert here.low <= here.probability <= here.high
    assert measure_mismatch(say("kitchen", blame=blame), KITCHEN) == 0
