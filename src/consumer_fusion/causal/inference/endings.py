"""Whether a temporary effect ended with its window: the answer from the days before held against that of both sides.

Where the effect goes on, or what followed was lower because it was only bought earlier, the days after the window do
not say what would have been. Both answers then lie further apart than they do where nothing was done.
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
"""Where both answers lie further apart than in all but this share of placebos, the days after are not used."""
LEAST_FOLLOWING, MOST_FOLLOWING = 7, 14
"""So many days after the window are told of."""


def has_ended(
    fitted: FittedSeries, window: Window, calibration: PlaceboCalibration, apart: float, alone: float,
    placebos: PlaceboErrors, span: int,
) -> bool:  # fmt: skip
    """Whether the two answers lie no further apart than chance lays them.

    Args:
        fitted: The series.
        window: The days in question.
        calibration: The placebos it is judged by.
        apart: The answer from the days before alone less that of both sides.
        alone: The standard deviation that the models give the former.
        placebos: The same where nothing was done.
        span: Days that one placebo takes up.
    """
    known = (each for each in ("ending", "temporary") if calibration.has_rule(fitted.form, each))
    rule = calibration.find_rule(fitted.form, window.days, next(known, "fixed"))
    factor = rule.measure_factor(placebos, span, fitted.count_usable_days(window.start_day))
    return rule.law.measure_tail(abs(apart) / (factor * alone)) > ENDING_LEVEL


def check_following(
    fitted: FittedSeries, window: Window, one_sided: WindowForecast, after: int, others: tuple[Window, ...]
) -> ValidityCheck:
    """Say what followed a window whose effect did not end with it, and what is left over of both together."""
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
            "It did not end with the window: in the {days} days after it there were {following} beyond what was "
            "expected. So it is told from the days before alone."
        )
    elif one_sided.e > 0:
        sentence = N_(
            "What followed was lower: some of it was only bought earlier. In the {days} days after it there were "
            "{following} against what was expected; with them it is {net} in all. "
            "It is told from the days before alone."
        )
    else:
        sentence = N_(
            "What followed was higher: some of it only came later. In the {days} days after it there were {following} "
            "against what was expected; with them it is {net} in all. "
            "It is told from the days before alone."
        )
    return ValidityCheck("days_after", "warned", sentence, values)
