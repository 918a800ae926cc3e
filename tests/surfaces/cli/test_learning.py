"""`fusion calibrate` and `fusion predict` on a small town."""

from __future__ import annotations

import shutil

import pyarrow.csv as pa_csv
import pytest

from command_line import ask_fusion, make_demo, run_fusion
from copied_workspaces import copy_made
from json_shapes import find_faults

pytestmark = pytest.mark.slow

QUESTION = ("--outcome", "Order Completed", "--horizon", 56)
CUTOFF = ("--cutoff", "2026-04-01")


@pytest.fixture(scope="module")
def untouched_town(tmp_path_factory):
    return copy_made(tmp_path_factory.mktemp("learning") / "town", make_demo, 100)


@pytest.fixture(scope="module")
def calibrated_town(untouched_town, tmp_path_factory):
    return shutil.copytree(untouched_town, tmp_path_factory.mktemp("calibrated") / "town")


@pytest.fixture(scope="module")
def report(calibrated_town):
    """What a calibration that is not applied says."""
    return ask_fusion(calibrated_town, "calibrate", *QUESTION, *CUTOFF)


def test_a_calibration_prints_exactly_what_the_reference_tells_of(report, reference):
    assert find_faults(report, reference.JSON["calibrate"]) == []
    assert report["reliability"]
    assert report["sentences"]


def test_a_calibration_says_how_good_it_is_before_and_after_on_pairs_it_has_not_seen(report):
    assert report["pairs_held_out"] > 0
    assert all(0.4 < report[when]["auc"] <= 1 for when in ("before", "after"))
    assert report["gain"] == pytest.approx(
        report["before"]["log_loss"] - report["after"]["log_loss"], abs=1e-6
    )


def test_a_calibration_turns_no_sign_and_touches_nothing_the_brand_does(report):
    assert all(multiplier > 0 for multiplier in report["multipliers"].values())
    assert "Campaign Received" not in report["multipliers"]


def test_without_apply_no_score_changes(report, calibrated_town, untouched_town):
    assert report["is_applied"] is False
    before, after = (
        ask_fusion(town, "score", "--as-of", "latest", "--limit", 5)
        for town in (untouched_town, calibrated_town)
    )
    assert after == before


@pytest.fixture
def everything_is_better(monkeypatch):
    """The town is too small for a clear gain: what is learnt there is taken for better all the same."""
    monkeypatch.setattr("consumer_fusion.score.calibration.calibration_report.LEAST_GAIN_ERRORS", -100.0)


def test_a_program_must_say_that_scores_may_change(untouched_town):
    run = run_fusion("calibrate", *QUESTION, *CUTOFF, "--apply", "--json", "--workspace", untouched_town)
    assert run.status == 1
    assert run.told["code"] == "invalid_input"
    assert "--yes" in run.told["errors"][0]["hint"]


@pytest.mark.usefixtures("everything_is_better")
def test_a_person_sees_what_would_change_before_it_does(calibrated_town, monkeypatch):
    asked = []
    monkeypatch.setattr("typer.confirm", lambda *words, **_: bool(asked.append(words)))
    before = ask_fusion(calibrated_town, "score", "--as-of", "latest", "--limit", 5)
    run = run_fusion("calibrate", *QUESTION, *CUTOFF, "--apply", "--workspace", calibrated_town)
    assert run.status == 0
    assert len(asked) == 1
    words = " ".join(run.output.split())
    assert "Of 264 relationships" in words
    assert "Below 45:" in words
    assert "Biggest changes" in words
    assert "Nothing was changed" in words
    assert ask_fusion(calibrated_town, "score", "--as-of", "latest", "--limit", 5) == before


@pytest.mark.usefixtures("everything_is_better")
def test_what_is_told_to_change_is_what_changes(untouched_town, tmp_path, reference):
    town = shutil.copytree(untouched_town, tmp_path / "town")
    told = ask_fusion(town, "calibrate", *QUESTION, *CUTOFF, "--points", "--apply", "--yes")
    assert find_faults(told, reference.JSON["calibrate"]) == []
    assert told["is_applied"] is True
    changes = told["changes"]
    assert changes["pair_count"] == sum(changes["bins"]) == 264
    assert [each["share"] for each in changes["quantiles"]] == [0.05, 0.25, 0.5, 0.75, 0.95]
    for pair in changes["largest"]:
        for place, workspace in (("before", untouched_town), ("after", town)):
            (row,) = ask_fusion(
                workspace,
                "score",
                "--consumer",
                pair["consumer"],
                "--brand",
                pair["brand"],
                "--as-of",
                "latest",
            )
            assert row["fusion_score"] == pytest.approx(pair[place], abs=1e-6)


def test_what_a_brand_does_is_no_outcome_to_learn_from(untouched_town):
    run = run_fusion(
        "calibrate",
        "--outcome",
        "Campaign Received",
        "--horizon",
        56,
        *CUTOFF,
        "--workspace",
        untouched_town,
        "--json",
    )
    assert run.status == 1
    assert run.told["code"] == "refused"


def test_too_few_pairs_are_refused_rather_than_guessed_from(shop):
    run = run_fusion("predict", *QUESTION, "--out", shop / "forecast.csv", "--workspace", shop, "--json")
    assert run.status == 1
    assert run.told["code"] == "refused"
    assert not (shop / "forecast.csv").exists()


def test_a_forecast_gives_each_pair_a_probability_beside_its_score(untouched_town, reference, tmp_path):
    out = tmp_path / "forecast.csv"
    told = ask_fusion(untouched_town, "predict", *QUESTION, "--as-of", "latest", "--out", out)
    assert find_faults(told, reference.JSON["predict"]) == []
    rows = pa_csv.read_csv(out)
    assert rows.column_names == [
        "consumer",
        "brand",
        "probability",
        "expected_value",
        "fusion_score",
        "reasons",
    ]
    assert rows.num_rows == told["pairs"] > 200
    assert all(0 <= each <= 1 for each in rows["probability"].to_pylist())
