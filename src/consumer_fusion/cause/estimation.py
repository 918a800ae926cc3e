"""The effect of one window on one fitted series, with a p-value and an interval from the same law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer_fusion.cause.controls import MOVED, guard_controls
from consumer_fusion.cause.diagnosis import diagnose_series
from consumer_fusion.cause.effect import Check, Effect, Label
from consumer_fusion.cause.expectation import draw_expected, draw_without, level_band
from consumer_fusion.cause.fitted_series import FittedSeries, PlaceboErrors, list_days
from consumer_fusion.cause.framing import LOG_FLOOR
from consumer_fusion.cause.judgement import Judgement, judge_looks, judge_size, shut_interval
from consumer_fusion.cause.placebo_rules import Calibration, Rule
from consumer_fusion.cause.pulses import AFTER_DAYS, PulseEstimate, estimate_pulse, slide_over
from consumer_fusion.cause.series import Floats, Window

DAYS_BEFORE = 60
"""So many days before the window are shown."""
ENTANGLED_DAYS = 14
"""Another action that ended no longer ago than this is measured jointly."""
POWER_QUANTILE = 0.84
"""Standard deviations that turn a bound into a change found in four of five cases."""

Kind = Literal["auto", "open", "temporary"]


@dataclass(frozen=True, slots=True)
class Measured:
    """An error before it is judged.

    Attributes:
        e: The error: a difference of logarithms, or in the series' units.
        s: The standard deviation the models give it.
        length: Days of the window that have been seen.
        span: Days that one placebo takes up.
        placebos: The same errors on past dates.
        rule: How they are judged.
        question: By which question's law.
        pulse: The pulse, where days on both sides were used or others overlap.
    """

    e: float
    s: float
    length: int
    span: int
    placebos: PlaceboErrors
    rule: Rule
    question: str
    pulse: PulseEstimate | None


def measure_effect(
    fitted: FittedSeries,
    window: Window,
    *,
    calibration: Calibration,
    kind: Kind = "auto",
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
        kind: `temporary` where the effect is declared to end with the window: then days after it are used too,
            once there are as many as the window has. Otherwise nothing after the window is looked at.
        others: Windows of other actions on the same series; those that overlap are measured jointly.
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
    checks = diagnose_series(fitted, window, length, calibration, alpha, others)
    if any(check.verdict == "refused" for check in checks):
        return refuse_effect(fitted, window, end_day, checks, alpha, sequential)
    seen_window = Window(window.start_day, end_day)
    fitted = guard_controls(fitted, seen_window, calibration)
    measured = measure_error(fitted, seen_window, calibration, kind, others, gap)
    if not np.isfinite(measured.e) or not measured.s > 0:
        check = Check("window", "refused", "Cannot tell: the days of the window do not suffice.", {})
        return refuse_effect(fitted, window, end_day, (*checks, check), alpha, sequential)
    checks = (
        *checks,
        *check_others(seen_window, others),
        *check_kind(kind, measured),
        *check_controls(fitted),
    )
    return tell_effect(fitted, window, seen_window, calibration, measured, checks, alpha, sequential, gap)


def measure_error(
    fitted: FittedSeries,
    window: Window,
    calibration: Calibration,
    kind: Kind,
    others: Sequence[Window],
    gap: int,
) -> Measured:
    """The error of a window and the placebos it is held against, by the estimand that fits the case."""
    length = window.days
    after = min(fitted.series.last_day - window.end_day, AFTER_DAYS)
    is_temporary = kind == "temporary" and after >= length
    if is_temporary or list_entangled(window, others):
        after = after if is_temporary else 0
        question = "temporary" if is_temporary and calibration.has_rule(fitted.form, "temporary") else "fixed"
        pulse = estimate_pulse(fitted, window, others, after)
        slid = slide_over(fitted, length, after)
        past = slid.origins + length + after < window.start_day
        placebos = PlaceboErrors(slid.e[past], slid.s[past], slid.origins[past], slid.ages[past])
        rule = calibration.find_rule(fitted.form, length, question)
        return Measured(pulse.e, pulse.s, length, length + after, placebos, rule, question, pulse)
    errors = fitted.errors(length, gap)
    origin = window.start_day - fitted.series.first_day - 1 - gap
    placebos = fitted.placebos(length, gap=gap, before_day=window.start_day)
    rule = calibration.find_rule(fitted.form, length)
    return Measured(
        float(errors.e[origin]), float(errors.s[origin]), length, length + gap, placebos, rule, "fixed", None
    )


def list_entangled(window: Window, others: Sequence[Window]) -> list[Window]:
    """The other actions that run in a window or so shortly before it that they move what is expected of it."""
    return [
        other
        for other in others
        if other != window
        and other.start_day <= window.end_day
        and other.end_day >= window.start_day - ENTANGLED_DAYS
    ]


def tell_effect(
    fitted: FittedSeries, window: Window, seen_window: Window, calibration: Calibration, measured: Measured,
    checks: tuple[Check, ...], alpha: float, sequential: bool, gap: int,
) -> Effect:  # fmt: skip
    """Judge an error and put it in the units of the series."""
    e, s, length = measured.e, measured.s, measured.length
    age = fitted.count_usable_days(window.start_day)
    factor = measured.rule.measure_factor(measured.placebos, measured.span, age)
    fixed = judge_size(abs(e) / (factor * s), measured.rule.law, alpha)
    looked, look_factor = (fixed, factor)
    if measured.pulse is None:
        looked, look_factor = judge_looks(fitted, window, calibration, abs(e) / s, alpha)
    shown: Judgement = looked if sequential else fixed
    reach = shown.bound * (look_factor if sequential else factor)
    ends = shut_interval(e, reach * s, shown.is_beyond)
    se = fixed.bound * factor * s / 1.96
    detectable = (fixed.bound + POWER_QUANTILE) * factor * s
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, seen_window.end_day)
    within = seen[-length:]
    observed, count = float(np.nanmean(within)), int(np.isfinite(within).sum())
    if measured.pulse is None:
        band = draw_expected(fitted, window, length, gap, days, reach)
    else:
        band = draw_without(fitted, measured.pulse, days, reach)
    if fitted.is_log:
        relative, low, high = np.expm1([e, *ends])
        # Where nothing at all came, the logarithm was taken of a floor; what is lost is all that was expected.
        floor = LOG_FLOOR if measured.pulse is not None else np.exp(-20.0)
        seen_level = max(observed, float(floor * np.exp(fitted.frame.center)))
        effect, effect_low, effect_high = seen_level * -np.expm1([-e, -ends[0], -ends[1]])
        estimate, cloud = e, np.expm1(measured.placebos.e)
        mde = float(np.expm1(detectable))
    else:
        base = abs(observed - e) or np.nan
        effect, effect_low, effect_high = e, *ends
        relative, low, high = e / base, ends[0] / base, ends[1] / base
        estimate, se, cloud, mde = e / base, se / base, measured.placebos.e / base, detectable / base
    total = float(effect * count)
    band = level_band(band, seen, days >= seen_window.end_day + 1 - length, total, is_log=fitted.is_log)
    return Effect(
        name=fitted.series.name,
        kind="temporary" if measured.span > length + gap else "open",
        start_day=window.start_day,
        end_day=seen_window.end_day,
        effect=float(effect),
        effect_low=float(effect_low),
        effect_high=float(effect_high),
        cumulative=total,
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


def grade_evidence(fitted: FittedSeries, shown: Judgement, checks: Sequence[Check]) -> Label:
    """The grade of the evidence; `caused` is for randomised actions alone and never given here."""
    if not shown.is_beyond:
        return "cannot_tell"
    is_backed = fitted.controls and not any(
        check.name in ("controls", "own_placebos") and check.verdict == "warned" for check in checks
    )
    return "consistent_with_cause" if is_backed else "changed_after"


def check_others(window: Window, others: Sequence[Window]) -> tuple[Check, ...]:
    """Say that other actions were measured jointly."""
    count = len(list_entangled(window, others))
    if not count:
        return ()
    return (
        Check(
            "other_actions", "passed",
            "Measured together with {count} other actions in the window or shortly before it.", {"count": count},
        ),
    )  # fmt: skip


def check_kind(kind: Kind, measured: Measured) -> tuple[Check, ...]:
    """Say where an effect declared temporary was measured without the days after it."""
    if kind != "temporary" or measured.span > measured.length:
        return ()
    return (
        Check(
            "days_after", "warned",
            "Measured from the days before alone: there are not yet {days} days after the window.",
            {"days": measured.length},
        ),
    )  # fmt: skip


def check_controls(fitted: FittedSeries) -> tuple[Check, ...]:
    """Say whether the change could be held against controls, and which were left out."""
    moved = [name for name, why in fitted.dropped_controls if why == MOVED]
    found: list[Check] = []
    if moved:
        found.append(
            Check(
                "contamination", "warned",
                "Left out as controls, because they changed in the window themselves: {names}.",
                {"names": ", ".join(moved)},
            )
        )  # fmt: skip
    if fitted.controls:
        found.append(
            Check(
                "controls", "passed", "Held against {count} series that the action does not reach.",
                {"count": len(fitted.controls)},
            )
        )  # fmt: skip
    else:
        found.append(
            Check(
                "controls", "warned",
                "Without series that the action does not reach, anything else of these days may be the reason.", {},
            )
        )  # fmt: skip
    return tuple(found)


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
    days, seen = list_days(fitted.series, window.start_day - DAYS_BEFORE, max(end_day, window.start_day))
    empty: Floats = np.full(days.size, np.nan)
    return Effect(
        name=fitted.series.name, kind="open", start_day=window.start_day, end_day=end_day,
        effect=none, effect_low=none, effect_high=none,
        cumulative=none, cumulative_low=none, cumulative_high=none,
        relative=none, low=none, high=none, p_value=none, p_sequential=none,
        interval="sequential" if sequential else "fixed", alpha=alpha,
        estimate_log=none, se_log=none, mde80=none, library="", label="cannot_tell", checks=checks,
        days=days, observed=seen, expected=empty, expected_low=empty, expected_high=empty,
        placebos=np.zeros(0), controls=tuple(control.name for control in fitted.controls),
        dropped_controls=fitted.dropped_controls,
    )  # fmt: skip
