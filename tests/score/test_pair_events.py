"""A pair's events as arrays: whatever the plain reference says of a ledger, they say too, to 1e-9."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.change_tracing import list_steps, trace_changes
from consumer_fusion.score.model.changes import DECAY, list_changes, replay_history
from consumer_fusion.score.model.explanation import explain_pair
from consumer_fusion.score.model.ledger import order_entries, weigh_entries
from consumer_fusion.score.model.pair_events import NUMBER_COLUMNS, PairEvents, PairFold
from pair_ledgers import EVIDENCE_KINDS, NOW_DAY, NOW_US, POINTS, read, repeat_event, write_event

UNKNOWN_KINDS = ["Window Looked Into", "Order Completed/without points"]
DECADES_DAYS = 35 * 365

times = st.one_of(
    st.integers(-40, 400).map(lambda quarter: quarter * DAY_MICROSECONDS // 4),
    st.integers(-DAY_MICROSECONDS, DECADES_DAYS * DAY_MICROSECONDS),
)


def make_entry(number, kind, ago_us, magnitude, trust, parent):
    return write_event(
        kind,
        days_ago=ago_us / DAY_MICROSECONDS,
        magnitude=magnitude,
        trust=trust,
        event_id=f"e{number:06}",
        parent_event_id=parent,
    )


wide_entries = st.builds(
    make_entry,
    number=st.integers(0, 999_999),
    kind=st.sampled_from([*EVIDENCE_KINDS, *UNKNOWN_KINDS, "Campaign Received"]),
    ago_us=times,
    magnitude=st.floats(0, 3),
    trust=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    parent=st.sampled_from([None, None, None, "cause"]),
)
bursts = st.builds(
    lambda kind, count, ago_us, number: [
        make_entry(number + place, kind, ago_us + place * 60_000_000, 1.0, 1.0, None)
        for place in range(count)
    ],
    kind=st.sampled_from(EVIDENCE_KINDS),
    count=st.integers(2, 12),
    ago_us=times,
    number=st.integers(1_000_000, 9_000_000),
)
wide_ledgers = st.builds(
    lambda single, together: [*single, *(each for burst in together for each in burst)],
    st.lists(wide_entries, max_size=20),
    st.lists(bursts, max_size=3),
).filter(lambda ledger: len({each.event_id for each in ledger}) == len(ledger))


def fold(entries, as_of_us=NOW_US):
    return PairFold(PairEvents.from_entries(order_entries(entries, as_of_us)), POINTS)


def list_numbers(reading):
    return [
        reading.fusion_score, reading.low, reading.high, reading.consumer_to_brand, reading.brand_to_consumer,
        reading.confidence, reading.evidence, *reading.facets.values(),
    ]  # fmt: skip


@given(wide_ledgers, st.integers(0, 5_000))
def test_the_score_at_any_time_is_that_of_the_ledger(entries, quarters_before):
    folded = fold(entries)
    for days_before in (0.0, quarters_before / 4):
        expected = read(entries, -days_before)
        found = folded.read(NOW_US - round(days_before * DAY_MICROSECONDS))
        assert list_numbers(found) == pytest.approx(list_numbers(expected), abs=1e-9)
        assert found.symbiosis == expected.symbiosis


@given(wide_ledgers)
def test_contributions_by_kind_and_facet_are_the_sums_of_those_of_events(entries):
    expected: dict[tuple[str, str], list[float]] = {}
    for each in explain_pair(entries, NOW_US, POINTS).contributions:
        expected.setdefault((each.kind, each.facet), []).append(each.contribution)
    found = {(each.kind, each.facet): each for each in fold(entries).list_contributions(NOW_US)}
    assert found.keys() == expected.keys()
    for key, parts in expected.items():
        assert found[key].contribution == pytest.approx(math.fsum(parts), abs=1e-9)
        assert found[key].event_count == len(parts)


@given(wide_ledgers)
def test_each_event_has_its_weight_burst_and_contribution(entries):
    folded = fold(entries)
    total: dict[str, float] = {}
    for part in explain_pair(entries, NOW_US, POINTS).contributions:
        total[part.event_id] = total.get(part.event_id, 0.0) + part.contribution
    ordered = order_entries(entries, NOW_US)
    assert folded.share_out(NOW_US) == pytest.approx(
        [total.get(each.event_id, 0.0) for each in ordered], abs=1e-9
    )
    known = [place for place, each in enumerate(ordered) if each.kind in POINTS.kinds]
    weights, counts = folded.weigh_events(np.array(known, np.int64), NOW_US)
    weighed = weigh_entries(entries, NOW_US, POINTS)
    assert weights == pytest.approx([each.weight for each in weighed], abs=1e-12)
    assert counts.tolist() == [each.burst_count for each in weighed]


@given(wide_ledgers, st.integers(1, 400), st.integers(-30, 3_000))
def test_the_history_is_that_of_the_ledger(entries, length, days_ago):
    days = range(NOW_DAY - days_ago - length, NOW_DAY - days_ago)
    entries = [each for each in entries if each.occurred_us <= NOW_US]
    expected = [value for row in replay_history(entries, days, POINTS) for value in row]
    found = [value for row in fold(entries).list_history(days) for value in row]
    assert found == pytest.approx(expected, abs=1e-9)


def compare_changes(entries, since_us, as_of_us):
    """Every step, without decay too small to be told from rounding."""
    ordered = order_entries(entries, as_of_us)
    expected = [
        (change.at, change.event_id, change.change, change.score_after)
        for change in list_changes(entries, since_us, as_of_us, POINTS)
        if change.event_id != DECAY or abs(change.change) > 1e-9
    ]
    traced = trace_changes(fold(entries, as_of_us), since_us, as_of_us)
    found = [
        (at_us, ordered[place].event_id if place >= 0 else DECAY, change, after)
        for at_us, place, change, after in zip(
            traced.at_us.tolist(), traced.place.tolist(), traced.change, traced.score_after, strict=True
        )
        if place >= 0 or abs(change) > 1e-9
    ]
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    assert [each[2] for each in found] == pytest.approx([each[2] for each in expected], abs=1e-9)
    assert [each[3] for each in found] == pytest.approx([each[3] for each in expected], abs=1e-9)


@given(wide_ledgers, st.one_of(st.none(), st.integers(0, 2_000)))
def test_the_changes_are_those_of_the_ledger(entries, quarters_before):
    since_us = None if quarters_before is None else NOW_US - quarters_before * DAY_MICROSECONDS // 4
    compare_changes(entries, since_us, NOW_US)


@given(wide_ledgers, st.integers(0, 40), st.integers(1, 10), st.one_of(st.none(), st.integers(0, 400)))
def test_changes_of_some_events_are_part_of_all(entries, first, count, days_before):
    since_us = None if days_before is None else NOW_US - days_before * DAY_MICROSECONDS
    folded = fold(entries)
    steps = list_steps(folded, since_us)
    every = trace_changes(folded, since_us, NOW_US)
    stop = min(first + count, len(steps))
    part = trace_changes(folded, since_us, NOW_US, first=first, stop=stop)
    own = set(steps[first:stop].tolist())
    chosen = [place in own for place in every.place.tolist()]
    assert [place for place in part.place.tolist() if place >= 0] == steps[first:stop].tolist()
    is_event = part.place >= 0
    assert part.change[is_event] == pytest.approx(every.change[chosen], abs=1e-9)
    assert part.score_after[is_event] == pytest.approx(every.score_after[chosen], abs=1e-9)


def test_a_ledger_of_many_blocks_has_the_changes_of_the_plain_one(monkeypatch):
    monkeypatch.setattr("consumer_fusion.score.model.change_tracing._BLOCK_EVENTS", 7)
    entries = [
        *repeat_event("Order Completed", 60, every_days=90.5),
        *repeat_event("Page Viewed", 60, every_days=0.01),
        *repeat_event("Complaint Published", 40, every_days=300.25, magnitude=0.4),
    ]
    compare_changes(entries, None, NOW_US)


def test_an_event_left_out_had_never_been():
    entries = repeat_event("Order Completed", 5, every_days=0.1)
    events = PairEvents.from_entries(order_entries(entries, NOW_US))
    kept = PairFold(events.select(np.arange(len(events)) != 2), POINTS)
    gone = sorted(entries, key=lambda each: each.occurred_us)[2]
    assert kept.read(NOW_US).fusion_score == pytest.approx(
        read([each for each in entries if each is not gone]).fusion_score, abs=1e-9
    )


@given(wide_ledgers, st.randoms(use_true_random=False))
def test_events_of_one_time_are_put_in_order(entries, chance):
    """However the events of one time come, `arrange` restores the ledger and all that was summed of it."""
    ordered = order_entries(entries, NOW_US)
    shuffled = sorted(ordered, key=lambda each: (each.occurred_us, chance.random()))
    kinds = tuple({each.kind: None for each in ordered})
    mixed = PairFold(PairEvents.from_entries(shuffled, kinds), POINTS)
    expected = PairFold(PairEvents.from_entries(ordered, kinds), POINTS)
    places = mixed.events.find_ties(np.arange(len(ordered)))
    arranged = mixed.arrange(places, expected.events)
    for name in NUMBER_COLUMNS:
        assert getattr(arranged.events, name).tolist() == getattr(expected.events, name).tolist()
    assert arranged.group.tolist() == expected.group.tolist()


@given(wide_ledgers, st.data())
def test_events_that_come_later_are_added_to_the_sums(entries, data):
    ordered = order_entries(entries, NOW_US)
    is_later = data.draw(
        st.lists(st.booleans(), min_size=len(ordered), max_size=len(ordered)), label="is later"
    )
    first = [each for each, later in zip(ordered, is_later) if not later and each.parent_event_id is None]
    then = [each for each in ordered if each not in first]
    kinds = tuple(dict.fromkeys(each.kind for each in (*first, *then)))
    known = tuple(dict.fromkeys(each.kind for each in first))
    fold = PairFold(PairEvents.from_entries(first, known), POINTS)
    added = fold.insert(PairEvents.from_entries(then, kinds))
    expected = PairFold(added.events, POINTS)
    assert sorted(added.events.occurred_us.tolist()) == [each.occurred_us for each in ordered]
    assert added.group.tolist() == expected.group.tolist()
    assert added.day.tolist() == expected.day.tolist()
    assert added.day_sums.burst_count.tolist() == expected.day_sums.burst_count.tolist()
    assert added.day_sums.event_count.tolist() == expected.day_sums.event_count.tolist()
    assert added.day_sums.sums.ravel() == pytest.approx(expected.day_sums.sums.ravel(), abs=1e-12)
    assert list_numbers(added.read(NOW_US)) == pytest.approx(list_numbers(read(entries)), abs=1e-9)
