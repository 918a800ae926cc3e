"""Applies an experiment: its points replace the assumed ones, or remain a suggestion."""

from __future__ import annotations

from collections.abc import Callable

from consumer_fusion.causal.experiments.analysis import judge_experiment
from consumer_fusion.causal.experiments.experiment_store import change_experiment, find_experiment
from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.errors import ConflictError, RefusedError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.i18n.messages import STORED
from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.experiment import EXPERIMENTS
from consumer_fusion.records.points import Facet
from consumer_fusion.score.calibration.experiment_overrides import (
    DEFAULT_FACET,
    PointsOverride,
)
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace


class PointsSuggestion(Schema):
    """Points that evidence implies, shown with those in force and never applied automatically."""

    experiment_id: str = describe("Experiment", "Its source.")
    brand: str = describe("Brand", "Key of the brand of the experiment.")
    key: str = describe("Action", "The action.")
    points: float = describe("Points", "In all facets together.", form="points")
    points_error: float = describe("Standard error", "Standard error of the points.", form="points")
    grade: str = describe("Evidence", "Strength of the evidence.")
    reasons: tuple[str, ...] = describe("Reasons", "Reasons why they are not in force.")


def apply_experiment(
    workspace: Workspace,
    experiment_id: str,
    *,
    facet: Facet = DEFAULT_FACET,
    progress: Progress = ignore_progress,
    note: Callable[[PointsOverride], object] = lambda made: None,
) -> PointsOverride:
    """Put the points that an experiment decides in force; affected states are folded again.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        facet: The facet that the action affects, where the points table does not define it.
        progress: Called with the progress.
        note: Called with the points before they are durable.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: It was not randomised, not recorded in advance, there is no calibrated link of its outcome and
            horizon, or its outcome period is not over in the data; all reasons are named.
    """
    found = judge_experiment(workspace, experiment_id, facet)
    if found.report.refusals or found.override is None:
        raise RefusedError(
            f"Experiment '{experiment_id}' decides no points: {' '.join(found.report.refusals)}",
            hint="The points of a brand's action are decided by a randomised experiment that was recorded in advance.",
        )
    note(found.override)
    with workspace.store.writing() as session:
        change_experiment(
            session,
            experiment_id,
            report=found.report.model_dump_json(context=STORED),
            measured_us=workspace.now_us,
            override=found.override.model_dump_json(),
            applied_us=workspace.now_us,
        )
        workspace.note_change(session)
    put_points_in_force(workspace, progress)
    return found.override


def withdraw_experiment(
    workspace: Workspace, experiment_id: str, progress: Progress = ignore_progress
) -> None:
    """Withdraw an experiment: its points return to their previous values; its list and report stay stored.

    Raises:
        NotFoundError: There is no such experiment.
        ConflictError: It was already withdrawn.
    """
    with workspace.store.writing() as session:
        row = find_experiment(session, experiment_id)
        if row.withdrawn_us is not None:
            raise ConflictError(
                f"Experiment '{experiment_id}' was already withdrawn.", hint="It no longer decides points."
            )
        change_experiment(session, experiment_id, withdrawn_us=workspace.now_us)
        workspace.note_change(session)
    put_points_in_force(workspace, progress)


def list_suggestions(workspace: Workspace) -> list[PointsSuggestion]:
    """Points that measured comparisons imply and that are not in force, by action."""
    with workspace.store.reading() as session:
        rows = session.read(EXPERIMENTS, order_by=("kind", "measured_us")).to_pylist()
        brands = name_entities(session, [row["brand_id"] for row in rows])
    found = []
    for row in rows:
        report = ExperimentReport.model_validate_json(row["report"]) if row["report"] else None
        is_in_force = row["applied_us"] is not None
        if report is None or report.points is None or row["withdrawn_us"] is not None or is_in_force:
            continue
        found.append(
            PointsSuggestion(
                experiment_id=row["experiment_id"], brand=brands[row["brand_id"]], key=row["kind"],
                points=report.points, points_error=report.points_error or 0.0, grade=report.grade,
                reasons=report.refusals,
            )
        )  # fmt: skip
    return found
