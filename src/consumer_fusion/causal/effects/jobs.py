"""The nightly job that calibrates effects and measures them again."""

from __future__ import annotations

from consumer_fusion.causal.effects.nightly_effects import calibrate_nightly, is_calibration_due
from consumer_fusion.operations import Job

JOBS = (
    # It computes for minutes, and with libraries that nothing else in the server needs.
    Job(
        "calibrate effects",
        calibrate_nightly,
        every_seconds=300.0,
        is_due=is_calibration_due,
        is_in_worker=True,
    ),
)
