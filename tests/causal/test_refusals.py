"""When the product says that it cannot tell, and why; and that it says nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries, Window
from consumer_fusion.errors import InputError
from simulated_series import FIRST_DAY, draw_series, fit_before, last_days, plant


@pytest.fixture(scope="module")
def library():
    return load_reference_library()


def tell(series, window, library, **given):
    return measure_effect(
        fit_before(series, window, **given), window, calibration=library, is_sequential=False
    )


def read_refusals(effect):
    assert effect.is_refused
    assert effect.label == "cannot_tell"
    assert np.isnan([effect.effect, effect.low, effect.high, effect.p_value]).all()
    return {
        check.name: check.sentence.format(**check.values)
        for check in effect.checks
        if check.verdict == "refused"
    }


def test_too_few_days_before_the_window(library):
    series = draw_series(1, days=41)
    said = read_refusals(tell(series, last_days(series, 7), library))
    assert "only 34 usable days" in said["history"]
    assert not tell(draw_series(1, days=42), last_days(draw_series(1, days=42), 7), library).is_refused


def test_missing_days_are_no_usable_days(library):
    series = draw_series(1, days=60)
    values = series.values.copy()
    values[:20] = np.nan
    assert "history" in read_refusals(tell(replace(series, values=values), last_days(series, 7), library))


def test_a_window_longer_than_what_was_before(library):
    series = draw_series(2, days=120)
    assert "longer than" in read_refusals(tell(series, last_days(series, 70), library))["horizon"]


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_series_that_never_varied(library, value):
    series = DailySeries("flat", FIRST_DAY, np.full(120, value))
    assert "does not vary" in read_refusals(tell(series, last_days(series, 7), library))["constant"]


def test_a_window_without_values(library):
    series = draw_series(3)
    values = series.values.copy()
    values[-6:] = np.nan
    assert (
        "only 1 of the 7 days"
        in read_refusals(tell(replace(series, values=values), last_days(series, 7), library))["window"]
    )


def test_a_window_that_has_not_begun(library):
    series = draw_series(3)
    window = Window(series.last_day + 5, series.last_day + 9)
    assert (
        "not begun"
        in read_refusals(measure_effect(fit_series(series), window, calibration=library))["window"]
    )


def test_a_level_that_broke_just_before_the_window(library):
    series = draw_series(4, days=200)
    broken = plant(series, Window(series.last_day - 20, series.last_day), 3.0)
    assert "broke" in read_refusals(tell(broken, last_days(series, 7), library))["level_break"]


def test_what_another_action_did_just_before_is_no_break(library):
    series = draw_series(4, days=200)
    earlier = Window(series.last_day - 20, series.last_day - 12)
    window = last_days(series, 7)
    fitted = fit_series(plant(series, earlier, 3.0), horizons=(7,), actions=(earlier, window))
    told = measure_effect(fitted, window, calibration=library, others=(earlier,))
    assert not any(check.name == "level_break" and check.verdict == "refused" for check in told.checks)


def test_a_warning_where_the_series_own_past_would_have_been_flagged_too_often(library):
    chance = np.random.default_rng(5)
    # A level that jumps every four weeks: nothing in the days before a jump tells of it. The last jump is 16 days back.
    jumps = np.repeat(chance.normal(0.0, 0.8, 11), 28)
    values = 100.0 * np.exp(jumps + chance.normal(0.0, 0.02, jumps.size))
    series = DailySeries("jumps", FIRST_DAY, values[:303])
    checks = {check.name: check for check in tell(series, last_days(series, 7), library).checks}
    if "level_break" in checks and checks["level_break"].verdict == "refused":
        pytest.fail("this world was drawn to have no break just before its window")
    assert checks["own_placebos"].values["share"] > 0.05


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).poisson(0.1, 150).astype(float),
        np.random.default_rng(1).normal(0.0, 1.0, 150),
        1e12 * np.exp(np.random.default_rng(1).normal(0.0, 0.1, 150)),
        np.arange(150) + 1.0,
        np.tile(np.arange(7) + 1.0, 22)[:150],
        np.where(np.arange(150) == 70, np.inf, 5.0 + np.random.default_rng(1).normal(0.0, 1.0, 150)),
        np.where(np.arange(150) == 100, 1e5, 5.0 + np.random.default_rng(1).normal(0.0, 1.0, 150)),
    ],
    ids=["mostly zeros", "below zero", "large", "a line", "a week", "infinite", "a spike"],
)
@pytest.mark.parametrize("kind", ["open", "temporary"])
def test_odd_series_give_an_answer_in_order_or_a_reason(library, values, kind):
    series = DailySeries("odd", FIRST_DAY, values)
    window = last_days(series, 7, after=14)
    told = measure_effect(fit_before(series, window), window, calibration=library, kind=kind)
    if told.is_refused:
        assert read_refusals(told)
    else:
        assert np.isfinite([told.effect_low, told.effect, told.effect_high]).all()
        assert told.effect_low <= told.effect <= told.effect_high
        assert 0 < told.p_value <= 1


def test_a_window_must_end_after_it_began_and_a_series_be_one_row():
    with pytest.raises(InputError, match="before it starts"):
        Window(10, 9)
    with pytest.raises(InputError, match="dimensions"):
        DailySeries("square", FIRST_DAY, np.zeros((2, 2)))
    with pytest.raises(InputError, match="counts"):
        DailySeries("counts", FIRST_DAY, np.zeros(3), np.zeros(2))
