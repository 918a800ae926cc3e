"""What the server does by itself: the work of the night, once it is due."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import ClassVar

import pytest

from consumer_fusion.causal.effects.nightly_effects import calibrate_nightly, is_calibration_due
from consumer_fusion.causal.effects.shrinking import list_effects
from consumer_fusion.operations import Job, find_jobs
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.perception import PERCEPTIONS
from consumer_fusion.server import background_jobs
from consumer_fusion.server.background_jobs import BackgroundJobs
from effect_worlds import make_action, make_orders, open_world
from small_workspaces import make_order, open_small

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")


@pytest.mark.slow
def test_effects_are_calibrated_and_measured_by_the_server_itself(tmp_path):
    with open_world(tmp_path / "ws", make_orders(days=150, lift=0.4), [make_action()]) as workspace:
        working = BackgroundJobs(workspace, longest_pause_seconds=0.05)
        working.start()
        try:
            end = time.monotonic() + 120
            while not list_effects(workspace) and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            working.stop()
        assert [each.report.metric for each in list_effects(workspace)] == ["orders"]


def test_replaced_files_and_logs_leave_the_disk_while_the_server_runs(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        replaced = tmp_path / "ws" / "segments" / "bucket=03" / "a.parquet"
        replaced.parent.mkdir(parents=True)
        for path in (replaced, replaced.with_name("a.parquet.replaced")):
            path.touch()
            os.utime(path, (time.time() - 5, time.time() - 5))
        working = BackgroundJobs(workspace, longest_pause_seconds=0.05)
        working.start()
        try:
            end = time.monotonic() + 60
            while list(replaced.parent.iterdir()) and time.monotonic() < end:
                time.sleep(0.02)
        finally:
            working.stop()
        assert list(replaced.parent.iterdir()) == []
        logs = [path.stat().st_size for path in (tmp_path / "ws").glob("*.db-wal")]
        assert len(logs) == 3
        assert set(logs) == {0}


class Recorder:
    """Stands for the other process, and notes what is asked of it."""

    asked: ClassVar[list[object]] = []

    def __init__(self, workspace):
        self.is_closed = False

    def run(self, function):
        Recorder.asked.append(function)

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("is_due", [False, True])
def test_effects_are_calibrated_aside_and_only_when_they_are_due(tmp_path, monkeypatch, is_due):
    monkeypatch.setattr(background_jobs, "WorkerPool", Recorder)
    (nightly,) = (job for job in find_jobs() if job.name == "calibrate effects")
    assert nightly.is_due is is_calibration_due
    job = replace(nightly, is_due=lambda _: is_due and not Recorder.asked)
    Recorder.asked.clear()
    with open_small(tmp_path / "ws") as workspace:
        made = BackgroundJobs(workspace, [job], longest_pause_seconds=0.01)
        made.start()
        for thread in made._threads:
            thread.join(timeout=0.3)
        made.stop()
    assert Recorder.asked == ([calibrate_nightly] if is_due else [])


def test_the_jobs_are_those_that_capabilities_declare():
    assert {job.name for job in find_jobs()} == {
        "judge changes", "judge decay", "post deliveries", "calibrate effects", "release disk space", "release memory",
        "seal events", "move states into blocks", "take snapshots of brands", "read messages",
    }  # fmt: skip


def test_a_job_that_fails_is_tried_again_and_holds_up_no_other(tmp_path):
    done = []

    def fail(_):
        done.append("failed")
        raise ZeroDivisionError

    jobs = [
        Job("fail", fail, every_seconds=0.01),
        Job("work", lambda _: done.append("worked"), every_seconds=0.01),
    ]
    with open_small(tmp_path / "ws") as workspace:
        made = BackgroundJobs(workspace, jobs)
        made.start()
        end = time.monotonic() + 30
        while (done.count("failed") < 2 or done.count("worked") < 2) and time.monotonic() < end:
            time.sleep(0.01)
        made.stop()
    assert done.count("failed") >= 2
    assert done.count("worked") >= 2


def test_messages_that_wait_are_read_by_the_server_itself(tmp_path):
    said = make_order(1, kind="Message Sent", value=None, text="You charged me twice.")
    (job,) = (each for each in find_jobs() if each.name == "read messages")
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [said])
        with workspace.store.writing() as session:
            session.update(PERCEPTIONS, {"is_waiting": True}, {})
        working = BackgroundJobs(workspace, [job], longest_pause_seconds=0.05)
        working.start()
        try:
            end = time.monotonic() + 60
            while job.is_due(workspace) and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            working.stop()
        assert not job.is_due(workspace)
