"""What spreads to associated brands, in the figures of the rule."""

from __future__ import annotations

import pytest

from consumer_fusion.i18n.locales import load_language
from consumer_fusion.i18n.messages import translate_message
from consumer_fusion.i18n.translation import use_language
from consumer_fusion.records.derived_event import ParentEvent
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.spillover.links import AssociationLink, measure_link
from consumer_fusion.spillover.reputations import derive_reputations

DAY = 86_400_000_000
CONCERT_US = 100 * DAY
TWEET_US = 110 * DAY
ARTIST, SWEATER, RESTAURANT = 1, 10, 11
BRANDS = {SWEATER: "sweater-brand", RESTAURANT: "salmon-restaurant"}


@pytest.fixture(scope="module")
def points():
    return load_points()


@pytest.fixture
def wears():
    def make(**changes) -> AssociationLink:
        given = {
            "association_id": "wears", "consumer_id": ARTIST, "brand_id": SWEATER, "evidence": "wears",
            "strength": 1.0, "is_commercial": True, "valid_from_us": CONCERT_US, "valid_to_us": None,
            "declared_us": 0, "withdrawn_us": None,
        }  # fmt: skip
        return AssociationLink(**(given | changes))

    return make


@pytest.fixture
def tweet():
    def make(kind="Complaint Published", trust=1.0, **properties) -> ParentEvent:
        given = {"severity": 1, "people": 100_000, "onlookers_share": 1, "visible_brands": ["sweater-brand"]}
        told = {name: value for name, value in (given | properties).items() if value is not None}
        return ParentEvent(1, "E3", TWEET_US, ARTIST, RESTAURANT, kind.split("/")[0], kind, 1.0, trust, told)

    return make


def test_the_sweater_in_the_scene_takes_the_whole_harm(points, wears, tweet):
    (derived,) = derive_reputations([tweet()], [wears()], BRANDS, points)
    assert (derived.kind_key, derived.brand_id, derived.occurred_us) == (
        "Reputation Harmed",
        SWEATER,
        TWEET_US,
    )
    assert derived.magnitude == pytest.approx(1.0, abs=1e-4)
    assert derived.association_id == "wears"
    assert "sweater-brand was in plain view" in derived.sentence


def test_a_brand_without_a_key_is_named_in_the_readers_language(points, wears, tweet):
    (derived,) = derive_reputations([tweet(visible_brands=None)], [wears()], {}, points)
    assert derived.sentence == (
        "Spillover of 'Complaint Published' at another brand: the consumer wears this brand (declared association), "
        "and onlookers sided against the speaker (100%)"
    )
    with use_language(load_language("it")):
        told = translate_message(derived.sentence)
    assert "presso un’altra marca" in told
    assert "another" not in told
    assert "this" not in told


def test_a_contract_that_is_not_in_the_scene_takes_two_fifths(points, wears, tweet):
    (derived,) = derive_reputations(
        [tweet(visible_brands=None)], [wears(evidence="ambassador")], BRANDS, points
    )
    assert derived.magnitude * 8 == pytest.approx(3.2, abs=1e-3)


def test_doubt_about_who_is_at_fault_takes_its_share(points, wears, tweet):
    (derived,) = derive_reputations([tweet(onlookers_share=0.25)], [wears()], BRANDS, points)
    assert derived.magnitude * 8 == pytest.approx(2.0, abs=1e-3)


def test_praise_shines_on_a_visible_partner_by_six_tenths(points, wears, tweet):
    praise = tweet("Brand Mentioned/positive", onlookers_share=None)
    (derived,) = derive_reputations([praise], [wears()], BRANDS, points)
    assert (derived.kind_key, derived.magnitude * 3) == ("Reputation Raised", pytest.approx(1.8, abs=1e-3))


@pytest.mark.parametrize(
    "properties",
    [
        {"private": True},
        {"onlookers_share": None},
        {"people": None},
        {"severity": None},
        {"people": 50},
        {"severity": 0.3},
        {"severity": "much"},
    ],
    ids=[
        "private",
        "onlookers unknown",
        "reach unknown",
        "severity unknown",
        "few heard",
        "mild",
        "not a number",
    ],
)
def test_nothing_spreads_from(points, wears, tweet, properties):
    assert derive_reputations([tweet(**properties)], [wears()], BRANDS, points) == []


@pytest.mark.parametrize(
    "changes",
    [{"is_commercial": False}, {"valid_from_us": TWEET_US + 1}, {"consumer_id": 2}, {"brand_id": RESTAURANT}],
    ids=["private person", "not yet", "somebody else", "the same brand"],
)
def test_nothing_spreads_over(points, wears, tweet, changes):
    assert derive_reputations([tweet()], [wears(**changes)], BRANDS, points) == []


def test_an_event_of_a_kind_that_does_not_spread_stays_where_it_is(points, wears, tweet):
    assert derive_reputations([tweet("Product Failed")], [wears()], BRANDS, points) == []


def test_two_ties_to_one_brand_give_one_event(points, wears, tweet):
    links = [wears(), wears(association_id="contract", evidence="sponsor")]
    assert len(derive_reputations([tweet()], links, BRANDS, points)) == 1


def test_distrusted_news_spreads_less(points, wears, tweet):
    (derived,) = derive_reputations([tweet(trust=0.25)], [wears()], BRANDS, points)
    assert derived.magnitude == pytest.approx(0.25, abs=1e-4)


def test_a_contract_ages_only_once_it_has_ended(wears):
    contract = wears(evidence="ambassador", valid_to_us=CONCERT_US + 10 * DAY)
    assert measure_link([contract], CONCERT_US + 9 * DAY) == pytest.approx(0.8)
    assert measure_link([contract], CONCERT_US + (10 + 365) * DAY) == pytest.approx(0.4)


def test_what_was_worn_ages_from_when_it_was_seen(wears):
    assert measure_link([wears()], CONCERT_US + 180 * DAY) == pytest.approx(0.2)


def test_evidence_adds_up_without_ever_exceeding_one(wears):
    links = [wears(evidence="ambassador"), wears(evidence="sponsor"), wears()]
    assert measure_link(links, CONCERT_US) == pytest.approx(1 - 0.2 * 0.2 * 0.6)
