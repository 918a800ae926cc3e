"""Measures one action on one metric, from the series and its controls to a stored report."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from consumer_fusion.causal.actions.actions import MOST_DAYS, ActionRow, find_action, read_action_rows
from consumer_fusion.causal.effects.control_series import find_control_series
from consumer_fusion.causal.effects.effect_report import CheckResult, EffectReport, make_report, read_report
from consumer_fusion.causal.effects.placebo_learning import choose_calibration
from consumer_fusion.causal.effects.step_fitting import calibrate_steps, check_steps, fit_steps
from consumer_fusion.causal.effects.synthetic_control import check_synthetic_control, combine_verdicts
from consumer_fusion.causal.inference import delays as delays_module
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.overlaps import ActionWindow, sort_neighbours
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.series import Window
from consumer_fusion.causal.series.steps import DAILY, Steps
from consumer_fusion.errors import InputError, NotFoundError, RefusedError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.effect import EFFECTS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.spillover.links import AssociationLink, read_associations
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

RECIPE = "6"
"""Increased when the way of measuring changes, so that stored effects are measured again."""
LATER_STEPS = 42
"""Number of steps (mostly days) after a window that are used: those that a temporary effect needs, and a margin."""


ANOTHER_BRAND = N_("an action of another brand")
"""The name given to an action of another brand, of which the caller may know no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRequest:
    """A request for the effect of an action.

    Attributes:
        action_id: The action.
        metric: The metric.
        as_of_us: As-of time, in microseconds since the epoch; None for now.
        consumer: Measure this consumer's series; None for the brand's.
        product: Measure this product's series.
        delay_days: A delay other than the declared one.
        effect_days: A length other than the declared one.
        is_forced: Whether to measure again even where nothing changed.
    """

    action_id: str
    metric: str
    as_of_us: int | None = None
    consumer: str | None = None
    product: str | None = None
    delay_days: int | None = None
    effect_days: int | None = None
    is_forced: bool = False

    @property
    def is_as_declared(self) -> bool:
        """Whether it is for the action's own series and window, whose effect is stored."""
        return not (
            self.consumer or self.product or self.delay_days is not None or self.effect_days is not None
        )


@dataclass(frozen=True, slots=True)
class MeasuredEffect:
    """An effect and its inputs.

    Attributes:
        report: The effect.
        action: The action.
        own: Its series.
        digest: Hash of all its inputs.
    """

    report: EffectReport
    action: ActionRow
    own: MetricSeries
    digest: str


def measure_action(workspace: Workspace, question: EffectRequest) -> EffectReport:
    """Measure the effect of an action on a metric, or return the stored effect where nothing has changed since.

    Raises:
        NotFoundError: There is no such action, or no series of the metric.
        RefusedError: The window has not begun.
        MissingExtraError: The extra `cause` is not installed.
    """
    measured = measure_question(workspace, question)
    with workspace.store.reading() as session:
        kept = read_kept(session, question.action_id, question.metric)
    is_news = question.is_forced or kept is None or kept[0] != measured.digest
    if question.is_as_declared and question.as_of_us is None and is_news:
        keep_effects(workspace, [measured])
    return measured.report


def measure_question(workspace: Workspace, question: EffectRequest) -> MeasuredEffect:
    """Measure without storing the effect."""
    with workspace.store.reading() as session:
        return measure_with_store(
            MetricStore(workspace, session, question.as_of_us or workspace.now_us), question
        )


def measure_with_store(book: MetricStore, question: EffectRequest) -> MeasuredEffect:
    """Measure with one snapshot of the store."""
    actions = read_action_rows(book.session)
    action = find_action(book.session, question.action_id)
    own = find_own_series(book, action, question)
    steps = own.steps
    others = [_cover(steps, each) for each in _list_own_windows(book.session, actions, action, own)]
    declared = steps.cover(find_window(action, question))
    # Actions whose effects cannot be separated are measured over the steps of all of them.
    nearby = sort_neighbours(declared, others)
    asked = nearby.window
    window = Window(steps.find_first_day(asked.start_day), steps.find_last_day(asked.end_day))
    # The step that is not over yet is not in the series.
    today = steps.find_step(book.today)
    if asked.start_day >= today:
        raise RefusedError(
            f"The effect of {action.action_id} on {question.metric} is looked for from a {steps.unit} that has not "
            "passed.",
            hint=f"Ask again once the first {steps.unit} of its window is over.",
        )
    # Days long after the window say nothing about it, so that new days do not force a new measurement.
    last_step = asked.end_day + LATER_STEPS
    own = own.cut(last_step)
    found = find_control_series(book, own, window, actions)
    control_series = replace(found, chosen=tuple(each.cut(last_step) for each in found.chosen))
    calibration = choose_calibration(book.session)
    country = book.workspace.settings.country
    digest = _digest(own, control_series.chosen, asked, others, calibration, action, today, country)
    kept = read_kept(book.session, question.action_id, question.metric)
    if kept is not None and kept[0] == digest and question.is_as_declared and not question.is_forced:
        return MeasuredEffect(kept[1], action, own, digest)
    fitted = fit_steps(own, control_series.chosen, country=country, windows=[asked, *others])
    effect = measure_effect(
        fitted,
        declared,
        calibration=calibrate_steps(own, fitted, asked, calibration),
        kind="temporary" if action.expected_effect == "temporary" else "open",
        others=others,
        today=today,
    )
    seen = Window(asked.start_day, max(asked.start_day, min(asked.end_day, today - 1)))
    opinion = check_synthetic_control(own, control_series, seen)
    effect, disagreement = combine_verdicts(effect, opinion)
    report = make_report(
        effect,
        action=action.action_id,
        metric=question.metric,
        series=own.key,
        unit=own.unit,
        adds_up=own.adds_up,
        steps=steps,
        declared_end=asked.end_day,
        told_with=_find_first(action, declared, nearby.together),
        further_checks=[*check_steps(own, fitted), *([] if opinion is None else [opinion]), *disagreement],
        passed=[(each.key, why) for each, why in control_series.passed if why in ("linked", "own_action")],
    )
    return MeasuredEffect(report, action, own, digest)


def search_delay(workspace: Workspace, question: EffectRequest, delays: Sequence[int]) -> EffectReport:
    """Find the delay at which a metric changed most; the p-value is from the same search in windows without an action.

    The delay was not declared in advance, so the result is shown and not stored.

    Args:
        workspace: The workspace.
        question: The request; the window is the declared one without its delay.
        delays: Delays to try, in days.

    Raises:
        NotFoundError: There is no such action, or no series of the metric.
    """
    with workspace.store.reading() as session:
        book = MetricStore(workspace, session, question.as_of_us or workspace.now_us)
        action = find_action(session, question.action_id)
        own = find_own_series(book, action, question)
        if own.steps != DAILY:
            raise RefusedError(
                f"Delays are searched by the day; {question.metric} has one value a {own.steps.unit}.",
                hint="Ask without --search-delays, or for one delay with --delay-days.",
            )
        window = find_window(action, replace(question, delay_days=0))
        actions = read_action_rows(session)
        control_series = find_control_series(book, own, window, actions)
        fitted = fit_steps(
            own, control_series.chosen, country=workspace.settings.country,
            windows=[window, *_list_own_windows(session, actions, action, own)],
        )  # fmt: skip
        found = delays_module.search_delay(
            fitted, window, calibration=choose_calibration(session), delays=delays
        )
        is_found = found.p_value <= found.effect.alpha
        sentence = N_(
            "Of {count} delays, {days} days stood out most; the p-value allows for that search, the interval does not."
        )
        check = CheckResult(
            name="delay_search", verdict="warned", sentence=sentence,
            values={"days": found.delay, "count": len(found.delays)},
        )  # fmt: skip
        report = make_report(
            found.effect,
            action=action.action_id,
            metric=question.metric,
            series=own.key,
            unit=own.unit,
            adds_up=own.adds_up,
            declared_end=window.end_day + found.delay,
            further_checks=[check],
        )
    label = report.label if is_found else "cannot_tell"
    return replace(report, label=label, p_value=found.p_value)


def find_window(action: ActionRow, question: EffectRequest) -> Window:
    """The days on which the effect is measured.

    Raises:
        InputError: The delay or the length is out of range.
    """
    for days, name, least in (
        (question.delay_days, "delay", -MOST_DAYS),
        (question.effect_days, "length of a window", 1),
    ):
        if days is not None and not least <= days <= MOST_DAYS:
            raise InputError(
                f"The {name} of {days} days is out of range.",
                hint=f"Ask for {least} to {MOST_DAYS} days.",
            )
    first, last = action.find_window(question.metric)
    if question.delay_days is not None:
        first, last = (day + action.first_day + question.delay_days - first for day in (first, last))
    if question.effect_days is not None:
        last = first + question.effect_days - 1
    return Window(first, last)


def find_own_series(book: MetricStore, action: ActionRow, question: EffectRequest) -> MetricSeries:
    """The series that the action was to move: its brand's, region's or segment's, or that of a linked consumer.

    Raises:
        NotFoundError: There is none.
    """
    metric = question.metric
    if question.consumer is not None:
        found = find_keys(book.session, "consumer", [question.consumer])
        if not found:
            # In the words of `read_consumer`: a caller who sees one brand does not learn whether a consumer exists.
            raise NotFoundError(
                f"There are no days of {metric} of this consumer.",
                hint="`fusion metrics list` lists the series that there are.",
            )
        return book.read_consumer(metric, found[question.consumer], action.brand_id)
    if question.product is not None:
        for each in book.list_products(metric, action.brand_id).values():
            if each.product == question.product:
                return each
    elif action.region is not None:
        for each in book.list_regions(metric, action.brand_id).values():
            if each.region == action.region:
                return each
    else:
        for each in book.list_brands(metric, segment=action.segment).values():
            if each.brand_id == action.brand_id:
                return each
        linked = _list_seen_with(read_associations(book.session), action)
        for each in book.list_consumers(metric).values():
            if each.consumer_id in linked:
                return each
    raise NotFoundError(
        f"There are not enough days of {metric} for the action {action.action_id}.",
        hint="`fusion metrics list` shows which metrics there are and of how many days.",
    )


def read_kept(session: Session, action_id: str, metric: str) -> tuple[str, EffectReport] | None:
    """The stored effect, with the hash of its inputs."""
    rows = session.read(EFFECTS, {"action_id": action_id, "metric": metric}).to_pylist()
    report = read_report(rows[0]["report"]) if rows else None
    return None if report is None else (rows[0]["digest"], report)


def keep_effects(workspace: Workspace, measured: Sequence[MeasuredEffect]) -> None:
    """Store effects, each in place of the one measured before."""
    with workspace.store.writing() as session:
        session.replace(EFFECTS, EFFECTS.column_names, [_to_row(each, workspace.now_us) for each in measured])
        workspace.note_change(session)


def _to_row(each: MeasuredEffect, measured_us: int) -> tuple[Any, ...]:
    report = each.report
    return (
        report.action, report.metric, each.own.key, each.action.brand_id, each.own.consumer_id, report.label,
        report.relative, report.estimate_log, report.se_log, report.is_log, measured_us, each.digest,
        report.write_json(),
    )  # fmt: skip


def _list_seen_with(associations: Sequence[AssociationLink], action: ActionRow) -> set[int]:
    """The consumers linked with its brand by an association in force during the action."""
    end_us = (action.last_day + 1) * DAY_MICROSECONDS
    return {
        link.consumer_id
        for link in associations
        if link.brand_id == action.brand_id
        and link.valid_from_us < end_us
        and (link.valid_to_us is None or link.valid_to_us >= action.starts_us)
    }


def _list_own_windows(
    session: Session, actions: Sequence[ActionRow], action: ActionRow, own: MetricSeries
) -> list[ActionWindow]:
    """The windows of the other actions that reach the same series.

    A brand's own series is reached by its own actions; one of a consumer (an artist's followers) by those of every
    brand linked with the consumer. An action of another brand is counted, and not named.
    """
    associations = read_associations(session) if own.consumer_id else []
    return [
        ActionWindow(
            *each.find_window(own.metric),
            each.action_id if each.brand_id == action.brand_id else ANOTHER_BRAND,
            each.expected_effect == "temporary",
        )
        for each in actions
        if (each.brand_id == action.brand_id or own.consumer_id in _list_seen_with(associations, each))
        and each.action_id != action.action_id
        and (own.region is None or each.region in (None, own.region))
    ]


def _cover(steps: Steps, window: ActionWindow) -> ActionWindow:
    """The window in steps: all those that share a day with it."""
    covered = steps.cover(window)
    return replace(window, start_day=covered.start_day, end_day=covered.end_day)


def _find_first(action: ActionRow, window: Window, together: Sequence[ActionWindow]) -> str | None:
    """Of actions that cannot be separated, the one under which their effect is reported; None where it is this one."""
    named = [each for each in together if each.name != ANOTHER_BRAND]
    starts = [(window.start_day, action.action_id), *((each.start_day, each.name) for each in named)]
    first = min(starts)[1]
    return None if first == action.action_id else first


def _digest(
    own: MetricSeries, control_series: Sequence[MetricSeries], window: Window, others: Sequence[ActionWindow],
    calibration: PlaceboCalibration, action: ActionRow, today: int, country: str,
) -> str:  # fmt: skip
    """Hash of all inputs of an effect; windows and today are counted in steps."""
    told = (
        RECIPE,
        own.digest,
        sorted(each.digest for each in control_series),
        window,
        sorted((each.start_day, each.end_day, each.name, each.is_temporary) for each in others),
        _digest_calibration(calibration, window.days),
        action.expected_effect,
        country,
        # Until the window is over, each day is a new look at the data.
        min(today, window.end_day + 1),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def _digest_calibration(calibration: PlaceboCalibration, length: int) -> tuple[object, ...]:
    """Changes with the library and when it has grown by a fifth, not with every night that adds a day to it."""
    told: list[object] = [calibration.name]
    for form in ("single", "controls"):
        rule = calibration.find_rule(form, length)
        told.append((form, rule.sources, round(4 * math.log2(max(rule.windows, 1.0)))))
    return tuple(told)
