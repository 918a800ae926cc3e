"""Temporary effects: days on both sides of a window, and actions that overlap."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.inference.rule_learning import learn_calibration
from consumer_fusion.causal.series.series import Window
from simulated_series import draw_series, draw_sisters, fit_before, last_days, plant

DAYS, AFTER = 7, 28


def wander(seed: int):
    """A series whose level wanders, so that days after a window tell a lot."""
    return draw_sisters(seed, 1, days=190)[0]


@pytest.fixture(scope="module")
def calibration():
    fitted = [fit_series(wander(seed), horizons=(DAYS,)) for seed in range(200, 240)]
    return learn_calibration(fitted, horizons=(DAYS,), questions=("fixed", "temporary", "ending"))


def tell(series, calibration, kind, **given):
    window = last_days(series, DAYS, after=AFTER)
    return measure_effect(fit_before(series, window), window, calibration=calibration, kind=kind, **given)


def test_days_after_the_window_make_the_estimate_better_and_the_interval_narrower(calibration):
    series = [wander(seed) for seed in range(40)]
    both = [tell(one, calibration, "temporary") for one in series]
    before = [tell(one, calibration, "open") for one in series]
    assert np.mean([one.kind == "temporary" for one in both]) >= 0.85, "one in twenty seems not to have ended"
    assert {one.kind for one in before} == {"open"}

    def miss(told):
        return np.sqrt(np.mean([one.estimate_log**2 for one in told]))

    assert miss(both) < 0.85 * miss(before)
    assert np.median([one.se_log for one in both]) < 0.75 * np.median([one.se_log for one in before])
    assert np.mean([one.p_value <= 0.05 for one in both]) <= 0.15, "nothing was done"


@pytest.mark.parametrize("relative", [-0.3, 0.1, 0.5])
def test_what_is_planted_is_found_again(calibration, relative):
    told = []
    for seed in range(20):
        series = wander(seed)
        moved = plant(series, last_days(series, DAYS, after=AFTER), relative)
        told.append((tell(series, calibration, "temporary"), tell(moved, calibration, "temporary")))
    shifts = [after.estimate_log - before.estimate_log for before, after in told]
    assert np.mean(shifts) == pytest.approx(np.log1p(relative), abs=0.02)
    assert np.mean([one.low <= relative <= one.high for _, one in told]) >= 0.8


def test_p_value_and_interval_agree(calibration):
    for seed in range(10):
        for relative in (0.0, 0.08, 0.2):
            series = wander(seed)
            one = tell(
                plant(series, last_days(series, DAYS, after=AFTER), relative), calibration, "temporary"
            )
            assert (
                (one.p_value <= 0.05)
                == (one.low > 0 or one.high < 0)
                == (one.cumulative_low > 0 or one.cumulative_high < 0)
            )


def test_overlapping_actions_are_told_apart_when_measured_together():
    library = load_reference_library()
    misses = {"together": [], "alone": []}
    for seed in range(25):
        series = draw_series(seed, days=220, spread=0.06)
        first = Window(series.first_day + 150, series.first_day + 163)
        second = Window(series.first_day + 157, series.first_day + 170)
        moved = plant(plant(series, first, 0.20), second, -0.15)
        fitted = fit_series(moved, horizons=(14,), actions=(first, second))
        for name, others in (("together", (second,)), ("alone", ())):
            one = measure_effect(fitted, first, calibration=library, kind="temporary", others=others)
            misses[name].append(one.relative - 0.20)
    assert abs(np.mean(misses["together"])) < 0.02
    assert abs(np.mean(misses["alone"])) > 0.03, "without the other action its effect is taken for this one's"


def test_without_enough_days_after_it_is_measured_from_the_days_before_and_says_so(calibration):
    series = wander(3)
    window = last_days(series, DAYS, after=DAYS - 1)
    told = measure_effect(fit_before(series, window), window, calibration=calibration, kind="temporary")
    assert told.kind == "open"
    assert any(check.name == "days_after" and check.verdict == "warned" for check in told.checks)


def test_what_is_not_declared_temporary_is_measured_without_the_days_after(calibration):
    series = wander(4)
    later = plant(series, Window(series.last_day - AFTER + 1, series.last_day), 2.0)
    for kind in ("open", "auto"):
        assert tell(series, calibration, kind).effect == tell(later, calibration, kind).effect


@pytest.mark.parametrize("after", [14, 28, 60])
@pytest.mark.parametrize("before", [35, 50, 90])
def test_a_short_series_has_no_placebos_of_its_own_and_is_measured_all_the_same(before, after):
    series = draw_series(5, before + DAYS + after)
    window = last_days(series, DAYS, after=after)
    fitted = fit_series(series, actions=(window,))
    told = measure_effect(fitted, window, calibration=load_reference_library(), kind="temporary")
    assert np.isfinite([told.effect_low, told.effect, told.effect_high]).all()
