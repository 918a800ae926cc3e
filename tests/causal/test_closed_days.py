from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries, Window


@pytest.mark.parametrize("kind", ["open", "temporary"])
def test_a_fortnight_in_which_nothing_came_costs_all_that_was_expected(kind):
    values = 100 * np.exp(np.random.default_rng(3).normal(0.0, 0.05, 240))
    values[180:194] = 0.0
    window = Window(20_180, 20_193)
    fit = fit_series(DailySeries("orders", 20_000, values), actions=(window,))
    told = measure_effect(fit, window, calibration=load_reference_library(), kind=kind)
    assert told.effect == pytest.approx(-100, rel=0.1)
    assert told.effect_low <= told.effect <= told.effect_high < 0
    assert told.cumulative_high < 0
    assert told.p_value <= 0.05
