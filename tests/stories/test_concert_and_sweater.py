"""The founding example: the concert, the sweater, and the salmon.

A pop artist sang in a sweater, and a hundred thousand people more followed her: +3 for her and the sweater's brand.
A week later, in the same sweater, she was served a bad salmon and blamed the waiters before everyone: -8 with the
restaurant, and -8 with the brand of the sweater, which had nothing to do with it but was in plain view.
"""

from __future__ import annotations

import pytest

from command_line import ask_fusion, run_fusion

BEFORE_THE_FOLLOWERS = "2026-06-08T19:59:59Z"
THE_FOLLOWERS = "2026-06-08T20:00:00Z"
BEFORE_DINNER = "2026-06-15T19:59:59Z"
BEFORE_THE_TWEET = "2026-06-15T20:29:59Z"
THE_TWEET = "2026-06-15T20:30:00Z"
ASSOCIATION = "pop-artist-wears-sweater-brand"
REMEMBERED = ("--evidence", "wears", "--strength", 1, "--from", "2026-06-05T20:00:00Z")
"""What was declared in the town, to declare it again."""


@pytest.fixture
def explain(town):
    """What `fusion explain` says of the artist and a brand, and that its parts make up the whole."""

    def ask(brand, as_of, *further):
        told = ask_fusion(town, "explain", "pop-artist", brand, "--as-of", as_of, *further)
        parts = sum(each["contribution"] for each in told["contributions"])
        assert parts == pytest.approx(told["fusion_score"] - told["baseline"], abs=1e-9)
        return told

    return ask


@pytest.fixture
def score(explain):
    return lambda brand, as_of: explain(brand, as_of)["fusion_score"]


def test_before_the_concert_artist_and_brands_are_strangers(score):
    assert score("sweater-brand", BEFORE_THE_FOLLOWERS) == 50
    assert score("salmon-restaurant", BEFORE_DINNER) == 50


def test_a_hundred_thousand_followers_lift_artist_and_sweater_by_3(score):
    change = score("sweater-brand", THE_FOLLOWERS) - score("sweater-brand", BEFORE_THE_FOLLOWERS)
    assert change == pytest.approx(3.00, abs=0.1)


def test_the_tweet_in_the_sweater_costs_the_sweater_brand_8(score):
    change = score("sweater-brand", THE_TWEET) - score("sweater-brand", BEFORE_THE_TWEET)
    assert change == pytest.approx(-7.98, abs=0.1)
    assert score("sweater-brand", THE_TWEET) == pytest.approx(44.98, abs=0.1)


def test_the_evening_costs_the_restaurant_8(score):
    change = score("salmon-restaurant", THE_TWEET) - score("salmon-restaurant", BEFORE_DINNER)
    assert change == pytest.approx(-7.93, abs=0.1)


def test_the_explanation_of_the_sweater_brand_names_the_tweet_and_the_reason(explain):
    told = explain("sweater-brand", THE_TWEET)
    spread = [each for each in told["contributions"] if each["parent_event_id"] == "E3"]
    assert {each["facet"] for each in spread} == {"influence", "standing"}
    assert {each["kind"] for each in spread} == {"Reputation Harmed"}
    for each in spread:
        assert each["contribution"] < 0
        assert "salmon-restaurant" in each["sentence"]
        assert "in plain view" in each["sentence"]
    assert {each["event_id"] for each in told["contributions"]} - {each["event_id"] for each in spread} == {
        "E1"
    }


def test_the_changes_tell_the_story_from_strangers_to_the_tweet(explain):
    changes = explain("sweater-brand", THE_TWEET)["changes"]
    assert [(each["event_id"], round(each["change"])) for each in changes if each["event_id"] == "E1"] == [
        ("E1", 3)
    ]
    assert round(changes[-1]["change"]) == -8
    assert 50 + sum(each["change"] for each in changes) == pytest.approx(changes[-1]["score_after"], abs=1e-9)


def test_people_read_the_same_story_on_the_screen(town):
    run = run_fusion("explain", "pop-artist", "sweater-brand", "--as-of", THE_TWEET, "--workspace", town)
    assert run.status == 0
    assert "45.0" in run.output
    assert "salmon-restaurant" in run.output
    assert "E3" not in run.output


def test_without_a_declared_association_nothing_spreads_to_the_sweater_brand(town, explain, score):
    assert ask_fusion(town, "associations", "withdraw", ASSOCIATION)["state"] == "withdrawn"
    assert score("sweater-brand", THE_TWEET) == pytest.approx(52.96, abs=0.01)
    assert not [
        each for each in explain("sweater-brand", THE_TWEET)["contributions"] if each["parent_event_id"]
    ]
    assert score("salmon-restaurant", THE_TWEET) == pytest.approx(42.07, abs=0.01)


def test_declared_again_the_tweet_falls_on_the_sweater_brand_as_before(town, score):
    before = score("sweater-brand", THE_TWEET)
    ask_fusion(town, "associations", "withdraw", ASSOCIATION)
    ask_fusion(town, "associations", "declare", "pop-artist", "sweater-brand", *REMEMBERED)
    assert score("sweater-brand", THE_TWEET) == pytest.approx(before, abs=1e-12)


def test_over_a_private_friendship_nothing_spreads(town, score):
    ask_fusion(town, "associations", "withdraw", ASSOCIATION)
    ask_fusion(town, "associations", "declare", "pop-artist", "sweater-brand", "--private", *REMEMBERED)
    assert score("sweater-brand", THE_TWEET) == pytest.approx(52.96, abs=0.01)


def test_what_if_she_had_not_tweeted(explain):
    for brand, score_without_the_tweet in (("sweater-brand", 52.96), ("salmon-restaurant", 45.28)):
        told = explain(brand, THE_TWEET, "--without", "E3")
        assert told["without"]["fusion_score"] == pytest.approx(score_without_the_tweet, abs=0.01)
        assert told["without"]["change"] == pytest.approx(
            told["without"]["fusion_score"] - told["fusion_score"], abs=1e-9
        )


def test_a_stranger_in_the_town_is_none_the_worse_for_the_tweet(town, score):
    rows = ask_fusion(town, "score", "--brand", "sweater-brand", "--as-of", THE_TWEET)
    earlier = ask_fusion(town, "score", "--brand", "sweater-brand", "--as-of", BEFORE_THE_TWEET)
    before = {each["consumer"]: each["fusion_score"] for each in earlier}
    others = [each for each in rows if each["consumer"] != "pop-artist"]
    assert others
    assert all(each["fusion_score"] == pytest.approx(before[each["consumer"]], abs=0.01) for each in others)
