"""The effect of one window on one fitted series; its p-value and interval are from the same null distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer_fusion.causal.filters.bridges import AFTER_DAYS, WindowForecast, bridge_window, slide_bridges
from consumer_fusion.causal.filters.expectation import draw_expected
from consumer_fusion.causal.filters.fitted_series import FittedSeries, PlaceboErrors, list_days
from consumer_fusion.causal.inference.anticipation import BEFORE_DAYS, check_days_before
from consumer_fusion.causal.inference.controls import MOVED, guard_controls
from consumer_fusion.causal.inference.diagnosis import diagnose_series
from consumer_fusion.causal.inference.effect import Effect, Label, ValidityCheck
from consumer_fusion.causal.inference.endings import check_following, has_ended
from consumer_fusion.causal.inference.overlaps import OverlappingActions, check_neighbours, sort_neighbours
from consumer_fusion.causal.inference.p_values import (
    PValue,
    close_interval,
    compute_p_value,
    compute_sequential_p_value,
)
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, PlaceboRule
from consumer_fusion.causal.series.series import Floats, Window

DAYS_BEFORE = 60
"""Number of days before the window that are shown."""
POWER_QUANTILE = 0.84
"""The normal quantile of 80%: added to a bound it gives the change that is detected with a power of 80%."""

Kind = Literal["auto", "open", "temporary"]


@dataclass(frozen=True, slots=True)
class WindowError:
    """An error before its p-value is computed.

    Attributes:
        kind: `open`, or `temporary` where days after the window were used.
        bridge: The forecast of the window.
        s: The standard deviation of the error before it is calibrated.
        span: Days that one placebo takes up.
        placebos: The same errors on past dates.
        rule: Its calibration.
        question: The question of that rule.
        checks: Checks made on the way.
    """

    kind: Literal["open", "temporary"]
    bridge: WindowForecast
    s: float
    span: int
    placebos: PlaceboErrors
    rule: PlaceboRule
    question: str
    checks: tuple[ValidityCheck, ...]


def measure_effect(
    fitted: FittedSeries,
    window: Window,
    *,
    calibration: PlaceboCalibration,
    kind: Kind = "auto",
    others: Sequence[Window] = (),
    alpha: float = 0.05,
    today: int | None = None,
    is_sequential: bool | None = None,
    gap: int = 0,
) -> Effect:
    """Measure the change in a window.

    Args:
        fitted: The series.
        window: The days of the possible effect.
        calibration: The placebo calibration.
        kind: `temporary` where the effect is declared to end with the window: then days after it are used too,
            once there are as many as the window has. Otherwise no day after the window is used.
        others: Windows of other actions on the same series. Those that cannot be separated from this one are measured
            together with it, as one; the effects of others nearby are kept out of the forecast.
        alpha: Significance level; the interval has a coverage of 1 - alpha.
        today: The last known day, where the window may still run.
        is_sequential: Whether the data are looked at every day; by default exactly while the window runs.
        gap: Days between the action and the window; the forecast is made from before them.
    """
    neighbours = sort_neighbours(window, others)
    window = neighbours.window
    end_day = min(window.end_day, fitted.series.last_day, window.end_day if today is None else today)
    sequential = end_day < window.end_day if is_sequential is None else is_sequential
    length = end_day - window.start_day + 1
    told_of = check_neighbours(neighbours)
    if length < 1:
        check = ValidityCheck("window", "refused", "No conclusion: the window has not begun in the data.", {})
        return refuse_effect(fitted, window, window.start_day, (check,), alpha, sequential)
    apart = (*neighbours.entangled, *neighbours.later)
    checks = (*diagnose_series(fitted, window, length, calibration, alpha, apart), *told_of)
    if any(check.verdict == "refused" for check in checks):
        return refuse_effect(fitted, window, end_day, checks, alpha, sequential)
    seen_window = Window(window.start_day, end_day)
    fitted = guard_controls(fitted, seen_window, calibration)
    begun = None if gap else check_days_before(fitted, window, calibration, apart)
    if begun is not None:
        checks = (*checks, begun)
        gap = BEFORE_DAYS if begun.verdict == "warned" else 0
    is_temporary = kind == "temporary" and all(other.is_temporary for other in neighbours.together)
    measured = measure_error(
        fitted, seen_window, calibration, "temporary" if is_temporary else "open", neighbours, gap
    )
    if not np.isfinite(measured.bridge.e) or not measured.s > 0:
        check = ValidityCheck(
            "window", "refused", "No conclusion: the days of the window do not suffice.", {}
        )
        return refuse_effect(fitted, window, end_day, (*checks, check), alpha, sequential)
    checks = (*checks, *measured.checks, *check_controls(fitted))
    return report_effect(fitted, window, seen_window, calibration, measured, checks, alpha, sequential)


def measure_error(
    fitted: FittedSeries,
    window: Window,
    calibration: PlaceboCalibration,
    kind: Kind,
    neighbours: OverlappingActions,
    gap: int,
) -> WindowError:
    """The error of a window and its placebos, by the estimand that fits the case."""
    length = window.days
    after = min(fitted.series.last_day - window.end_day, AFTER_DAYS)
    before = bridge_window(fitted, window, after=0, gap=gap, others=neighbours.entangled)
    checks: tuple[ValidityCheck, ...] = ()
    if kind == "temporary" and after < length:
        checks = (
            ValidityCheck(
                "days_after", "warned",
                "Measured from the days before alone: there are not yet {days} days after the window.",
                {"days": length},
            ),
        )  # fmt: skip
    elif kind == "temporary":
        both = bridge_window(
            fitted, window, after=after, gap=gap, others=(*neighbours.entangled, *neighbours.later)
        )
        apart, span = before.e - both.e, length + after
        slid = slide_bridges(fitted, length, after).take_before(window.start_day, span)
        # Where other actions share its days, the days before alone say little about how it ended.
        is_shared = any(other.overlaps(window) for other in neighbours.entangled)
        if is_shared or has_ended(fitted, window, calibration, apart, before.s, slid.apart, span):
            question = "temporary" if calibration.has_rule(fitted.form, "temporary") else "fixed"
            rule = calibration.find_rule(fitted.form, length, question)
            # The difference of the two estimates shows how far either may be trusted here.
            s = float(np.hypot(both.s, apart))
            return WindowError("temporary", both, s, span, slid.both, rule, question, checks)
        checks = (check_following(fitted, window, before, after, neighbours.entangled),)
    placebos = fitted.placebos(length, gap=gap, before_day=window.start_day)
    rule = calibration.find_rule(fitted.form, length)
    return WindowError("open", before, before.s, length + gap, placebos, rule, "fixed", checks)


def report_effect(
    fitted: FittedSeries, window: Window, seen_window: Window, calibration: PlaceboCalibration, measured: WindowError,
    checks: tuple[ValidityCheck, ...], alpha: float, sequential: bool,
) -> Effect:  # fmt: skip
    """Compute p-value and interval of an error and convert it to the units of the series."""
    e, s, length = measured.bridge.e, measured.s, seen_window.days
    age = fitted.count_usable_days(window.start_day)
    factor = measured.rule.measure_factor(measured.placebos, measured.span, age)
    fixed = compute_p_value(abs(e) / (factor * s), measured.rule.law, alpha)
    looked, look_factor = (fixed, factor)
    if measured.kind == "open":
        looked, look_factor = compute_sequential_p_value(fitted, window, calibration, abs(e) / s, alpha)
    shown: PValue = looked if sequential else fixed
    reach = shown.bound * (look_factor if sequential else factor)
    ends = close_interval(e, reach * s, shown.is_beyond)
    se = fixed.bound * factor * s / 1.96
    detectable = (fixed.bound + POWER_QUANTILE) * factor * s
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, seen_window.end_day)
    within = seen[-length:]
    observed, count = float(np.nanmean(within)), int(np.isfinite(within).sum())
    band = draw_expected(fitted, seen_window, measured.bridge, days, reach)
    if fitted.is_log:
        relative, low, high = np.expm1([e, *ends])
        # Where nothing was observed at all, the logarithm was taken of a floor; the loss is all that was expected.
        seen_level = max(observed, float(np.exp(fitted.frame.center - 20.0)))
        effect, effect_low, effect_high = seen_level * -np.expm1([-e, -ends[0], -ends[1]])
        estimate, cloud = e, np.expm1(measured.placebos.e)
        mde = float(np.expm1(detectable))
    else:
        base = abs(observed - e) or np.nan
        effect, effect_low, effect_high = e, *ends
        relative, low, high = e / base, ends[0] / base, ends[1] / base
        if fitted.frame.lowest == 0.0:
            # At most all of it can be lost.
            relative, low, high = (max(each, -1.0) for each in (relative, low, high))
        estimate, se, cloud, mde = e / base, se / base, measured.placebos.e / base, detectable / base
        if reach * s >= base:
            # There is no share of a level that may have been zero.
            relative = low = high = mde = float("nan")
    return Effect(
        name=fitted.series.name,
        kind=measured.kind,
        start_day=window.start_day,
        end_day=seen_window.end_day,
        effect=float(effect),
        effect_low=float(effect_low),
        effect_high=float(effect_high),
        cumulative=float(effect * count),
        cumulative_low=float(effect_low * count),
        cumulative_high=float(effect_high * count),
        relative=float(relative),
        low=float(low),
        high=float(high),
        p_value=fixed.p_value,
        p_sequential=looked.p_value,
        interval="sequential" if sequential else "fixed",
        alpha=alpha,
        estimate_log=float(estimate),
        se_log=float(se),
        is_log=fitted.is_log,
        mde80=float(mde),
        library=calibration.describe(fitted.form, length, measured.question),
        label=grade_evidence(fitted, shown, checks),
        checks=checks,
        days=days,
        observed=seen,
        expected=band[0],
        expected_low=band[1],
        expected_high=band[2],
        placebos=np.asarray(cloud),
        controls=tuple(control.name for control in fitted.controls),
        dropped_controls=fitted.dropped_controls,
    )


def grade_evidence(fitted: FittedSeries, shown: PValue, checks: Sequence[ValidityCheck]) -> Label:
    """The grade of the evidence; `caused` is for randomised actions alone and never given here."""
    if not shown.is_beyond:
        return "cannot_tell"
    is_backed = fitted.controls and not any(
        check.name in ("controls", "own_placebos") and check.verdict == "warned" for check in checks
    )
    return "consistent_with_cause" if is_backed else "changed_after"


def check_controls(fitted: FittedSeries) -> tuple[ValidityCheck, ...]:
    """Report whether there were controls, and which were left out."""
    moved = [name for name, why in fitted.dropped_controls if why == MOVED]
    found: list[ValidityCheck] = []
    if moved:
        found.append(
            ValidityCheck(
                "contamination", "warned",
                "Left out as controls, because they changed in the window themselves: {names}.",
                {"names": ", ".join(moved)},
            )
        )  # fmt: skip
    if fitted.controls:
        found.append(
            ValidityCheck(
                "controls", "passed", "Compared with {count} control series that the action does not reach.",
                {"count": len(fitted.controls)},
            )
        )  # fmt: skip
    else:
        found.append(
            ValidityCheck(
                "controls", "warned",
                "Without control series that the action does not reach, anything else on these days may be the cause.",
                {},
            )
        )  # fmt: skip
    return tuple(found)


def refuse_effect(
    fitted: FittedSeries,
    window: Window,
    end_day: int,
    checks: tuple[ValidityCheck, ...],
    alpha: float,
    sequential: bool,
) -> Effect:
    """An effect without a number, with the reason for it."""
    none = float("nan")
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, max(end_day, window.start_day))
    empty: Floats = np.full(days.size, np.nan)
    return Effect(
        name=fitted.series.name, kind="open", start_day=window.start_day, end_day=end_day,
        effect=none, effect_low=none, effect_high=none,
        cumulative=none, cumulative_low=none, cumulative_high=none,
        relative=none, low=none, high=none, p_value=none, p_sequential=none,
        interval="sequential" if sequential else "fixed", alpha=alpha,
        estimate_log=none, se_log=none, is_log=fitted.is_log, mde80=none,
        library="", label="cannot_tell", checks=checks,
        days=days, observed=seen, expected=empty, expected_low=empty, expected_high=empty,
        placebos=np.zeros(0), controls=tuple(control.name for control in fitted.controls),
        dropped_controls=fitted.dropped_controls,
    )  # fmt: skip
