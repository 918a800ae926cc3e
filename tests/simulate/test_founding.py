from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc
import pytest

from consumer_fusion.simulate.towns import build_placebo_town, build_town

CONCERT_AT = datetime(2026, 6, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(("people", "seed"), [(0, 0), (1, 5), (37, 1), (600, 7)])
def test_every_town_contains_the_three_events_and_no_other_of_the_artist(people, seed):
    events = [event for event in build_town(people, seed).events() if event.consumer == "pop-artist"]
    followers, salmon, tweet = events
    assert [event.event_id for event in events] == ["E1", "E2", "E3"]
    assert all(event.trust == 1.0 for event in events)
    assert (followers.brand, followers.kind) == ("sweater-brand", "Association Observed")
    assert followers.occurred_at == datetime(2026, 6, 8, 20, tzinfo=UTC)
    assert followers.properties == {"followers_gained": 100_000}
    assert (salmon.brand, salmon.kind) == ("salmon-restaurant", "Product Failed")
    assert salmon.occurred_at == datetime(2026, 6, 15, 20, tzinfo=UTC)
    assert salmon.properties["severity"] == 1
    assert (tweet.brand, tweet.kind) == ("salmon-restaurant", "Complaint Published")
    assert tweet.occurred_at == datetime(2026, 6, 15, 20, 30, tzinfo=UTC)
    assert "waiters" in (tweet.text or "")
    assert tweet.properties == {
        "severity": 1,
        "people": 100_000,
        "about_event_id": "E2",
        "visible_brands": ["sweater-brand"],
        "onlookers_share": 1,
    }


def test_the_reputation_that_follows_is_left_to_the_product(happened):
    assert "Reputation Harmed" not in happened["kind"].to_pylist()


def test_the_association_is_declared_commercial_and_as_strong_as_can_be(town):
    (association,) = town.associations
    assert (association.consumer, association.brand) == ("pop-artist", "sweater-brand")
    assert (association.evidence, association.strength) == ("wears", 1.0)
    assert association.is_commercial
    assert datetime.fromisoformat(association.valid_from) == CONCERT_AT
    assert association.valid_to is None


def test_the_concert_is_an_action_on_record(town):
    (concert,) = [action for action in town.actions if action.action_id == "founding-concert"]
    assert concert.brand == "sweater-brand"
    assert datetime.fromisoformat(concert.at) == CONCERT_AT


@pytest.mark.slow
def test_orders_of_the_sweater_brand_rise_by_thirty_percent_for_two_weeks():
    starts, ends = CONCERT_AT + timedelta(days=3), CONCERT_AT + timedelta(days=17)
    # The effect against the twin town, which differs by nothing else.
    seen = []
    for town in (build_town(8000, seed=2), build_placebo_town(8000, seed=2)):
        times: list[datetime] = []
        for batch in town.batches():
            is_order = pc.and_(pc.equal(batch["kind"], "Order Completed"), pc.is_valid(batch["consumer"]))
            orders = batch.filter(pc.and_(is_order, pc.equal(batch["brand"], "sweater-brand")))
            times.extend(map(datetime.fromisoformat, orders["occurred_at"].to_pylist()))
        seen.append((sum(starts <= time < ends for time in times), len(times)))
    (with_concert, all_with), (without, all_without) = seen
    assert all_with - all_without == with_concert - without
    # The standard error of the share is about 0.025.
    assert with_concert / without == pytest.approx(1.3, abs=0.075)


def test_the_artists_followers_are_a_daily_series_that_gains_a_hundred_thousand(town):
    followers = town.followers
    days = followers["day"].to_pylist()
    assert days[0].isoformat() == "2025-06-05"
    assert all(later - earlier == timedelta(days=1) for earlier, later in zip(days, days[1:], strict=False))
    at = days.index(CONCERT_AT.date())
    gained = followers["gained"].to_pylist()
    assert sum(gained[at + 1 : at + 4]) - 3 * 900 == pytest.approx(100_000, abs=2_000)
    assert max(gained[: at + 1]) < 5_000
    assert followers["followers"].to_pylist()[-1] - followers["followers"].to_pylist()[0] == sum(gained[1:])


def test_some_people_follow_the_artist(town):
    assert 0.1 < len(town.ties) / town.people < 0.3
    assert set(town.ties["followed"].to_pylist()) == {"pop-artist"}
