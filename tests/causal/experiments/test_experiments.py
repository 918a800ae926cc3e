"""Experiments end to end: drawn and recorded before, measured after, and what may follow for the points."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import consumer_fusion as fusion
from command_line import ask_fusion, run_fusion
from consumer_fusion.causal.experiments.analysis import measure_experiment
from consumer_fusion.causal.experiments.assignment import ExperimentPlan, draw_experiment, record_experiment
from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.causal.experiments.ranking import rank_consumers
from consumer_fusion.causal.experiments.rollout import apply_experiment, list_suggestions, withdraw_experiment
from consumer_fusion.errors import ConflictError, RefusedError
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.score.calibration.experiment_overrides import PointsOverride
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.explanation import explain_pair
from consumer_fusion.score.points_comparison import compare_points
from small_workspaces import NOW, make_order, open_small

pytest.importorskip("scipy", reason="a calibrated link is of the extra `calibrate`")

CAMPAIGN = "Campaign Received"
ORDER = "Order Completed"
PEOPLE = [f"c{number:03d}" for number in range(400)]
WEEKS = 30
START_DAYS_AGO, HORIZON = 31.0, 28.0
"""The action begins 31 days before the tests' now; outcomes count from a day later on, for 28 days."""


def make_plan(**changes):
    given = {
        "brand": "bakery",
        "kind": CAMPAIGN,
        "outcome": ORDER,
        "horizon_days": HORIZON,
        "starts_us": to_microseconds(NOW - timedelta(days=START_DAYS_AGO)),
        "experiment_id": "spring-letter",
    }
    return ExperimentPlan(**{**given, **changes})


def make_past():
    """Orders of 400 people before the action, some often and most seldom."""
    chance = np.random.default_rng(1)
    weekly = 1 / (1 + np.exp(-chance.normal(-2.5, 1.2, len(PEOPLE))))
    return [
        make_order(f"{name}-{week}", days_ago=START_DAYS_AGO + 0.5 + 7 * week, consumer=name)
        for name, share in zip(PEOPLE, weekly)
        for week in range(WEEKS)
        if chance.random() < share
    ]


def make_sequel(reached, effect, helped=frozenset()):
    """What came after: the letter to those reached, and orders, more likely after it."""
    chance = np.random.default_rng(2)
    letters = [
        make_order(f"letter-{name}", days_ago=START_DAYS_AGO - 0.5, consumer=name, kind=CAMPAIGN, value=None)
        for name in sorted(reached)
    ]
    share = {name: 0.25 + (effect + 0.5 * (name in helped) if name in reached else 0.0) for name in PEOPLE}
    orders = [
        make_order(f"{name}-after", days_ago=chance.uniform(2.1, 29), consumer=name)
        for name in PEOPLE
        if chance.random() < share[name]
    ]
    return [*letters, *orders, make_order("last", days_ago=1.0, consumer="somebody")]


@pytest.fixture(scope="module")
def calibrated_town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    with open_small(folder, days_later=-START_DAYS_AGO - 1) as workspace:
        fusion.import_events(workspace, make_past())
        fusion.calibrate_points(
            workspace, outcome=ORDER, horizon_days=HORIZON, cutoff=NOW - timedelta(days=START_DAYS_AGO + 30)
        )
    return folder


@pytest.fixture
def town(calibrated_town, tmp_path):
    """The workspace on the day before the action, with the past and a calibrated link."""
    return shutil.copytree(calibrated_town, tmp_path / "town")


def draw(folder):
    with open_small(folder, days_later=-START_DAYS_AGO - 1) as workspace:
        drawn = draw_experiment(workspace, make_plan(), share=0.5, seed=3, consumers=PEOPLE)
    return {name for name, arm in zip(drawn.holdout.consumers, drawn.holdout.arms) if arm == "treated"}


def test_an_experiment_decides_the_points_of_a_letter_and_puts_its_stamp_on_them(town):
    treated = draw(town)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
        report = measure_experiment(workspace, "spring-letter")
        assert (report.grade, report.refusals) == ("caused", ())
        assert report.low < 0.3 < report.high
        assert (report.reached_treated, report.reached_held_out) == (1.0, 0.0)
        before = put_points_in_force(workspace).points
        assert before.kinds[CAMPAIGN].entries == ()

        override = apply_experiment(workspace, "spring-letter")

        (entry,) = put_points_in_force(workspace).points.kinds[CAMPAIGN].entries
        assert (entry.facet, entry.experiment_id) == ("wellbeing", "spring-letter")
        assert entry.points == pytest.approx(override.points)
        assert 0 < override.points < override.estimate
        differing = compare_points(before, put_points_in_force(workspace).points)
        assert {each.kind for each in differing} == {CAMPAIGN}
        name = min(treated)
        found = fusion.explain_pair(workspace, name, "bakery", as_of=NOW).explanation
        (stamped,) = [each for each in found.contributions if each.kind == CAMPAIGN]
        assert "experiment spring-letter" in stamped.sentence
        assert 50 + sum(each.contribution for each in found.contributions) == pytest.approx(
            found.reading.fusion_score
        )


def test_a_calibration_learns_around_what_an_experiment_decided(town):
    treated = draw(town)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
        override = apply_experiment(workspace, "spring-letter")
        report = fusion.calibrate_points(
            workspace,
            outcome=ORDER,
            horizon_days=HORIZON,
            cutoff=NOW - timedelta(days=START_DAYS_AGO),
            is_applied=True,
        )
        after = put_points_in_force(workspace).points
        assert CAMPAIGN not in report.multipliers
        assert after.version in {report.points_version, report.calibrated_version}
        (entry,) = after.kinds[CAMPAIGN].entries
        assert (entry.points, entry.experiment_id) == (pytest.approx(override.points), "spring-letter")
        # The link of the new calibration fits the points in force, so that the next experiment can be judged by it.
        assert measure_experiment(workspace, "spring-letter").refusals == ()


def test_a_letter_that_helps_some_is_seen_to(town):
    treated = draw(town)
    helped = set(PEOPLE[:200])
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.0, helped=helped))
        groups = measure_experiment(workspace, "spring-letter").groups
        found = rank_consumers(workspace, "spring-letter")
    assert len(groups) > 1
    assert all(each.low <= each.effect <= each.high for each in groups)
    assert sorted(found.rows["consumer"].to_pylist()) == PEOPLE
    assert found.rows["place"].to_pylist() == list(range(1, 401))
    # Nothing that was known before tells who is helped here, and the ranking says so.
    assert not found.worth.is_better_than_chance


def test_a_harmful_letter_gets_negative_points(town):
    treated = draw(town)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=-0.17))
        assert apply_experiment(workspace, "spring-letter").points < 0


def test_an_experiment_goes_before_the_points_of_the_workspace_and_gives_them_back(town):
    treated = draw(town)
    (town / "points.toml").write_text(f'[kinds."{CAMPAIGN}"]\npoints = {{ delight = 2, feet = 1 }}\n')
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
        fusion.calibrate_points(
            workspace, outcome=ORDER, horizon_days=HORIZON, cutoff=NOW - timedelta(days=START_DAYS_AGO + 30)
        )
        override = apply_experiment(workspace, "spring-letter")
        entries = put_points_in_force(workspace).points.kinds[CAMPAIGN].entries
        assert {(each.facet, each.experiment_id) for each in entries} == {
            ("feet", None),
            ("delight", "spring-letter"),
        }
        assert override.prior == 2
        withdraw_experiment(workspace, "spring-letter")
        entries = put_points_in_force(workspace).points.kinds[CAMPAIGN].entries
        assert {each.facet: each.points for each in entries} == {"feet": 1, "delight": 2}
        with pytest.raises(ConflictError):
            withdraw_experiment(workspace, "spring-letter")


def test_a_contested_letter_counts_nothing_whatever_the_experiment_found(town):
    treated = draw(town)
    contested = min(treated)
    letters = make_sequel(treated, effect=0.3)
    with open_small(town) as workspace:
        fusion.import_events(workspace, letters)
        apply_experiment(workspace, "spring-letter")
        entries = fusion.explain_pair(workspace, contested, "bakery", as_of=NOW).entries
        points = put_points_in_force(workspace).points
    (letter,) = [each for each in entries if each.kind == CAMPAIGN]
    told = explain_pair([replace(letter, trust=0.0)], to_microseconds(NOW), points)
    assert told.reading.fusion_score == 50


def test_without_a_calibrated_link_an_experiment_decides_nothing(tmp_path):
    with open_small(tmp_path, days_later=-START_DAYS_AGO - 1) as workspace:
        fusion.import_events(workspace, make_past())
    treated = draw(tmp_path)
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
        report = measure_experiment(workspace, "spring-letter")
        assert report.grade == "caused"
        assert report.points is None
        with pytest.raises(RefusedError, match="calibrate"):
            apply_experiment(workspace, "spring-letter")


def test_a_brands_own_choice_is_only_a_suggestion(town):
    chosen = set(PEOPLE[::2])
    with open_small(town, days_later=-START_DAYS_AGO - 1) as workspace:
        arms = {name: "treated" if name in chosen else "held_out" for name in PEOPLE}
        record_experiment(workspace, make_plan(), arms, is_randomised=False)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(chosen, effect=0.3))
        report = measure_experiment(workspace, "spring-letter")
        assert report.grade == "changed_after"
        with pytest.raises(RefusedError, match="were not randomised"):
            apply_experiment(workspace, "spring-letter")
        (suggestion,) = list_suggestions(workspace)
        assert suggestion.key == CAMPAIGN
        assert suggestion.points == report.points
        assert put_points_in_force(workspace).points.kinds[CAMPAIGN].entries == ()


def test_a_list_that_came_after_the_letter_decides_nothing(town):
    treated = set(np.random.default_rng(5).permutation(PEOPLE)[:200])
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
        arms = {name: "treated" if name in treated else "held_out" for name in PEOPLE}
        record_experiment(workspace, make_plan(), arms, is_randomised=True)
        assert measure_experiment(workspace, "spring-letter").grade == "changed_after"
        with pytest.raises(RefusedError, match="only after the action had begun"):
            apply_experiment(workspace, "spring-letter")


def test_a_list_that_claims_chance_but_shows_choice_decides_nothing(town):
    with open_small(town, days_later=-START_DAYS_AGO - 1) as workspace:
        past = fusion.score_pairs(workspace, brand="bakery").sort_by([("fusion_score", "descending")])
        best = set(past["consumer"].to_pylist()[:150])
        arms = {name: "treated" if name in best else "held_out" for name in PEOPLE}
        record_experiment(workspace, make_plan(), arms, is_randomised=True)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(best, effect=0.0))
        with pytest.raises(RefusedError, match=r"in outcomes ever, .*not randomised"):
            apply_experiment(workspace, "spring-letter")


def test_an_experiment_is_not_measured_before_its_time_is_over(town):
    treated = draw(town)
    with open_small(town) as workspace:
        early = [each for each in make_sequel(treated, effect=0.3) if each.event_id != "order-last"]
        fusion.import_events(
            workspace, [each for each in early if each.occurred_at < NOW - timedelta(days=9)]
        )
        with pytest.raises(RefusedError, match="Outcomes count until"):
            measure_experiment(workspace, "spring-letter")


def test_nobody_is_drawn_for_an_action_that_has_begun(town):
    with open_small(town) as workspace, pytest.raises(RefusedError, match="before now"):
        draw_experiment(workspace, make_plan(), share=0.5, seed=3, consumers=PEOPLE)


def test_what_a_consumer_does_is_never_decided_by_an_experiment(town):
    with (
        open_small(town, days_later=-START_DAYS_AGO - 1) as workspace,
        pytest.raises(RefusedError, match="action"),
    ):
        draw_experiment(workspace, make_plan(kind=ORDER), share=0.5, seed=3, consumers=PEOPLE)


def test_what_was_assigned_is_never_written_over(town):
    draw(town)
    with pytest.raises(ConflictError):
        draw(town)


def test_the_commands_measure_apply_and_show_the_stamp(town):
    treated = draw(town)
    with open_small(town) as workspace:
        fusion.import_events(workspace, make_sequel(treated, effect=0.3))
    measured = ask_fusion(town, "experiments", "measure", "spring-letter")
    assert set(measured) == set(ExperimentReport.model_fields)
    ranked = ask_fusion(town, "experiments", "rank", "spring-letter", "--out", town / "helped.csv")
    assert (ranked["consumers"], len(ranked["parts"])) == (400, 5)
    assert ranked["low"] <= ranked["qini"] <= ranked["high"]
    (suggested,) = ask_fusion(town, "points", "--diff")["suggestions"]
    assert (suggested["experiment_id"], suggested["reasons"]) == ("spring-letter", [])
    applied = ask_fusion(town, "experiments", "apply", "spring-letter")
    assert set(applied) == set(PointsOverride.model_fields)
    told = ask_fusion(town, "points")
    assert told["suggestions"] == []
    assert {
        "kind": CAMPAIGN,
        "field": "experiment.wellbeing",
        "before": None,
        "after": "spring-letter",
    } in told["differences"]
    assert "spring-letter" in run_fusion("points", "--workspace", town).output
