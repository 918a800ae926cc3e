"""An effect as it is told: the one model for commands, programs and the reference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.operations import Day, Moment, Schema, describe
from consumer_fusion.records.effect import EvidenceLabel


class EffectCheck(Schema):
    """Something that was looked at before a number is told."""

    name: str
    verdict: Literal["passed", "warned", "refused"]
    sentence: str


class ObservedDay(Schema):
    """What was seen on a day."""

    day: Day
    value: float | None


class ExpectedDay(ObservedDay):
    """What was expected of a day."""

    low: float | None
    high: float | None


class ExcludedSeries(Schema):
    """A series that does not stand beside the one that was measured."""

    name: str
    reason: str = Field(description="Why.")


class ActionEffect(Schema):
    """What an action did to a metric."""

    action_id: str = describe("Action", "The id of the action.")
    title: str = describe("Name", "What the action was.", is_shown=False)
    brand: str = describe("Brand", "The brand that acted.", is_shown=False)
    metric: str = describe("Metric", "What it may have moved.")
    series: str = describe("Series", "Whose series was measured.", is_shown=False)
    effect_from: Day = describe("Effect from", "The first day of the window.", is_shown=False)
    effect_until: Day = describe(
        "Effect until", "The last day of the window that has been seen.", is_shown=False
    )
    declared_until: Day = describe(
        "Declared until", "The last day of the window as it was declared.", is_shown=False
    )
    step: Literal["day", "week", "month"] = describe("Step", "What each value stands for.", is_shown=False)
    told_with: str | None = describe(
        "Told with",
        "The action with which it is told, where both ran on the same days; in lists it counts there.",
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
    relative: float | None = describe("Raw", "The effect as a share of what was expected.", form="change")
    low: float | None = describe("Low", "Lower end of the 95% interval of `relative`.", form="change")
    high: float | None = describe("High", "Upper end.", form="change")
    p_value: float | None = describe("p", "How often chance alone gives as much.", form="p_value")
    interval: Literal["sequential", "fixed"] = describe(
        "Interval", "`sequential` until the declared end: it holds however often one looks.", is_shown=False
    )
    pooled: float | None = describe(
        "Pooled", "`relative`, drawn towards other actions of its kind; null where they are too few.",
        form="change",
    )  # fmt: skip
    pooled_low: float | None = describe(
        "Pooled, low", "Lower end of its 95% interval, which holds without a prior.", is_shown=False
    )
    pooled_high: float | None = describe("Pooled, high", "Upper end.", is_shown=False)
    label: EvidenceLabel = describe("Evidence", "What may be said of it by itself.", is_shown=False)
    q_value: float | None = describe(
        "q", "The share of false finds if the list of its brand's effects is cut here.", form="p_value"
    )
    q_count: int = describe("Effects", "So many effects of the brand are in that list.", is_shown=False)
    listed_label: EvidenceLabel = describe(
        "Verdict", "What may be said of it in that list: nothing is found where `q_value` is above 0.1.",
        words=effect_wording.LABEL_WORDS,
    )  # fmt: skip
    detectable: float | None = describe(
        "Detectable", "The smallest change, as a share, that is found in 80% of the cases.", is_shown=False
    )
    library: str = describe("Calibrated by", "The placebos it was judged by.", is_shown=False)
    measured_at: Moment | None = describe(
        "Measured", "When it was measured; null where that was just now, for this question.", is_shown=False
    )
    sentences: tuple[str, ...] = describe("Findings", "What was found, in sentences.", is_shown=False)
    checks: tuple[EffectCheck, ...] = describe("Checks", "What was looked at.", is_shown=False)
    observed: tuple[ObservedDay, ...] = describe(
        "Observed", "The window and up to sixty steps before it.", is_shown=False
    )
    expected: tuple[ExpectedDay, ...] = describe(
        "Expected", "What would have been without the action.", is_shown=False
    )
    left_out: tuple[ExcludedSeries, ...] = describe(
        "Left out", "Series that it is not compared with.", is_shown=False
    )


def describe_effect(shown: ShownEffect) -> ActionEffect:
    """An effect as it is told, its sentences in the language spoken now."""
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
        sentences=(effect_wording.tell_label(report.label), *effect_wording.tell_finding(shown)),
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
