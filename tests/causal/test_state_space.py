"""The filter against two oracles: statsmodels, and the normal distribution of all days at once."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from consumer_fusion.causal.filters import bridges, state_space
from consumer_fusion.causal.filters.bridge_covariances import (
    WIDE,
    bridge_models,
    bridge_places_at_once,
    mix_models,
)
from consumer_fusion.causal.filters.bridge_kernel import COUNTED, SEEN, SKIPPED, bridge_places
from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.filters.model_grid import ModelGrid, build_grid
from consumer_fusion.causal.filters.state_space import (
    DEFAULT_SETTINGS,
    NO_WINDOWS,
    FilterInput,
    compile_loops,
    filter_frame,
)
from consumer_fusion.causal.filters.vectorised import filter_models_at_once
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries, Window

LEVEL_NOISE, MEMORY, SHARE, SLOPE = 0.02, 0.6, 0.7, 0.01
# The scale stays 1 and no day counts as odd, so that the model is a normal distribution and nothing else.
PLAIN = replace(DEFAULT_SETTINGS, robust=1e9, prior_days=1e15, level_var=50.0, season_var=9.0)
COMPILED = compile_loops(bridge_places) is not None
KEPT = np.array([15, 30])


@pytest.fixture
def frame():
    chance = np.random.default_rng(3)
    days = 60
    z = np.cumsum(chance.normal(0, 0.2, days)) + chance.normal(0, 1, days)
    z[[20, 21, 40]] = np.nan
    noise = chance.uniform(0.5, 2.0, days)
    weekday = ((np.arange(days) + 2) % 7).astype(np.int64)
    return FilterInput(z, noise, weekday, 7, chance.normal(0, 1, (days, 2)), False, 5.0, 2.0, PLAIN)


def one_model(slope: float = SLOPE) -> ModelGrid:
    row = [LEVEL_NOISE, MEMORY, SHARE, slope, 0.0, 0.0]
    return ModelGrid(np.array([row]), np.array([[0.5, 0.0]]), np.array([[0.3, 0.2]]))


def build_normal(frame: FilterInput, first: float):
    """Mean and covariance of all days under the same model, from its definition."""
    t = np.arange(frame.z.size)
    level = PLAIN.level_var + LEVEL_NOISE * np.minimum.outer(t, t) + SLOPE**2 * np.outer(t, t)
    echo = SHARE * MEMORY ** np.abs(np.subtract.outer(t, t))
    week = PLAIN.season_var * (np.equal.outer(frame.weekday, frame.weekday) - 1.0 / 7.0)
    columns = frame.x @ np.diag([0.3, 0.2]) @ frame.x.T
    own = np.diag((1 - SHARE) * frame.noise)
    return first + frame.x @ np.array([0.5, 0.0]), level + echo + week + columns + own


def condition(mean, cov, z, origin, load):
    """The law of a sum of later days, given all days up to an origin."""
    seen = np.flatnonzero(np.isfinite(z[: origin + 1]))
    weights = np.linalg.solve(cov[np.ix_(seen, seen)], cov[seen] @ load)
    return load @ mean + weights @ (z[seen] - mean[seen]), load @ cov @ load - weights @ (cov[seen] @ load)


def test_each_day_is_expected_as_the_normal_distribution_of_all_days_says(frame):
    filtered = filter_frame(frame, one_model(), np.zeros((0, 2), np.int64))
    mean, cov = build_normal(frame, frame.z[0])
    for day in (5, 22, 59):
        expected, variance = condition(mean, cov, frame.z, day - 1, np.eye(frame.z.size)[day])
        assert filtered.one_mean[day] == pytest.approx(expected, rel=1e-6)
        assert filtered.one_var[day] == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize(("gap", "length"), [(0, 1), (0, 14), (5, 7)])
def test_a_window_is_expected_as_the_normal_distribution_of_all_days_says(frame, gap, length):
    filtered = filter_frame(frame, one_model(), np.array([[gap, length]]))
    mean, cov = build_normal(frame, frame.z[0])
    for origin in (15, 30, 36):
        days = np.arange(origin + 1 + gap, origin + 1 + gap + length)
        days = days[np.isfinite(frame.z[days])]
        load = np.zeros(frame.z.size)
        load[days] = 1.0 / days.size
        expected, variance = condition(mean, cov, frame.z, origin, load)
        assert filtered.win_mean[origin, 0] == pytest.approx(expected, rel=1e-6)
        assert filtered.win_var[origin, 0] == pytest.approx(variance, rel=1e-6)
        assert filtered.win_level[origin, 0] == pytest.approx(5.0 + 2.0 * expected, rel=1e-6)


def test_the_likelihood_is_that_of_statsmodels(frame):
    structural = pytest.importorskip(
        "statsmodels.tsa.statespace.structural", reason="statsmodels is an oracle"
    )
    plain = replace(frame, noise=np.ones(60), season=0, x=np.zeros((60, 0)))
    grid = one_model(slope=0.0)
    ours = filter_frame(plain, grid, np.zeros((0, 2), np.int64))
    model = structural.UnobservedComponents(frame.z, level="llevel", autoregressive=1)
    model.ssm.initialize_known(np.array([frame.z[0], 0.0]), np.diag([PLAIN.level_var, SHARE]))
    theirs = model.smooth([1 - SHARE, LEVEL_NOISE, SHARE * (1 - MEMORY**2), MEMORY])
    seen = np.isfinite(frame.z)
    error = frame.z[seen] - ours.one_mean[seen]
    loglik = -0.5 * (np.log(2 * np.pi * ours.one_var[seen]) + error**2 / ours.one_var[seen])
    assert loglik.sum() == pytest.approx(theirs.llf_obs.sum(), rel=1e-9)


def test_numpy_gives_the_same_numbers_as_compiled_code(frame, monkeypatch):
    if not COMPILED:
        pytest.skip("numba is not installed: numpy is all there is")
    grid, specs = build_grid(controls=1, lags=1), np.array([[0, 1], [0, 14], [3, 7]])
    frame = replace(frame, settings=DEFAULT_SETTINGS)
    fast = filter_frame(frame, grid, specs, kept=KEPT)
    monkeypatch.setattr(state_space, "load_filter", lambda: filter_models_at_once)
    slow = filter_frame(frame, grid, specs, kept=KEPT)
    for name in fast.__slots__:
        np.testing.assert_allclose(getattr(fast, name), getattr(slow, name), rtol=1e-6, atol=1e-9)


def start_bridge(frame: FilterInput, grid: ModelGrid, origin: int):
    kept = filter_frame(frame, grid, NO_WINDOWS, kept=np.array([origin]))
    return kept.states[0], kept.covs[0], kept.totals[0], kept.counts[0], kept.records[0]


@pytest.mark.parametrize("others", [0, 1])
def test_hidden_days_are_expected_as_the_normal_distribution_of_all_other_days_says(frame, others):
    grid, origin, after = one_model(), 30, 12
    is_hidden = np.isin(np.arange(17), [0, 1, 2, 3, 4])
    columns = np.zeros((5, others))
    columns[3:] = 1.0
    # The last two of the hidden days are another action's, whose effect is the same on both.
    own = np.arange(5 - 2 * others)
    told = bridge_models(frame, grid.rows, start_bridge(frame, grid, origin), origin, is_hidden, 1e-4)
    path, each, mean_var, _ = mix_models(told, own, columns)
    mean, cov = build_normal(frame, frame.z[0])
    if others:
        on = np.isin(np.arange(60), origin + 1 + np.arange(3, 5)).astype(float)
        cov = cov + WIDE**2 * np.outer(on, on)
    z = frame.z.copy()
    z[origin + 1 + own] = np.nan
    z[origin + 1 + after + 5 :] = np.nan
    for place in own:
        expected, variance = condition(mean, cov, z, 59, np.eye(60)[origin + 1 + place])
        assert path[place] == pytest.approx(expected, rel=1e-5)
        assert each[place] == pytest.approx(variance, rel=1e-5)
    load = np.zeros(60)
    load[origin + 1 + own] = 1.0 / own.size
    assert mean_var == pytest.approx(condition(mean, cov, z, 59, load)[1], rel=1e-5)


def test_bridges_in_numpy_are_those_of_compiled_code(frame):
    if not COMPILED:
        pytest.skip("numba is not installed: numpy is all there is")
    grid, frame = build_grid(controls=2), replace(frame, settings=DEFAULT_SETTINGS)
    origins = np.array([16, 30, 55])
    kept = filter_frame(frame, grid, NO_WINDOWS, kept=origins)
    given = (
        origins, np.repeat([SKIPPED, COUNTED, SEEN], (2, 5, 6)), frame.z, frame.noise, frame.weekday, 7, frame.x,
        grid.rows, kept.states, kept.covs, kept.totals, kept.counts, kept.records, np.array(astuple(DEFAULT_SETTINGS)),
        1e-4,
    )  # fmt: skip
    for fast, slow in zip(compile_loops(bridge_places)(*given), bridge_places_at_once(*given)):
        np.testing.assert_allclose(fast, slow, rtol=1e-9)
    assert np.isnan(fast[2]), "a bridge that reaches past the data expects nothing"


def test_an_odd_day_moves_what_is_expected_less_than_it_would_without_care(frame):
    odd = replace(frame, z=np.where(np.arange(60) == 50, 40.0, frame.z))
    odd, frame = (replace(one, settings=DEFAULT_SETTINGS) for one in (odd, frame))
    careless = replace(odd, settings=replace(DEFAULT_SETTINGS, robust=1e9))
    empty = np.zeros((0, 2), np.int64)
    careful_step = filter_frame(odd, build_grid(2), empty).one_mean[51]
    careless_step = filter_frame(careless, build_grid(2), empty).one_mean[51]
    usual = filter_frame(frame, build_grid(2), empty).one_mean[51]
    assert abs(careful_step - usual) < 0.7 * abs(careless_step - usual)


def test_a_mean_of_few_pulls_less_than_a_mean_of_many(frame):
    moved = replace(frame, z=np.where(np.arange(60) == 50, frame.z + 2.0, frame.z))
    empty = np.zeros((0, 2), np.int64)

    def pull(noise: float) -> float:
        noises = np.where(np.arange(60) == 50, noise, frame.noise)
        steps = [
            filter_frame(replace(one, noise=noises), one_model(), empty).one_mean[51]
            for one in (moved, frame)
        ]
        return steps[0] - steps[1]

    assert 0 < pull(20.0) < pull(0.1)


def test_the_filters_are_compiled_for_one_layout_of_their_arrays_only():
    pytest.importorskip("numba", reason="without numba nothing is compiled")
    chance = np.random.default_rng(5)
    for days in (90, 200):
        series = DailySeries("sales", 0, np.exp(chance.normal(3.0, 0.2, days)))
        window = Window(days - 40, days - 34)
        fitted = fit_series(series, actions=(window,))
        measure_effect(fitted, window, calibration=load_reference_library(), kind="temporary")
    assert len(state_space.load_filter().signatures) == len(bridges.load_bridges().signatures) == 1
