"""The trend of a brand, folded in one pass, tells what the scores of each of its days tell."""

from __future__ import annotations

import random

import numpy as np
import pytest

import consumer_fusion as fusion
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold import fold_queries
from consumer_fusion.score.queries import answers, trends
from consumer_fusion.score.queries.daily_means import MEASURES, average_days
from small_workspaces import make_order, open_small

KINDS = ["Order Completed", "Product Added", "Complaint Published", "Order Refunded"]
MIDNIGHT_DAYS_AGO = 28.5
"""The tests' now is at noon."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Some pairs with several events a day, at the edges of days too, and one event of long ago."""
    chance = random.Random(4)
    events = [
        make_order(
            number, days_ago=chance.choice([chance.uniform(0.5, 200.0), float(chance.randrange(1, 200)) + 0.5]),
            kind=chance.choice(KINDS), consumer=f"consumer-{chance.randrange(40)}", brand=f"brand-{number % 2}",
        )
        for number in range(900)
    ]  # fmt: skip
    events += [
        make_order(2000, days_ago=MIDNIGHT_DAYS_AGO, brand="brand-0", consumer="edge"),
        make_order(2001, days_ago=2900.0, brand="brand-0", consumer="old"),
    ]
    with open_small(tmp_path_factory.mktemp("trends") / "ws") as opened:
        fusion.import_events(opened, events)
        yield opened


def end_day(day):
    return from_microseconds((day + 1) * DAY_MICROSECONDS - 1)


def test_a_trend_is_that_of_the_scores_of_each_day(workspace, monkeypatch):
    monkeypatch.setattr(fold_queries, "EVENTS_PER_PIECE", 50)
    days = trends.list_trend_days(workspace.now_us)
    assert len(days) == 13
    assert days[-1] == workspace.now_us // DAY_MICROSECONDS - 14
    told = trends.read_trend(workspace, "brand-0", days).to_pylist()
    assert [row["day"] for row in told] == days
    for row in told:
        scores = answers.score_pairs(workspace, brand="brand-0", as_of=end_day(row["day"]))["fusion_score"]
        assert row["pair_count"] == len(scores)
        quartiles = np.quantile(scores.to_numpy(), [0.25, 0.5, 0.75])
        assert [row["lower_quartile"], row["median"], row["upper_quartile"]] == pytest.approx(
            quartiles, abs=1e-9
        )


def test_days_before_the_first_event_are_left_out(workspace):
    first = workspace.now_us // DAY_MICROSECONDS - 3000
    assert trends.read_trend(workspace, "brand-0", [first, first + 1]).num_rows == 0
    (row,) = trends.read_trend(workspace, "brand-0", [first, first + 120]).to_pylist()
    assert (row["day"], row["pair_count"]) == (first + 120, 1)


def test_daily_means_are_those_of_the_scores_of_each_day(workspace):
    day = workspace.now_us // DAY_MICROSECONDS
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        rows = average_days(force.open(workspace, session), first_day=day - 40, last_day=day - 2).to_pylist()
    assert len(rows) == 2 * 39
    for row in rows[::7]:
        scores = answers.score_pairs(workspace, as_of=end_day(row["day"]))
        means = [
            {name: np.mean(own[name].to_numpy()) for name in MEASURES}
            for own in (scores.filter(np.array(scores["brand"]) == brand) for brand in ("brand-0", "brand-1"))
        ]
        assert {name: row[name] for name in MEASURES} in [pytest.approx(each, abs=1e-9) for each in means]
