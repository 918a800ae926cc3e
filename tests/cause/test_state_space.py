"""The filter against two oracles: statsmodels, and the normal distribution of all days at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.cause import state_space
from consumer_fusion.cause.grid import Grid, build_grid
from consumer_fusion.cause.pulse_kernel import slide_pulses
from consumer_fusion.cause.pulses import slide_pulses_at_once
from consumer_fusion.cause.state_space import DEFAULT_SETTINGS, Frame, compile_loops, filter_frame
from consumer_fusion.cause.vectorised import filter_models_at_once

LEVEL_NOISE, MEMORY, SHARE, SLOPE = 0.02, 0.6, 0.7, 0.01
# The scale stays 1 and no day counts as odd, so that the model is a normal distribution and nothing else.
PLAIN = replace(DEFAULT_SETTINGS, robust=1e9, prior_days=1e15, level_var=50.0, season_var=9.0)
COMPILED = compile_loops(slide_pulses) is not None


@pytest.fixture
def frame():
    chance = np.random.default_rng(3)
    days = 60
    z = np.cumsum(chance.normal(0, 0.2, days)) + chance.normal(0, 1, days)
    z[[20, 21, 40]] = np.nan
    noise = chance.uniform(0.5, 2.0, days)
    weekday = ((np.arange(days) + 2) % 7).astype(np.int64)
    return Frame(z, noise, weekday, 7, chance.normal(0, 1, (days, 2)), False, 5.0, 2.0)


def one_model(slope: float = SLOPE) -> Grid:
    row = [LEVEL_NOISE, MEMORY, SHARE, slope, 0.0, 0.0]
    return Grid(np.array([row]), np.array([[0.5, 0.0]]), np.array([[0.3, 0.2]]))


def build_normal(frame: Frame, first: float):
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
    filtered = filter_frame(frame, one_model(), np.zeros((0, 2), np.int64), settings=PLAIN)
    mean, cov = build_normal(frame, frame.z[0])
    for day in (5, 22, 59):
        expected, variance = condition(mean, cov, frame.z, day - 1, np.eye(frame.z.size)[day])
        assert filtered.one_mean[day] == pytest.approx(expected, rel=1e-6)
        assert filtered.one_var[day] == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize(("gap", "length"), [(0, 1), (0, 14), (5, 7)])
def test_a_window_is_expected_as_the_normal_distribution_of_all_days_says(frame, gap, length):
    filtered = filter_frame(frame, one_model(), np.array([[gap, length]]), settings=PLAIN)
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
    ours = filter_frame(plain, grid, np.zeros((0, 2), np.int64), settings=PLAIN)
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
    fast = filter_frame(frame, grid, specs, keep=True)
    monkeypatch.setattr(state_space, "load_filter", lambda: filter_models_at_once)
    slow = filter_frame(frame, grid, specs, keep=True)
    for name in fast.__slots__:
        np.testing.assert_allclose(getattr(fast, name), getattr(slow, name), rtol=1e-6, atol=1e-9)


def test_pulses_slid_in_numpy_are_those_of_compiled_code(frame):
    if not COMPILED:
        pytest.skip("numba is not installed: numpy is all there is")
    grid = build_grid(controls=2)
    kept = filter_frame(frame, grid, np.zeros((0, 2), np.int64), keep=True)
    given = (
        np.array([20, 30, 55]), np.ones(5), 6, frame.z, frame.weekday, 7, frame.x, grid.rows, kept.gains, kept.spreads,
        kept.used_spreads, kept.surprises, kept.scales, kept.records, 6.0, 0.99, 1e-4,
    )  # fmt: skip
    for fast, slow in zip(compile_loops(slide_pulses)(*given), slide_pulses_at_once(*given)):
        np.testing.assert_allclose(fast, slow, rtol=1e-9)
    assert np.isnan(slow[2]), "a pulse that reaches past the data has no height"


def test_an_odd_day_moves_what_is_expected_less_than_it_would_without_care(frame):
    odd = replace(frame, z=np.where(np.arange(60) == 50, 40.0, frame.z))
    careless = replace(DEFAULT_SETTINGS, robust=1e9)
    empty = np.zeros((0, 2), np.int64)
    careful_step = filter_frame(odd, build_grid(2), empty).one_mean[51]
    careless_step = filter_frame(odd, build_grid(2), empty, settings=careless).one_mean[51]
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
