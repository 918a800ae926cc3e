"""Health is not return: where unhappy people keep coming, a calibration leaves them unhappy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import consumer_fusion as fusion
from command_line import ask_fusion, import_events, run_fusion
from consumer_fusion.errors import RefusedError
from consumer_fusion.score.calibration.calibration_report import read_report
from consumer_fusion.score.calibration_runs import apply_calibration, preview_calibration

pytest.importorskip("scipy", reason="calibration is the extra `calibrate`")

FIRST = datetime(2024, 7, 1, tzinfo=UTC)
DAYS, PEOPLE = 720, 400


def write_time(day):
    return (FIRST + timedelta(days=float(day))).isoformat()


def make_ratings():
    """Stars of people who come as often as they like, whether content or not; the unhappiest leaves 26 bad reviews."""
    chance = np.random.default_rng(5)
    yearly, badness = chance.gamma(0.8, 10.0, PEOPLE), chance.beta(0.5, 1.5, PEOPLE)
    counts = chance.poisson(yearly * DAYS / 365)
    counts[0], badness[0] = 26, 1.0
    for person, count in enumerate(counts):
        for number, day in enumerate(sorted(chance.random(count) * DAYS)):
            is_bad = chance.random() < badness[person]
            yield {
                "event_id": f"{person}-{number}", "occurred_at": write_time(day),
                "kind": "Product Reviewed", "consumer": f"c{person}", "brand": "cinema",
                "properties": {"rating": int(chance.integers(1, 3) if is_bad else chance.integers(4, 6))},
            }  # fmt: skip


def make_workspace(folder, events):
    assert run_fusion("init", folder).status == 0
    import_events(folder, *events)
    return folder


@pytest.fixture(scope="module")
def cinema(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("stars") / "cinema", make_ratings())


def read_scores(workspace):
    told = ask_fusion(workspace, "score", "--as-of", "latest", "--limit", 1_000)
    return {row["consumer"]: row["fusion_score"] for row in told}


@pytest.mark.parametrize("points", [("--points",), ()])
def test_those_under_45_stay_there_whatever_is_applied(cinema, points):
    before = read_scores(cinema)
    unhappy = [consumer for consumer, score in before.items() if score < 45]
    assert len(unhappy) > 60
    assert "c0" in unhappy
    told = ask_fusion(
        cinema, "calibrate", "--outcome", "Product Reviewed", "--horizon", 60, "--cutoff", "2026-04-15",
        *points, "--apply", "--yes",
    )  # fmt: skip
    after = read_scores(cinema)
    assert max(after[consumer] for consumer in unhappy) < 50
    assert after["c0"] < 30
    assert told["multipliers"].get("Product Reviewed/negative", 1.0) >= 0.5


def make_weekly_shoppers():
    """A grocer's consumers; 150 of them come every week and are let down every seven weeks, and go on coming."""
    chance = np.random.default_rng(5)
    for person in range(700):
        is_let_down = person < 150
        rate = 1 / 8 if is_let_down else min(0.3, float(np.exp(chance.normal(np.log(1 / 25), 1.0))))
        day, number = chance.exponential(1 / rate), 0
        while day < 500:
            yield {
                "event_id": f"{person}-{number}", "occurred_at": write_time(day),
                "kind": "Order Completed", "consumer": f"c{person}", "brand": "grocer", "value": 20.0,
                "currency": "EUR",
            }  # fmt: skip
            day, number = day + max(1.01, chance.exponential(1 / rate)), number + 1
        for number, day in enumerate(np.arange(chance.uniform(0, 60), 500, 50) if is_let_down else ()):
            yield {
                "event_id": f"{person}-r{number}", "occurred_at": write_time(day),
                "kind": "Product Reviewed", "consumer": f"c{person}", "brand": "grocer", "properties": {"rating": 2},
            }  # fmt: skip


@pytest.fixture(scope="module")
def grocer(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("weekly") / "grocer", make_weekly_shoppers())


def test_who_comes_every_week_and_is_let_down_is_not_told_as_happy_by_other_half_lives(grocer):
    (brand,) = ask_fusion(grocer, "brands")
    assert brand["half_life_days"] < 40, (
        "the grocer has a rhythm of its own, which a calibration must start from"
    )
    before = read_scores(grocer)
    unhappy = [consumer for consumer, score in before.items() if score < 45]
    assert unhappy
    told = ask_fusion(
        grocer, "calibrate", "--outcome", "Order Completed", "--horizon", 14, "--cutoff", "2025-10-15", "--apply",
        "--yes",
    )  # fmt: skip
    after = read_scores(grocer)
    assert max(after[consumer] for consumer in unhappy) <= 50
    assert not told["is_applied"]
    assert "unhappy consumers keep buying" in told["objection"]


def test_what_lifts_the_unhappy_among_all_pairs_is_refused_though_the_held_out_ones_did_not_tell(cinema):
    told = ask_fusion(
        cinema, "calibrate", "--outcome", "Product Reviewed", "--horizon", 60, "--cutoff", "2026-04-15"
    )
    content = {name: told[name] for name in told if name not in ("is_applied", "objection", "sentences")}
    report = read_report({**content, "lifted_pairs": 0, "placebo_share": 0.0, "gain": 1.0, "gain_error": 0.1})
    with fusion.open_workspace(cinema) as workspace:
        changes = preview_calibration(workspace, report).model_copy(
            update={"low_before": 200, "low_lifted": 3}
        )
        with pytest.raises(RefusedError, match="3 of 200 relationships under 45 as above neutral"):
            apply_calibration(workspace, report, comparison=changes)


def test_brands_tell_the_half_lives_that_are_in_force(grocer):
    (brand,) = ask_fusion(grocer, "brands")
    (grocer / "points.toml").write_text(
        '[kinds."Order Completed"]\nhalf_life_days = 180\nfollows_rhythm = true\n', encoding="utf-8"
    )
    (doubled,) = ask_fusion(grocer, "brands")
    (grocer / "points.toml").unlink()
    assert doubled["half_life_days"] == pytest.approx(2 * brand["half_life_days"])
