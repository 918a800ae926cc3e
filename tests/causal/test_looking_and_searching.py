"""Looking every day, and searching for the delay: both are judged by placebos that were looked at alike."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.delays import search_delay
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.rule_learning import learn_calibration
from consumer_fusion.causal.series.series import Window
from simulated_series import draw_series, fit_before, last_days, plant

DAYS = 10
DELAYS = tuple(range(15))


@pytest.fixture(scope="module")
def calibration():
    fitted = [fit_series(draw_series(seed), horizons=(DAYS,)) for seed in range(40)]
    return learn_calibration(fitted, horizons=(DAYS,), questions=("fixed", "looks", "delays"))


def look_every_day(series, calibration):
    window = last_days(series, DAYS)
    fitted = fit_before(series, window)
    days = range(window.start_day, window.end_day + 1)
    return [
        measure_effect(fitted, window, calibration=calibration, today=day, is_sequential=True) for day in days
    ]


@pytest.mark.slow
def test_whoever_looks_every_day_is_seldom_wrong_at_any_look(calibration):
    by_boundary, by_plain = [], []
    for seed in range(100, 160):
        looks = look_every_day(draw_series(seed), calibration)
        by_boundary.append(any(look.p_sequential <= 0.05 for look in looks))
        by_plain.append(any(look.p_value <= 0.05 for look in looks))
    assert np.mean(by_boundary) <= 0.125
    assert np.mean(by_plain) > np.mean(by_boundary) + 0.03, "without the boundary looking often costs much"


def test_while_the_window_runs_the_interval_is_that_of_looking_every_day(calibration):
    series = draw_series(7)
    window = last_days(series, DAYS)
    fitted = fit_before(series, window)
    running = measure_effect(fitted, window, calibration=calibration, today=window.start_day + 4)
    ended = measure_effect(fitted, window, calibration=calibration, today=window.end_day)
    assert (running.interval, ended.interval) == ("sequential", "fixed")
    assert running.end_day == window.start_day + 4
    whole = measure_effect(fitted, window, calibration=calibration, is_sequential=True)
    assert whole.high - whole.low > 1.1 * (ended.high - ended.low)
    assert whole.p_sequential >= ended.p_value


def test_the_interval_of_looking_agrees_with_its_p_value(calibration):
    for seed in range(6):
        for relative in (0.0, 0.1, 0.2):
            series = draw_series(seed)
            for look in look_every_day(plant(series, last_days(series, DAYS), relative), calibration):
                assert (look.p_sequential <= 0.05) == (look.low > 0 or look.high < 0)


def test_a_delay_is_found_and_where_nothing_was_done_it_seldom_is(calibration):
    found, false = [], []
    for seed in range(40):
        series = draw_series(seed, days=180)
        window = Window(series.first_day + 145, series.first_day + 154)
        searched = Window(window.start_day, window.end_day + DELAYS[-1])
        quiet = fit_series(series, horizons=(DAYS,), actions=(searched,))
        false.append(search_delay(quiet, window, calibration=calibration, delays=DELAYS).p_value <= 0.05)
        moved = fit_series(plant(series, window.shift(6), 0.5), horizons=(DAYS,), actions=(searched,))
        told = search_delay(moved, window, calibration=calibration, delays=DELAYS)
        found.append(told.p_value <= 0.05 and abs(told.delay - 6) <= 1)
        assert told.effect.start_day == window.start_day + told.delay
        assert told.p_value >= told.effect.p_value, "a search costs"
    assert np.mean(false) <= 0.175
    assert np.mean(found) >= 0.9


def test_a_search_outside_of_the_data_is_refused(calibration):
    series = draw_series(2)
    window = Window(series.last_day + 10, series.last_day + 19)
    told = search_delay(fit_series(series), window, calibration=calibration)
    assert told.effect.is_refused
    assert np.isnan(told.p_value)
