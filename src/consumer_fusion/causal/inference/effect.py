"""The result of measuring an effect: numbers, checks in plain words, and the label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.series.series import Floats

Verdict = Literal["passed", "warned", "refused"]
IntervalKind = Literal["sequential", "fixed"]
Label = Literal["cannot_tell", "changed_after", "consistent_with_cause", "caused"]


@dataclass(frozen=True, slots=True)
class ValidityCheck:
    """One check made before a number is reported.

    Attributes:
        name: Its stable name.
        verdict: passed, warned or refused.
        sentence: A text of the catalogue with named placeholders.
        values: Values of the placeholders.
    """

    name: str
    verdict: Verdict
    sentence: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of an action on one series.

    Attributes:
        name: The series.
        kind: `open`, or `temporary` where days after the window were used too.
        start_day: First day of the window.
        end_day: The last day of it that has been observed.
        effect: Mean change per day, in the series' units.
        effect_low: Lower end of its interval.
        effect_high: Upper end.
        cumulative: The sum over the observed days.
        cumulative_low: Lower end of its interval, from the variance of the sum.
        cumulative_high: Upper end.
        relative: The change relative to the expected value.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Probability of so large a change without any effect, at the end of the window.
        p_sequential: The same where the data are looked at every day.
        interval: Whether the interval and the label allow for daily looks or are for the declared end.
        alpha: Significance level; the interval has a coverage of 1 - alpha.
        estimate_log: The change on the scale on which effects are pooled.
        se_log: Its calibrated standard error there.
        is_log: Whether that scale is logarithmic; it is relative for series that have no logarithm.
        mde80: The smallest detectable relative change at 80% power.
        library: The placebos that calibrate it, and their number.
        label: The grade of the evidence.
        checks: The checks that were made.
        days: The days of the arrays below, from sixty before the window on.
        observed: Observed values.
        expected: Expected values: one-day forecasts before the window, within it from the day before it.
        expected_low: Lower end, calibrated.
        expected_high: Upper end.
        placebos: Relative changes on past dates without an action.
        controls: Names of the controls used.
        dropped_controls: Names of controls left out, and why.
    """

    name: str
    kind: str
    start_day: int
    end_day: int
    effect: float
    effect_low: float
    effect_high: float
    cumulative: float
    cumulative_low: float
    cumulative_high: float
    relative: float
    low: float
    high: float
    p_value: float
    p_sequential: float
    interval: IntervalKind
    alpha: float
    estimate_log: float
    se_log: float
    is_log: bool
    mde80: float
    library: str
    label: Label
    checks: tuple[ValidityCheck, ...]
    days: npt.NDArray[np.int64]
    observed: Floats
    expected: Floats
    expected_low: Floats
    expected_high: Floats
    placebos: Floats
    controls: tuple[str, ...] = ()
    dropped_controls: tuple[tuple[str, str], ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether no number is reported."""
        return any(check.verdict == "refused" for check in self.checks)
