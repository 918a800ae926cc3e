"""Forecasts: they come true on average, look at nothing that is yet to come, and never touch the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from consumer_fusion.errors import RefusedError
from consumer_fusion.score import (
    LedgerEntry,
    calibrate,
    fold_ledger,
    load_points,
    predict_outcomes,
    read_pair,
)
from consumer_fusion.simulate import build_world, simulate_ledger

pytest.importorskip("scipy", reason="forecasts are in the extra `calibrate`")

POINTS = load_points()
ORDER = "Order Completed"


def write_ledger(ledger, brand_id=1):
    """The simulated events with the money of the orders, of one brand."""
    events = ledger.events.append_column("value", ledger.values.cast(pa.float64()))
    return events.set_column(1, "brand_id", pa.array(np.full(events.num_rows, brand_id)))


def predict(events, truth, calibration=None, **changes):
    """Forecast the last period but one from its start."""
    question = {"outcome": ORDER, "horizon_days": truth.horizon_days, "as_of_us": truth.cutoffs_us[-2]}
    return predict_outcomes(events, POINTS, calibration, **{**question, **changes})


def find_outcomes(truth):
    """By consumer: whether an order came in the last period but one."""
    rows = truth.health.filter(pc.equal(truth.health["cutoff_us"], truth.cutoffs_us[-2]))
    return dict(zip(rows["consumer_id"].to_pylist(), rows["has_ordered"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def ledger():
    return simulate_ledger("known points", 2_000, 5)


@pytest.fixture(scope="module")
def forecast(ledger):
    return predict(write_ledger(ledger), ledger.truth)


def test_forecasts_come_true_on_average_and_rank(ledger, forecast):
    happened = find_outcomes(ledger.truth)
    came = np.array([happened[one] for one in forecast["consumer_id"].to_pylist()])
    probability = forecast["probability"].to_numpy()
    assert probability.mean() == pytest.approx(came.mean(), abs=0.04)
    assert probability[came].mean() > probability[~came].mean() + 0.02
    assert 0.0 < probability.min() < probability.max() < 1.0


def test_there_is_one_row_a_pair_with_the_score_of_that_moment(ledger, forecast):
    assert forecast.num_rows == len(set(forecast["consumer_id"].to_pylist()))
    consumer_id, score = forecast["consumer_id"][7].as_py(), forecast["fusion_score"][7].as_py()
    own = ledger.events.filter(pc.equal(ledger.events["consumer_id"], consumer_id))
    columns = ("event_id", "occurred_us", "day", "kind", "magnitude", "trust")
    entries = [LedgerEntry(**event) for event in own.select(columns).to_pylist()]
    reading = read_pair(fold_ledger(entries, ledger.truth.cutoffs_us[-2], POINTS), POINTS)
    assert score == pytest.approx(reading.fusion_score, abs=1e-9)


def test_a_better_score_never_forecasts_less(forecast):
    order = np.argsort(forecast["fusion_score"].to_numpy())
    assert np.all(np.diff(forecast["probability"].to_numpy()[order]) >= 0.0)


def test_what_is_yet_to_come_is_not_looked_at(ledger, forecast):
    events = write_ledger(ledger)
    past = events.filter(pc.less_equal(events["occurred_us"], ledger.truth.cutoffs_us[-2]))
    assert predict(past, ledger.truth).equals(forecast)


def test_money_is_expected_by_what_a_pair_usually_pays(ledger):
    events = write_ledger(ledger)
    is_rich = pc.less(events["consumer_id"], 200)
    value = pc.if_else(is_rich, pc.multiply(events["value"], 10.0), events["value"])
    forecast = predict(events.set_column(events.column_names.index("value"), "value", value), ledger.truth)
    expected, rich = forecast["expected_value"].to_numpy(), forecast["consumer_id"].to_numpy() < 200
    assert np.all(expected > 0.0)
    assert np.median(expected[rich]) > 3.0 * np.median(expected[~rich])


def test_a_brand_of_livelier_pairs_has_livelier_forecasts_and_the_same_scores(ledger):
    lively = simulate_ledger(replace(build_world("known points"), base=-0.6), 1_000, 6)
    both = pa.concat_tables([write_ledger(ledger), write_ledger(lively, 2)]).sort_by("occurred_us")
    forecast = predict(both, ledger.truth)
    for brand_id, truth in ((1, ledger.truth), (2, lively.truth)):
        own = forecast.filter(pc.equal(forecast["brand_id"], brand_id))
        assert pc.mean(own["probability"]).as_py() == pytest.approx(
            np.mean(list(find_outcomes(truth).values())), abs=0.05
        )
    alone = predict(write_ledger(ledger), ledger.truth)
    first = forecast.filter(pc.equal(forecast["brand_id"], 1))
    assert first["fusion_score"].to_numpy() == pytest.approx(alone["fusion_score"].to_numpy(), abs=1e-9)


def test_the_link_of_a_calibration_is_used_for_the_points_that_it_was_fitted_to(ledger):
    events, truth = write_ledger(ledger), ledger.truth
    report = calibrate(
        events,
        POINTS,
        outcome=ORDER,
        horizon_days=truth.horizon_days,
        cutoff_us=truth.cutoffs_us[-3],
        with_placebo=False,
    )
    own = predict(events, truth)["probability"].to_numpy()
    shifted = replace(report, default_link=replace(report.default_link, slope=0.0))
    assert np.ptp(predict(events, truth, shifted)["probability"].to_numpy()) == pytest.approx(0.0, abs=1e-12)
    stranger = replace(shifted, points_version="another", calibrated_version="yet another")
    assert predict(events, truth, stranger)["probability"].to_numpy() == pytest.approx(own)
    other_horizon = replace(shifted, horizon_days=1.0)
    assert predict(events, truth, other_horizon)["probability"].to_numpy() == pytest.approx(own)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"horizon_days": 364}, "pairs have evidence"),
        ({"outcome": "Subscription Started"}, "No event of kind"),
        ({"outcome": "Campaign Received"}, "something the brand does"),
        ({"as_of_us": 1}, "No event of kind"),
    ],
)
def test_what_the_past_cannot_tell_is_refused(ledger, changes, reason):
    with pytest.raises(RefusedError, match=reason):
        predict(write_ledger(ledger), ledger.truth, **changes)
