"""The stored report of a measured effect: everything that a page, a command or a program shows of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from consumer_fusion.causal.inference.effect import Effect, IntervalKind, Verdict
from consumer_fusion.causal.series.steps import DAILY, Steps, Unit
from consumer_fusion.i18n.messages import parse_message, store_message
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.records.effect import EvidenceLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check of an effect.

    Attributes:
        name: Its name.
        verdict: passed, warned or refused.
        sentence: Its meaning, in English, with placeholders.
        values: Values of the placeholders.
    """

    name: str
    verdict: Verdict
    sentence: str
    values: Mapping[str, Any]

    def tell(self) -> str:
        """The sentence in the current language."""
        values = {name: _tell_value(name, value) for name, value in self.values.items()}
        return _(self.sentence, **values) if values else _(self.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectReport:
    """A measured effect; numbers that cannot be reported are None.

    Attributes:
        action: The id of the action.
        metric: The metric.
        series: The measured series: its id, or its name once it is shown.
        unit: Unit of the metric.
        adds_up: Whether days may be added up; those of a mean or a level may not.
        step: The period of each value: a day, a week or a month.
        kind: open (forecast from the days before only) or temporary (from the days after too).
        start_day: The first day of the window.
        end_day: The last day of the window that has been observed.
        declared_end_day: The last day of the window as it was declared.
        told_with: The action under which the effect is reported where they cannot be separated; lists count it there.
        effect: Mean per step, in units.
        effect_low: Lower end of its interval.
        effect_high: Upper end.
        cumulative: Total over the window, in units.
        cumulative_low: Lower end of its interval.
        cumulative_high: Upper end.
        relative: As a share of the expected value.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Probability of an effect as large by chance.
        interval: sequential (valid however often it is read) or fixed (after the declared end).
        estimate_log: The estimate on the scale on which effects are pooled.
        se_log: Its standard error there.
        is_log: Whether that scale is logarithmic; else it is relative.
        mde80: The smallest detectable relative effect at 80% power.
        library: Placebo windows that calibrate the interval.
        label: Strength of the evidence.
        checks: The checks that were made.
        days: Days since 1970 of the four that follow, the first of each step.
        observed: Observed values.
        expected: Values that the model expects without the action.
        expected_low: Lower end of their interval, per step.
        expected_high: Upper end, per step.
        placebos: The relative effects of windows without an action.
        controls: The control series.
        dropped_controls: Those that were left out, and why.
    """

    action: str
    metric: str
    series: str
    unit: str
    adds_up: bool
    step: Unit
    kind: str
    start_day: int
    end_day: int
    declared_end_day: int
    told_with: str | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    cumulative: float | None
    cumulative_low: float | None
    cumulative_high: float | None
    relative: float | None
    low: float | None
    high: float | None
    p_value: float | None
    interval: IntervalKind
    estimate_log: float | None
    se_log: float | None
    is_log: bool
    mde80: float | None
    library: str
    label: EvidenceLabel
    checks: tuple[CheckResult, ...]
    days: tuple[int, ...]
    observed: tuple[float | None, ...]
    expected: tuple[float | None, ...]
    expected_low: tuple[float | None, ...]
    expected_high: tuple[float | None, ...]
    placebos: tuple[float | None, ...]
    controls: tuple[str, ...]
    dropped_controls: tuple[tuple[str, str], ...]

    @property
    def steps_seen(self) -> int:
        """Number of days, weeks or months of the window that have been observed."""
        return sum(self.start_day <= day <= self.end_day for day in self.days)

    @property
    def can_be_shrunk(self) -> bool:
        """Whether it has an estimate with a standard error; insignificant effects shape the pooled distribution too."""
        is_own = self.told_with is None and self.relative is not None
        return is_own and self.estimate_log is not None and bool(self.se_log)

    def write_json(self) -> str:
        """The stored form."""
        return json.dumps({**asdict(self), "library": store_message(self.library)}, ensure_ascii=False)


def read_report(text: str) -> EffectReport | None:
    """Parse a stored report; None where another release wrote it in another form, so that it is measured again."""
    content: dict[str, Any] = json.loads(text)
    if set(content) != set(EffectReport.__dataclass_fields__):
        return None
    content["checks"] = tuple(CheckResult(**each) for each in content["checks"])
    content["library"] = parse_message(content["library"])
    content["dropped_controls"] = tuple((name, why) for name, why in content["dropped_controls"])
    given: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in content.items()
    }
    return EffectReport(**given)


def make_report(
    effect: Effect, *, action: str, metric: str, series: str, unit: str, adds_up: bool, declared_end: int,
    steps: Steps = DAILY, told_with: str | None = None, further_checks: Sequence[CheckResult] = (),
    passed: Sequence[tuple[str, str]] = (),
) -> EffectReport:  # fmt: skip
    """The report of an effect.

    Args:
        effect: The measured effect.
        action: The id of the action.
        metric: The metric.
        series: The id of the series.
        unit: Unit of the metric.
        adds_up: Whether days may be added up.
        declared_end: The last step of the declared window.
        steps: Steps of the effect, mostly days.
        told_with: The action under which the effect is reported, where it is not this one.
        further_checks: Checks beyond those of the measurement.
        passed: Series that were ruled out as controls, with the reasons.
    """
    is_told = effect.label != "cannot_tell" or not effect.is_refused
    numbers = {
        name: _clean(getattr(effect, name)) if is_told else None
        for name in (
            "effect", "effect_low", "effect_high", "cumulative", "cumulative_low", "cumulative_high", "relative",
            "low", "high", "estimate_log", "se_log", "mde80",
        )
    }  # fmt: skip
    p_value = effect.p_sequential if effect.interval == "sequential" else effect.p_value
    return EffectReport(
        action=action,
        metric=metric,
        series=series,
        unit=unit,
        adds_up=adds_up,
        step=steps.unit,
        kind=effect.kind,
        start_day=steps.find_first_day(effect.start_day),
        end_day=steps.find_last_day(effect.end_day),
        declared_end_day=steps.find_last_day(declared_end),
        told_with=told_with,
        **numbers,
        is_log=effect.is_log,
        p_value=_clean(p_value) if is_told else None,
        interval=effect.interval,
        library=effect.library,
        label=effect.label,
        checks=(
            *(
                CheckResult(
                    name=each.name, verdict=each.verdict, sentence=each.sentence, values=_plain(each.values)
                )
                for each in effect.checks
            ),
            *further_checks,
        ),
        days=tuple(steps.find_first_day(int(step)) for step in effect.days),
        observed=_clean_all(effect.observed),
        expected=_clean_all(effect.expected),
        expected_low=_clean_all(effect.expected_low),
        expected_high=_clean_all(effect.expected_high),
        placebos=_clean_all(effect.placebos),
        controls=tuple(effect.controls),
        dropped_controls=(*effect.dropped_controls, *passed),
    )


def _tell_value(name: str, value: Any) -> str:
    """A value in the current language; names ending in `share` are written as percentages."""
    language = read_language()
    if name == "names":
        return ", ".join(each and _(each) for each in str(value).split(", "))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if name.endswith("share"):
        return language.write_share(value)
    return language.write_number(value, 0 if isinstance(value, int) else 2)


def _clean(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _clean_all(values: Any) -> tuple[float | None, ...]:
    return tuple(_clean(float(value)) for value in values)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.item() if hasattr(value, "item") else value for name, value in values.items()}
