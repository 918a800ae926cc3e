"""An answer lacks nothing that was acknowledged some seconds before, and waits for nothing that is newer."""

from __future__ import annotations

import json
from time import monotonic

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


def test_what_waits_is_landed_before_the_first_answer(workspace, clock):
    send(workspace, 1)
    FreshnessBarrier(workspace).ensure_landed()
    assert count_inbox(workspace) == 1


def test_nobody_waits_for_what_came_just_now_unless_they_insist(workspace, clock):
    barrier = FreshnessBarrier(workspace)
    barrier.ensure_landed()
    send(workspace, 1)
    clock[0] += freshness.LAG_SECONDS - 0.1
    barrier.ensure_landed()
    assert count_inbox(workspace) == 0
    barrier.ensure_landed(is_forced=True)
    assert count_inbox(workspace) == 1


def test_what_waited_for_longer_is_landed(workspace, clock):
    barrier = FreshnessBarrier(workspace)
    barrier.ensure_landed()
    send(workspace, 1)
    clock[0] += freshness.LAG_SECONDS + 0.1
    barrier.ensure_landed()
    assert count_inbox(workspace) == 1


def test_a_landing_by_somebody_else_counts_from_its_beginning(workspace, clock, monkeypatch):
    barrier = FreshnessBarrier(workspace)
    landed = []
    monkeypatch.setattr(pipeline, "land_arrivals", lambda *_, **__: landed.append(clock[0]))
    send(workspace, 1)
    barrier.note_landing(clock[0])
    clock[0] += freshness.LAG_SECONDS - 0.1
    barrier.ensure_landed()
    assert landed == []
    clock[0] += 0.2
    barrier.ensure_landed()
    assert landed == [clock[0]]


def test_while_an_import_writes_one_question_waits_a_little_and_the_next_not_at_all(workspace):
    barrier = FreshnessBarrier(workspace, lag_seconds=0.0, patience_seconds=0.5)
    send(workspace, 1)
    with workspace.store.writing():  # as an import does for minutes
        begun = monotonic()
        barrier.ensure_landed()
        assert 0.4 < monotonic() - begun < 5
        begun = monotonic()
        for _ in range(20):
            barrier.ensure_landed()
        assert monotonic() - begun < 3  # not 20 times the patience
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
