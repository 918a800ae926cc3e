"""The queue of arrivals: events of one source that arrive together are one row, counted one by one."""

from __future__ import annotations

import gc
import json

from consumer_fusion import pipeline
from consumer_fusion.events import inbox_queue
from consumer_fusion.events.inbox_queue import (
    append_arrivals,
    count_arrivals,
    find_oldest_arrival,
    read_arrivals,
)
from consumer_fusion.events.landing import Landing
from consumer_fusion.records.arrival import ARRIVALS, Arrival
from consumer_fusion.records.event import EVENTS
from small_workspaces import open_small

AT_US = 1_781_000_000_000_000


def make_lines(*numbers):
    return "\n".join(
        json.dumps({"event_id": f"e{n}", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Store Visited",
                    "consumer": "ann"})
        for n in numbers
    )  # fmt: skip


def make_arrival(*numbers, source="shop", received_us=AT_US):
    return Arrival("events", source, "bakery", "source", None, received_us, make_lines(*numbers))


def append(workspace, *arrivals):
    with workspace.arrivals.writing() as session:
        return append_arrivals(session, arrivals)


def test_events_of_one_source_are_one_row_and_are_counted_one_by_one(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        assert append(workspace, make_arrival(1, 2), make_arrival(3, source="web"), make_arrival(4)) == 4
        with workspace.arrivals.reading() as session:
            rows = session.read(ARRIVALS).to_pylist()
            assert count_arrivals(session) == 4
        assert [(row["source"], row["event_count"], row["lines"]) for row in rows] == [
            ("shop", 3, make_lines(1, 2, 4)), ("web", 1, make_lines(3)),
        ]  # fmt: skip


def test_the_count_is_right_after_the_oldest_left_and_others_came(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, make_arrival(1, 2, 3))
        append(workspace, make_arrival(4, 5))
        with workspace.arrivals.writing() as session:
            inbox_queue.forget_arrivals(session, [3])
        append(workspace, make_arrival(6))
        with workspace.arrivals.reading() as session:
            assert count_arrivals(session) == 3
        assert pipeline.land_arrivals(workspace).accepted == 3
        append(workspace, make_arrival(7, 8))
        with workspace.arrivals.reading() as session:
            assert count_arrivals(session) == 2


def test_a_row_holds_a_limited_number_of_events_and_of_characters(tmp_path, monkeypatch):
    monkeypatch.setattr(inbox_queue, "ROW_EVENTS", 2)
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, *map(make_arrival, range(5)))
        with workspace.arrivals.reading() as session:
            assert session.read(ARRIVALS)["event_count"].to_pylist() == [2, 2, 1]
        monkeypatch.setattr(inbox_queue, "ROW_CHARACTERS", 1)
        append(workspace, *map(make_arrival, range(5, 8)))
        with workspace.arrivals.reading() as session:
            assert session.read(ARRIVALS)["event_count"].to_pylist() == [2, 2, 1, 1, 1, 1]
            assert count_arrivals(session) == 8
        assert pipeline.land_arrivals(workspace).accepted == 8
        with workspace.store.reading() as session:
            assert session.count(EVENTS) == 8


def test_reading_stops_after_the_events_and_the_characters_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(inbox_queue, "ROW_EVENTS", 1)
    monkeypatch.setattr(inbox_queue, "_ROWS_AT_A_TIME", 2)
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, *map(make_arrival, range(7)))
        with workspace.arrivals.reading() as session:
            assert read_arrivals(session, limit=3, characters=1 << 20)["sequence"].to_pylist() == [1, 2, 3, 4]
            assert read_arrivals(session, limit=100, characters=1)["sequence"].to_pylist() == [1, 2]
            assert read_arrivals(session, limit=100, characters=1 << 20).num_rows == 7


def test_the_oldest_arrival_is_the_first_of_its_row(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, make_arrival(1, received_us=AT_US + 5), make_arrival(2, received_us=AT_US))
        with workspace.arrivals.reading() as session:
            assert find_oldest_arrival(session) == AT_US


def test_a_landing_that_took_long_deletes_nothing_that_came_meanwhile(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, make_arrival(1, 2))
        with workspace.arrivals.reading() as session:
            read = session.read(ARRIVALS)["sequence"].to_pylist()
        assert pipeline.land_arrivals(workspace).accepted == 2, "another landing is faster"
        append(workspace, make_arrival(3, 4))
        with workspace.arrivals.writing() as session:
            inbox_queue.forget_arrivals(session, read)
        assert pipeline.land_arrivals(workspace).accepted == 2


def test_the_memory_of_a_landing_is_free_at_its_end(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        append(workspace, make_arrival(1, 2))
        gc.collect()
        gc.disable()
        try:
            assert pipeline.land_arrivals(workspace).accepted == 2
            left = [each for each in gc.get_objects() if type(each) is Landing]
        finally:
            gc.enable()
    assert not left
