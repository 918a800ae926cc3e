"""An experiment: its groups, its results, and whether they determine the points of the action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.causal.experiments.experiment_store import Experiment
from consumer_fusion.causal.experiments.operations import SHOW_EXPERIMENT, ExperimentId
from consumer_fusion.records.points import Facet
from consumer_fusion.score.calibration.experiment_overrides import list_given_facets
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """One experiment.

    Attributes:
        row: The experiment.
        is_over: Whether the outcome period has ended.
        facets: Facets that may get points, where the points table has none for the kind yet; otherwise empty.
        may_measure: Whether the user may measure it.
        may_apply: Whether the user may put its points in force or revert them.
    """

    row: Experiment
    is_over: bool
    facets: Sequence[Facet]
    may_measure: bool
    may_apply: bool


def show_experiment(page_request: PageRequest) -> Answer:
    """Page of an experiment."""
    row: Experiment = page_request.ask(
        SHOW_EXPERIMENT, ExperimentId(experiment_id=page_request.read_asked("experiment"))
    )
    kind = put_points_in_force(page_request.workspace).points.kinds.get(row.kind)
    is_told = kind is not None and any(entry.direction == "brand_to_consumer" for entry in kind.entries)
    content = ExperimentPage(
        row=row,
        is_over=page_request.workspace.now_us >= row.outcome_until,
        facets=() if is_told else list_given_facets(),
        may_measure=page_request.may("declare_actions", row.brand) and row.withdrawn_at is None,
        may_apply=page_request.may("change_points") and row.withdrawn_at is None,
    )
    return Page("experiment.html", row.title, content, section="planner", brand=row.brand)
