"""The result model of an effect, shared by commands, programs and the reference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.operations import Day, Moment, Schema, describe
from consumer_fusion.records.effect import EvidenceLabel


class EffectCheck(Schema):
    """A check made before a number is reported."""

    name: str
    verdict: Literal["passed", "warned", "refused"]
    sentence: str


class ObservedDay(Schema):
    """The observed value of a day."""

    day: Day
    value: float | None


class ExpectedDay(ObservedDay):
    """The expected value of a day."""

    low: float | None
    high: float | None


class ExcludedSeries(Schema):
    """A series that is not used as a control."""

    name: str
    reason: str = Field(description="Reason for leaving it out.")


class ActionEffect(Schema):
    """The effect of an action on a metric."""

    action_id: str = describe("Action", "The id of the action.")
    title: str = describe("Name", "Name of the action.", is_shown=False)
    brand: str = describe("Brand", "The brand that acted.", is_shown=False)
    metric: str = describe("Metric", "The metric that was measured.")
    series: str = describe("Series", "The series that was measured.", is_shown=False)
    effect_from: Day = describe("Effect from", "The first day of the window.", is_shown=False)
    effect_until: Day = describe(
        "Effect until", "The last day of the window that has been observed.", is_shown=False
    )
    declared_until: Day = describe(
        "Declared until", "The last day of the window as it was declared.", is_shown=False
    )
    step: Literal["day", "week", "month"] = describe("Step", "The period of each value.", is_shown=False)
    told_with: str | None = describe(
        "Reported with",
        "The action under which the effect is reported, where both ran on the same days; lists count it there.",
        is_shown=False,
    )
    total: float | None = describe(
        "Total",
        "Change over the window: its days of `observed` less `expected`. Null where values do not add up.",
        is_shown=False,
    )
    total_low: float | None = describe("Total, low", "Lower end of its 95% interval.", is_shown=False)
    total_high: float | None = describe("Total, high", "Upper end.", is_shown=False)
    effect: float | None = describe(
        "Effect", "Mean change a day (or week or month), in the units of the metric.", is_shown=False
    )
    effect_low: float | None = describe("Effect, low", "Lower end of its 95% interval.", is_shown=False)
    effect_high: float | None = describe("Effect, high", "Upper end.", is_shown=False)
    relative: float | None = describe("Raw", "The effect as a share of the expected value.", form="change")
    low: float | None = describe("Low", "Lower end of the 95% interval of `relative`.", form="change")
    high: float | None = describe("High", "Upper end.", form="change")
    p_value: float | None = describe("p", "Probability of an effect as large by chance.", form="p_value")
    interval: Literal["sequential", "fixed"] = describe(
        "Interval", "`sequential` until the declared end: valid however often it is read.", is_shown=False
    )
    pooled: float | None = describe(
        "Pooled", "`relative`, pooled with other actions of its kind; null where they are too few.",
        form="change",
    )  # fmt: skip
    pooled_low: float | None = describe(
        "Pooled, low", "Lower end of its 95% interval, which is valid without a prior.", is_shown=False
    )
    pooled_high: float | None = describe("Pooled, high", "Upper end.", is_shown=False)
    label: EvidenceLabel = describe("Evidence", "Strength of evidence of this effect alone.", is_shown=False)
    q_value: float | None = describe(
        "q", "False discovery rate if the list of its brand's effects is cut here.", form="p_value"
    )
    q_count: int = describe("Effects", "Number of effects of the brand in that list.", is_shown=False)
    listed_label: EvidenceLabel = describe(
        "Verdict", "Strength of evidence within that list: no conclusion where `q_value` is above 0.1.",
        words=effect_wording.LABEL_WORDS,
    )  # fmt: skip
    detectable: float | None = describe(
        "Detectable", "The smallest detectable change at 80% power, as a share.", is_shown=False
    )
    library: str = describe(
        "Calibrated by", "The placebos behind the interval and the p-value.", is_shown=False
    )
    measured_at: Moment | None = describe(
        "Measured", "Time of measurement; null where it was measured for this request only.", is_shown=False
    )
    sentences: tuple[str, ...] = describe("Findings", "The findings, in sentences.", is_shown=False)
    checks: tuple[EffectCheck, ...] = describe("Checks", "The checks that were made.", is_shown=False)
    observed: tuple[ObservedDay, ...] = describe(
        "Observed", "The window and up to sixty steps before it.", is_shown=False
    )
    expected: tuple[ExpectedDay, ...] = describe(
        "Expected", "The values expected without the action.", is_shown=False
    )
    left_out: tuple[ExcludedSeries, ...] = describe(
        "Left out", "Series that are not used as controls.", is_shown=False
    )


def describe_effect(shown: ShownEffect) -> ActionEffect:
    """The result model of an effect, with its sentences in the current language."""
    report = shown.report
    pooled = shown.shrunk if shown.shrunk is not None and shown.shrunk.is_shrunk else None
    total, total_low, total_high = (
        (report.cumulative, report.cumulative_low, report.cumulative_high)
        if report.adds_up
        else (None, None, None)
    )
    return ActionEffect(
        action_id=report.action, title=shown.title, brand=shown.brand, metric=report.metric, series=report.series,
        effect_from=report.start_day, effect_until=report.end_day, declared_until=report.declared_end_day,
        step=report.step, told_with=report.told_with, total=total, total_low=total_low, total_high=total_high,
        effect=report.effect, effect_low=report.effect_low, effect_high=report.effect_high,
        relative=report.relative, low=report.low, high=report.high, p_value=report.p_value, interval=report.interval,
        pooled=None if pooled is None else pooled.mean, pooled_low=None if pooled is None else pooled.low,
        pooled_high=None if pooled is None else pooled.high,
        label=report.label, q_value=shown.q_value, q_count=shown.q_count, listed_label=shown.listed_label,
        detectable=report.mde80, library=report.library, measured_at=shown.measured_us,
        sentences=(effect_wording.explain_label(report.label), *effect_wording.explain_finding(shown)),
        checks=tuple(
            EffectCheck(name=each.name, verdict=each.verdict, sentence=each.tell()) for each in report.checks
        ),
        observed=tuple(
            ObservedDay(day=day, value=value) for day, value in zip(report.days, report.observed, strict=True)
        ),
        expected=_list_expected(report),
        left_out=tuple(
            ExcludedSeries(name=name, reason=why) for name, why in effect_wording.list_left_out(report)
        ),
    )  # fmt: skip


def _list_expected(report: EffectReport) -> tuple[ExpectedDay, ...]:
    rows = zip(report.days, report.expected, report.expected_low, report.expected_high, strict=True)
    return tuple(ExpectedDay(day=day, value=value, low=low, high=high) for day, value, low, high in rows)
