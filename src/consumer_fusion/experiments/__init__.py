"""Experiments: who gets an action is drawn and recorded before it, compared after it, and may decide its points.

The only way by which the points of a brand's action change but by hand (`docs/concepts/calibration.md`).
"""

from __future__ import annotations

from consumer_fusion.experiments.applying import (
    Suggestion,
    apply_experiment,
    list_suggestions,
    withdraw_experiment,
)
from consumer_fusion.experiments.book import ExperimentRow, list_assignments, list_experiments
from consumer_fusion.experiments.compared_files import (
    AudienceFinding,
    compare_audience_file,
    compare_panel_file,
)
from consumer_fusion.experiments.comparing import measure_experiment
from consumer_fusion.experiments.drawing import (
    DrawnExperiment,
    ExperimentPlan,
    draw_experiment,
    read_assignment_file,
    record_experiment,
)
from consumer_fusion.experiments.findings import ExperimentReport
from consumer_fusion.experiments.ranking import HelpedConsumers, rank_consumers

__all__ = [
    "AudienceFinding",
    "DrawnExperiment",
    "ExperimentPlan",
    "ExperimentReport",
    "ExperimentRow",
    "HelpedConsumers",
    "Suggestion",
    "apply_experiment",
    "compare_audience_file",
    "compare_panel_file",
    "draw_experiment",
    "list_assignments",
    "list_experiments",
    "list_suggestions",
    "measure_experiment",
    "rank_consumers",
    "read_assignment_file",
    "record_experiment",
    "withdraw_experiment",
]
