"""Measures of forecasts, on cases that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.score.calibration.validity import (
    bootstrap_differences,
    bootstrap_mean_error,
    compute_auc,
    compute_calibration_error,
    compute_gini,
    compute_log_losses,
    draw_reliability,
)

HAPPENED = np.array([True, False, True, False])


@pytest.mark.parametrize(
    ("ranking", "auc"),
    [
        ([4, 1, 3, 2], 1.0),
        ([1, 4, 2, 3], 0.0),
        ([4, 3, 2, 1], 0.75),
        ([1, 1, 1, 1], 0.5),
        ([2, 1, 1, 1], 0.75),
    ],
)
def test_auc_is_the_chance_that_who_did_is_ranked_above_who_did_not(ranking, auc):
    assert compute_auc(HAPPENED, np.array(ranking, dtype=float)) == auc


def test_auc_is_a_half_where_all_did():
    assert compute_auc(np.ones(3, dtype=bool), np.arange(3.0)) == 0.5


def test_log_loss_of_a_coin_is_ln_two_and_certainty_stays_finite():
    losses = compute_log_losses(HAPPENED, np.array([0.5, 0.5, 0.0, 1.0]))
    assert losses[:2] == pytest.approx([np.log(2.0)] * 2)
    assert np.isfinite(losses).all()


def test_calibration_error_is_the_mean_gap_between_forecast_and_share():
    probability = np.array([0.75, 0.75, 0.25, 0.25])
    # Each bin holds one that did and one that did not: .75 and .25 against .5.
    assert compute_calibration_error(np.array([True, False, True, False]), probability) == pytest.approx(0.25)


def test_gini_is_one_for_the_perfect_order_and_nothing_for_no_order():
    money = np.array([0.0, 1.0, 5.0, 100.0])
    assert compute_gini(money, money) == pytest.approx(1.0)
    assert compute_gini(money, np.zeros(4)) == pytest.approx(0.0)
    assert compute_gini(money, -money) == pytest.approx(-1.0)
    assert compute_gini(np.zeros(4), money) == 0.0


def test_reliability_has_every_pair_in_one_bin_in_order_of_the_forecast():
    probability = np.linspace(0.0, 1.0, 25)
    bins = draw_reliability(probability > 0.5, probability)
    assert sum(part.count for part in bins) == 25
    assert [part.predicted for part in bins] == sorted(part.predicted for part in bins)
    assert (bins[0].observed, bins[-1].observed) == (0.0, 1.0)


def test_bootstrap_error_of_a_mean_is_near_the_formula():
    values = np.random.default_rng(1).normal(size=400)
    assert bootstrap_mean_error(values, seed=1) == pytest.approx(values.std() / 20.0, rel=0.25)


def test_paired_bootstrap_of_equal_rankings_is_nothing_but_nothing():
    chance = np.random.default_rng(1)
    ranking = chance.normal(size=100)
    (same, other) = bootstrap_differences(
        ranking > 0.3, ranking, [2.0 * ranking, -ranking], seed=1, rounds=20
    )
    assert np.all(same == 0.0)
    assert np.all(other == 1.0)
