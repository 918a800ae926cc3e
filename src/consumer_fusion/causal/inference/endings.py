"""Checks whether a temporary effect ended with its window: compares the one-sided estimate with the two-sided one.

The one-sided estimate uses the days before the window, the two-sided one also the days after it. Where the effect goes
on, or demand was only brought forward, the days after the window are no guide to the days without the action. The two
estimates then differ by more than they do in placebo windows.
"""

from __future__ import annotations

import numpy as np

from consumer_fusion.causal.filters.bridges import WindowForecast, bridge_window
from consumer_fusion.causal.filters.fitted_series import FittedSeries, PlaceboErrors, list_days
from consumer_fusion.causal.inference.effect import ValidityCheck
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.series import Window
from consumer_fusion.i18n.translation import N_

ENDING_LEVEL = 0.02
"""Where the estimates differ by more than in all but this share of placebos, the days after are not used."""
LEAST_FOLLOWING, MOST_FOLLOWING = 7, 14
"""Fewest and most days after the window that are reported on."""


def has_ended(
    fitted: FittedSeries, window: Window, calibration: PlaceboCalibration, apart: float, alone: float,
    placebos: PlaceboErrors, span: int,
) -> bool:  # fmt: skip
    """Whether the two estimates differ by no more than chance explains.

    Args:
        fitted: The series.
        window: The days of the window.
        calibration: The placebo calibration.
        apart: The one-sided estimate less the two-sided one.
        alone: The standard deviation that the models give the former.
        placebos: The same difference in windows without an action.
        span: Days that one placebo takes up.
    """
    known = (each for each in ("ending", "temporary") if calibration.has_rule(fitted.form, each))
    rule = calibration.find_rule(fitted.form, window.days, next(known, "fixed"))
    factor = rule.measure_factor(placebos, span, fitted.count_usable_days(window.start_day))
    return rule.law.measure_tail(abs(apart) / (factor * alone)) > ENDING_LEVEL


def check_following(
    fitted: FittedSeries, window: Window, one_sided: WindowForecast, after: int, others: tuple[Window, ...]
) -> ValidityCheck:
    """Report the days after a window whose effect did not end with it, and the net change over both."""
    days = min(max(window.days, LEAST_FOLLOWING), MOST_FOLLOWING, after)
    whole = Window(window.start_day, window.end_day + days)
    bridge = bridge_window(fitted, whole, after=0, others=others)
    _, seen = list_days(fitted.series, whole.start_day, whole.end_day)
    missed = seen - bridge.expected
    following = float(np.nansum(missed[-days:]))
    total = float(np.nansum(bridge.expected[-days:][np.isfinite(seen[-days:])]))
    values = {
        "days": days,
        "following": following,
        "following_share": following / total if total > 0 else float("nan"),
        "net": float(np.nansum(missed)),
    }
    if one_sided.e * following > 0:
        sentence = N_(
            "It did not end with the window: the {days} days after it differ by {following} from what was expected. "
            "So it is measured from the days before alone."
        )
    elif one_sided.e > 0:
        sentence = N_(
            "What followed was lower: some of it was only bought earlier. The {days} days after it differ by "
            "{following} from what was expected; with them it is {net} in all. "
            "It is measured from the days before alone."
        )
    else:
        sentence = N_(
            "What followed was higher: some of it only came later. The {days} days after it differ by {following} "
            "from what was expected; with them it is {net} in all. "
            "It is measured from the days before alone."
        )
    return ValidityCheck("days_after", "warned", sentence, values)
