"""One answer does not contradict itself: the weakest opinion is its grade, its list is a brand's, its total is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.action_effect import describe_effect
from consumer_fusion.causal.effects.shrinking import (
    list_effects,
    measure_effects,
    show_effect,
)
from consumer_fusion.causal.series.imported_metrics import MetricDay
from effect_worlds import TODAY, make_action, make_orders, measure, open_world

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")

DAYS, LIFT_DAYS = 200, (20, 7)


def make_regions(*, strays, lift=0.5, count=24):
    """Regions of one brand; one was acted on, and so many others moved as much in the same days for no known reason."""
    chance = np.random.default_rng(5)
    weather = np.exp(0.03 * chance.normal(size=DAYS))
    told = []
    for place in range(count):
        values = 100 * weather * np.exp(0.03 * chance.normal(size=DAYS))
        if place <= strays:
            start = DAYS - LIFT_DAYS[0]
            values[start : start + LIFT_DAYS[1]] *= 1 + (lift if place % 2 == 0 else -lift / (1 + lift))
        told += [
            MetricDay(
                metric="orders",
                day=TODAY - DAYS + day,
                value=float(value),
                brand="bakery",
                region=f"r{place:02d}",
            )
            for day, value in enumerate(values)
        ]
    return told


@pytest.fixture(scope="module")
def calm_and_stray(tmp_path_factory):
    """The same region, acted on, where the others kept still and where eleven of them moved as much."""
    found = []
    for strays in (0, 11):
        folder = tmp_path_factory.mktemp("regions") / "world"
        world = open_world(folder, make_regions(strays=strays), [make_action(region="r00")])
        with world as workspace:
            report = measure(workspace)
            found.append((report, effect_wording.explain_finding(show_effect(workspace, report))))
    return found


def test_where_the_other_regions_kept_still_a_cause_is_what_it_looks_like(calm_and_stray):
    report, sentences = calm_and_stray[0]
    assert report.label == "consistent_with_cause"
    assert not any(check.name == "disagreement" for check in report.checks)
    assert not any("disagree" in sentence for sentence in sentences)


def test_where_other_regions_stray_as_far_the_weaker_opinion_is_the_grade(calm_and_stray):
    report, sentences = calm_and_stray[1]
    opinion = next(check for check in report.checks if check.name == "other_regions")
    assert opinion.values["strayed"] >= 5
    assert report.p_value < 0.05
    assert report.label == "cannot_tell"
    told = next(sentence for sentence in sentences if "disagree" in sentence)
    assert f"{opinion.values['strayed']} of 23 other regions deviate as much" in told


@pytest.fixture(scope="module")
def two_brands(tmp_path_factory):
    """A brand with one action that worked, and one with many that did nothing."""
    fairs = [
        make_action(f"letter {place}", "florist", days_ago=30 + 8 * place, days=3) for place in range(12)
    ]
    world = open_world(
        tmp_path_factory.mktemp("lists") / "world", make_orders(lift=0.5), [make_action(), *fairs]
    )
    with world as workspace:
        measure_effects(workspace, metrics=["orders"])
        yield workspace, {each.report.action: each for each in list_effects(workspace)}


def test_false_finds_are_counted_within_a_brand_and_said_over_how_many(two_brands):
    _, shown = two_brands
    fair = shown["fair"]
    assert (fair.q_count, fair.q_value) == (1, fair.report.p_value)
    assert {each.q_count for each in shown.values() if each.brand == "florist"} == {12}


def test_a_verdict_in_a_list_heeds_the_share_of_false_finds(two_brands):
    _, shown = two_brands
    fair = shown["fair"]
    assert fair.listed_label == fair.report.label == "consistent_with_cause"
    among_many = replace(fair, q_value=0.3, q_count=40)
    assert among_many.listed_label == "cannot_tell"
    told = effect_wording.explain_finding(among_many)
    assert any("not in the list of the 40 effects of bakery" in sentence for sentence in told)
    assert describe_effect(among_many).listed_label == "cannot_tell"


@pytest.mark.parametrize(
    ("expected_effect", "shape"),
    [("lasting", (2, 2, 2)), ("lasting", (3, 1, 1)), ("temporary", (2, 2, 2)), ("temporary", (3, 1, 1))],
)
def test_the_total_is_that_of_the_days_that_are_shown(tmp_path, expected_effect, shape):
    orders = make_orders(brands=("bakery",), days=200)
    first = TODAY - 40
    orders = [
        replace(each, value=each.value * shape[each.day - first])
        if first <= each.day < first + len(shape)
        else each
        for each in orders
    ]
    action = make_action(days_ago=40, days=len(shape), expected_effect=expected_effect)
    with open_world(tmp_path / "world", orders, [action]) as workspace:
        report = measure(workspace)
    shown = [
        seen - expected
        for day, seen, expected in zip(report.days, report.observed, report.expected, strict=True)
        if report.start_day <= day <= report.end_day
    ]
    assert report.cumulative == pytest.approx(sum(shown), rel=1e-6)
