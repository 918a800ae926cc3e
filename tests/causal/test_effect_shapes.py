"""Effects of shapes that nobody announced: that differ from day to day, stay, were brought forward, or began early."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries, Window
from simulated_series import FIRST_DAY, draw_series, fit_before, last_days

LIBRARY = load_reference_library()
AFTER = 30


def multiply(series, window, factors):
    """The series with its days from a window's first on multiplied, and how much that added within the window."""
    values = series.values.copy()
    start = window.start_day - series.first_day
    values[start : start + len(factors)] *= factors
    added = (values - series.values)[start : start + window.days].sum()
    return DailySeries(series.name, series.first_day, values), float(added)


def tell(series, window, kind="temporary", **given):
    return measure_effect(
        fit_before(series, window), window, calibration=LIBRARY, kind=kind, is_sequential=False, **given
    )


def find_check(told, name):
    return next((check for check in told.checks if check.name == name), None)


def add_up(told):
    """Observed less expected over the days of an effect."""
    within = (told.days >= told.start_day) & (told.days <= told.end_day)
    return float(np.nansum((told.observed - told.expected)[within]))


@pytest.mark.parametrize(
    "factors",
    [
        (1.3, 1.3, 1.3),
        (2, 1.4, 1.15),
        (3, 1.6, 1.2),
        (1.5, 1, 1),
        (3, 1, 1),
        (1, 1, 2.5),
        (1, 1, 1, 1, 10, 1),
    ],
)
def test_a_temporary_effect_of_any_shape_is_told_whole_and_as_its_chart_shows_it(factors):
    held = []
    for seed in range(8):
        series = draw_series(seed, days=200, spread=0.05)
        window = last_days(series, len(factors), after=AFTER)
        moved, added = multiply(series, window, factors)
        told = tell(moved, window)
        held.append(told.cumulative_low <= added <= told.cumulative_high)
        assert told.cumulative == pytest.approx(added, rel=0.35)
        assert told.cumulative == pytest.approx(add_up(told), rel=1e-9)
    assert np.mean(held) >= 0.75


def test_what_was_only_bought_earlier_is_said_with_what_is_left_of_it():
    said, held = [], []
    for seed in range(8):
        series = draw_series(seed, days=200, spread=0.04)
        window = last_days(series, 7, after=AFTER)
        moved, added = multiply(series, window, [1.3] * 7 + [0.8] * 14)
        told = tell(moved, window)
        check = find_check(told, "days_after")
        said.append(check is not None and "only bought earlier" in check.sentence)
        held.append(told.cumulative_low <= added <= told.cumulative_high)
        if said[-1]:
            assert told.kind == "open"
            assert check.verdict == "warned"
            assert check.values["following"] < 0
            assert check.values["net"] < 0.7 * told.cumulative
    assert np.mean(said) >= 0.75
    assert np.mean(held) >= 0.75, "what came in the window itself"


def test_an_effect_that_stays_is_told_from_the_days_before_alone():
    said, held = [], []
    for seed in range(8):
        series = draw_series(seed, days=200, spread=0.04)
        window = last_days(series, 7, after=AFTER)
        moved, added = multiply(series, window, [*np.linspace(1.05, 1.4, 7), *[1.4] * AFTER])
        told = tell(moved, window)
        check = find_check(told, "days_after")
        said.append(check is not None and "did not end" in check.sentence)
        held.append(told.cumulative_low <= added <= told.cumulative_high)
    assert np.mean(said) >= 0.75
    assert np.mean(held) >= 0.75, "what came in the window itself"


def test_a_shop_that_closed_for_good_lost_all_of_it():
    series = draw_series(3, days=200, spread=0.05)
    window = last_days(series, 7, after=AFTER)
    values = series.values.copy()
    values[window.start_day - series.first_day :] = 0.0
    told = tell(DailySeries("shut", series.first_day, values), window)
    assert told.effect == pytest.approx(-100, rel=0.2)
    assert told.relative == pytest.approx(-1.0, abs=1e-6)
    assert "did not end" in find_check(told, "days_after").sentence


def test_an_effect_that_began_before_its_window_is_measured_from_before_that():
    missed, said = {0: [], 5: []}, {0: [], 5: []}
    for early in (0, 5):
        for seed in range(10):
            series = draw_series(seed, days=200, spread=0.04, memory=0.2)
            window = last_days(series, 14)
            moved, _ = multiply(
                series, Window(window.start_day - early, window.end_day), [1.4] * (14 + early)
            )
            told = tell(moved, window, "open")
            missed[early].append(told.relative - 0.4)
            said[early].append(find_check(told, "days_before").verdict == "warned")
    assert all(said[5])
    assert np.mean(said[0]) <= 0.2
    assert abs(np.mean(missed[5])) < 0.05
    np.testing.assert_allclose(missed[5], missed[0], atol=0.1)


@pytest.mark.parametrize("kind", ["open", "temporary"])
@pytest.mark.parametrize(
    ("mean", "draw"),
    [
        (0.15, lambda chance: chance.poisson(0.15, 300).astype(float)),
        (0.5, lambda chance: chance.poisson(0.5, 300).astype(float)),
        (9.12, lambda chance: np.where(chance.random(300) < 0.8, 0.0, chance.lognormal(3.5, 0.8, 300))),
    ],
    ids=["a few", "some", "money"],
)
def test_of_mostly_zeros_the_mean_is_expected_and_no_share_is_told(mean, draw, kind):
    expected, found = [], []
    for seed in range(30):
        values = draw(np.random.default_rng([seed, 5]))
        window = Window(FIRST_DAY + 250, FIRST_DAY + 255)
        told = tell(DailySeries("orders", FIRST_DAY, values), window, kind)
        shown = told.expected[told.days >= window.start_day]
        assert (shown >= 0).all()
        assert told.cumulative == pytest.approx(add_up(told), abs=1e-9)
        assert np.isnan([told.relative, told.low, told.high]).all() or told.low >= -1
        expected.append(shown.mean())
        found.append(told.p_value <= 0.05)
    assert np.mean(expected) == pytest.approx(mean, rel=0.1)
    assert np.mean(found) <= 0.15


def test_a_rise_of_a_rare_event_is_found_in_units():
    values = np.random.default_rng(4).poisson(0.15, 300).astype(float)
    values[250:256] += 2
    told = tell(DailySeries("orders", FIRST_DAY, values), Window(FIRST_DAY + 250, FIRST_DAY + 255), "open")
    assert told.p_value < 0.01
    assert told.effect == pytest.approx(2, abs=0.3)
    assert np.isnan(told.relative)


def test_a_shop_that_is_shut_on_weekends_is_no_series_of_mostly_zeros():
    chance = np.random.default_rng(2)
    values = np.where(np.arange(300) % 7 < 4, 0.0, 100.0 * np.exp(chance.normal(0, 0.1, 300)))
    told = tell(DailySeries("market", FIRST_DAY, values), Window(FIRST_DAY + 250, FIRST_DAY + 252), "open")
    fitted = fit_series(DailySeries("market", FIRST_DAY, values))
    assert not fitted.frame.is_sparse
    assert np.isfinite(told.effect)
