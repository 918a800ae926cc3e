"""Sealing: events of past days leave the inbox for segments, and no score is moved by it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import consumer_fusion as fusion
from consumer_fusion.events import compaction
from consumer_fusion.records.segment import SEEN_EVENTS
from consumer_fusion.storage import segments
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.segments import list_segments
from small_workspaces import (
    NOW,
    count_inbox,
    count_places,
    find_problems,
    list_files,
    make_order,
    make_orders,
    open_small,
    read_scores,
    seal,
)


def test_sealed_events_leave_the_inbox_and_the_scores_stay(tmp_path):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(60))
        before = read_scores(workspace)
        assert seal(workspace) == 60
        assert count_inbox(workspace) == 0
        assert read_scores(workspace) == before
        assert len(before) == 21
        assert set(count_places(workspace).values()) == {1}
        assert find_problems(workspace) == []


def test_events_of_the_last_days_stay_in_the_inbox(tmp_path):
    with open_small(tmp_path, seal_after_days=5) as workspace:
        fusion.import_events(
            workspace, [make_order(1, days_ago=4), make_order(2, days_ago=5), make_order(3, days_ago=6)]
        )
        assert seal(workspace) == 1
        assert seal(workspace) == 0
        assert count_inbox(workspace) == 2


@pytest.mark.parametrize("days_later", [0, 40])
def test_a_sealed_event_that_is_sent_again_is_known(tmp_path, days_later):
    orders = make_orders(20)
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, orders)
        seal(workspace)
    # After forty days its id is no longer remembered, and is found in the segment.
    with open_small(tmp_path, days_later=days_later) as workspace:
        fusion.import_events(workspace, [make_order(99, days_ago=3)])
        seal(workspace)
        with workspace.store.reading() as session:
            assert session.count(SEEN_EVENTS) == (21 if days_later == 0 else 1)
        again = fusion.import_events(workspace, orders)
        assert (again.accepted, again.duplicates) == (0, 20)


def test_a_late_event_counts_with_the_sealed_ones_of_its_day(tmp_path):
    evening = make_order(2, days_ago=20.1)
    with open_small(tmp_path / "at once") as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=20), evening])
        expected = read_scores(workspace)
    with open_small(tmp_path / "late") as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=20)])
        seal(workspace)
        fusion.import_events(workspace, [evening])
        assert read_scores(workspace) == pytest.approx(expected, abs=1e-9)
        seal(workspace)
        assert read_scores(workspace) == pytest.approx(expected, abs=1e-9)
        assert find_problems(workspace) == []


def test_a_bucket_of_many_files_becomes_one_file_with_whole_days(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACT_ABOVE", 2)
    with open_small(tmp_path) as workspace:
        for number in range(3):
            fusion.import_events(workspace, [make_order(number, days_ago=20)])
            seal(workspace)
        (path,) = list_files(workspace)
        rows = workspace.engine.read(
            f"select same_day_count from read_parquet({quote_paths([path])})", step="view"
        )
        assert rows["same_day_count"].to_pylist() == [3, 3, 3]
        assert find_problems(workspace) == []


def test_a_reader_who_came_before_still_reads_the_files_that_were_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "COMPACT_ABOVE", 1)
    monkeypatch.setattr(segments, "_CLOCK_SECONDS", -1.0)  # the files of the test are not a second old
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=20)])
        seal(workspace)
        with workspace.store.reading() as early:
            seen_before = [tmp_path / each.path for each in list_segments(early)]
            fusion.import_events(workspace, [make_order(2, days_ago=20)])
            seal(workspace)
            assert not set(seen_before) & set(list_files(workspace))
            assert find_problems(workspace) == []  # the doctor sweeps too
            assert all(path.exists() for path in seen_before)
        assert find_problems(workspace) == []
        assert set(seen_before[0].parent.glob("*.parquet*")) == set(list_files(workspace))


@pytest.mark.slow
def test_replaced_files_leave_the_disk_without_anybodys_doing(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "_CLOCK_SECONDS", -1.0)  # the files of the test are not a second old
    with open_small(tmp_path) as workspace:
        for batch in range(compaction.COMPACT_ABOVE + 2):
            fusion.import_events(
                workspace, [make_order(f"{batch}-{number}", consumer="ann") for number in range(5)]
            )
            seal(workspace)
        assert list((tmp_path / "segments").rglob("*.replaced"))
    with open_small(tmp_path) as workspace:
        on_disk = set((tmp_path / "segments").rglob("*.parquet*"))
        assert on_disk == set(list_files(workspace))
        assert len(count_places(workspace)) == 5 * (compaction.COMPACT_ABOVE + 2)


def test_an_import_that_fills_the_inbox_empties_it(tmp_path):
    with open_small(tmp_path, inbox_import_limit=30) as workspace:
        fusion.import_events(workspace, make_orders(60)[:25])
        assert count_inbox(workspace) == 25
        fusion.import_events(workspace, make_orders(60)[25:50])
        assert count_inbox(workspace) == 0
        assert len(count_places(workspace)) == 50
        assert find_problems(workspace) == []


def test_two_who_seal_at_once_seal_each_event_once(tmp_path):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(60))

    def run(_):
        with fusion.open_workspace(tmp_path, clock=lambda: NOW) as workspace:
            return seal(workspace)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == [0, 60]
    with open_small(tmp_path) as workspace:
        assert set(count_places(workspace).values()) == {1}
        assert find_problems(workspace) == []
