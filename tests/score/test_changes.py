"""What moved a score: jumps and fading that add up, its history by day, and what-if without an event."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.changes import list_changes, read_without, replay_history
from consumer_fusion.score.model.ledger import fold_ledger
from consumer_fusion.score.model.reading import read_pair
from pair_ledgers import (
    NOW_DAY,
    NOW_US,
    POINTS,
    ledgers,
    list_founding_events,
    read,
    repeat_event,
    score,
    write_event,
)


@given(ledgers, st.integers(0, 2_000), st.integers(0, 2_000))
def test_the_changes_add_up_to_the_difference(entries, days_ago, hours_before):
    as_of_us = NOW_US - days_ago * DAY_MICROSECONDS // 4
    since_us = as_of_us - hours_before * DAY_MICROSECONDS // 24
    first, last = (
        read_pair(fold_ledger(entries, moment, POINTS), POINTS).fusion_score
        for moment in (since_us, as_of_us)
    )
    changes = list_changes(entries, since_us, as_of_us, POINTS)
    assert math.fsum(change.change for change in changes) == pytest.approx(last - first, abs=1e-9)
    assert all(since_us <= change.at <= as_of_us for change in changes)
    if changes:
        assert changes[-1].score_after == pytest.approx(last, abs=1e-9)


@given(ledgers)
def test_from_before_the_first_event_they_add_up_to_the_score(entries):
    changes = list_changes(entries, None, NOW_US, POINTS)
    assert math.fsum(change.change for change in changes) == pytest.approx(score(entries) - 50, abs=1e-9)
    jumps = [change.event_id for change in changes if change.event_id != "decay"]
    assert sorted(jumps) == sorted(entry.event_id for entry in entries)


@given(ledgers)
def test_each_step_ends_where_the_score_then_stood(entries):
    changes = list_changes(entries, None, NOW_US, POINTS)
    last_of_moment = {change.at: change.score_after for change in changes}
    for at_us, score_after in last_of_moment.items():
        then = read_pair(fold_ledger(entries, at_us, POINTS), POINTS).fusion_score
        assert score_after == pytest.approx(then, abs=1e-9)


def test_the_founding_example_moves_by_three_fades_a_little_and_falls_by_eight():
    changes = list_changes(list_founding_events(), None, NOW_US, POINTS)
    assert [change.event_id for change in changes] == ["E1", "decay", "E4"]
    assert [change.change for change in changes] == pytest.approx([3.00, -0.04, -7.98], abs=0.005)
    assert [change.score_after for change in changes] == pytest.approx([53.00, 52.96, 44.98], abs=0.005)


def test_each_event_of_a_burst_moves_less_than_the_one_before():
    views = repeat_event("Page Viewed", 50)
    jumps = [change.change for change in list_changes(views, None, NOW_US, POINTS)]
    assert len(jumps) == 50
    assert jumps == sorted(jumps, reverse=True)
    assert jumps[-1] > 0


def test_a_cause_comes_before_what_it_causes():
    failed = write_event("Service Failed", event_id="a derived", parent_event_id="z cause")
    complained = write_event("Complaint Published", event_id="z cause")
    changes = list_changes([failed, complained], None, NOW_US, POINTS)
    assert [change.event_id for change in changes] == ["z cause", "a derived"]


def test_what_has_no_points_moves_nothing():
    assert list_changes([write_event("Campaign Received")], None, NOW_US, POINTS) == []


def test_only_fading_where_nothing_happened():
    (fading,) = list_changes([write_event("Order Completed", days_ago=200)], NOW_US - 1, NOW_US, POINTS)
    assert (fading.event_id, fading.kind) == ("decay", "decay")
    assert fading.change < 0


def test_changes_that_end_before_they_begin_are_refused():
    with pytest.raises(InputError, match="earlier 'since'"):
        list_changes([], NOW_US + 1, NOW_US, POINTS)


@given(ledgers, st.sets(st.integers(NOW_DAY - 600, NOW_DAY + 100), max_size=20))
def test_the_history_is_what_each_day_would_have_read(entries, days):
    expected = []
    for day in sorted(days):
        end_us = (day + 1) * DAY_MICROSECONDS - 1
        reading = read_pair(fold_ledger(entries, end_us, POINTS), POINTS)
        expected += [day, reading.fusion_score, reading.low, reading.high]
    history = [value for row in replay_history(entries, days, POINTS) for value in row]
    assert history == pytest.approx(expected, abs=1e-9)


@given(ledgers.filter(bool), st.data())
def test_without_an_event_it_is_as_though_it_had_never_been(entries, data):
    gone = data.draw(st.sampled_from(entries))
    without = read_without(entries, gone.event_id, NOW_US, POINTS)
    assert without == read([entry for entry in entries if entry is not gone])


def test_without_an_event_what_it_caused_is_gone_too():
    complaint = write_event("Complaint Published", days_ago=3, event_id="complaint")
    failure = write_event("Service Failed", days_ago=3, event_id="failure", parent_event_id="complaint")
    mended = write_event("Recovery/Service Failed", event_id="mended", parent_event_id="failure")
    order = write_event("Order Completed", event_id="order")
    entries = [order, mended, failure, complaint]
    assert read_without(entries, "complaint", NOW_US, POINTS) == read([order])
    assert read_without(entries, "failure", NOW_US, POINTS) == read([order, complaint])


def test_without_the_tweet_the_sweater_never_fell():
    seen, harmed = list_founding_events()
    assert read_without([seen, harmed], "E3", NOW_US, POINTS) == read([seen])


def test_an_event_that_is_not_there_cannot_be_left_out():
    with pytest.raises(NotFoundError, match="nowhere"):
        read_without([write_event("Order Completed")], "nowhere", NOW_US, POINTS)
