"""Operations on effects: what actions did, and how certain that is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consumer_fusion.causal.actions.actions import MOST_DAYS
from consumer_fusion.causal.actions.declared_actions import ACTION_ID
from consumer_fusion.causal.actions.operations import find_visible
from consumer_fusion.causal.effects import shrinking
from consumer_fusion.causal.effects.action_effect import ActionEffect, describe_effect
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.measuring import (
    EffectRequest,
    measure_action,
    measure_question,
    search_delay,
)
from consumer_fusion.causal.effects.placebo_learning import LearntPlacebos, calibrate_effects
from consumer_fusion.causal.effects.power_analysis import (
    COUNTED_METRICS,
    USUAL_LENGTHS,
    PlannedEffects,
    plan_actions,
    suggest_holdouts,
)
from consumer_fusion.causal.masked_keys import choose_show_key
from consumer_fusion.causal.series.score_metrics import SCORE_METRICS
from consumer_fusion.errors import NotFoundError, RefusedError
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.operations import (
    Context,
    Day,
    NoParameters,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    describe,
)
from consumer_fusion.score.queries import answers
from consumer_fusion.workspace import Workspace

_METRIC = (N_("Metric"), "The metric to measure; `fusion metrics list` lists the metrics.")
MOST_DELAYS = 60


class EffectFilter(Schema):
    """A filter of effects."""

    brand: str | None = describe("Brand", "Only actions of this brand.", default=None)
    metric: str | None = describe("Metric", "Only this metric.", default=None)


class EffectParameters(Schema):
    """A request for the effect of an action."""

    action_id: Text = describe(*ACTION_ID)
    metric: Text = describe(*_METRIC, default="orders")
    consumer: str | None = describe("Consumer", "Measure this consumer's own series.", default=None)
    product: str | None = describe("Product", "Measure this product's series.", default=None)
    delay_days: int | None = describe("Delay", "A delay in days other than the declared one.", default=None)
    effect_days: int | None = describe(
        "Length", "A length in days other than the declared one.", default=None
    )
    search_delays: int | None = Field(
        default=None, ge=1, le=MOST_DELAYS, title="Delays",
        description="Try all delays up to this number of days; the p-value allows for the search.",
    )  # fmt: skip
    as_of: str | None = describe(
        "As of",
        "As-of time: ISO 8601, 'now', or 'latest' for the newest event; now if left out.",
        default=None,
    )

    @property
    def is_as_declared(self) -> bool:
        """Whether it is for the stored effect: the action's own series and window, now."""
        return self == EffectParameters(action_id=self.action_id, metric=self.metric)


class MeasureEffects(Schema):
    """A filter of the effects to measure."""

    brand: str | None = describe(N_("Brand"), "Only actions of this brand.", default=None)
    action_id: str | None = describe(
        N_("Action"), "Only this action, and even where nothing changed.", default=None, option="--action"
    )
    metrics: list[str] = describe(
        N_("Metrics"),
        "Only these metrics. Default: those that the actions name, and orders, revenue and visits.",
        default=[], option="--metric",
    )  # fmt: skip


class MeasuredEffects(Schema):
    """The result of measuring effects."""

    effects: int = describe("Effects", "Number of effects of these actions and metrics that are stored now.")
    not_measured: tuple[str, ...] = describe(
        "Not measured", "Requested effects with too few days, as metric after action.", is_remark=True
    )


class PlanParameters(Schema):
    """An action to plan."""

    brand: Text = describe("Brand", "The brand that would act.")
    metric: Text = describe("Metric", "The metric that it would move.", default="orders")
    starts: list[Day] = describe(
        "First days",
        "A first day, ISO 8601; may be repeated. Default: tomorrow.",
        default=[],
        option="--start",
    )
    lengths: list[Annotated[int, Field(ge=1, le=MOST_DAYS)]] = describe(
        "Lengths",
        "A length in days; may be repeated. Default: 1, 3, 7, 14, 28.",
        default=list(USUAL_LENGTHS),
        option="--days",
    )


def answer_question(workspace: Workspace, asked: EffectParameters) -> EffectReport:
    """The stored effect; measured now, and not stored, where there is none or another window or series is requested.

    Raises:
        RefusedError: It is an effect on scores, which take long to read, and is not stored.
    """
    if asked.is_as_declared:
        kept = shrinking.read_effect(workspace, asked.action_id, asked.metric)
        if kept is not None:
            return kept[0]
        if asked.metric in SCORE_METRICS:
            raise RefusedError(
                _("Daily scores take long to read, so their effects are not measured while you wait."),
                hint=_("`fusion effects measure` measures them; they are shown from then on."),
            )
    question = EffectRequest(
        action_id=asked.action_id, metric=asked.metric, consumer=asked.consumer, product=asked.product,
        delay_days=asked.delay_days, effect_days=asked.effect_days,
        # An effect does not change while no events arrive.
        as_of_us=answers.find_fixed_moment(workspace, answers.parse_as_of(asked.as_of or "now")),
    )  # fmt: skip
    if asked.search_delays is not None:
        return search_delay(workspace, question, range(asked.search_delays + 1))
    return measure_question(workspace, question).report


def _list_effects(context: Context, asked: EffectFilter) -> list[ActionEffect]:
    shown = shrinking.list_effects(
        context.workspace,
        brand=asked.brand,
        metric=asked.metric,
        show_key=choose_show_key(context.caller),
        sees=context.caller.sees,
    )
    return [describe_effect(each) for each in shown if context.caller.sees(each.brand)]


def _show_effect(context: Context, asked: EffectParameters) -> ActionEffect:
    find_visible(context, asked.action_id)
    report = answer_question(context.workspace, asked)
    return describe_effect(
        shrinking.show_effect(
            context.workspace, report, show_key=choose_show_key(context.caller), sees=context.caller.sees
        )
    )


def _measure_effects(context: Context, asked: MeasureEffects) -> MeasuredEffects:
    workspace = context.workspace
    if asked.action_id is not None:
        brand = find_visible(context, asked.action_id).brand
        context.describe(object_id=asked.action_id, brand=brand, metrics=asked.metrics)
        metrics, not_measured = asked.metrics or shrinking.USUAL_METRICS, []
        for metric in metrics:
            try:
                measure_action(
                    workspace, EffectRequest(action_id=asked.action_id, metric=metric, is_forced=True)
                )
            except (NotFoundError, RefusedError) as error:
                not_measured.append(f"{metric}: {error}")
                if len(not_measured) == len(metrics):
                    raise
        return MeasuredEffects(effects=len(metrics) - len(not_measured), not_measured=tuple(not_measured))
    context.describe(brand=asked.brand, metrics=asked.metrics)
    brands = context.caller.brands if asked.brand is None else {asked.brand}
    problems = shrinking.measure_effects(
        workspace, brands=brands, metrics=asked.metrics, progress=context.progress
    )
    kept = _list_effects(context, EffectFilter(brand=asked.brand))
    count = sum(not asked.metrics or each.metric in asked.metrics for each in kept)
    return MeasuredEffects(effects=count, not_measured=tuple(problems))


def _calibrate_effects(context: Context, _unused: NoParameters) -> LearntPlacebos:
    learnt = calibrate_effects(context.workspace, context.progress)
    # Recorded in the audit log also where nothing had changed and so nothing was stored.
    with context.writing():
        return learnt


def _plan_effects(context: Context, asked: PlanParameters) -> PlannedEffects:
    workspace = context.workspace
    plans = plan_actions(
        workspace, asked.brand, metric=asked.metric, lengths=asked.lengths, starts=asked.starts
    )
    holdouts = (
        suggest_holdouts(workspace, asked.brand, metric=asked.metric, days=max(asked.lengths))
        if asked.metric in COUNTED_METRICS
        else ()
    )
    return PlannedEffects(plans=tuple(plans), holdouts=tuple(holdouts))


SHOW_EFFECT = Query(
    name="effects show", run=_show_effect, needs="view", parameters=EffectParameters, result=ActionEffect,
    arguments=("action_id",),
    summary="Show the effect of an action on a metric and its uncertainty: as stored, or measured for the request.",
)  # fmt: skip
LIST_EFFECTS = Query(
    name="effects list", run=_list_effects, needs="view", parameters=EffectFilter, result=ActionEffect, is_many=True,
    title="Effects", summary="List the measured effects, raw and pooled within their kind.",
    empty="No effects yet.",
)  # fmt: skip
GROUPS = (OperationGroup("effects", "Effects", "Measure, show and plan the effects of actions."),)
OPERATIONS = (
    LIST_EFFECTS,
    SHOW_EFFECT,
    Operation(
        name="effects measure", run=_measure_effects, needs="declare_actions", parameters=MeasureEffects,
        result=MeasuredEffects, audit="measure effects", button=N_("Measure what changed"),
        summary="Measure all declared actions whose data changed since.",
        done=N_("Effects measured: {effects}."),
    ),
    Operation(
        name="effects calibrate", run=_calibrate_effects, needs="change_points", result=LearntPlacebos,
        audit="calibrate effects", button="Calibrate",
        summary="Learn the size of chance changes from the workspace's own past without actions; only what changed "
        "is read.",
        done="Series: {series}, measured again: {measured}; windows without an action: {windows}. Enough to replace "
        "the shipped library: {is_in_force}.",
    ),
    Query(
        name="effects plan", run=_plan_effects, needs="view", parameters=PlanParameters, result=PlannedEffects,
        arguments=("brand",),
        summary="Show the smallest detectable effect by date, length, region and control group of consumers.",
    ),
)  # fmt: skip
