"""Calibration: learns what is true, leaves alone what observation cannot tell, and says which is which."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from consumer_fusion.errors import RefusedError
from consumer_fusion.score.calibration.calibration import calibrate
from consumer_fusion.score.calibration.calibration_report import (
    apply_calibration,
    find_link,
    read_report,
    write_report,
    write_sentences,
)
from consumer_fusion.score.calibration.fitting import compute_loss
from consumer_fusion.score.calibration.half_life_grid import FoldGrid
from consumer_fusion.score.calibration.link_functions import forecast_outcomes, start_link
from consumer_fusion.score.calibration.samples import draw_sample, fold_sample
from consumer_fusion.score.calibration.training import set_up_fit
from consumer_fusion.score.calibration.vectorised_score import build_design, compute_balances, compute_scores
from consumer_fusion.score.forecast.traits import read_pairs
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import read_pair
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.simulate.known_ledgers import build_world, simulate_ledger

pytestmark = pytest.mark.slow

pytest.importorskip("scipy", reason="calibration is the extra `calibrate`")

POINTS = load_points()
ORDER = "Order Completed"
BAD_REVIEW = "Product Reviewed/negative"
FIRST_DAY = 20_089
DAY = 86_400_000_000
PLACEBO = "Event Attended"
CAMPAIGN = "Campaign Received"


def write_ledger(ledger):
    """The simulated events with the money of the orders."""
    return ledger.events.append_column("value", ledger.values.cast(pa.float64()))


def ask(ledger, **changes):
    """The question put to every simulated ledger: who orders within the last period but one."""
    truth = ledger.truth
    question = {"outcome": ORDER, "horizon_days": truth.horizon_days, "cutoff_us": truth.cutoffs_us[-2]}
    return calibrate(write_ledger(ledger), POINTS, **{**question, **changes})


@pytest.fixture(scope="module")
def small_ledger():
    return simulate_ledger("known points", 500, 2)


@pytest.fixture(scope="module")
def small_report(small_ledger):
    return ask(small_ledger, with_points=True, with_placebo=False)


@pytest.fixture(scope="module")
def placebo_report():
    return ask(simulate_ledger(build_world("placebo kind", placebo=PLACEBO), 3_000, 1), with_points=True)


@pytest.fixture(scope="module")
def star_ratings():
    """Star ratings of people who come as often as they like, whether content or not."""
    chance = np.random.default_rng([2, 15])
    pairs, days = 800, 720
    yearly, badness = chance.gamma(0.8, 10.0, pairs), chance.beta(0.5, 1.5, pairs)
    consumer = np.repeat(np.arange(1, pairs + 1), chance.poisson(yearly * days / 365))
    occurred = ((FIRST_DAY + chance.random(consumer.size) * days) * DAY).astype(np.int64)
    is_bad = chance.random(consumer.size) < badness[consumer - 1]
    return pa.table(
        {
            "consumer_id": consumer,
            "brand_id": np.ones(consumer.size, np.int64),
            "kind": np.where(is_bad, BAD_REVIEW, "Product Reviewed/positive"),
            "occurred_us": occurred,
            "day": occurred // DAY,
            "magnitude": chance.uniform(0.5, 1.0, consumer.size),
            "trust": np.ones(consumer.size),
            "value": pa.nulls(consumer.size, pa.float64()),
        }
    )


def ask_of_stars(ledger, **changes):
    question = {"outcome": "Product Reviewed", "horizon_days": 60, "cutoff_us": (FIRST_DAY + 720 - 61) * DAY}
    return calibrate(ledger, POINTS, **{**question, **changes})


def read_scores(ledger, points):
    """The score of every pair at the end of the ledger."""
    end_us = pc.max(ledger["occurred_us"]).as_py()
    sample = draw_sample(ledger, points, outcome="Product Reviewed", cutoff_us=end_us, horizon_days=0)
    ones = np.ones(len(sample.kinds))
    balances = compute_balances(fold_sample(sample, ones), build_design(points, sample.kinds), ones)
    return compute_scores(balances.balance, points.constants)


@pytest.fixture(scope="module")
def small_sample(small_ledger):
    return draw_sample(
        write_ledger(small_ledger),
        POINTS,
        outcome=ORDER,
        cutoff_us=small_ledger.truth.cutoffs_us[-2],
        horizon_days=28,
    )


def test_the_gradient_is_that_of_the_loss(small_sample):
    learnt = {ORDER, "Service Failed", "Product Viewed"}
    problem = set_up_fit(
        small_sample, build_design(POINTS, small_sample.kinds), POINTS, learnt, with_points=True
    )
    chance = np.random.default_rng(1)
    start = np.concatenate((np.zeros(7), start_link(small_sample)))
    theta = start + chance.normal(0.0, 0.2, start.size)
    _, gradient = compute_loss(theta, problem)
    step = 1e-5
    differences = [
        (compute_loss(theta + move, problem)[0] - compute_loss(theta - move, problem)[0]) / (2 * step)
        for move in np.eye(theta.size) * step
    ]
    assert gradient == pytest.approx(np.array(differences), rel=1e-4, abs=1e-7)


def test_many_pairs_are_read_as_the_score_reads_one(small_ledger, small_sample):
    ones = np.ones(len(small_sample.kinds))
    design = build_design(POINTS, small_sample.kinds)
    scores = compute_scores(
        compute_balances(fold_sample(small_sample, ones), design, ones).balance, POINTS.constants
    )
    cutoff_us = small_ledger.truth.cutoffs_us[-2]
    columns = ("event_id", "occurred_us", "day", "kind", "magnitude", "trust")
    for place in range(0, 500, 25):
        is_own = pc.equal(small_ledger.events["consumer_id"], int(small_sample.consumer_id[place]))
        events = small_ledger.events.filter(is_own).select(columns).to_pylist()
        entries = [LedgerEntry(**event) for event in events]
        reading = read_pair(fold_ledger(entries, cutoff_us, POINTS), POINTS)
        assert scores[place] == pytest.approx(reading.fusion_score, abs=1e-9)


def test_folds_between_rungs_are_the_folds(small_sample):
    powers = np.linspace(-0.9, 1.1, len(small_sample.kinds))
    exact, near = fold_sample(small_sample, np.exp(powers)), FoldGrid(small_sample).fold(powers)
    for name in ("x", "y", "x_slope", "y_slope"):
        assert getattr(near, name) == pytest.approx(getattr(exact, name), rel=2e-3, abs=2e-3)


def test_a_kind_of_random_events_is_learnt_to_be_worth_next_to_nothing(placebo_report):
    points = {
        key: placebo_report.multipliers[key] * sum(abs(entry.points) for entry in POINTS.kinds[key].entries)
        for key in (PLACEBO, ORDER)
    }
    assert points[PLACEBO] < 0.2 * points[ORDER]
    assert placebo_report.placebo_share < 0.2


def test_kinds_that_count_keep_their_points_beside_a_placebo(placebo_report):
    assert 0.5 < placebo_report.multipliers["Service Failed"] / placebo_report.multipliers[ORDER] < 2.0


def test_what_is_better_on_held_out_pairs_says_so_first(placebo_report):
    assert placebo_report.is_better
    assert placebo_report.after.log_loss < placebo_report.before.log_loss
    assert placebo_report.gain > 2 * placebo_report.gain_error > 0.0
    assert write_sentences(placebo_report)[0].startswith("What was learnt forecasts better")
    assert sum(part.count for part in placebo_report.reliability) == placebo_report.pairs_held_out


def test_learnt_points_bring_forecasts_nearer_to_the_truth():
    ledger = simulate_ledger("known points", 3_000, 4)
    truth = ledger.truth
    report = ask(ledger, cutoff_us=truth.cutoffs_us[-3], with_points=True, with_placebo=False)
    assert report.multipliers["Service Failed"] / report.multipliers[ORDER] > 1.2
    rows = truth.health.filter(pc.equal(truth.health["cutoff_us"], truth.cutoffs_us[-2]))
    true_log_odds = rows["log_odds"].to_numpy()
    distances = []
    for points in (POINTS, apply_calibration(POINTS, report)):
        link = find_link(report, points, ORDER, truth.horizon_days)
        sample = draw_sample(
            write_ledger(ledger), points, outcome=ORDER, cutoff_us=truth.cutoffs_us[-2], horizon_days=0.0
        )
        errors = forecast_outcomes(read_pairs(sample, points), link) - true_log_odds[sample.consumer_id - 1]
        distances.append(float(np.sqrt(np.mean(errors**2))))
    assert distances[1] < 0.8 * distances[0]


def test_signs_and_scale_stay(small_report, placebo_report):
    for report in (small_report, placebo_report):
        assert all(multiplier > 0.0 for multiplier in report.multipliers.values())
        assert all(factor > 0.0 for factor in report.half_life_factors.values())
        assert abs(report.scale_drift) < 0.05
        assert 1.5 <= report.negativity <= 4.0


def test_the_campaign_of_a_brand_that_chose_whom_to_write_to_is_left_alone():
    ledger = simulate_ledger("targeted campaign", 600, 1)
    report = ask(ledger, with_placebo=False)
    assert CAMPAIGN not in report.multipliers
    assert "experiment" in report.kept_kinds[CAMPAIGN]
    assert any(CAMPAIGN in sentence for sentence in write_sentences(report))
    with pytest.raises(RefusedError, match="not learnt from observation"):
        ask(ledger, learn=[CAMPAIGN])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "Subscription Started"}, "No event of kind"),
        ({"outcome": CAMPAIGN}, "something the brand does"),
        ({"horizon_days": 4_000}, "have not ended"),
        ({"horizon_days": 0}, "no time for an outcome"),
        ({"cutoff_us": 1}, "Only 0 pairs"),
        ({"horizon_days": 0.001}, "distinguish them"),
        ({"learn": ["Wishes"]}, "not a kind"),
    ],
)
def test_what_would_mislead_is_refused_with_what_to_do(small_ledger, changes, reason):
    with pytest.raises(RefusedError, match=reason) as refusal:
        ask(small_ledger, **changes)
    assert refusal.value.hint


def test_kinds_of_few_events_and_the_workspaces_own_keep_theirs(small_ledger):
    is_review = pc.equal(small_ledger.events["kind"], "Product Reviewed/positive")
    first_reviews = pc.less(pc.cumulative_sum(pc.cast(is_review, pa.int64())), 100)
    keep = pc.or_(pc.invert(is_review), first_reviews)
    fewer = replace(
        small_ledger,
        events=small_ledger.events.filter(keep),
        values=small_ledger.values.filter(keep.combine_chunks()),
    )
    report = ask(fewer, protect=["Service Failed"], with_points=True, with_placebo=False)
    assert "fewer than 200 events" in report.kept_kinds["Product Reviewed/positive"]
    assert report.kept_kinds["Service Failed"] == "set by the workspace"
    assert {"Product Reviewed/positive", "Service Failed"}.isdisjoint(report.multipliers)
    after = apply_calibration(POINTS, report.model_copy(update={"is_better": True}), ["Service Failed"])
    assert after.kinds["Service Failed"] == POINTS.kinds["Service Failed"]


def test_points_that_are_not_better_are_not_applied(small_report):
    assert apply_calibration(POINTS, small_report.model_copy(update={"is_better": False})) == POINTS
    applied = apply_calibration(POINTS, small_report.model_copy(update={"is_better": True}))
    assert applied.version == small_report.calibrated_version
    ratio = applied.kinds[ORDER].entries[0].points / POINTS.kinds[ORDER].entries[0].points
    assert ratio == pytest.approx(small_report.multipliers[ORDER])


def test_without_being_asked_only_half_lives_are_learnt(small_ledger):
    report = ask(small_ledger, with_placebo=False)
    assert report.multipliers == {}
    assert report.half_life_factors["Product Viewed"] != 1.0
    assert report.negativity == pytest.approx(POINTS.constants.negativity)
    after = apply_calibration(POINTS, report.model_copy(update={"is_better": True}))
    assert [kind.entries for kind in after.kinds.values()] == [kind.entries for kind in POINTS.kinds.values()]
    assert after.version == report.calibrated_version


@pytest.mark.parametrize("with_points", [True, False])
def test_where_unhappy_people_keep_coming_they_stay_unhappy(star_ratings, with_points):
    before = read_scores(star_ratings, POINTS)
    report = ask_of_stars(star_ratings, with_points=with_points)
    after = read_scores(star_ratings, apply_calibration(POINTS, report))
    assert np.count_nonzero(before < 45) > 200
    assert np.all(after[before < 45] < 50)
    assert after[np.argmin(before)] < 35
    assert report.multipliers.get(BAD_REVIEW, 1.0) >= 0.5
    assert report.half_life_factors[BAD_REVIEW] >= 1.0


def test_outcomes_that_would_tell_the_unhappy_as_happy_are_not_in_force(star_ratings):
    report = ask_of_stars(star_ratings, with_points=True, with_placebo=False)
    assert report.gain > 2 * report.gain_error
    assert report.lifted_pairs > 0.01 * report.unhappy_pairs > 0
    assert not report.is_better
    assert "unhappy consumers keep buying" in write_sentences(report)[0]


def test_what_chance_could_teach_as_well_is_not_in_force(placebo_report, star_ratings):
    told = ask_of_stars(star_ratings)
    assert told.placebo_share > 0.2
    assert not told.is_better
    assert "a kind of random events" in write_sentences(told)[0]
    assert any("too much, so that nothing" in sentence for sentence in write_sentences(told))
    content = {**write_report(placebo_report), "placebo_share": 0.51}
    assert not read_report(content).is_better


def test_a_gain_of_one_error_is_chance(placebo_report):
    content = {**write_report(placebo_report), "gain_error": placebo_report.gain / 1.5}
    assert not read_report(content).is_better


def test_a_small_gain_is_told_in_digits(placebo_report):
    told = write_sentences(placebo_report.model_copy(update={"gain": 0.0000213, "gain_error": 0.0000044}))[0]
    assert "(gain 0.0000213, standard error 0.0000044)" in told


def test_a_recovery_learns_with_the_failure_that_it_mends(small_sample):
    kinds = [*small_sample.kinds, "Recovery/Service Failed"]
    sample = replace(
        small_sample, kinds=tuple(kinds), half_life_days=np.append(small_sample.half_life_days, 180.0)
    )
    problem = set_up_fit(sample, build_design(POINTS, kinds), POINTS, {ORDER, "Service Failed"})
    by_kind = dict(zip(kinds, problem.parameter, strict=True))
    assert by_kind["Recovery/Service Failed"] == by_kind["Service Failed"] >= 0
    assert by_kind["Product Viewed"] == -1


def test_the_order_of_the_ledger_does_not_matter(small_ledger, small_report):
    shuffled = np.random.default_rng(4).permutation(small_ledger.events.num_rows)
    again = ask(
        replace(
            small_ledger, events=small_ledger.events.take(shuffled), values=small_ledger.values.take(shuffled)
        ),
        with_points=True,
        with_placebo=False,
    )
    assert again.multipliers == pytest.approx(small_report.multipliers, rel=0.02)
    assert again.gain == pytest.approx(small_report.gain, abs=1e-4)


def test_a_report_survives_being_written(small_report):
    assert read_report(json.loads(json.dumps(write_report(small_report)))) == small_report
