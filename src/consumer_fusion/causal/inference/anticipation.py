"""Checks whether an effect began before its window, with a forecast of the days just before it.

An action that was anticipated, or declared too late, has moved the days that the forecast starts from, which then pass
for the level. Where these days stand out, the forecast is made from before them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS, FittedSeries
from consumer_fusion.causal.inference.effect import ValidityCheck
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.series import Window

BEFORE_DAYS = 7
"""Number of days before a window that are checked."""
BEFORE_LEVEL = 0.05
"""They stand out where fewer than this share of placebos are as extreme; a false alarm costs little precision."""


def check_days_before(
    fitted: FittedSeries, window: Window, calibration: PlaceboCalibration, others: Sequence[Window]
) -> ValidityCheck | None:
    """Warn where the days just before a window stand out; None where they cannot be checked."""
    before = Window(window.start_day - BEFORE_DAYS, window.start_day - 1)
    if any(before.overlaps(other) for other in others):
        # The effect of another action there is no anticipation of this one.
        return None
    origin = before.start_day - 1 - fitted.series.first_day
    if fitted.count_usable_days(before.start_day) < LEAST_DAYS:
        return None
    errors = fitted.errors(BEFORE_DAYS)
    e, s = float(errors.e[origin]), float(errors.s[origin])
    if not np.isfinite(e) or not s > 0:
        return None
    rule = calibration.find_rule(fitted.form, BEFORE_DAYS)
    placebos = fitted.placebos(BEFORE_DAYS, before_day=before.start_day)
    factor = rule.measure_factor(placebos, BEFORE_DAYS, fitted.count_usable_days(before.start_day))
    if rule.law.measure_tail(abs(e) / (factor * s)) > BEFORE_LEVEL:
        return ValidityCheck(
            "days_before",
            "passed",
            "The {days} days before the window were as expected.",
            {"days": BEFORE_DAYS},
        )
    missed = float((errors.observed[origin] - errors.expected[origin]) * BEFORE_DAYS)
    return ValidityCheck(
        "days_before", "warned",
        "The effect may have begun earlier: the {days} days before the window differ by {missed} from what was "
        "expected. So the forecast is made from the days before those.", {"days": BEFORE_DAYS, "missed": missed},
    )  # fmt: skip
