"""The planner: before acting, how small an effect could be found, and whom to leave out by chance."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.power_analysis import (
    COUNTED_METRICS,
    HoldoutSuggestion,
    Plan,
    plan_actions,
    suggest_holdouts,
)
from consumer_fusion.causal.experiments.assignment import ExperimentPlan, draw_experiment
from consumer_fusion.causal.experiments.experiment_store import list_assignments, list_experiments
from consumer_fusion.causal.series.metric_store import METRIC_NAMES
from consumer_fusion.errors import FusionError, InputError, NotFoundError
from consumer_fusion.i18n.translation import say
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.ids import make_id
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
from consumer_fusion.surfaces.console.drawings import Column, Drawing, DrawingCache, Placeholder, Table
from consumer_fusion.surfaces.console.figure_parts import answer_figure
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.charts.forests import draw_detectable

MOST_STARTS = 4


@dataclass(frozen=True, slots=True)
class DrawnList:
    """A hold-out that was drawn and put on record.

    Attributes:
        experiment_id: Its id.
        title: What is tried.
        treated: How many people get it.
        held_out: How many do not.
        starts_us: From when on it may reach anybody.
        download: Where its list is; empty for who may not see keys of consumers.
    """

    experiment_id: str
    title: str
    treated: int
    held_out: int
    starts_us: int
    download: str


@dataclass(frozen=True, slots=True)
class PlannerPage:
    """What could be found of an action to come.

    Attributes:
        brand: Key of the brand.
        metric: What it would be to move.
        metrics: The metrics to choose from, and their words.
        starts: Candidate first days, ISO 8601.
        rows: The plans, with their words: `plan`, `start`, `detectable`, `path` to declare it.
        figure: The chart, to be drawn; None where nothing can be planned.
        download: Where the numbers are as CSV.
        problem: Why nothing can be planned, and what to do; empty where something can.
        holdouts: Shares that could be left out, with what each could find, in words.
        holdout_days: For how long outcomes would be counted.
        kinds: Actions of a brand in the points table, of which one is tried.
        drawn: Hold-outs on record.
        may_draw: Whether the visitor may draw one.
        soon: A start that is to come, filled in.
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
    drawn: Sequence[DrawnList]
    may_draw: bool
    soon: str


def show_planner(visit: Visit) -> Answer:
    """Candidate dates, lengths and regions with what each could find, and hold-outs drawn by chance."""
    brand, metric = visit.read_asked("brand"), visit.asked.get("metric") or "orders"
    visit.require("look", brand)
    problem, plans = "", []
    try:
        plans = _make_plans(visit, brand, metric)
    except FusionError as error:
        problem = f"{error.message} {error.hint}".strip()
    days = max((plan.days for plan in plans), default=28)
    asked = {"brand": brand, "metric": metric, "start": visit.asked.get("start", "")}
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
        figure=Placeholder(
            "plans",
            say("What could be found"),
            say("Smallest detectable effect at 80% power, by the length of the action."),
            make_path("/planner/figure", **asked),
            make_path("/planner/figure", format="csv", **asked),
        )
        if plans
        else None,
        download=make_path("/planner/figure", format="csv", **asked),
        problem=problem,
        holdouts=_suggest(visit, brand, metric, days),
        holdout_days=days,
        kinds=_list_kinds(visit),
        drawn=_list_drawn(visit, brand),
        may_draw=visit.may("declare_actions", brand),
        soon=write_moment((visit.workspace.now_us // DAY_MICROSECONDS + 1) * DAY_MICROSECONDS)[:16],
    )
    return Page(
        "planner.html", say("Planner of {brand}", brand=brand), content, section="planner", brand=brand
    )


def show_planner_figure(visit: Visit, shelf: DrawingCache) -> Answer:
    """The chart of what could be found, for its place on the page, or its numbers as CSV."""
    brand, metric = visit.read_asked("brand"), visit.asked.get("metric") or "orders"
    visit.require("look", brand)

    def make() -> Drawing:
        plans = _make_plans(visit, brand, metric)
        several = len({plan.start for plan in plans}) > 1
        table = pa.table(
            {
                "series": [
                    f"{plan.series}, {effect_wording.write_day(plan.start)}" if several else plan.series
                    for plan in plans
                ],
                "days": [plan.days for plan in plans],
                "detectable": [plan.detectable for plan in plans],
            }
        )
        return Drawing(
            "plans",
            say("What could be found"),
            say("Smallest detectable effect at 80% power, by the length of the action."),
            lambda look: draw_detectable(table, look),
            lambda: _gather_plans(plans, metric),
        )

    key = ("plans", brand, metric, visit.asked.get("start"))
    return answer_figure(visit, shelf, key, visit.readings.find_version(), make)


def draw_holdout(visit: Visit) -> Answer:
    """Draw by chance who does not get an action, and put it on record before the action begins."""
    brand = visit.read_form("brand")
    visit.require("declare_actions", brand)
    starts_us = visit.read_moment("starts_at")
    if starts_us is None:
        raise InputError(say("It is not said when it begins."), hint=say("Go back and fill it in."))
    plan = ExperimentPlan(
        brand=brand,
        kind=visit.read_form("kind"),
        outcome="Order Completed",
        horizon_days=visit.read_number("days", 28.0),
        starts_us=starts_us,
        title=visit.read_optional("title"),
        experiment_id=make_id(),
    )
    share = visit.read_number("share", 10.0) / 100
    deed = AuditNote(
        "draw hold-out", object_id=plan.experiment_id, brand=brand, detail={"kind": plan.kind, "share": share}
    )
    draw_experiment(
        visit.acting(deed),
        plan,
        share=share,
        seed=int(visit.read_number("seed", 1)),
    )
    return Redirect(
        make_path("/planner", brand=brand),
        say("It is drawn and on record, before anybody is reached. Its list is below."),
    )


def download_holdout(visit: Visit) -> Answer:
    """The list of a hold-out: who gets the action and who does not."""
    brand, experiment_id = visit.read_asked("brand"), visit.read_asked("experiment")
    visit.require("see_identities", brand)
    if experiment_id not in {row.experiment_id for row in _list_drawn(visit, brand)}:
        raise NotFoundError(say("There is no such list."), hint=say("The page lists those that there are."))
    rows = list_assignments(visit.workspace, experiment_id)
    look = AuditNote("download hold-out", object_id=experiment_id, brand=brand, detail={"rows": len(rows)})
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(["consumer", "arm", "stratum"])
    writer.writerows([write_cell(each) for each in row] for row in rows)
    return Download(f"hold-out-{experiment_id}.csv", target.getvalue(), look=look)


def _make_plans(visit: Visit, brand: str, metric: str) -> list[Plan]:
    starts = [part for part in visit.asked.get("start", "").replace(",", " ").split() if part][:MOST_STARTS]
    days = [to_day(to_microseconds(parse_moment(each))) for each in starts]
    return plan_actions(visit.workspace, brand, metric=metric, starts=days)


def _gather_plans(plans: Sequence[Plan], metric: str) -> Table:
    return Table(
        "plans",
        say("The smallest effect on {metric} that would be found", metric=effect_wording.name_metric(metric)),
        (
            Column("series", say("whose")),
            Column("start", say("from"), "day"),
            Column("days", say("days"), "count"),
            Column("detectable", say("effect"), "relative"),
            Column("controls", say("control series"), "count"),
        ),
        [plan.model_dump() for plan in plans],
    )


def _suggest(visit: Visit, brand: str, metric: str, days: int) -> list[tuple[HoldoutSuggestion, str]]:
    if metric not in COUNTED_METRICS:
        return []
    found = suggest_holdouts(visit.workspace, brand, metric=metric, days=days)
    return [(each, effect_wording.write_relative(each.detectable)) for each in found]


def _list_kinds(visit: Visit) -> list[str]:
    points = put_points_in_force(visit.workspace).points
    return [kind.key for kind in points.kinds.values() if kind.is_brand_action]


def _list_drawn(visit: Visit, brand: str) -> list[DrawnList]:
    may_see = visit.may("see_identities", brand)
    return [
        DrawnList(
            row["experiment_id"],
            row["title"],
            row["treated"],
            row["held_out"],
            to_microseconds(parse_moment(row["starts_at"])),
            make_path("/planner/list", brand=brand, experiment=row["experiment_id"]) if may_see else "",
        )
        for row in list_experiments(visit.workspace)
        if row["brand"] == brand and row["withdrawn_at"] is None
    ]
