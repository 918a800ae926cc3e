"""Weekly and monthly series are measured in their own step, and said so."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.measuring import EffectRequest, search_delay
from consumer_fusion.causal.effects.power_analysis import plan_actions
from consumer_fusion.causal.effects.shrinking import measure_effects, show_effect
from consumer_fusion.causal.series.imported_metrics import MetricDay, MetricImport, keep_metrics
from consumer_fusion.causal.series.metric_list import list_metrics
from consumer_fusion.causal.series.series import Window
from consumer_fusion.causal.series.steps import DAILY, Steps, infer_steps
from consumer_fusion.errors import RefusedError
from effect_worlds import TODAY, make_action, measure, open_world

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")

MONDAY = TODAY - (TODAY + 3) % 7
"""The Monday of the week of today, which is not over."""


def list_mondays(count):
    return [MONDAY - 7 * place for place in range(count, 0, -1)]


def make_weeks(count=156, *, seed=1, lift=0.0, lifted=(8, 2), season=0.0, days=None):
    """Weekly sales, of which so many weeks from some weeks ago on are lifted."""
    chance = np.random.default_rng(seed)
    told = days or list_mondays(count)
    year = np.cos(2 * np.pi * np.arange(len(told)) / 52)
    sales = 700 * np.exp(np.cumsum(chance.normal(0, 0.02, len(told))) + season * year)
    sales *= np.exp(chance.normal(0, 0.06, len(told)))
    sales[len(told) - lifted[0] : len(told) - lifted[0] + lifted[1]] *= 1 + lift
    return [
        MetricDay(metric="sales", day=day, value=float(value), brand="bakery")
        for day, value in zip(told, sales, strict=True)
    ]


def list_months(count):
    today = date.fromordinal(date(1970, 1, 1).toordinal() + TODAY)
    months = [today.year * 12 + today.month - 1 - place for place in range(count, 0, -1)]
    return [(date(month // 12, month % 12 + 1, 1) - date(1970, 1, 1)).days for month in months]


def make_fair(weeks_ago=8, weeks=2):
    return make_action(days_ago=TODAY - MONDAY + 7 * weeks_ago, days=7 * weeks)


@pytest.mark.parametrize(
    ("days", "unit"),
    [
        (list_mondays(10), "week"),
        ([day for day in list_mondays(10) if day != MONDAY - 21], "week"),
        (list_mondays(4), "day"),
        (list(range(30)), "day"),
        ([0, 1, 2, 9, 16, 23, 30], "day"),
        ([0, 8, 14, 21, 29, 35], "day"),
        (list_months(8), "month"),
        ([day + 27 for day in list_months(8)], "month"),
        (list(range(0, 280, 28)), "day"),
    ],
)
def test_a_step_is_seen_where_it_is_certain(days, unit):
    assert infer_steps(days).unit == unit


@pytest.mark.parametrize("steps", [DAILY, Steps("week", 4), Steps("month")])
def test_every_day_lies_in_the_step_between_its_first_and_last_day(steps):
    for day in range(20_000, 20_100):
        step = steps.find_step(day)
        assert steps.find_first_day(step) <= day <= steps.find_last_day(step)
        assert steps.find_step(steps.find_last_day(step)) == step


def test_a_window_covers_the_steps_that_share_a_day_with_it():
    weeks = Steps("week", MONDAY % 7)
    first = weeks.find_step(MONDAY)
    assert weeks.cover(Window(MONDAY, MONDAY + 13)) == Window(first, first + 1)
    assert weeks.cover(Window(MONDAY + 6, MONDAY + 7)) == Window(first, first + 1)
    assert weeks.cover(Window(MONDAY + 1, MONDAY + 2)) == Window(first, first)


@pytest.fixture(scope="module")
def two_good_weeks(tmp_path_factory):
    world = open_world(tmp_path_factory.mktemp("weeks") / "world", make_weeks(lift=0.3), [make_fair()])
    with world as workspace:
        yield workspace, measure(workspace, metric="sales")


def test_what_two_weeks_gained_is_found_in_156_mondays(two_good_weeks):
    _, report = two_good_weeks
    assert report.step == "week"
    assert report.low < 0.3 < report.high
    assert report.p_value < 0.05
    assert report.high - report.low < 0.5
    assert (report.start_day, report.end_day) == (MONDAY - 56, MONDAY - 43)
    assert report.steps_seen == 2


def test_weeks_are_said_in_weeks(two_good_weeks):
    workspace, report = two_good_weeks
    told = effect_wording.explain_finding(show_effect(workspace, report))
    assert any("a week and" in sentence and "over 2 weeks" in sentence for sentence in told)
    assert any(check.name == "step" and "every 7 days" in check.tell() for check in report.checks)
    assert not any(check.name == "season" for check in report.checks)


def test_the_days_of_the_chart_are_those_of_the_file(two_good_weeks):
    _, report = two_good_weeks
    assert set(np.diff(report.days)) == {7}
    assert report.days[-1] == MONDAY - 49


def test_weeks_are_listed_as_such_and_not_planned_by_the_day(two_good_weeks):
    workspace, _ = two_good_weeks
    (row,) = [row for row in list_metrics(workspace) if row.metric == "sales"]
    assert (row.step, row.days, row.missing) == ("week", 156, 0)
    assert row.last_day == MONDAY - 1
    with pytest.raises(RefusedError, match="one value a week"):
        plan_actions(workspace, "bakery", metric="sales")
    with pytest.raises(RefusedError, match="one value a week"):
        search_delay(workspace, EffectRequest(action_id="fair", metric="sales"), range(3))


@pytest.mark.parametrize("weeks", [1, 2, 4])
def test_a_temporary_action_on_a_weekly_series_is_measured_and_stands_in_the_list(tmp_path, weeks):
    start = TODAY - MONDAY + 7 * 30
    fair = make_action(days_ago=start, days=7 * weeks, expected_effect="temporary")
    series = make_weeks(lift=0.5, lifted=(30, weeks))
    with open_world(tmp_path / "world", series, [fair]) as workspace:
        report = measure(workspace, metric="sales")
        assert measure_effects(workspace, metrics=["sales"]) == []
    assert report.low < 0.5 < report.high
    assert report.relative > 0.2


def test_two_years_of_weeks_are_measured_with_a_word_on_the_season(tmp_path):
    with open_world(tmp_path / "world", make_weeks(105, lift=0.4), [make_fair()]) as workspace:
        report = measure(workspace, metric="sales")
    assert report.p_value < 0.05
    assert any(check.name == "season" and check.verdict == "warned" for check in report.checks)


def test_a_season_that_comes_every_year_is_not_taken_for_an_effect(tmp_path):
    weeks = make_weeks(209, season=0.4, lifted=(26, 4))
    with open_world(tmp_path / "world", weeks, [make_fair(26, 4)]) as workspace:
        report = measure(workspace, metric="sales")
    assert report.label == "cannot_tell"
    assert report.controls == ()


def test_a_weekly_sister_stands_beside_a_weekly_series_and_a_daily_one_does_not(tmp_path):
    sister = [
        MetricDay(metric="sales", day=each.day, value=each.value * 2, brand="florist")
        for each in make_weeks(seed=1)
    ]
    daily = [
        MetricDay(metric="sales", day=day, value=50.0 + day % 7, brand="grocer")
        for day in range(TODAY - 400, TODAY)
    ]
    world = open_world(tmp_path / "world", [*make_weeks(lift=0.3), *sister, *daily], [make_fair()])
    with world as workspace:
        report = measure(workspace, metric="sales")
    assert len(report.controls) == 1
    assert report.label == "consistent_with_cause"


def test_months_are_measured_by_the_month(tmp_path):
    told = make_weeks(days=list_months(60), lift=0.5, lifted=(3, 2))
    first = list_months(3)[0]
    with open_world(tmp_path / "world", told, [make_action(days_ago=TODAY - first, days=60)]) as workspace:
        report = measure(workspace, metric="sales")
    assert (report.step, report.steps_seen) == ("month", 2)
    assert report.low < 0.5 < report.high
    assert report.start_day == first


def test_a_week_that_is_not_over_is_not_asked(tmp_path):
    action = make_action(days_ago=TODAY - MONDAY, days=7)
    with (
        open_world(tmp_path / "world", make_weeks(), [action]) as workspace,
        pytest.raises(RefusedError, match="a week that has not passed"),
    ):
        measure(workspace, metric="sales")


def test_an_import_says_in_which_step_values_come(tmp_path):
    with open_world(tmp_path / "world") as workspace:
        assert keep_metrics(workspace, make_weeks(30)) == MetricImport(series=1, days=30, weekly=1, monthly=0)


def test_what_was_just_kept_is_listed_by_region_and_of_few_days(tmp_path):
    told = [
        MetricDay(metric="sales", day=TODAY - place, value=1.0, brand="bakery", region=region)
        for region, days in (("north", 3), ("south", 20))
        for place in range(1, days + 1)
    ]
    with open_world(tmp_path / "world", told) as workspace:
        rows = list_metrics(workspace)
    assert [(row.of, row.days) for row in rows] == [("bakery, north", 3), ("bakery, south", 20)]
