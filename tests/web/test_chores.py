"""The chores of the server: what computes for minutes does so in another process."""

from __future__ import annotations

from typing import ClassVar

import pytest

from consumer_fusion import effects
from consumer_fusion.web import chores
from consumer_fusion.web.chores import Chores
from small_workspaces import open_small


class Recorder:
    """Stands for the other process, and notes what is asked of it."""

    asked: ClassVar[list[object]] = []

    def __init__(self, workspace, idle_seconds):
        self.is_closed = False

    def run(self, function):
        Recorder.asked.append(function)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("is_due", [False, True])
def test_effects_are_calibrated_aside_and_only_when_they_are_due(tmp_path, monkeypatch, is_due):
    monkeypatch.setattr(chores, "Aside", Recorder)
    monkeypatch.setattr(chores, "NIGHTLY_INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(effects, "is_calibration_due", lambda _: is_due and not Recorder.asked)
    Recorder.asked.clear()
    with open_small(tmp_path / "ws") as workspace:
        made = Chores(workspace, interval_seconds=0.01)
        made.start()
        for thread in made._threads:
            thread.join(timeout=0.3)
        made.stop()
    assert Recorder.asked == ([effects.calibrate_nightly] if is_due else [])
