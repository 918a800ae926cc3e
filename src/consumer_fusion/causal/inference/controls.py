"""Controls: the control series that are usable, and whether the action reached them after all.

A series that the action moved too is no control: its change would pass for what happens without the action. So each
control is first checked for a change in the window, and one that changed more than the others is left out and named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from consumer_fusion.causal.filters.fitted_series import (
    LEAST_DAYS,
    FittedSeries,
    fit_series,
    forecast_quickly,
)
from consumer_fusion.causal.inference.p_values import compute_p_value
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.series import DailySeries, Window
from consumer_fusion.i18n.translation import N_

GUARD_LEVEL = 0.01
"""A control whose own change in the window has a smaller p-value counts as affected."""

MOVED = N_("it changed in the window itself, more than the other controls")
"""Reason for leaving out a control, for people."""


def guard_controls(fitted: FittedSeries, window: Window, calibration: PlaceboCalibration) -> FittedSeries:
    """The fitted series without the controls that changed in the window themselves.

    Each control is first checked alone. One that changed is then compared with the controls that did not: a shock
    that all share (weather, a holiday) is no reason to leave one out, since controls are there to capture it. Where
    all of them changed none is left out, and a check of the effect says so.

    Args:
        fitted: The series with its controls.
        window: The observed days of the action.
        calibration: The placebo calibration.
    """
    key = (window.start_day, window.end_day)
    if not fitted.controls:
        return fitted
    if key not in fitted.guarded:
        everyone = fitted.controls
        suspects = [place for place, one in enumerate(everyone) if _is_moved(one, (), window, calibration)]
        calm = [one for place, one in enumerate(everyone) if place not in suspects]
        moved = [
            place for place in suspects if calm and _is_moved(everyone[place], calm, window, calibration)
        ]
        fitted.guarded[key] = tuple(moved)
    dropped = fitted.guarded[key]
    if not dropped:
        return fitted
    kept = [one for place, one in enumerate(fitted.controls) if place not in dropped]
    refitted = fit_series(
        fitted.series,
        controls=kept,
        country=fitted.country,
        with_last_year=fitted.with_last_year,
        horizons=[length for gap, length in fitted.windows if gap == 0],
        actions=fitted.actions,
        period=7 if fitted.frame.season else 1,
    )
    names = tuple((fitted.controls[place].name, MOVED) for place in dropped)
    return replace(refitted, dropped_controls=(*fitted.dropped_controls, *names))


def _is_moved(
    control: DailySeries, others: Sequence[DailySeries], window: Window, calibration: PlaceboCalibration
) -> bool:
    if control.last_day < window.end_day or control.first_day + LEAST_DAYS > window.start_day:
        return False
    seen = replace(control, values=control.values[: window.end_day + 1 - control.first_day], counts=None)
    fitted = forecast_quickly(seen, others, window)
    origin = window.start_day - control.first_day - 1
    errors = fitted.errors(window.days)
    e, s = float(errors.e[origin]), float(errors.s[origin])
    if not np.isfinite(e) or not s > 0:
        return False
    placebos = fitted.placebos(window.days, before_day=window.start_day)
    rule = calibration.find_rule(fitted.form, window.days)
    age = fitted.count_usable_days(window.start_day)
    size = abs(e) / (s * rule.measure_factor(placebos, window.days, age))
    return compute_p_value(size, rule.law, GUARD_LEVEL).is_beyond
