"""The planner: the smallest detectable effect of a planned action, and randomised control groups."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.power_analysis import (
    COUNTED_METRICS,
    HoldoutSuggestion,
    Plan,
    plan_actions,
    suggest_holdouts,
)
from consumer_fusion.causal.experiments.experiment_store import (
    AssignedConsumer,
    Experiment,
    list_assignments,
    list_experiments,
)
from consumer_fusion.causal.series.metric_store import METRIC_NAMES
from consumer_fusion.errors import FusionError, NotFoundError
from consumer_fusion.i18n.translation import _
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.spreadsheet_cells import write_cell
from consumer_fusion.records.timestamps import (
    DAY_MICROSECONDS,
    parse_moment,
    to_day,
    to_microseconds,
    write_iso_day,
    write_moment,
)
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.figure_parts import Placeholder, answer_figure, place_figure
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, PageRequest
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.action_views import make_plans_drawing

MOST_STARTS = 4


@dataclass(frozen=True, slots=True)
class PlannerPage:
    """The planner of a brand.

    Attributes:
        brand: Key of the brand.
        metric: Metric that the action is to change.
        metrics: Available metrics, with their labels.
        starts: Candidate first days, ISO 8601.
        rows: The plans, formatted: `plan`, `start`, `detectable`, `path` to declare it.
        figure: Placeholder of the chart; None where nothing can be planned.
        download: Path of the numbers as CSV.
        problem: Why nothing can be planned, and what to do; empty otherwise.
        holdouts: Suggested sizes of the control group, with the smallest detectable effect of each.
        holdout_days: Days over which outcomes are counted.
        kinds: Brand actions in the points table that an experiment can test.
        drawn: Existing experiments.
        may_draw: Whether the user may create an experiment.
        may_download: Whether the user may see the consumers in it.
        soon: Default start, in the future.
    """

    brand: str
    metric: str
    metrics: Mapping[str, str]
    starts: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    figure: Placeholder | None
    download: str
    problem: str
    holdouts: Sequence[tuple[HoldoutSuggestion, str]]
    holdout_days: int
    kinds: Sequence[str]
    drawn: Sequence[Experiment]
    may_draw: bool
    may_download: bool
    soon: str


def show_planner(page_request: PageRequest) -> Answer:
    """Page of candidate dates, lengths and regions with their smallest detectable effects, and of control groups."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric") or "orders"
    page_request.require("view", brand)
    problem, plans = "", []
    try:
        plans = _make_plans(page_request, brand, metric)
    except FusionError as error:
        problem = f"{error.message} {error.hint}".strip()
    days = max((plan.days for plan in plans), default=28)
    asked = {"brand": brand, "metric": metric, "start": page_request.asked.get("start", "")}
    content = PlannerPage(
        brand=brand,
        metric=metric,
        metrics={name: effect_wording.name_metric(name) for name in METRIC_NAMES},
        starts=[write_iso_day(day) for day in dict.fromkeys(plan.start for plan in plans)],
        rows=[
            {
                "plan": plan,
                "start": effect_wording.write_day(plan.start),
                "detectable": effect_wording.write_relative(plan.detectable),
            }
            for plan in plans
        ],
        figure=place_figure(make_plans_drawing(plans, metric), "/planner/figure", **asked) if plans else None,
        download=make_path("/planner/figure", format="csv", **asked),
        problem=problem,
        holdouts=_suggest(page_request, brand, metric, days),
        holdout_days=days,
        kinds=_list_kinds(page_request),
        drawn=_list_drawn(page_request, brand),
        may_draw=page_request.may("declare_actions", brand),
        may_download=page_request.may("see_identities", brand),
        soon=write_moment((page_request.workspace.now_us // DAY_MICROSECONDS + 1) * DAY_MICROSECONDS)[:16],
    )
    return Page("planner.html", _("Plan for {brand}", brand=brand), content, section="planner", brand=brand)


def show_planner_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """The chart of the smallest detectable effects, or its numbers as CSV."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric") or "orders"
    page_request.require("view", brand)

    key = ("plans", brand, metric, page_request.asked.get("start"))
    return answer_figure(
        page_request, cache, key, page_request.queries.find_version(),
        lambda: make_plans_drawing(_make_plans(page_request, brand, metric), metric),
    )  # fmt: skip


def download_holdout(page_request: PageRequest) -> Answer:
    """Download of the consumers of an experiment: treated group and control group."""
    brand, experiment_id = page_request.read_asked("brand"), page_request.read_asked("experiment")
    page_request.require("see_identities", brand)
    if experiment_id not in {row.experiment_id for row in _list_drawn(page_request, brand)}:
        raise NotFoundError(_("There is no such list."), hint=_("The page lists all of them."))
    rows = list_assignments(page_request.workspace, experiment_id)
    look = AuditNote(
        "download control group", object_id=experiment_id, brand=brand, detail={"rows": len(rows)}
    )
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(AssignedConsumer.model_fields)
    writer.writerows([write_cell(each) for each in row.model_dump().values()] for row in rows)
    return Download(f"hold-out-{experiment_id}.csv", target.getvalue(), look=look)


def _make_plans(page_request: PageRequest, brand: str, metric: str) -> list[Plan]:
    starts = [part for part in page_request.asked.get("start", "").replace(",", " ").split() if part][
        :MOST_STARTS
    ]
    days = [to_day(to_microseconds(parse_moment(each))) for each in starts]
    return plan_actions(page_request.workspace, brand, metric=metric, starts=days)


def _suggest(
    page_request: PageRequest, brand: str, metric: str, days: int
) -> list[tuple[HoldoutSuggestion, str]]:
    if metric not in COUNTED_METRICS:
        return []
    found = suggest_holdouts(page_request.workspace, brand, metric=metric, days=days)
    return [(each, effect_wording.write_relative(each.detectable)) for each in found]


def _list_kinds(page_request: PageRequest) -> list[str]:
    points = put_points_in_force(page_request.workspace).points
    return [kind.key for kind in points.kinds.values() if kind.is_brand_action]


def _list_drawn(page_request: PageRequest, brand: str) -> list[Experiment]:
    return [
        each
        for each in list_experiments(page_request.workspace)
        if each.brand == brand and each.withdrawn_at is None
    ]
