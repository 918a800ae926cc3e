"""Folding a ledger: any order, any batches, late events, all the same to the ninth decimal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.ledger import dampen_burst, fold_ledger
from pair_ledgers import NOW_DAY, NOW_US, POINTS, ledgers, repeat_event, score, write_event


def collect_sums(states):
    return {state.kind: (state.x, state.y, state.q, state.r, state.u) for state in states}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for kind, sums in first.items():
        assert sums == pytest.approx(second[kind], rel=1e-9, abs=1e-12)


@given(ledgers, st.randoms(use_true_random=False))
def test_the_order_of_events_makes_no_difference(entries, random):
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert_same(
        collect_sums(fold_ledger(entries, NOW_US, POINTS)),
        collect_sums(fold_ledger(shuffled, NOW_US, POINTS)),
    )
    assert score(shuffled) == pytest.approx(score(entries), abs=1e-9)


@given(ledgers, st.integers(0, 500))
def test_batches_that_are_folded_apart_add_up(entries, days_ago):
    split_day = NOW_DAY - days_ago
    early = [entry for entry in entries if entry.day < split_day]
    late = [entry for entry in entries if entry.day >= split_day]
    # The first batch is folded when the second begins and then faded, as a running state is.
    then_us = split_day * DAY_MICROSECONDS
    total = collect_sums(fold_ledger(late, NOW_US, POINTS))
    for state in fold_ledger(early, then_us, POINTS):
        faded = 2 ** (-(NOW_US - then_us) / DAY_MICROSECONDS / POINTS.kinds[state.kind].half_life_days)
        earlier = (
            state.x * faded,
            state.y * faded,
            *(part * faded**2 for part in (state.q, state.r, state.u)),
        )
        later = total.get(state.kind, (0.0,) * 5)
        total[state.kind] = tuple(a + b for a, b in zip(earlier, later, strict=True))
    assert_same(total, collect_sums(fold_ledger(entries, NOW_US, POINTS)))


@given(ledgers, ledgers)
def test_a_late_event_counts_as_if_it_had_been_in_time(entries, arriving_late):
    known = {entry.event_id for entry in entries}
    arriving_late = [entry for entry in arriving_late if entry.event_id not in known]
    in_time = sorted([*entries, *arriving_late], key=lambda entry: entry.occurred_us)
    assert score([*entries, *arriving_late]) == pytest.approx(score(in_time), abs=1e-9)


def test_an_event_counts_half_after_its_half_life():
    (state,) = fold_ledger(
        [write_event("Order Completed", days_ago=90, magnitude=2, trust=0.5)], NOW_US, POINTS
    )
    assert (state.x, state.y) == pytest.approx((0.5, 0.25))
    assert (state.q, state.r, state.u) == pytest.approx((0.25, 0.0625, 0.125))


def test_events_after_the_moment_are_not_told():
    assert fold_ledger([write_event("Order Completed", days_ago=-1)], NOW_US, POINTS) == []


@pytest.mark.parametrize(("count", "worth"), [(1, 1), (3, 2), (7, 3), (1023, 10)])
def test_a_burst_counts_as_its_logarithm(count, worth):
    assert count * dampen_burst(count) == pytest.approx(worth)
    (state,) = fold_ledger(repeat_event("Page Viewed", count), NOW_US, POINTS)
    assert state.y == pytest.approx(worth)


def test_a_burst_is_of_one_kind_and_one_day():
    spread = [
        write_event("Page Viewed"),
        write_event("Product Viewed"),
        write_event("Page Viewed", days_ago=1),
    ]
    assert sum(state.y for state in fold_ledger(spread, NOW_US, POINTS)) == pytest.approx(2 + 2 ** (-1 / 7))


def test_an_event_that_nobody_believes_takes_nothing_from_the_others_of_its_day():
    order = write_event("Order Completed", event_id="order")
    doubted = [
        write_event("Order Completed", trust=0.0, event_id=f"doubted {number}") for number in range(100)
    ]
    assert score([order, *doubted]) == pytest.approx(score([order]), abs=1e-12)


def test_an_event_weighs_nothing_after_400_half_lives():
    days = 400 * POINTS.kinds["Page Viewed"].half_life_days
    (state,) = fold_ledger([write_event("Page Viewed", days_ago=days + 1)], NOW_US, POINTS)
    assert (state.x, state.y, state.q, state.r, state.u) == (0, 0, 0, 0, 0)
    (state,) = fold_ledger([write_event("Page Viewed", days_ago=days - 1)], NOW_US, POINTS)
    assert min(state.x, state.y, state.q, state.r, state.u) > 0
