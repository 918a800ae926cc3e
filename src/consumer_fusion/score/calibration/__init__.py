"""Calibration: half-lives, links and multipliers learnt from outcomes, and the checks before they come into force."""

__all__ = [
    "calibration",
    "calibration_report",
    "eligibility",
    "experiment_overrides",
    "fitting",
    "link_functions",
    "samples",
    "validity",
    "vectorised_score",
]
