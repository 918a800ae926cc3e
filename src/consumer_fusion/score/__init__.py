"""The Fusion Score: points, folding, the model, its explanation and history, calibration and forecasts."""

__all__ = [
    "calibration_runs",
    "effective_points",
    "message_causes",
    "operations",
    "points_comparison",
    "points_editing",
    "score_context",
    "snapshot_renewal",
]
