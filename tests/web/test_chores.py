"""What the server does by itself: the work of the night, once it is due."""

from __future__ import annotations

import time

import pytest

from consumer_fusion import effects
from consumer_fusion.web import chores
from effect_worlds import make_action, make_orders, open_world

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")


def test_effects_are_calibrated_and_measured_by_the_server_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(chores, "NIGHTLY_INTERVAL_SECONDS", 0.05)
    with open_world(tmp_path / "ws", make_orders(days=150, lift=0.4), [make_action()]) as workspace:
        working = chores.Chores(workspace, interval_seconds=0.05)
        working.start()
        try:
            end = time.monotonic() + 120
            while not effects.list_effects(workspace) and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            working.stop()
        assert [each.report.metric for each in effects.list_effects(workspace)] == ["orders"]
