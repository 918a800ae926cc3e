"""Controls: the closest are taken, and none that the action reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries
from simulated_series import FIRST_DAY, draw_sisters, fit_before, last_days, plant

DAYS = 7


@pytest.fixture(scope="module")
def library():
    return load_reference_library()


def tell(own, others, library):
    window = last_days(own, DAYS)
    return measure_effect(
        fit_before(own, window, controls=others), window, calibration=library, is_sequential=False
    )


def test_a_control_that_the_action_reached_is_left_out_and_named(library):
    own, *others = draw_sisters(3, 6)
    window = last_days(own, DAYS)
    reached = plant(others[2], window, 0.9)
    told = tell(plant(own, window, 0.5), [*others[:2], reached, *others[3:]], library)
    assert [name for name, _ in told.dropped_controls] == [reached.name]
    assert reached.name not in told.controls
    check = next(check for check in told.checks if check.name == "contamination")
    assert reached.name in check.sentence.format(**check.values)
    assert told.low < 0.5 < told.high


def test_a_shock_that_all_share_is_no_reason_to_leave_controls_out(library):
    own, *others = draw_sisters(4, 6)
    window = last_days(own, DAYS)
    told = tell(plant(own, window, 0.9), [plant(one, window, 0.9) for one in others], library)
    assert told.dropped_controls == ()
    assert told.low < 0 < told.high, "what happened to all is no effect of this action"


def test_of_forty_donors_the_eight_closest_are_taken(library):
    own, *close = draw_sisters(5, 9)
    chance = np.random.default_rng(8)
    far = [
        DailySeries(f"far {place}", FIRST_DAY, 100.0 * np.exp(chance.normal(0, 0.3, own.values.size)))
        for place in range(32)
    ]
    told = tell(own, [*far, *close], library)
    assert not told.is_refused
    assert set(told.controls) == {one.name for one in close}
    assert len(told.dropped_controls) == 32


def test_controls_without_days_or_without_change_are_left_out(library):
    own, *others = draw_sisters(6, 3)
    elsewhere = replace(others[0], name="elsewhere", first_day=FIRST_DAY - 900)
    flat = DailySeries("flat", FIRST_DAY, np.full(own.values.size, 3.0))
    told = tell(own, [*others, elsewhere, flat], library)
    assert dict(told.dropped_controls) == {
        "elsewhere": "it has too few of the days",
        "flat": "it does not vary",
    }


def test_holes_in_controls_and_zeros_are_borne(library):
    own, *others = draw_sisters(7, 4)
    holes = others[0].values.copy()
    holes[[30, 31, 60, 140, 145]] = np.nan
    zeros = others[1].values.copy()
    zeros[::9] = 0.0
    told = tell(
        own, [replace(others[0], values=holes), replace(others[1], values=zeros), *others[2:]], library
    )
    assert np.isfinite([told.low, told.relative, told.high]).all()
