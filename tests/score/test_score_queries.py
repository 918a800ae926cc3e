"""Pairs read from a workspace: whatever is sent, the score and its explanation are of the same events."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from itertools import product

import pyarrow.compute as pc
import pytest

import consumer_fusion as fusion
from consumer_fusion.score.queries import answers, pair_answers, score_queries
from pair_ledgers import POINTS
from small_workspaces import NOW, make_order, open_small

RICH_PROPERTIES = {
    "response_seconds": 30, "target_seconds": 60, "rating": 4, "severity": 0.6, "people": 1000, "sentiment": 0.8,
    "followers_gained": 5000, "days_late": 2, "first_contact": True, "audience": 50, "score": 9,
}  # fmt: skip
NAMES = sorted({name for key, kind in POINTS.kinds.items() for name in (key, kind.event)})


def fit_properties(kind):
    """Properties with which the kind's own conditions hold, as far as they name properties."""
    fitting = dict(RICH_PROPERTIES)
    for condition in kind.conditions:
        match condition.comparison:
            case "is":
                fitting[condition.field] = condition.value
            case "in":
                fitting[condition.field] = condition.value[0]
            case "above":
                fitting[condition.field] = condition.value + 1
            case "below":
                fitting[condition.field] = condition.value - 1
            case "at_least" | "at_most":
                fitting[condition.field] = condition.value
            case "absent":
                fitting.pop(condition.field, None)
    if "response_ratio" in fitting:
        fitting["response_seconds"] = 60 * fitting.pop("response_ratio")
    return fitting


def list_cases():
    """Every kind of the table and every name that it is sent under: with what it asks for, and without."""
    yield from product(NAMES, [{}], [None])
    yield from product(NAMES, [RICH_PROPERTIES], [20.0])
    yield from (
        (kind.event, fit_properties(kind), value) for kind in POINTS.kinds.values() for value in (0.0, 20.0)
    )


CASES = list(list_cases())


@pytest.fixture(scope="module")
def everything_sent(tmp_path_factory):
    """A workspace in which each case is the only event of a consumer."""
    events = [
        make_order(
            number, consumer=f"consumer-{number}", kind=kind, value=value, properties=properties
        )
        for number, (kind, properties, value) in enumerate(CASES)
    ]  # fmt: skip
    with open_small(tmp_path_factory.mktemp("everything") / "workspace") as workspace:
        fusion.import_events(workspace, events)
        yield workspace, events


@pytest.mark.slow
def test_score_and_explanation_never_differ_whatever_is_sent(everything_sent):
    workspace, events = everything_sent
    table = answers.score_pairs(workspace, as_of=NOW)
    scores = dict(zip(table["consumer"].to_pylist(), table["fusion_score"].to_pylist()))
    assert len(events) == len(CASES) > 300
    different = []
    for number, event in enumerate(events):
        answer = pair_answers.explain_pair(workspace, event.consumer, event.brand, as_of=NOW)
        score = scores.get(event.consumer, 50.0)
        told = [
            answer.reading.fusion_score,
            50 + math.fsum(part.contribution for part in answer.list_kinds()),
        ]
        if number % 4 == 0:
            told.append(50 + math.fsum(part.contribution for part in answer.explanation.contributions))
            told.append(answer.changes[-1].score_after if answer.changes else 50.0)
        if max(abs(each - score) for each in told) > 1e-9:
            different.append((event.kind, event.properties, event.value, score, told))
    assert different == []


def test_a_first_reply_without_a_target_says_nothing(everything_sent):
    workspace, events = everything_sent
    bare = next(each for each in events if each.kind == "First Reply" and not each.properties)
    answer = pair_answers.explain_pair(workspace, bare.consumer, bare.brand, as_of=NOW)
    assert answer.explanation.contributions == ()
    assert answer.explanation.reading.fusion_score == 50
    assert [entry.kind for entry in answer.entries] == ["First Reply/without points"]


def test_what_follows_only_from_other_events_cannot_be_sent(everything_sent):
    workspace, events = everything_sent
    sent = next(each for each in events if each.kind == "Reputation Harmed")
    assert (
        pair_answers.explain_pair(workspace, sent.consumer, sent.brand, as_of=NOW).explanation.contributions
        == ()
    )


@pytest.mark.parametrize("order", [None, "lowest", "highest", "falling", "rising", "moving"])
def test_the_first_rows_are_those_of_the_whole_list(everything_sent, order):
    workspace, _ = everything_sent
    whole = fusion.score_pairs(workspace, as_of=NOW, order=order)
    first = fusion.score_pairs(workspace, as_of=NOW, order=order, limit=7)
    assert first.column_names == whole.column_names
    assert first.num_rows == 7
    for row, expected in zip(first.to_pylist(), whole.to_pylist()):
        assert row == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("hours_ago", [0.0, 3.5, 24.0, 500.3, 62 * 24.0])
def test_a_recent_time_is_read_from_the_states_of_now_as_if_all_events_until_then_were_folded(
    tmp_path, monkeypatch, hours_ago
):
    chance = random.Random(17)
    kinds = ["Order Completed", "Product Added", "Email Opened", "Complaint Published", "Store Visited"]
    events = [
        make_order(
            number, days_ago=chance.choice([chance.uniform(0, 2), chance.uniform(0, 90)]), kind=chance.choice(kinds),
            consumer=f"consumer-{chance.randrange(25)}", brand=f"brand-{chance.randrange(3)}",
        )
        for number in range(900)
    ]  # fmt: skip
    moment = NOW - timedelta(hours=hours_ago)
    with open_small(tmp_path / "workspace") as workspace:
        fusion.import_events(workspace, events[:500])
        fusion.import_events(workspace, events[500:])
        whole, of_one = (
            answers.score_pairs(workspace, as_of=moment, brand=brand) for brand in (None, "brand-1")
        )
        monkeypatch.setattr(score_queries, "MOST_DAYS_BACK", -1)
        folded = answers.score_pairs(workspace, as_of=moment)
    assert whole.num_rows == folded.num_rows > 40
    assert whole.select(["consumer", "brand", "symbiosis"]) == folded.select(
        ["consumer", "brand", "symbiosis"]
    )
    for name in ("fusion_score", "low", "high", "confidence", "percentile"):
        assert whole[name].to_pylist() == pytest.approx(folded[name].to_pylist(), abs=1e-9)
    assert of_one["fusion_score"].to_pylist() == pytest.approx(
        folded.filter(pc.equal(folded["brand"], "brand-1"))["fusion_score"].to_pylist(), abs=1e-9
    )
