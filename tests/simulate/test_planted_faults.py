from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime, timedelta

import pytest

from consumer_fusion.simulate.event_files import write_events
from consumer_fusion.simulate.planted_faults import write_faulty_events
from consumer_fusion.simulate.towns import build_town


@pytest.fixture(scope="module")
def small_town():
    return build_town(people=80, seed=4)


@pytest.fixture(scope="module")
def faultless(small_town, tmp_path_factory):
    path = tmp_path_factory.mktemp("faultless") / "town.ndjson"
    assert write_events(small_town, path) == len(path.read_text().splitlines())
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def faulty(small_town, tmp_path_factory):
    path = tmp_path_factory.mktemp("faulty") / "town.ndjson"
    return write_faulty_events(small_town, path, seed=1, share=0.02), path.read_text().splitlines()


@pytest.fixture(scope="module")
def parsed(faulty):
    _, lines = faulty
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            found.append(None)
    return found


def test_the_file_says_what_the_events_say(small_town, faultless):
    for event, row in zip(small_town.events(), faultless, strict=True):
        assert row["event_id"] == event.event_id
        assert datetime.fromisoformat(row["occurred_at"]) == event.occurred_at
        assert datetime.fromisoformat(row["received_at"]) == event.received_at
        assert row.get("value") == event.value
        assert row.get("text") == event.text
        assert row.get("consumer") == event.consumer
        assert row.get("properties", {}) == event.properties


def test_a_compressed_file_holds_the_same_and_is_the_same_each_time(small_town, faultless, tmp_path):
    for name in ("one.ndjson.gz", "two.ndjson.gz"):
        write_events(small_town, tmp_path / name)
    assert (tmp_path / "one.ndjson.gz").read_bytes() == (tmp_path / "two.ndjson.gz").read_bytes()
    with gzip.open(tmp_path / "one.ndjson.gz", "rt") as file:
        assert [json.loads(line) for line in file] == faultless


def test_every_good_event_is_there(faultless, parsed):
    there = {row["event_id"] for row in parsed if row}
    assert {row["event_id"] for row in faultless} <= there


def test_lines_and_good_events_are_counted(faulty, faultless):
    planted, lines = faulty
    assert planted.lines == len(lines)
    assert planted.events == len(faultless)
    assert planted.lines == planted.accepted + planted.duplicates + planted.rejected


def test_repeated_lines_are_counted(faulty, parsed):
    planted, _ = faulty
    counts = Counter(row["event_id"] for row in parsed if row)
    assert sum(count - 1 for count in counts.values()) == planted.duplicates > 0


def test_late_arrivals_are_counted_and_moved_far(faulty, parsed, faultless):
    planted, _ = faulty
    was = {row["event_id"]: row["received_at"] for row in faultless}
    turn = {row["event_id"]: place for place, row in enumerate(faultless)}
    late = {
        row["event_id"]: place
        for place, row in enumerate(parsed)
        if row and row["event_id"] in was and row["received_at"] != was[row["event_id"]]
    }
    assert len(late) == planted.late_arrivals
    moved = [place - turn[event_id] for event_id, place in late.items()]
    assert sorted(moved)[len(moved) // 2] > len(faultless) / 20


def test_wrong_clocks_are_the_only_rows_from_the_future(faulty, parsed):
    planted, _ = faulty
    future = [
        row
        for row in parsed
        if row
        and "occurred_at" in row
        and datetime.fromisoformat(row["occurred_at"])
        > datetime.fromisoformat(row["received_at"]) + timedelta(hours=24)
    ]
    assert len(future) == planted.wrong_clocks > 0


def test_broken_rows_are_counted_by_what_is_wrong_with_them(faulty, parsed):
    planted, _ = faulty
    rows = [row for row in parsed if row]
    assert parsed.count(None) == planted.unparsable > 0
    assert sum("occurred_at" not in row for row in rows) == planted.without_time > 0
    assert sum("kind" not in row for row in rows) == planted.without_kind > 0
    assert sum(isinstance(row.get("consumer"), int) for row in rows) == planted.numeric_consumers > 0
    assert sum((row.get("trust") or 0) < 0 for row in rows) == planted.negative_trust > 0
    wrong = [
        row
        for row in rows
        if isinstance(row.get("value"), str)
        or isinstance(row.get("properties"), list)
        or isinstance(row.get("identifiers"), str)
        or isinstance(row.get("consumer"), list)
    ]
    assert len(wrong) == planted.wrong_types > 0


def test_the_smallest_town_gets_one_fault_of_each(tmp_path):
    planted = write_faulty_events(build_town(people=0), tmp_path / "town.ndjson")
    assert (planted.events, planted.duplicates, planted.late_arrivals, planted.wrong_clocks) == (3, 1, 1, 1)
