"""Actions on the same days: none claims for itself what cannot be told apart, and each says who else was there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.overlaps import ActionWindow, sort_neighbours
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import Window
from simulated_series import draw_series, plant

LIBRARY = load_reference_library()


def name_windows(start, **spans):
    return [ActionWindow(start + first, start + last, name) for name, (first, last) in spans.items()]


@pytest.mark.parametrize("kind", ["open", "temporary"])
def test_actions_on_the_same_days_are_told_once_together_and_name_each_other(kind):
    series = draw_series(2, days=200, spread=0.05)
    windows = name_windows(series.first_day + 160, sale=(0, 2), mail=(0, 2), concert=(0, 0))
    moved = plant(series, windows[0], 1.0)
    added = (moved.values - series.values).sum()
    fitted = fit_series(moved, actions=windows)
    told = {
        window.name: measure_effect(
            fitted, window, calibration=LIBRARY, kind=kind, others=[one for one in windows if one != window]
        )
        for window in windows
    }
    assert len({(one.cumulative, one.cumulative_low, one.cumulative_high) for one in told.values()}) == 1
    assert told["concert"].cumulative == pytest.approx(added, rel=0.15)
    assert (told["concert"].start_day, told["concert"].end_day) == (windows[0].start_day, windows[0].end_day)
    for name, one in told.items():
        check = next(check for check in one.checks if check.name == "overlap")
        assert check.verdict == "warned"
        assert "cannot be separated" in check.sentence
        assert set(check.values["names"].split(", ")) == set(told) - {name}


def test_actions_with_enough_days_of_their_own_are_told_apart_whatever_the_shape():
    misses = {"first": [], "second": []}
    for seed in range(15):
        series = draw_series(seed, days=220, spread=0.05)
        first, second = name_windows(series.first_day + 150, first=(0, 13), second=(7, 20))
        # The first fades from day to day; the second lowers each of its days alike.
        values = series.values.copy()
        factors = 1 + 0.5 * np.exp(-np.arange(14) / 5)
        values[150:164] *= factors
        truth = float(values[150:164].sum() / series.values[150:164].sum() - 1)
        moved = plant(replace(series, values=values), second, -0.15)
        fitted = fit_series(moved, horizons=(14,), actions=(first, second))
        one = measure_effect(fitted, first, calibration=LIBRARY, kind="temporary", others=(second,))
        two = measure_effect(fitted, second, calibration=LIBRARY, kind="temporary", others=(first,))
        misses["first"].append(one.relative - truth)
        misses["second"].append(two.relative + 0.15)
        assert (
            "second" in next(check for check in one.checks if check.name == "other_actions").values["names"]
        )
    assert abs(np.mean(misses["first"])) < 0.03


def test_what_has_long_been_running_is_a_part_of_the_level():
    window = Window(1_000, 1_002)
    club, sale, later = (
        ActionWindow(700, 1_400, "club"),
        ActionWindow(995, 1_001, "sale"),
        ActionWindow(1_010, 1_020, "tv"),
    )
    found = sort_neighbours(window, [club, sale, later])
    assert found.steady == (club,)
    assert found.together == (sale,)
    assert found.later == (later,)
    assert found.window == Window(995, 1_002)
    assert sort_neighbours(window, [ActionWindow(900, 950, "old")]).entangled == ()
