"""The nightly run: calibrates and measures again what changed, so that pages and programs find current effects."""

from __future__ import annotations

from consumer_fusion.causal.effects.placebo_learning import calibrate_effects
from consumer_fusion.causal.effects.shrinking import measure_effects
from consumer_fusion.records.action import ACTIONS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.workspace import Workspace

CALIBRATED_MARK = "effects_calibrated_us"


def is_calibration_due(workspace: Workspace, *, hour: int = 3) -> bool:
    """Whether there are actions and the last calibration is older than the latest occurrence of the hour, in UTC."""
    now_us = workspace.now_us
    due_us = now_us // DAY_MICROSECONDS * DAY_MICROSECONDS + hour * DAY_MICROSECONDS // 24
    if now_us < due_us:
        due_us -= DAY_MICROSECONDS
    with workspace.store.reading() as session:
        done_us = int(session.read_mark(CALIBRATED_MARK) or 0)
        return done_us < due_us and session.count(ACTIONS, {"withdrawn_us": None}) > 0


def calibrate_nightly(workspace: Workspace, *, hour: int = 3) -> bool:
    """Calibrate and measure what changed, once a UTC day, at the hour or at the first chance after it.

    Args:
        workspace: The workspace.
        hour: Hour of the UTC day.

    Returns:
        Whether there was anything to do.

    Raises:
        MissingExtraError: The extra `cause` is not installed.
    """
    if not is_calibration_due(workspace, hour=hour):
        return False
    # Marked first, so that a failure is tried again the next night and not every minute.
    with workspace.store.writing() as session:
        session.write_mark(CALIBRATED_MARK, workspace.now_us)
    calibrate_effects(workspace)
    measure_effects(workspace)
    return True
