"""Reading a pair: the scale, the balance of both sides, the knee, and how sure the score is of itself."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.records.points import FACETS
from consumer_fusion.score.model.ledger import fold_ledger
from consumer_fusion.score.model.reading import (
    KindState,
    apply_knee,
    balance_sides,
    read_pair,
    read_score,
    to_score,
)
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

CONSTANTS = POINTS.constants


def join_sides(consumer_points, brand_points):
    return to_score(balance_sides(consumer_points, brand_points, CONSTANTS).points, CONSTANTS)


def make_mean_state(kind, gap_days):
    """The state of someone who does one thing regularly, met at a random moment."""
    half_life = POINTS.kinds[kind].half_life_days
    weight = half_life / math.log(2) / gap_days
    squared = half_life / (2 * math.log(2)) / gap_days
    return KindState(kind, weight, weight, squared, squared, squared)


def test_nothing_known_is_fifty_wide_and_unknown():
    reading = read_pair([], POINTS)
    assert (reading.fusion_score, reading.confidence, reading.evidence) == (50, 0, 0)
    assert (reading.consumer_to_brand, reading.brand_to_consumer) == (50, 50)
    assert reading.symbiosis == "unknown"
    assert (reading.low, reading.high) == pytest.approx((35, 65), abs=0.1)
    assert reading.facets == dict.fromkeys([*FACETS["consumer_to_brand"], *FACETS["brand_to_consumer"]], 0)


@pytest.mark.parametrize(
    ("consumer_points", "brand_points", "expected"),
    [(30, 30, 76.9), (30, 0, 60.6), (0, 30, 60.6), (30, -20, 47.5), (-20, 30, 47.5), (-20, -20, 31.0)],
)
def test_both_sides_make_the_score(consumer_points, brand_points, expected):
    assert join_sides(consumer_points, brand_points) == pytest.approx(expected, abs=0.05)


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_the_balance_is_exactly_what_its_shares_say(consumer_points, brand_points):
    balance = balance_sides(consumer_points, brand_points, CONSTANTS)
    assert balance.consumer_share + balance.brand_share == pytest.approx(1, abs=1e-12)
    assert 1 / 3 - 1e-12 <= balance.consumer_share <= 2 / 3 + 1e-12
    shared = balance.consumer_share * consumer_points + balance.brand_share * brand_points
    assert shared == pytest.approx(balance.points, abs=1e-9)
    # The weaker side counts more, and who is who makes no difference.
    assert (balance.consumer_share - 0.5) * (consumer_points - brand_points) <= 0
    assert balance_sides(brand_points, consumer_points, CONSTANTS).points == pytest.approx(
        balance.points, abs=1e-9
    )


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(0.01, 50))
def test_more_from_either_side_is_a_higher_score(consumer_points, brand_points, more):
    before = balance_sides(consumer_points, brand_points, CONSTANTS).points
    assert before < balance_sides(consumer_points + more, brand_points, CONSTANTS).points
    assert before < balance_sides(consumer_points, brand_points + more, CONSTANTS).points


@pytest.mark.parametrize(("amount", "kept"), [(0, 0), (3, 3), (10, 10), (20, 16.93), (40, 23.86)])
def test_the_first_ten_points_count_in_full_and_each_doubling_adds_the_same(amount, kept):
    assert apply_knee(amount, CONSTANTS.knee) == pytest.approx(kept, abs=0.01)


def test_seventeen_points_double_the_odds():
    doubled = to_score(25 * math.log(2), CONSTANTS)
    assert doubled / (100 - doubled) == pytest.approx(2)
    assert 25 * math.log(2) == pytest.approx(17.3, abs=0.05)


def test_no_score_leaves_the_scale_however_large_the_sums():
    huge = KindState("Order Completed", 1e12, 1e12, 1e24, 1e24, 1e24)
    reading = read_pair([huge, replace(huge, kind="Complaint Published")], POINTS)
    assert 0 <= reading.low <= reading.fusion_score <= reading.high <= 100


@pytest.mark.parametrize(
    ("score_before", "praise", "offence"),
    [(50, 3.0, -7.9), (60, 2.8, -7.9), (70, 2.5, -7.1), (80, 1.9, -5.6), (90, 1.0, -3.3)],
)
def test_the_same_points_move_a_strong_relationship_less(score_before, praise, offence):
    points = 25 * math.log(score_before / (100 - score_before))
    assert to_score(points + 3, CONSTANTS) - score_before == pytest.approx(praise, abs=0.06)
    assert to_score(points - 8, CONSTANTS) - score_before == pytest.approx(offence, abs=0.06)


@pytest.mark.parametrize(
    ("rhythm", "gap_days", "expected", "after_a_failure"),
    [
        ("daily", 1, 92.5, 90.9),
        ("weekly", 7, 81.4, 78.0),
        ("monthly", 30, 66.8, 62.0),
        ("quarterly", 91, 56.1, 51.0),
        ("yearly", 365, 51.6, 46.7),
    ],
)
def test_a_steady_buyer_stands_where_the_rhythm_says(rhythm, gap_days, expected, after_a_failure):
    buyer = make_mean_state("Order Completed", gap_days)
    failure = KindState("Service Failed", 1, 1, 1, 1, 1)
    assert read_score([buyer], POINTS) == pytest.approx(expected, abs=0.06)
    assert read_score([buyer, failure], POINTS) == pytest.approx(after_a_failure, abs=0.06)


def test_a_single_order_is_a_beginning():
    assert score([write_event("Order Completed")]) == pytest.approx(54.4, abs=0.06)


def test_silence_fades_a_weekly_buyer_and_grows_the_doubt():
    buyer = make_mean_state("Order Completed", 7)

    def wait(days):
        faded = 2 ** (-days / 90)
        sums = (buyer.x * faded, buyer.y * faded, *(part * faded**2 for part in (buyer.q, buyer.r, buyer.u)))
        return read_pair([KindState("Order Completed", *sums)], POINTS)

    now, quarter, year, decade = wait(0), wait(90), wait(365), wait(3650)
    assert [reading.fusion_score for reading in (now, quarter, year)] == pytest.approx(
        [81.4, 75.2, 54.8], abs=0.06
    )
    widths = [reading.high - reading.low for reading in (now, quarter, year, decade)]
    assert widths == sorted(widths)
    assert decade.fusion_score == pytest.approx(50, abs=0.01)
    assert widths[-1] == pytest.approx(29.8, abs=0.05)
    assert decade.confidence == pytest.approx(0, abs=0.01)
    assert decade.symbiosis == "unknown"


def test_ten_thousand_fake_page_views_in_a_day_are_worth_next_to_nothing():
    assert score(repeat_event("Page Viewed", 10_000)) == pytest.approx(50.6, abs=0.06)


@pytest.mark.parametrize(("kind", "expected"), [("Gift Received/confirmed", 63.2), ("Gift Received", 58.8)])
def test_a_brand_cannot_log_itself_a_relationship(kind, expected):
    gifts = [
        write_event(kind, days_ago=day, trust=POINTS.kinds[kind].trust, event_id=f"{day} {number}")
        for day in range(30)
        for number in range(100)
    ]
    reading = read(gifts)
    assert reading.fusion_score == pytest.approx(expected, abs=0.06)
    assert reading.consumer_to_brand == 50


@pytest.mark.parametrize(("times", "expected"), [(1, 42.1), (100, 25.6)])
def test_a_flood_of_complaints_is_damped(times, expected):
    flood = repeat_event("Complaint Published", times) + repeat_event("Service Failed", times)
    assert score(flood) == pytest.approx(expected, abs=0.06)


def test_a_fortune_of_purchases_cannot_hide_a_failure():
    orders = repeat_event("Order Completed", 400, every_days=1, magnitude=3)
    assert score([*orders, write_event("Service Failed")]) < score(orders) - 1


def test_using_a_right_leaves_the_consumers_side_as_it_is():
    orders = repeat_event("Order Completed", 3, every_days=10)
    for right in ("Consent Withdrawn/met late", "Erasure Requested/met in time", "Access Requested"):
        after = read([*orders, write_event(right)])
        assert after.consumer_to_brand == read(orders).consumer_to_brand


def test_the_founding_example_comes_out_of_the_shipped_points():
    seen, harmed = list_founding_events()
    at_the_concert = score([seen], days_later=-7)
    assert at_the_concert - 50 == pytest.approx(3.00, abs=0.005)
    before_the_tweet = score([seen])
    assert before_the_tweet == pytest.approx(52.96, abs=0.005)
    assert score([seen, harmed]) == pytest.approx(44.98, abs=0.005)
    assert score([seen, harmed]) - before_the_tweet == pytest.approx(-7.98, abs=0.005)
    dish = write_event("Product Failed", days_ago=0.5 / 24)
    tweet = write_event("Complaint Published")
    assert score([dish, tweet]) - 50 == pytest.approx(-7.93, abs=0.005)
    assert score([dish], days_later=-0.5 / 24) - 50 == pytest.approx(-4.7, abs=0.05)


def test_three_earlier_orders_change_the_founding_example_little():
    orders = [write_event("Order Completed", days_ago=days) for days in (37, 67, 97)]
    seen, harmed = list_founding_events()
    moved = score([*orders, seen], days_later=-7) - score(orders, days_later=-7)
    assert moved == pytest.approx(2.89, abs=0.05)
    assert score([*orders, seen, harmed]) - score([*orders, seen]) == pytest.approx(-7.84, abs=0.05)


def test_a_kind_without_points_is_no_evidence():
    assert read([write_event("Campaign Received"), write_event("Consent Withdrawn")]) == read_pair([], POINTS)


def test_a_kind_that_the_table_does_not_have_is_no_evidence():
    assert read([write_event("Parcel Weighed")]) == read_pair([], POINTS)


@given(ledgers)
def test_the_interval_holds_the_score_and_never_leaves_the_scale(entries):
    reading = read(entries)
    assert 0 <= reading.low < reading.fusion_score < reading.high <= 100
    assert 0 <= reading.confidence < 1
    assert reading.fusion_score == read_score(fold_ledger(entries, NOW_US, POINTS), POINTS)
    given_by_brand = sum(reading.facets[facet] for facet in FACETS["brand_to_consumer"])
    assert to_score(given_by_brand, CONSTANTS) == pytest.approx(reading.brand_to_consumer, abs=1e-9)


@given(ledgers, st.floats(0.25, 3))
def test_every_positive_event_raises_the_score(entries, magnitude):
    positive = [key for key, kind in POINTS.kinds.items() if kind.entries]
    positive = [key for key in positive if all(entry.points > 0 for entry in POINTS.kinds[key].entries)]
    assert len(positive) > 30
    today = {(entry.kind, entry.day) for entry in entries}
    before = score(entries)
    for kind in positive:
        added = write_event(kind, magnitude=magnitude, event_id="added")
        if (kind, added.day) not in today:
            assert score([*entries, added]) > before


@given(st.integers(0, 40), st.floats(0.25, 3), st.floats(0.25, 3), st.sampled_from([0.25, 1.0]))
def test_one_more_of_a_days_burst_raises_the_score_if_it_is_as_large(count, magnitude, more, trust):
    burst = repeat_event("Order Completed", count, magnitude=magnitude, trust=trust)
    added = write_event("Order Completed", magnitude=max(magnitude, more), trust=trust, event_id="added")
    assert score([*burst, added]) > score(burst)
