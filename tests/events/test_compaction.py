"""Sealing: events of past days leave the inbox for segments, and no score is moved by it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.events import compaction, segment_merging
from consumer_fusion.events.compaction import FAN_IN, FULL_ROWS, choose_group
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.events.rewriting import remove_events
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.table import SCOPES
from consumer_fusion.storage import segments
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.segments import list_segments, place_digests
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


def test_a_sealed_event_that_is_sent_again_is_known(tmp_path):
    orders = make_orders(20)
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, orders)
        seal(workspace)
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
    monkeypatch.setattr(compaction, "FAN_IN", 2)
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
    monkeypatch.setattr(compaction, "FAN_IN", 2)
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
        for batch in range(compaction.FAN_IN + 2):
            fusion.import_events(
                workspace, [make_order(f"{batch}-{number}", consumer="ann") for number in range(5)]
            )
            seal(workspace)
        assert list((tmp_path / "segments").rglob("*.replaced"))
    with open_small(tmp_path) as workspace:
        on_disk = set((tmp_path / "segments").rglob("*.parquet*"))
        assert on_disk == set(list_files(workspace))
        assert len(count_places(workspace)) == 5 * (compaction.FAN_IN + 2)


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


@pytest.mark.parametrize(("piece", "batch", "fan_in"), [(1, 20, 2), (2, 7, 3), (100, 33, 2)])
def test_any_cut_into_pieces_gives_the_same_events_and_scores(tmp_path, monkeypatch, piece, batch, fan_in):
    monkeypatch.setattr(compaction, "PIECE_ROWS", piece)
    monkeypatch.setattr(compaction, "BATCH_ROWS", batch)
    monkeypatch.setattr(compaction, "FAN_IN", fan_in)
    monkeypatch.setattr(segment_merging, "ROWS_TOGETHER", 16)
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(60))
        before, places = read_scores(workspace), count_places(workspace)
        assert seal(workspace) == 60
        assert count_inbox(workspace) == 0
        assert read_scores(workspace) == before
        assert count_places(workspace) == places
        assert find_problems(workspace) == []


def test_merging_in_ranges_keeps_order_and_whole_days(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "FAN_IN", 3)
    monkeypatch.setattr(segment_merging, "ROWS_TOGETHER", 16)
    # Four events of the same day, brand and kind for each of ten days and two consumers, cut across the files.
    orders = [
        make_order(
            f"{number}", days_ago=10 + number % 10 + number / 1000, consumer="ann", brand=f"b{number % 2}"
        )
        for number in range(120)
    ]
    with open_small(tmp_path) as workspace:
        for part in range(3):
            fusion.import_events(workspace, orders[part::3])
            seal(workspace)
        (path,) = list_files(workspace)
        rows = pq.read_table(path)
        keys = list(zip(*(rows[name].to_pylist() for name in ("consumer_id", "brand_id", "kind_id", "day"))))
        assert len(keys) == 120
        assert rows["same_day_count"].to_pylist() == [keys.count(key) for key in keys]
        order = list(zip(*(rows[name].to_pylist() for name in ("brand_id", "occurred_us", "event_id"))))
        assert order == sorted(order)
        assert place_digests(path).stat().st_size == 120 * 8 + 32
        again = fusion.import_events(workspace, orders)
        assert (again.accepted, again.duplicates) == (0, 120)
        assert find_problems(workspace) == []


def interrupt(monkeypatch, action, *, after=1):
    """Do something once, after the file of a piece was prepared and before its write turn."""
    digest, calls = compaction.digest_segments, []

    def digest_and_act(*given):
        digest(*given)
        calls.append(1)
        if len(calls) == after:
            action()

    monkeypatch.setattr(compaction, "digest_segments", digest_and_act)


def size_money_again(workspace):
    with workspace.store.writing() as session:
        session.update(EVENTS, {"magnitude": 1.75}, {"event_id": "order-1"})


def erase_order(workspace):
    with workspace.store.writing() as session:
        session.delete(EVENTS, {"event_id": "order-1"})


@pytest.mark.parametrize("change", [size_money_again, erase_order])
def test_a_piece_whose_events_change_while_its_file_is_prepared_waits_for_the_next_time(
    tmp_path, monkeypatch, change
):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [make_order(number, days_ago=20) for number in range(3)])
        interrupt(monkeypatch, lambda: change(workspace))
        assert seal(workspace) == 0
        assert list_files(workspace) == []
        with workspace.store.reading() as session:
            left = session.read(EVENTS, order_by=("sequence",))
        assert seal(workspace) == left.num_rows
        (path,) = list_files(workspace)
        sealed = pq.read_table(path).sort_by("event_id")
        for name in ("event_id", "magnitude", "value"):
            assert sealed[name].to_pylist() == left.sort_by("event_id")[name].to_pylist()


def test_events_that_land_while_a_piece_is_prepared_stay_and_count(tmp_path, monkeypatch):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=20)])
        late = make_order(2, days_ago=20)
        interrupt(monkeypatch, lambda: fusion.import_events(workspace, [late]))
        assert seal(workspace) == 2
        assert set(count_places(workspace).values()) == {1}
        scores = read_scores(workspace)
    with open_small(tmp_path / "other") as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=20), late])
        assert read_scores(workspace) == pytest.approx(scores, abs=1e-9)


def test_a_merge_whose_segments_are_replaced_meanwhile_is_dropped(tmp_path, monkeypatch):
    with open_small(tmp_path) as workspace:
        for number in range(2):
            fusion.import_events(workspace, [make_order(number, days_ago=20)])
            seal(workspace)
        sources = [workspace.engine, workspace.folder]

        def take_out():
            keys = pa.table({"source_id": [find_source(workspace)], "event_id": ["order-1"]})
            with workspace.store.writing() as session:
                remove_events(session, *sources, keys, workspace.now_us)

        monkeypatch.setattr(compaction, "FAN_IN", 2)
        interrupt(monkeypatch, take_out)
        assert seal(workspace) == 0
        assert count_places(workspace) == {("shop", "order-0"): 1}
        assert not list((tmp_path / "staging").iterdir())


def find_source(workspace):
    with workspace.store.reading() as session:
        return find_keys(session, "source", ["shop"])["shop"]


def test_sealing_changes_nothing_that_is_read_and_no_data_version(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "FAN_IN", 2)
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(60))
        with workspace.store.reading() as session:
            before = {scope: session.read_version(scope) for scope in SCOPES}
        assert seal(workspace) == 60
        with workspace.store.reading() as session:
            assert {scope: session.read_version(scope) for scope in SCOPES} == before


@pytest.mark.parametrize("sizes", [[1], [1, 5, 60, 700], [1_200], [1_200, 300_000], [800_000]])
def test_compaction_bounds_the_files_of_a_bucket_and_what_is_written_again(sizes):
    files, written, merged = [], 0, 0
    for number in range(3_000):
        rows = sizes[number % len(sizes)]
        files.append(Segment(f"{number:08}", "", 3, rows, number, number, ""))
        written += rows
        while group := choose_group(files):
            total = sum(each.row_count for each in group)
            assert 1 < len(group) <= FAN_IN
            assert total < 2 * FULL_ROWS
            files = [each for each in files if each not in group]
            first, last = min(each.min_day for each in group), max(each.max_day for each in group)
            files.append(Segment(f"{number:08} {len(files)}", "", 3, total, first, last, ""))
            merged += total
        assert len([each for each in files if each.row_count < FULL_ROWS]) <= 7 * (FAN_IN - 1)
    assert sum(each.row_count for each in files) == written
    assert merged <= 7 * written  # one writing for each power of eight below a full file


def test_only_files_of_one_bucket_and_size_are_merged():
    def make(bucket, rows, count):
        return [Segment(f"{bucket} {rows} {n}", "", bucket, rows, n, n, "") for n in range(count)]

    assert choose_group([*make(1, 9, 7), *make(2, 9, 7), *make(1, 4_000, 7), *make(1, 3_000_000, 9)]) == []
    assert {each.bucket for each in choose_group([*make(1, 9, 7), *make(2, 9, 9)])} == {2}
    assert [each.max_day for each in choose_group(make(1, 9, 10))] == list(range(8))  # the oldest first


def test_a_landing_of_arrivals_does_not_seal(tmp_path):
    with open_small(tmp_path, inbox_import_limit=3) as workspace:
        lines = [
            json.dumps({"event_id": f"e{n}", "source": "shop", "occurred_at": "2026-05-01T10:00:00Z",
                        "kind": "Store Visited", "consumer": "ann", "brand": "bakery"})
            for n in range(4)
        ]  # fmt: skip
        for some in (lines[:2], lines[2:]):
            arrived = [
                Arrival("events", "shop", "bakery", "source", None, workspace.now_us, line) for line in some
            ]
            with workspace.arrivals.writing() as session:
                append_arrivals(session, arrived)
            assert pipeline.land_arrivals(workspace).accepted == 2
        assert count_inbox(workspace) == 4
        assert compaction.is_sealing_due(workspace)
        assert compaction.seal_inbox(workspace) == 4
        assert not compaction.is_sealing_due(workspace)
