"""Applying an experiment: its points take the place of what was assumed, or stay a suggestion."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.experiments.analysis import judge_experiment
from consumer_fusion.causal.experiments.experiment_store import change_experiment, find_experiment
from consumer_fusion.errors import ConflictError, RefusedError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.experiment import EXPERIMENTS
from consumer_fusion.records.points import Facet
from consumer_fusion.score.calibration.experiment_overrides import (
    DEFAULT_FACET,
    PointsOverride,
    list_given_facets,
)
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Points that evidence speaks for, shown beside those in force and never applied by itself.

    Attributes:
        experiment_id: Where it comes from.
        brand: Key of the brand that it was compared at.
        key: The action.
        points: In all facets together.
        points_error: Their standard error.
        grade: Of the evidence.
        reasons: Why they are not in force.
    """

    experiment_id: str
    brand: str
    key: str
    points: float
    points_error: float
    grade: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The suggestion as JSON holds it."""
        return {name: getattr(self, name) for name in self.__slots__} | {"reasons": list(self.reasons)}


def apply_experiment(
    workspace: Workspace,
    experiment_id: str,
    *,
    facet: Facet = DEFAULT_FACET,
    progress: Progress = ignore_progress,
) -> PointsOverride:
    """Put the points that an experiment decides in force; states that they touch are folded anew.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        facet: What the action gives, where the points table does not say.
        progress: Told how far it is.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: Chance did not decide, that was not on record before, there is no calibrated link of its outcome
            and horizon, or its outcomes have not come in; all reasons are named.
    """
    if facet not in list_given_facets():
        raise RefusedError(
            f"'{facet}' is not something that a brand gives.",
            hint=f"Use one of {', '.join(list_given_facets())}.",
        )
    found = judge_experiment(workspace, experiment_id, facet)
    if found.report.refusals or found.override is None:
        raise RefusedError(
            f"Experiment '{experiment_id}' decides no points: {' '.join(found.report.refusals)}",
            hint="Points of a brand's action follow from a division by chance that was on record before it.",
        )
    with workspace.store.writing() as session:
        change_experiment(
            session,
            experiment_id,
            report=json.dumps(found.report.as_dict()),
            measured_us=workspace.now_us,
            override=json.dumps(found.override.as_dict()),
            applied_us=workspace.now_us,
        )
        workspace.note_change(session)
    put_points_in_force(workspace, progress)
    return found.override


def withdraw_experiment(
    workspace: Workspace, experiment_id: str, progress: Progress = ignore_progress
) -> None:
    """Take an experiment back: what it decided is as it was before; its list and report stay on record.

    Raises:
        NotFoundError: There is no such experiment.
        ConflictError: It was withdrawn already.
    """
    with workspace.store.writing() as session:
        row = find_experiment(session, experiment_id)
        if row.withdrawn_us is not None:
            raise ConflictError(
                f"Experiment '{experiment_id}' was withdrawn already.", hint="It decides nothing any more."
            )
        change_experiment(session, experiment_id, withdrawn_us=workspace.now_us)
        workspace.note_change(session)
    put_points_in_force(workspace, progress)


def list_suggestions(workspace: Workspace) -> list[Suggestion]:
    """What measured comparisons speak for without being in force, by action."""
    with workspace.store.reading() as session:
        rows = session.read(EXPERIMENTS, order_by=("kind", "measured_us")).to_pylist()
        brands = name_entities(session, [row["brand_id"] for row in rows])
    found = []
    for row in rows:
        report = json.loads(row["report"]) if row["report"] else None
        is_in_force = row["applied_us"] is not None
        if report is None or report["points"] is None or row["withdrawn_us"] is not None or is_in_force:
            continue
        found.append(
            Suggestion(
                row["experiment_id"],
                brands[row["brand_id"]],
                row["kind"],
                report["points"],
                report["points_error"],
                report["grade"],
                tuple(report["refusals"]),
            )
        )
    return found
