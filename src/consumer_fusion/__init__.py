"""Consumer Fusion: how consumers and brands stand with each other, and why.

The public names work on an opened workspace and give Arrow tables, which any data frame library takes::

    import consumer_fusion as fusion

    with fusion.open_workspace("demo-workspace") as workspace:
        scores = fusion.score_pairs(workspace, brand="sweater-brand")
"""

from __future__ import annotations

from consumer_fusion.errors import FusionError
from consumer_fusion.pipeline import import_events, import_files, import_frame
from consumer_fusion.records.event import Event
from consumer_fusion.score.calibration_runs import calibrate_points, predict_pairs
from consumer_fusion.score.queries.answers import (
    explain_pair,
    replay_pair,
    score_pairs,
    score_without,
    summarise_brands,
)
from consumer_fusion.workspace import Workspace, create_workspace, open_workspace

__all__ = [
    "Event",
    "FusionError",
    "Workspace",
    "calibrate_points",
    "create_workspace",
    "explain_pair",
    "import_events",
    "import_files",
    "import_frame",
    "open_workspace",
    "predict_pairs",
    "replay_pair",
    "score_pairs",
    "score_without",
    "summarise_brands",
]
