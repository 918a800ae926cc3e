"""Events that come in runs: how much more they vary is learnt, and intervals are as wide as that asks for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import consumer_fusion as fusion
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.dispersions import LARGEST, measure_dispersions
from consumer_fusion.score.model.reading import KindState, read_pair
from consumer_fusion.score.points.points_table import load_points
from small_workspaces import make_order, open_small

KIND, HALF_LIFE_DAYS, HISTORY_DAYS = 7, 180.0, 1_200


def draw_events(further, *, pairs=1_500, delay_days=14.0, seed=1):
    """Failures of pairs of very different rates; each brings so many further ones on average."""
    chance = np.random.default_rng(seed)
    rates = chance.gamma(0.8, 1.25, pairs) / 365
    consumer = np.repeat(np.arange(pairs), chance.poisson(rates * HISTORY_DAYS))
    day = chance.random(consumer.size) * HISTORY_DAYS
    parts = [(consumer, day)]
    while further and parts[-1][0].size:
        count = chance.poisson(further, parts[-1][0].size)
        born = np.repeat(parts[-1][1], count) + chance.exponential(delay_days, count.sum())
        parts.append((np.repeat(parts[-1][0], count)[born < HISTORY_DAYS], born[born < HISTORY_DAYS]))
    # Everybody was known from the first day on.
    consumers = np.concatenate([*(part[0] for part in parts), np.arange(pairs)])
    days = np.concatenate([*(part[1] for part in parts), np.zeros(pairs)])
    kinds = np.full(consumers.size, KIND)
    kinds[-pairs:] = 1
    return pa.table(
        {
            "consumer_id": consumers, "brand_id": np.ones(consumers.size, np.int64), "kind_id": kinds,
            "day": days.astype(np.int64) + 20_000,
        }
    )  # fmt: skip


@pytest.mark.parametrize(("further", "least", "most"), [(0.36, 2.4, 4.0), (0.72, 11.0, 18.0)])
def test_failures_that_bring_others_vary_more_than_their_number_says(further, least, most):
    """In the long run the variance is 1 / (1 - n)^2 of the number: 2.4 and 12.8; what is told has some to spare."""
    dispersion, _ = measure_dispersions(draw_events(further), {KIND: HALF_LIFE_DAYS})[KIND]
    assert least <= dispersion <= most


def test_rates_that_differ_from_pair_to_pair_are_no_runs():
    assert measure_dispersions(draw_events(0.0), {KIND: HALF_LIFE_DAYS}) == {}


def test_no_kind_is_taken_for_more_than_the_largest():
    dispersion, _ = measure_dispersions(draw_events(0.95, pairs=600), {KIND: HALF_LIFE_DAYS})[KIND]
    assert dispersion <= LARGEST


def test_few_events_say_nothing():
    assert measure_dispersions(draw_events(0.7, pairs=6), {KIND: HALF_LIFE_DAYS}) == {}
    assert measure_dispersions(draw_events(0.7).slice(0, 0), {KIND: HALF_LIFE_DAYS}) == {}


def test_runs_widen_the_interval_and_move_no_score():
    points = load_points()
    failures = [
        KindState("Service Failed", 3.0, 3.0, 2.5, 2.5, 2.5),
        KindState("Order Completed", 2.0, 2.0, 2.0, 2.0, 2.0),
    ]
    plain = read_pair(failures, points)
    in_runs = read_pair(failures, replace(points, dispersions={"Service Failed": 10.0}))
    assert in_runs.fusion_score == plain.fusion_score
    assert in_runs.confidence == plain.confidence
    assert in_runs.high - in_runs.low > 1.5 * (plain.high - plain.low)


def test_who_had_no_failure_yet_is_less_sure_of_it_where_failures_come_in_runs():
    points = load_points()
    orders = [KindState("Order Completed", 5.0, 5.0, 4.0, 4.0, 4.0)]
    plain = read_pair(orders, points)
    in_runs = read_pair(orders, replace(points, dispersions={"Service Failed": 10.0}))
    assert plain.high - plain.low < in_runs.high - in_runs.low < 2 * (plain.high - plain.low)
    unknown = read_pair([], replace(points, dispersions={"Service Failed": 10.0}))
    assert (unknown.fusion_score, unknown.low, unknown.high) == pytest.approx((50, 35.1, 64.9), abs=0.1)


def test_a_workspace_learns_which_kinds_come_in_runs_from_its_events(tmp_path):
    failures = [
        make_order(
            f"{number} {again}", kind="Service Failed", consumer=f"consumer-{number % 60}", value=None,
            days_ago=20 + 9 * (number // 60) * 40 % 700 + 2 * again,
        )
        for number in range(120)
        for again in range(4 if number % 3 else 1)
    ]  # fmt: skip
    orders = [make_order(number, days_ago=720, consumer=f"consumer-{number}") for number in range(60)]
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [*orders, *failures])
        points = put_points_in_force(workspace).points
        assert set(points.dispersions) == {"Service Failed"}
        assert points.dispersions["Service Failed"] > 2
        rows = fusion.score_pairs(workspace, as_of="latest").to_pylist()
        reading = fusion.explain_pair(workspace, "consumer-1", "bakery", as_of="latest").explanation.reading
        row = next(row for row in rows if row["consumer"] == "consumer-1")
        assert (row["low"], row["high"]) == pytest.approx((reading.low, reading.high), abs=1e-9)
        assert points.version == load_points().version
