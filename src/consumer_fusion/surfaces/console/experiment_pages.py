"""An experiment: who got the action, what came of it, and whether it decides the points of the action."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.experiments import analysis, rollout
from consumer_fusion.causal.experiments.experiment_store import list_experiments
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.translation import say
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.experiment import EXPERIMENTS
from consumer_fusion.records.points import Facet
from consumer_fusion.records.timestamps import parse_moment, to_microseconds
from consumer_fusion.score.calibration.experiment_overrides import DEFAULT_FACET, list_given_facets
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """One experiment.

    Attributes:
        row: As `fusion experiments list --json` tells it.
        starts_us: From when on the action may reach anybody.
        ends_us: When outcomes no longer count.
        is_over: Whether that has passed.
        report: What was found; None until it was measured.
        facets: Where points may count, where the points table does not say it yet; else none.
        may_measure: Whether the visitor may have it measured.
        may_apply: Whether the visitor may put its points in force or take them back.
    """

    row: Mapping[str, Any]
    starts_us: int
    ends_us: int
    is_over: bool
    report: Mapping[str, Any] | None
    facets: Sequence[Facet]
    may_measure: bool
    may_apply: bool


def show_experiment(visit: Visit) -> Answer:
    """What is on record of an experiment."""
    row = _find_experiment(visit, visit.read_asked("experiment"))
    from_us = to_microseconds(parse_moment(row["outcome_from"]))
    ends_us = from_us + round(row["horizon_days"] * 86_400_000_000)
    kind = put_points_in_force(visit.workspace).points.kinds.get(row["kind"])
    is_told = kind is not None and any(entry.direction == "brand_to_consumer" for entry in kind.entries)
    content = ExperimentPage(
        row=row,
        starts_us=to_microseconds(parse_moment(row["starts_at"])),
        ends_us=ends_us,
        is_over=visit.workspace.now_us >= ends_us,
        report=row["report"],
        facets=() if is_told else list_given_facets(),
        may_measure=visit.may("declare_actions", row["brand"]) and row["withdrawn_at"] is None,
        may_apply=visit.may("change_points") and row["withdrawn_at"] is None,
    )
    return Page("experiment.html", row["title"], content, section="planner", brand=row["brand"])


def measure_experiment(visit: Visit) -> Answer:
    """Compare the arms; no point changes."""
    row = _find_experiment(visit, visit.read_form("experiment"))
    visit.require("declare_actions", row["brand"])
    deed = AuditNote("measure experiment", object_id=row["experiment_id"], brand=row["brand"])
    analysis.measure_experiment(visit.acting(deed), row["experiment_id"], facet=_read_facet(visit))
    return Redirect(_make_path(row), say("It is measured. No point has changed."))


def apply_experiment(visit: Visit) -> Answer:
    """Put the points that an experiment decides in force."""
    visit.require("change_points")
    row = _find_experiment(visit, visit.read_form("experiment"))
    number = row["experiment_id"]

    def tell(session: Session) -> AuditNote:
        override = json.loads(session.read(EXPERIMENTS, {"experiment_id": number})["override"][0].as_py())
        detail = {"kind": override["key"], "points": round(override["points"], 2)}
        return AuditNote("apply experiment", object_id=number, brand=row["brand"], detail=detail)

    rollout.apply_experiment(visit.acting(tell), number, facet=_read_facet(visit))
    return Redirect(_make_path(row), say("Its points are in force, and every score is read with them."))


def withdraw_experiment(visit: Visit) -> Answer:
    """Take an experiment back; points that it decided are as before it."""
    visit.require("change_points")
    row = _find_experiment(visit, visit.read_form("experiment"))
    deed = AuditNote("withdraw experiment", object_id=row["experiment_id"], brand=row["brand"])
    rollout.withdraw_experiment(visit.acting(deed), row["experiment_id"])
    return Redirect(_make_path(row), say("It is withdrawn and decides nothing any more."))


def _find_experiment(visit: Visit, experiment_id: str) -> dict[str, Any]:
    for row in list_experiments(visit.workspace):
        if row["experiment_id"] == experiment_id and visit.may("look", row["brand"]):
            return row
    raise NotFoundError(
        say("There is no such experiment."), hint=say("The planner of a brand lists those that there are.")
    )


def _make_path(row: Mapping[str, Any]) -> str:
    return make_path("/experiment", brand=row["brand"], experiment=row["experiment_id"])


def _read_facet(visit: Visit) -> Facet:
    asked = visit.read_optional("facet") or DEFAULT_FACET
    for facet in list_given_facets():
        if facet == asked:
            return facet
    raise InputError(
        say("“{facet}” is nothing that a brand gives.", facet=asked), hint=say("Choose one of the list.")
    )
