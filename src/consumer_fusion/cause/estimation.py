"""The effect of one window on one fitted series, with a p-value and an interval from the same law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer_fusion.cause.calibration import Calibration
from consumer_fusion.cause.diagnosis import diagnose_series
from consumer_fusion.cause.effect import Check, Effect, Label
from consumer_fusion.cause.fitting import FittedSeries, list_days
from consumer_fusion.cause.laws import Law
from consumer_fusion.cause.series import Floats, Window

DAYS_BEFORE = 60
"""So many days before the window are shown."""
POWER_QUANTILE = 0.84
"""Standard deviations that turn a bound into a change found in four of five cases."""
USUAL_PEEKING = 1.63
"""What looking at each of fourteen days costs, where no law of looks has been learnt."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An error held against a law: its p-value and the bound of its interval, which agree.

    Attributes:
        p_value: The share of placebos at or beyond it.
        bound: How many calibrated standard deviations the interval reaches.
        is_beyond: Whether the interval excludes no change; exactly if p_value <= alpha.
    """

    p_value: float
    bound: float
    is_beyond: bool


def judge_size(size: float, law: Law, alpha: float, stretch: float = 1.0) -> Judgement:
    """Hold a calibrated error against a law, so that p <= alpha exactly if the interval excludes 0."""
    bound = law.find_bound(alpha) * stretch
    p_value = law.measure_tail(size / stretch)
    is_beyond = size > bound
    # Rounding may part the two by one unit in the last place; they must not contradict each other.
    if is_beyond:
        p_value = min(p_value, alpha)
    elif p_value <= alpha:
        p_value = float(np.nextafter(alpha, 1.0))
    return Judgement(p_value, bound, is_beyond)


def measure_effect(
    fitted: FittedSeries,
    window: Window,
    *,
    calibration: Calibration,
    kind: Literal["auto", "open", "temporary"] = "auto",
    others: Sequence[Window] = (),
    alpha: float = 0.05,
    today: int | None = None,
    is_sequential: bool | None = None,
    gap: int = 0,
) -> Effect:
    """Measure what changed in a window.

    Args:
        fitted: The series.
        window: The days on which the effect is looked for.
        calibration: The placebos it is judged by.
        kind: `temporary` where the effect is declared to end with the window: then days after it are used too.
        others: Windows of other actions on the same series.
        alpha: What the interval leaves out.
        today: The last day known, where the window may still run.
        is_sequential: Whether it is looked at every day; by default exactly while the window runs.
        gap: Days between the action and the window; the forecast is made from before them.
    """
    end_day = min(window.end_day, fitted.series.last_day, window.end_day if today is None else today)
    sequential = end_day < window.end_day if is_sequential is None else is_sequential
    length = end_day - window.start_day + 1
    if length < 1:
        check = Check("window", "refused", "Cannot tell: the window has not begun in the data.", {})
        return refuse_effect(fitted, window, window.start_day, (check,), alpha, sequential)
    checks = diagnose_series(fitted, window, length, calibration, alpha)
    if any(check.verdict == "refused" for check in checks):
        return refuse_effect(fitted, window, end_day, checks, alpha, sequential)
    origin = window.start_day - fitted.series.first_day - 1 - gap
    errors = fitted.errors(length, gap)
    e, s = float(errors.e[origin]), float(errors.s[origin])
    placebos = fitted.placebos(length, gap=gap, before_day=window.start_day)
    rule = calibration.find_rule(fitted.form, length)
    age = fitted.count_usable_days(window.start_day)
    factor = rule.measure_factor(placebos.u, length + gap, age)
    fixed = judge_size(abs(e) / (factor * s), rule.law, alpha)
    looked, look_factor = judge_looks(fitted, window, calibration, abs(e) / s, alpha)
    shown = looked if sequential else fixed
    reach = looked.bound * look_factor if sequential else fixed.bound * factor
    half = reach * s
    expected, observed = float(errors.expected[origin]), float(errors.observed[origin])
    unit = fixed.bound * factor * s / 1.96
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, end_day)
    band = draw_expected(fitted, window, length, gap, days, reach)
    low_e, high_e = shut_interval(e, half, shown.is_beyond)
    if fitted.is_log:
        relative, low, high = np.expm1([e, low_e, high_e])
        effect, effect_low, effect_high = observed * -np.expm1([-e, -low_e, -high_e])
        estimate, se, cloud = e, unit, np.expm1(placebos.e)
        detectable = float(np.expm1((fixed.bound + POWER_QUANTILE) * factor * s))
    else:
        base = abs(expected) if expected != 0 else np.nan
        effect, effect_low, effect_high = e, low_e, high_e
        relative, low, high = e / base, low_e / base, high_e / base
        estimate, se, cloud = e / base, unit / base, placebos.e / base
        detectable = (fixed.bound + POWER_QUANTILE) * factor * s / base
    count = int(np.isfinite(seen[-length:]).sum())
    checks = (*checks, *check_controls(fitted))
    label: Label = "cannot_tell"
    if shown.is_beyond:
        is_backed = bool(fitted.controls) and not any(check.verdict == "warned" for check in checks[-1:])
        label = "consistent_with_cause" if is_backed else "changed_after"
    return Effect(
        name=fitted.series.name,
        kind="open",
        start_day=window.start_day,
        end_day=end_day,
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
        mde80=float(detectable),
        library=calibration.describe(fitted.form, length),
        label=label,
        checks=checks,
        days=days,
        observed=seen,
        expected=band[0],
        expected_low=band[1],
        expected_high=band[2],
        placebos=np.asarray(cloud),
        controls=tuple(control.name for control in fitted.controls),
    )


def judge_looks(
    fitted: FittedSeries, window: Window, calibration: Calibration, size: float, alpha: float
) -> tuple[Judgement, float]:
    """Hold an error against the boundary for who looks every day until the declared end, and the factor used."""
    length = window.days
    placebos = fitted.placebos(length, before_day=window.start_day)
    has_law = calibration.has_rule(fitted.form, "looks")
    rule = calibration.find_rule(fitted.form, length, "looks" if has_law else "fixed")
    factor = rule.measure_factor(placebos.u, length, fitted.count_usable_days(window.start_day))
    return judge_size(size / factor, rule.law, alpha, 1.0 if has_law else USUAL_PEEKING), factor


def shut_interval(e: float, half: float, is_beyond: bool) -> tuple[float, float]:
    """The ends of an interval, on the side of 0 that the p-value says."""
    low, high = e - half, e + half
    if is_beyond:
        tiny = abs(e) * 1e-12
        return (max(low, tiny), high) if e > 0 else (low, min(high, -tiny))
    return min(low, 0.0), max(high, 0.0)


def check_controls(fitted: FittedSeries) -> tuple[Check, ...]:
    """Say whether the change could be held against controls."""
    if fitted.controls:
        return (
            Check(
                "controls", "passed", "Held against {count} series that the action does not reach.",
                {"count": len(fitted.controls)},
            ),
        )  # fmt: skip
    return (
        Check(
            "controls", "warned",
            "Without series that the action does not reach, anything else of these days may be the reason.", {},
        ),
    )  # fmt: skip


def draw_expected(
    fitted: FittedSeries, window: Window, length: int, gap: int, days: np.ndarray, reach: float
) -> tuple[Floats, Floats, Floats]:
    """What was expected day by day: before the origin from the day before each, after it from the origin."""
    frame, one = fitted.frame, fitted.one_step
    origin_day = window.start_day - 1 - gap
    index = days - fitted.series.first_day
    expected, low, high = (np.full(days.size, np.nan) for _ in range(3))
    past = (index >= 0) & (days <= origin_day)
    line = frame.center + frame.scale * one.one_mean[index[past]]
    sd = frame.scale * np.sqrt(one.one_var[index[past]])
    ahead = fitted.forecast(origin_day, gap + length)
    future = days > origin_day
    if fitted.is_log:
        expected[past], low[past], high[past] = (
            np.exp(line),
            np.exp(line - reach * sd),
            np.exp(line + reach * sd),
        )
        width = np.log(ahead.high_sd / ahead.mean) * reach
        expected[future] = ahead.mean[-int(future.sum()) :]
        low[future], high[future] = ahead.mean * np.exp(-width), ahead.mean * np.exp(width)
    else:
        expected[past], low[past], high[past] = line, line - reach * sd, line + reach * sd
        width = (ahead.high_sd - ahead.mean) * reach
        expected[future], low[future], high[future] = ahead.mean, ahead.mean - width, ahead.mean + width
    return expected, low, high


def refuse_effect(
    fitted: FittedSeries,
    window: Window,
    end_day: int,
    checks: tuple[Check, ...],
    alpha: float,
    sequential: bool,
) -> Effect:
    """An effect without a number: the product cannot tell, and says why."""
    none = float("nan")
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, end_day)
    empty = np.full(days.size, np.nan)
    return Effect(
        name=fitted.series.name, kind="open", start_day=window.start_day, end_day=end_day,
        effect=none, effect_low=none, effect_high=none,
        cumulative=none, cumulative_low=none, cumulative_high=none,
        relative=none, low=none, high=none, p_value=none, p_sequential=none,
        interval="sequential" if sequential else "fixed", alpha=alpha,
        estimate_log=none, se_log=none, mde80=none, library="", label="cannot_tell", checks=checks,
        days=days, observed=seen, expected=empty, expected_low=empty, expected_high=empty,
        placebos=np.zeros(0), controls=tuple(control.name for control in fitted.controls),
    )  # fmt: skip
