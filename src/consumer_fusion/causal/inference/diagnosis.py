"""Checks whether a number may be reported at all, and the warnings that go with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS, FittedSeries
from consumer_fusion.causal.inference.anticipation import BEFORE_DAYS
from consumer_fusion.causal.inference.effect import ValidityCheck
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.inference.rule_learning import trace_errors, trace_factors
from consumer_fusion.causal.series.series import Window

LEVEL_BREAK = 0.002
"""The days before the window are a break of level where fewer than this share of placebos are missed by as much."""
WORST_OWN_REJECTION = 0.15
BREAK_CLEARANCE = 0.5
"""The share of the miss that must remain in the second half of the days."""
MOST_BREAK_DAYS = 56
FEW_WINDOWS = 3


def diagnose_series(
    fitted: FittedSeries,
    window: Window,
    length: int,
    calibration: PlaceboCalibration,
    alpha: float,
    others: Sequence[Window] = (),
) -> tuple[ValidityCheck, ...]:
    """The checks before a number is reported, refusals first."""
    start = window.start_day - fitted.series.first_day
    values = fitted.series.values
    usable = fitted.count_usable_days(window.start_day)
    if usable < LEAST_DAYS:
        return (
            ValidityCheck(
                "history", "refused",
                "No conclusion: only {days} usable days before the window; at least {least} are needed.",
                {"days": usable, "least": LEAST_DAYS},
            ),
        )  # fmt: skip
    if length > usable:
        return (
            ValidityCheck(
                "horizon", "refused",
                "No conclusion: the window of {length} days is longer than the {days} usable days before it.",
                {"length": length, "days": usable},
            ),
        )  # fmt: skip
    before = values[:start]
    seen = before[np.isfinite(before)]
    recent = before[-2 * LEAST_DAYS :]
    recent = recent[np.isfinite(recent)]
    if float(np.ptp(seen)) == 0.0 or (recent.size and float(np.ptp(recent)) == 0.0):
        return (
            ValidityCheck(
                "constant", "refused",
                "No conclusion: the series does not vary in the days before the window.", {},
            ),
        )  # fmt: skip
    within = values[max(start, 0) : start + length]
    present = int(np.isfinite(within).sum())
    if present * 2 < length or not present:
        return (
            ValidityCheck(
                "window", "refused",
                "No conclusion: only {days} of the {length} days of the window have a value.",
                {"length": length, "days": present},
            ),
        )  # fmt: skip
    checks = [
        ValidityCheck("history", "passed", "{days} usable days before the window.", {"days": usable}),
        check_level(fitted, window, length, calibration, others),
        check_own_rejection(fitted, window, length, calibration, alpha),
        check_missing(before, within),
    ]
    return tuple(check for check in checks if check is not None)


def check_level(
    fitted: FittedSeries,
    window: Window,
    length: int,
    calibration: PlaceboCalibration,
    others: Sequence[Window] = (),
) -> ValidityCheck | None:
    """Refuse where the level broke in the last 2h days before the window.

    The last 2h days are treated as a window of their own, forecast from before them; a miss that occurs in fewer than
    one case in 500, and that persists in the second half of these days, is a break.
    """
    span = min(2 * length, MOST_BREAK_DAYS)
    before = Window(window.start_day - span, window.start_day - 1)
    if any(before.overlaps(other) for other in others):
        # The effect of another action there is no break of the series' own.
        return None
    origin = window.start_day - fitted.series.first_day - 1 - span
    if origin < LEAST_DAYS:
        return None
    half = max(span // 2, 1)
    rule = calibration.find_rule(fitted.form, span)
    # One pass for all windows of this series that are needed.
    fitted.add_windows([(0, span), (span - half, half), (0, length), (0, BEFORE_DAYS)])
    errors = fitted.errors(span)
    late = fitted.errors(half, span - half)
    if not np.isfinite(errors.e[origin]) or not np.isfinite(late.e[origin]):
        return None
    placebos = fitted.placebos(span, before_day=window.start_day - span)
    factor = rule.measure_factor(placebos, span, fitted.count_usable_days(window.start_day - span))
    size = abs(errors.e[origin] / errors.s[origin]) / factor
    lasts = np.sign(late.e[origin]) == np.sign(errors.e[origin]) and abs(
        late.e[origin]
    ) >= BREAK_CLEARANCE * abs(errors.e[origin])
    if rule.law.measure_tail(float(size)) < LEVEL_BREAK and lasts:
        return ValidityCheck(
            "level_break", "refused",
            "No conclusion: the level of the series broke in the {days} days before the window.", {"days": span},
        )  # fmt: skip
    return ValidityCheck(
        "level_break", "passed", "No break of level in the {days} days before the window.", {"days": span}
    )


def check_own_rejection(
    fitted: FittedSeries, window: Window, length: int, calibration: PlaceboCalibration, alpha: float
) -> ValidityCheck | None:
    """Warn where the series' own placebos would be significant too often."""
    rule = calibration.find_rule(fitted.form, length)
    placebos = trace_errors(fitted, length)
    before = placebos.origins + length < window.start_day
    windows = before.sum() / length
    if windows < FEW_WINDOWS:
        return ValidityCheck(
            "few_placebos", "warned",
            "Too few windows of {length} days lie before it to check this series against its own past: the interval "
            "rests on other series.", {"length": length},
        )  # fmt: skip
    sizes = placebos.u / trace_factors(placebos, rule.numbers)
    share = float(np.mean(sizes[before] >= rule.law.find_bound(alpha)))
    if share > WORST_OWN_REJECTION:
        return ValidityCheck(
            "own_placebos", "warned",
            "On past dates without an action this series would have shown an effect in {share} of cases: "
            "take the interval as too narrow.", {"share": share},
        )  # fmt: skip
    return ValidityCheck(
        "own_placebos", "passed",
        "On past dates without an action this series showed an effect in {share} of cases.", {"share": share},
    )  # fmt: skip


def check_missing(before: np.ndarray, within: np.ndarray) -> ValidityCheck | None:
    """Report the number of missing days."""
    missing = int(np.isnan(before).sum() + np.isnan(within).sum())
    if not missing:
        return None
    return ValidityCheck(
        "missing_days", "warned", "{days} days have no value and are skipped.", {"days": missing}
    )
