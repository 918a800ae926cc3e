"""Consumer Fusion: relationship scores of consumers and brands, with explanations.

The public functions work on an opened workspace and return Arrow tables, which any data frame library can read::

    import consumer_fusion as fusion

    with fusion.open_workspace("demo-workspace") as workspace:
        scores = fusion.score_pairs(workspace, brand="sweater-brand")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer_fusion.errors import FusionError
    from consumer_fusion.pipeline import import_events, import_files, import_frame
    from consumer_fusion.records.event import Event
    from consumer_fusion.score.calibration_runs import calibrate_points, predict_pairs
    from consumer_fusion.score.queries.answers import score_pairs, summarise_brands
    from consumer_fusion.score.queries.pair_answers import explain_pair, replay_pair, score_without
    from consumer_fusion.workspace import Workspace, create_workspace, open_workspace

_PLACES = {
    "Event": "consumer_fusion.records.event",
    "FusionError": "consumer_fusion.errors",
    "Workspace": "consumer_fusion.workspace",
    "calibrate_points": "consumer_fusion.score.calibration_runs",
    "create_workspace": "consumer_fusion.workspace",
    "explain_pair": "consumer_fusion.score.queries.pair_answers",
    "import_events": "consumer_fusion.pipeline",
    "import_files": "consumer_fusion.pipeline",
    "import_frame": "consumer_fusion.pipeline",
    "open_workspace": "consumer_fusion.workspace",
    "predict_pairs": "consumer_fusion.score.calibration_runs",
    "replay_pair": "consumer_fusion.score.queries.pair_answers",
    "score_pairs": "consumer_fusion.score.queries.answers",
    "score_without": "consumer_fusion.score.queries.pair_answers",
    "summarise_brands": "consumer_fusion.score.queries.answers",
}


def __getattr__(name: str) -> object:
    """A public name, imported on first use, so that `import consumer_fusion` alone is fast."""
    if name not in _PLACES:
        raise AttributeError(f"module 'consumer_fusion' has no attribute '{name}'")
    return getattr(importlib.import_module(_PLACES[name]), name)


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
