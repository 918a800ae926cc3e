"""Experiments in the console: what is on record, what was found, and points that only chance decides."""

from __future__ import annotations

import re

from console_town import PARTIAL, READER
from consumer_fusion.causal.experiments.experiment_store import change_experiment
from consumer_fusion.causal.experiments.findings import ExperimentReport, GroupEffect

PLANNER = "/planner?brand=corner-grocery"


def draw(owner, title="A letter in spring"):
    drawn = owner.send(
        PLANNER, "/experiments/draw", brand="corner-grocery", title=title, kind="Campaign Received",
        starts_at="2099-03-01T08:00", share="0.3", horizon_days="28", seed="7", back=PLANNER,
    )  # fmt: skip
    return re.search(rf'href="(/experiment[^"]+)"><b>{title}', drawn.text).group(1).replace("&amp;", "&")


def test_an_experiment_tells_what_is_on_record_before_its_time(owner):
    page = owner.get(draw(owner)).text
    assert "A letter in spring" in page
    assert "The groups were randomised" in page
    assert "The outcome period is still running" in page
    assert "Measure it" not in page
    assert "Apply its points" not in page


def test_what_is_not_over_is_neither_measured_nor_applied(owner):
    path = draw(owner, "Too early")
    number = re.search(r"experiment=([^&]+)", path).group(1)
    for deed in ("measure", "apply"):
        answer = owner.send(path, f"/experiments/{deed}", experiment_id=number)
        assert answer.status_code == 409 or "Outcomes count until" in answer.text


def test_an_experiment_is_withdrawn_and_decides_nothing(owner):
    path = draw(owner, "A mistake")
    number = re.search(r"experiment=([^&]+)", path).group(1)
    assert (
        "no longer decides points"
        in owner.send(path, "/experiments/withdraw", experiment_id=number, back=path).text
    )
    assert "It was withdrawn" in owner.get(path).text
    assert "A mistake" not in owner.get(PLANNER).text
    assert "withdraw experiment" in owner.get("/audit").text


def test_who_may_not_see_the_brand_finds_no_experiment_and_a_reader_changes_none(owner, sign_in):
    path = draw(owner, "Not for all")
    number = re.search(r"experiment=([^&]+)", path).group(1)
    reader = sign_in(READER)
    assert "Withdraw" not in reader.get(path).text
    assert reader.send(path, "/experiments/withdraw", experiment_id=number).status_code == 403
    assert owner.get("/experiment?brand=corner-grocery&experiment=none").status_code == 404
    partial = sign_in(PARTIAL)
    assert partial.get(path).status_code in {403, 404}


def make_report(experiment_id):
    """What a measured experiment found, made up."""
    report = ExperimentReport(
        experiment_id=experiment_id, grade="caused", treated_count=300, held_out_count=100, left_out_count=0,
        share_without=0.2, effect=0.05, low=0.01, high=0.09, p_value=0.01, naive=0.06, log_odds=0.3,
        log_odds_error=0.1, reached_treated=1.0, reached_held_out=0.0, points=1.37, points_error=0.5,
        facet="wellbeing", refusals=(),
        groups=(GroupEffect(group="past 0", raw=0.09, effect=0.06, low=0.0, high=0.12),),
        sentences=("That is compatible with no effect.",),
    )  # fmt: skip
    return report.model_dump_json()


def test_what_was_found_is_told_in_the_readers_language_and_shown_beside_the_points(owner, console):
    path = draw(owner, "A letter with an end")
    number = re.search(r"experiment=([^&]+)", path).group(1)
    _, workspace = console
    with workspace.store.writing() as session:
        change_experiment(session, number, report=make_report(number), measured_us=workspace.now_us)
    page = owner.get(path).text
    assert "That is compatible with no effect." in page
    assert "past 0" in page
    assert "+1.37" in page
    assert "Apply its points" in page
    italian = owner.get(path, headers={"Accept-Language": "it"}).text
    assert "Il risultato è compatibile con un effetto nullo." in italian
    assert "+1,37" in italian
    points = owner.get("/points").text
    assert "Suggested, not in force" in points
    assert "+1.37" in points
