"""All effects together: measured where something changed, pooled within their kind, and shown in one form."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from consumer_fusion.causal.actions.actions import read_action_rows
from consumer_fusion.causal.effects.effect_report import EffectReport, read_report
from consumer_fusion.causal.effects.measuring import (
    EffectRequest,
    MeasuredEffect,
    keep_effects,
    measure_with_store,
    read_kept,
)
from consumer_fusion.causal.effects.series_names import name_reports
from consumer_fusion.causal.inference.shrinkage import adjust_p_values, shrink_effects
from consumer_fusion.causal.masked_keys import SeesBrand, ShowKey, see_every_brand
from consumer_fusion.causal.series.metric_store import MetricStore
from consumer_fusion.errors import InputError, NotFoundError, RefusedError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.effect import EFFECTS, EvidenceLabel
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.spillover.links import read_associations
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

USUAL_METRICS = ("orders", "revenue", "visits")
"""The metrics measured for every action where none is named, as far as there are such events."""
MOST_FALSE_SHARE = 0.1
"""The highest false discovery rate of a list; beyond it an effect is not called found."""


@dataclass(frozen=True, slots=True)
class PooledEffect:
    """An effect pooled with those of its kind.

    Attributes:
        mean: Its expected value, relative.
        low: Lower end of its robust interval.
        high: Upper end.
        sign_probability: The probability that its sign is right.
        group_size: Number of effects of its kind.
        is_shrunk: Whether those were enough to learn from.
    """

    mean: float
    low: float
    high: float
    sign_probability: float
    group_size: int
    is_shrunk: bool


@dataclass(frozen=True, slots=True)
class ShownEffect:
    """An effect as it is shown.

    Attributes:
        report: As it was measured.
        action_type: The kind of the action.
        title: Name of the action.
        brand: Key of its brand.
        starts_us: Start of the action, in microseconds since the epoch.
        shrunk: The pooled effect; None where there is no estimate.
        q_value: False discovery rate in a list of the brand's effects that is cut here; None where there is no p-value.
        q_count: Number of effects of the brand in that list.
        measured_us: Time of measurement; None where it was measured for this request only, and is not stored.
    """

    report: EffectReport
    action_type: str
    title: str
    brand: str
    starts_us: int
    shrunk: PooledEffect | None
    q_value: float | None
    q_count: int
    measured_us: int | None

    @property
    def listed_label(self) -> EvidenceLabel:
        """The evidence among the effects of its brand: no conclusion where the false discovery rate is too high."""
        is_found = self.q_value is not None and self.q_value <= MOST_FALSE_SHARE
        return self.report.label if is_found else "cannot_tell"


def measure_effects(
    workspace: Workspace, *, brands: Collection[str] | None = None, metrics: Sequence[str] = (),
    progress: Progress = ignore_progress,
) -> list[str]:  # fmt: skip
    """Measure every declared action on metrics where something changed since the last measurement.

    Args:
        workspace: The workspace.
        brands: Only actions of these brands.
        metrics: The metrics; those that actions name, and `USUAL_METRICS`, where none is given.
        progress: Called with the progress.

    Returns:
        The requested effects that could not be measured, for lack of days.
    """
    problems: list[str] = []
    measured: list[MeasuredEffect] = []
    with workspace.store.reading() as session:
        book = MetricStore(workspace, session, workspace.now_us)
        numbers = None if brands is None else list(find_keys(session, "brand", sorted(brands)).values())
        questions = [
            EffectRequest(action_id=action.action_id, metric=metric)
            for action in read_action_rows(session, brand_ids=numbers)
            if action.find_window("")[0] < book.today
            for metric in metrics or dict.fromkeys((*action.windows, *USUAL_METRICS))
        ]
        for place, question in enumerate(questions):
            progress("measure effects", place, len(questions))
            try:
                found = measure_with_store(book, question)
            except (InputError, NotFoundError, RefusedError):
                if metrics:
                    problems.append(f"{question.metric} after {question.action_id}")
                continue
            kept = read_kept(session, question.action_id, question.metric)
            if kept is None or kept[0] != found.digest:
                measured.append(found)
    keep_effects(workspace, measured)
    return problems


def list_effects(
    workspace: Workspace,
    *,
    brand: str | None = None,
    metric: str | None = None,
    show_key: ShowKey = str,
    sees: SeesBrand = see_every_brand,
) -> list[ShownEffect]:
    """The measured effects, raw and pooled, in the order in which their actions began.

    Args:
        workspace: The workspace.
        brand: Only actions of this brand.
        metric: Only of this metric.
        show_key: Writes a consumer's key in the form that the caller may see.
        sees: Whether the caller may see a brand; others are not named.
    """
    with workspace.store.reading() as session:
        shown = _read_shown(session, show_key, sees)
    return [
        each
        for each in shown
        if (brand is None or each.brand == brand) and (metric is None or each.report.metric == metric)
    ]


def list_linked_effects(
    workspace: Workspace,
    consumer: str,
    brand: str,
    *,
    show_key: ShowKey = str,
    sees: SeesBrand = see_every_brand,
) -> list[ShownEffect]:
    """The measured effects of a brand's actions during which a declared association linked the consumer with it.

    They are shown with the points of the pair and add none.

    Args:
        workspace: The workspace.
        consumer: Key of the consumer.
        brand: Key of the brand.
        show_key: Writes a consumer's key in the form that the caller may see.
        sees: Whether the caller may see a brand; others are not named.
    """
    with workspace.store.reading() as session:
        found = find_keys(session, "consumer", [consumer]), find_keys(session, "brand", [brand])
        links = [
            link
            for link in read_associations(session)
            if link.consumer_id in found[0].values() and link.brand_id in found[1].values()
        ]
        actions = read_action_rows(session, brand_ids=list(found[1].values())) if links else []
    seen = {
        action.action_id
        for action in actions
        for link in links
        if link.valid_from_us < (action.last_day + 1) * DAY_MICROSECONDS
        and (link.valid_to_us is None or link.valid_to_us >= action.starts_us)
    }
    shown = list_effects(workspace, brand=brand, show_key=show_key, sees=sees) if seen else []
    return [each for each in shown if each.report.action in seen]


def show_effect(
    workspace: Workspace, report: EffectReport, *, show_key: ShowKey = str, sees: SeesBrand = see_every_brand
) -> ShownEffect:
    """One effect, pooled with the other measured effects of its kind.

    Raises:
        NotFoundError: Its action was withdrawn.
    """
    with workspace.store.reading() as session:
        for each in _read_shown(session, show_key, sees, report):
            if (each.report.action, each.report.metric) == (report.action, report.metric):
                return each
    raise NotFoundError(f"There is no action {report.action}.", hint="It was withdrawn.")


def read_effect(workspace: Workspace, action_id: str, metric: str) -> tuple[EffectReport, int] | None:
    """The stored effect and the time of its measurement; None where there is none."""
    with workspace.store.reading() as session:
        rows = session.read(EFFECTS, {"action_id": action_id, "metric": metric}).to_pylist()
    report = read_report(rows[0]["report"]) if rows else None
    return None if report is None else (report, rows[0]["measured_us"])


def _read_shown(
    session: Session, show_key: ShowKey, sees: SeesBrand, asked: EffectReport | None = None
) -> list[ShownEffect]:
    """All effects of actions that were not withdrawn; `asked`, if given, replaces the stored one."""
    actions = {row.action_id: row for row in read_action_rows(session)}
    rows = session.read(EFFECTS, columns=("report", "measured_us")).to_pylist()
    kept = [
        (report, row["measured_us"]) for row in rows if (report := read_report(row["report"])) is not None
    ]
    measured = {(report.action, report.metric): measured_us for report, measured_us in kept}
    reports = [report for report, _ in kept]
    if asked is not None:
        key = (asked.action, asked.metric)
        if asked not in reports:
            measured.pop(key, None)
        reports = [*(each for each in reports if (each.action, each.metric) != key), asked]
    reports = [each for each in reports if each.action in actions]
    reports.sort(key=lambda each: (actions[each.action].starts_us, each.action, each.metric))
    shrunk = shrink_reports(reports, [actions[each.action].action_type for each in reports])
    owners = [actions[each.action].brand_id for each in reports]
    q_values, q_counts = _adjust_by_brand(reports, owners)
    brands = name_entities(session, owners)
    named = name_reports(session, reports, show_key, sees)
    return [
        ShownEffect(
            report=report,
            action_type=actions[report.action].action_type,
            title=actions[report.action].title,
            brand=brands[owners[place]],
            starts_us=actions[report.action].starts_us,
            shrunk=shrunk[place],
            q_value=q_values.get(place),
            q_count=q_counts[owners[place]],
            measured_us=measured.get((report.action, report.metric)),
        )
        for place, report in enumerate(named)
    ]


def _adjust_by_brand(
    reports: Sequence[EffectReport], owners: Sequence[int]
) -> tuple[dict[int, float], dict[int, int]]:
    """By place, the q-value among the effects of its brand; by brand, the number of those effects."""
    q_values: dict[int, float] = {}
    counts: dict[int, int] = {}
    for owner in set(owners):
        own = [
            place
            for place, report in enumerate(reports)
            if owners[place] == owner and report.p_value is not None and report.told_with is None
        ]
        adjusted = adjust_p_values([reports[place].p_value or 0.0 for place in own])
        q_values |= dict(zip(own, adjusted.tolist(), strict=True))
        counts[owner] = len(own)
    return q_values, counts


def shrink_reports(reports: Sequence[EffectReport], action_types: Sequence[str]) -> list[PooledEffect | None]:
    """Pool effects within (kind of action, metric); None for those without an estimate."""
    usable = [place for place, each in enumerate(reports) if each.can_be_shrunk]
    found = shrink_effects(
        [reports[place].estimate_log or 0.0 for place in usable],
        [reports[place].se_log or 1.0 for place in usable],
        [(action_types[place], reports[place].metric) for place in usable],
    )
    shrunk: list[PooledEffect | None] = [None] * len(reports)
    for place, each in zip(usable, found):
        mean, low, high = (_to_share(reports[place], value) for value in (each.mean, each.low, each.high))
        shrunk[place] = PooledEffect(
            mean=mean, low=low, high=high,
            sign_probability=each.sign_probability, group_size=each.group_size, is_shrunk=each.is_shrunk,
        )  # fmt: skip
    return shrunk


def _to_share(report: EffectReport, value: float) -> float:
    """A value on the scale of pooling as a relative effect."""
    if report.is_log:
        return math.expm1(value)
    # A series that never falls below zero can lose at most all of it, as its interval says.
    return max(value, -1.0) if report.low is not None and report.low >= -1.0 else value
