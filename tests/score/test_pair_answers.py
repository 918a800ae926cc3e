"""Answers about one pair of a workspace: pages of events and changes that leave nothing out, equal to the ledger."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

import consumer_fusion as fusion
from consumer_fusion.errors import NotFoundError
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model import explanation as explanation_module
from consumer_fusion.score.model.changes import DECAY, list_changes, read_without, replay_history
from consumer_fusion.score.queries.other_brands import mask_other_brands
from consumer_fusion.score.queries.pair_answers import explain_pair, to_explanation
from consumer_fusion.score.queries.score_queries import read_ledgers, to_entries
from consumer_fusion.views.pair_views import make_ledger_table
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, open_small, seal

PAIR = ("ann", "bakery")
HISTORY_DAYS = 40


def list_sent():
    """Orders of one moment, bursts, complaints from which failures follow, kinds without points, other pairs."""
    kinds = ["Order Completed", "Page Viewed", "Store Visited", "Window Looked Into", "Order Refunded"]
    events = [
        make_order(number, days_ago=(number % 9) * 1.5, kind=kinds[number % 5], value=10.0 + number % 3)
        for number in range(60)
    ]
    events += [
        make_order(100 + number, days_ago=3 + number / 1000, kind="Page Viewed") for number in range(12)
    ]
    events += [
        make_order(200 + number, days_ago=2 + number, kind="Complaint Published", trust=1 - number / 2)
        for number in range(3)
    ]
    events += [make_order(300, days_ago=12_000), make_order(301, days_ago=-0.5)]
    return [*events, *(make_order(400 + number, consumer="bob", brand="bakery") for number in range(5))]


def make_workspace(folder):
    """Half of the events sealed, the others in the inbox."""
    with open_small(folder) as workspace:
        events = list_sent()
        fusion.import_events(workspace, events[::2])
        seal(workspace)
        fusion.import_events(workspace, events[1::2])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with open_small(copy_made(tmp_path_factory.mktemp("pair") / "workspace", make_workspace)) as opened:
        yield opened


@pytest.fixture(scope="module")
def answer(workspace):
    return explain_pair(workspace, *PAIR, as_of=NOW)


@pytest.fixture(scope="module")
def ledger(workspace, answer):
    """The plain ledger of the pair."""
    with workspace.store.reading() as session:
        context = put_points_in_force(workspace).open(workspace, session)
        rows = read_ledgers(
            context,
            consumers=answer.pair.consumers,
            brand_ids=answer.pair.brand_ids,
            until_us=answer.as_of_us,
        )
    return to_entries(rows)


def test_the_score_and_all_contributions_are_those_of_the_ledger(answer, ledger):
    expected = explanation_module.explain_pair(ledger, answer.as_of_us, answer.points)
    assert answer.event_count == len(ledger) > 75
    assert answer.reading.fusion_score == pytest.approx(expected.reading.fusion_score, abs=1e-9)
    found = answer.explanation.contributions
    assert [(each.event_id, each.facet, each.sentence) for each in found] == [
        (each.event_id, each.facet, each.sentence) for each in expected.contributions
    ]
    assert [each.contribution for each in found] == pytest.approx(
        [each.contribution for each in expected.contributions], abs=1e-9
    )
    assert math.fsum(each.contribution for each in answer.list_kinds()) == pytest.approx(
        answer.reading.fusion_score - 50, abs=1e-9
    )


def total_contributions(answer):
    totals = {}
    for part in answer.explanation.contributions:
        totals[part.event_id] = totals.get(part.event_id, 0.0) + part.contribution
    return totals


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_of_the_largest_contributions_list_each_event_once(answer, size):
    totals = total_contributions(answer)
    listed = []
    for offset in range(0, len(totals) + size, size):
        page = answer.list_largest(limit=size, offset=offset)
        assert page.event_count == len(totals)
        assert page.other_count == len(totals) - len(page.events)
        shown = math.fsum(each.contribution for each in page.events)
        assert shown + page.other_contribution == pytest.approx(answer.reading.fusion_score - 50, abs=1e-9)
        listed += page.events
    assert sorted(each.entry.event_id for each in listed) == sorted(totals)
    assert [abs(each.contribution) for each in listed] == pytest.approx(
        sorted(map(abs, totals.values()), reverse=True), abs=1e-9
    )
    for each in listed:
        assert each.contribution == pytest.approx(totals[each.entry.event_id], abs=1e-9)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("with_unscored", [False, True])
def test_pages_of_the_newest_events_follow_each_other(answer, ledger, size, with_unscored):
    totals = total_contributions(answer)
    moves = {}
    for change in answer.changes:
        moves[change.event_id] = moves.get(change.event_id, 0.0) + change.change
    expected = sorted(
        (each for each in ledger if with_unscored or each.event_id in totals),
        key=lambda each: (-each.occurred_us, each.event_id),
    )
    listed = []
    for offset in range(0, len(expected) + size, size):
        listed += answer.list_newest(limit=size, offset=offset, with_unscored=with_unscored).events
    assert [each.entry for each in listed] == expected
    for each in listed:
        assert each.contribution == pytest.approx(totals.get(each.entry.event_id, 0.0), abs=1e-9)
        assert each.change == pytest.approx(moves.get(each.entry.event_id), abs=1e-9)


def list_steps(changes):
    return [
        (each.at, each.event_id, each.kind)
        for each in changes
        if each.event_id != DECAY or abs(each.change) > 1e-9
    ]


@pytest.mark.parametrize("since", [None, NOW - timedelta(days=5), NOW])
def test_the_changes_are_those_of_the_ledger(workspace, ledger, since):
    answer = explain_pair(workspace, *PAIR, as_of=NOW, since=since)
    since_us = None if since is None else to_microseconds(since)
    expected = list_changes(ledger, since_us, answer.as_of_us, answer.points)
    assert list_steps(answer.changes) == list_steps(expected)
    assert math.fsum(each.change for each in answer.changes) == pytest.approx(
        math.fsum(each.change for each in expected), abs=1e-9
    )
    traced = answer.trace()
    assert traced["kind"].to_pylist() == [each.kind for each in answer.changes]
    assert traced["score_after"].to_pylist() == pytest.approx([each.score_after for each in answer.changes])


@pytest.mark.parametrize("size", [1, 5, 30])
def test_pages_of_changes_add_up_to_the_whole(workspace, size):
    for since in (None, NOW - timedelta(days=6)):
        answer = explain_pair(workspace, *PAIR, as_of=NOW, since=since)
        pages, offset = [], 0
        while True:
            page = answer.list_changes(limit=size, offset=offset)
            pages.insert(0, page)
            shown = math.fsum(each.change for each in page.changes)
            last = page.changes[-1].score_after
            start = (
                50.0 if since is None else explain_pair(workspace, *PAIR, as_of=since).reading.fusion_score
            )
            assert start + page.earlier_change + shown == pytest.approx(last, abs=1e-9)
            if not page.earlier_count:
                break
            offset = page.event_count - page.earlier_count
        listed = [each for page in pages for each in page.changes]
        assert list_steps(listed) == list_steps(answer.changes)


def test_the_history_is_that_of_the_ledger(answer, ledger):
    last = answer.as_of_us // DAY_MICROSECONDS
    expected = replay_history(ledger, range(last - HISTORY_DAYS + 1, last + 1), answer.points)
    found = answer.replay(HISTORY_DAYS)
    for place, name in enumerate(("day", "fusion_score", "low", "high")):
        assert found[name].to_pylist() == pytest.approx([row[place] for row in expected], abs=1e-9)


def test_without_an_event_and_what_follows_from_it(answer, ledger):
    parents = {each.parent_event_id for each in ledger} - {None}
    assert parents
    for event_id in [*parents, *(each.event_id for each in ledger[::6])]:
        expected = read_without(ledger, event_id, answer.as_of_us, answer.points)
        found = fusion.score_without(answer, event_id)
        assert found.fusion_score == pytest.approx(expected.fusion_score, abs=1e-9)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    for unknown in ("nowhere", "order-400", "order-301", "elsewhere", "elsewhere-1-1"):
        with pytest.raises(NotFoundError, match=unknown):
            fusion.score_without(answer, unknown)


def test_who_may_not_see_other_brands_has_the_same_numbers(workspace, answer, ledger):
    masked = explain_pair(workspace, *PAIR, as_of=NOW, with_other_brands=False)
    assert list(masked.entries) == sorted(
        mask_other_brands(ledger, answer.points),
        key=lambda each: (each.occurred_us, each.parent_event_id is not None, each.event_id),
    )
    assert masked.reading == answer.reading


def test_an_answer_notices_what_arrived_since(tmp_path):
    with open_small(copy_made(tmp_path / "workspace", make_workspace)) as workspace:
        answer = explain_pair(workspace, *PAIR, as_of=NOW)
        before = answer.reading.fusion_score
        fusion.import_events(workspace, [make_order(900, days_ago=1.5)])
        listed = answer.list_newest(limit=200)
        assert "order-900" in {each.entry.event_id for each in listed.events}
        assert answer.explanation.reading.fusion_score > before == answer.reading.fusion_score


def test_the_result_says_how_many_events_it_does_not_list(answer):
    told = to_explanation(answer, limit=5)
    assert len({each.event_id for each in told.contributions}) == 5
    assert told.others.event_count == told.event_count - 5
    assert sum(each.contribution for each in told.kinds) == pytest.approx(told.fusion_score - 50, abs=1e-9)
    shown = sum(each.contribution for each in told.contributions)
    assert shown + told.others.contribution == pytest.approx(told.fusion_score - 50, abs=1e-9)
    moved = sum(each.change for each in told.changes)
    assert moved + told.earlier.contribution == pytest.approx(told.fusion_score - 50, abs=1e-9)


def test_a_table_of_some_events_ends_with_the_sum_of_all_others(answer):
    table = make_ledger_table(answer, limit=3)
    assert table.rows[-1]["sentence"] == f"{answer.list_largest().event_count - 3} other events"
    assert 50 + sum(row["contribution"] for row in table.rows) == pytest.approx(answer.reading.fusion_score)
    assert table.write_csv().count("\r\n") == len(table.rows) + 1
