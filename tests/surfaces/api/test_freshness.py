"""An answer waits for what was acknowledged only if it is asked to; what waited for long is landed."""

from __future__ import annotations

import json
from queue import Queue
from time import monotonic, sleep

import pytest

from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError, StoreError
from consumer_fusion.events.inbox_queue import append_arrivals, find_oldest_arrival
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.surfaces.api import freshness
from consumer_fusion.surfaces.api.freshness import FreshnessBarrier
from small_workspaces import NOW, count_inbox, open_small


@pytest.fixture
def workspace(tmp_path):
    with open_small(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def clock(monkeypatch):
    """The clock of the gate, to be moved by hand."""
    moment = [1_000.0]
    monkeypatch.setattr(freshness, "monotonic", lambda: moment[0])
    return moment


def send(workspace, number):
    line = {
        "event_id": f"order-{number}", "occurred_at": NOW.isoformat(), "kind": "Order Completed",
        "consumer": "ann", "brand": "bakery",
    }  # fmt: skip
    with workspace.arrivals.writing() as session:
        append_arrivals(
            session, [Arrival("events", "shop", None, "server", None, workspace.now_us, json.dumps(line))]
        )


def wait_until_landed(workspace):
    end = monotonic() + 20
    while not count_inbox(workspace):
        assert monotonic() < end, "nothing landed"
        sleep(0.01)


def test_nobody_waits_unless_they_insist(workspace, clock):
    barrier = FreshnessBarrier(workspace)
    barrier.ensure_landed()
    send(workspace, 1)
    clock[0] += freshness.LAG_SECONDS - 0.1
    barrier.ensure_landed()
    assert count_inbox(workspace) == 0
    barrier.ensure_landed(is_forced=True)
    assert count_inbox(workspace) == 1


def test_what_waited_for_long_is_landed_in_the_background(workspace, clock):
    barrier = FreshnessBarrier(workspace)
    barrier.ensure_landed()
    send(workspace, 1)
    clock[0] += freshness.LAG_SECONDS + 0.1
    barrier.ensure_landed()
    wait_until_landed(workspace)


def test_a_landing_by_somebody_else_counts_from_its_beginning(workspace, clock, monkeypatch):
    barrier = FreshnessBarrier(workspace)
    landed = Queue()
    monkeypatch.setattr(pipeline, "land_arrivals", lambda *_, **__: landed.put(clock[0]))
    send(workspace, 1)
    barrier.note_landing(clock[0])
    clock[0] += freshness.LAG_SECONDS - 0.1
    barrier.ensure_landed()
    clock[0] += 0.2
    barrier.ensure_landed()
    assert landed.get(timeout=20) == clock[0]
    assert landed.empty()


def test_no_question_waits_while_an_import_writes(workspace):
    barrier = FreshnessBarrier(workspace, lag_seconds=0.0, patience_seconds=0.5)
    send(workspace, 1)
    with workspace.store.writing():  # as an import does for minutes
        begun = monotonic()
        for _ in range(20):
            barrier.ensure_landed()
        assert monotonic() - begun < 0.5
        with pytest.raises(ConflictError, match="cannot be counted yet"):
            barrier.ensure_landed(is_forced=True)
        assert count_inbox(workspace) == 0
    barrier = FreshnessBarrier(workspace)
    end = monotonic() + 20
    while not count_inbox(workspace) and monotonic() < end:
        barrier.ensure_landed(is_forced=True)
    assert count_inbox(workspace) == 1


def test_a_landing_that_fails_is_told_to_whoever_insists(workspace, monkeypatch):
    def refuse(*_, **__):
        raise StoreError("no room on the disk")

    monkeypatch.setattr(pipeline, "land_arrivals", refuse)
    send(workspace, 1)
    barrier = FreshnessBarrier(workspace)
    barrier.ensure_landed()
    with pytest.raises(StoreError, match="no room"):
        barrier.ensure_landed(is_forced=True)


def test_the_arrival_that_waits_longest_is_told(workspace):
    with workspace.arrivals.reading() as session:
        assert find_oldest_arrival(session) is None
    send(workspace, 1)
    with workspace.arrivals.reading() as session:
        assert find_oldest_arrival(session) == workspace.now_us
