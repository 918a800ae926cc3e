"""Staging: parts, ids of rows without one, and going on after an interruption."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.errors import InputError
from consumer_fusion.ingest import staging
from consumer_fusion.ingest.arrow_events import CANONICAL_SCHEMA, write_batches
from consumer_fusion.ingest.formats import choose_reading, find_files, read_reading, write_reading
from consumer_fusion.ingest.row_batches import PART_BYTES, cut_batch, read_parts
from consumer_fusion.ingest.staging import stage_batches, stage_lines
from consumer_fusion.records.event import Event
from consumer_fusion.storage.duckdb import DuckDBEngine
from staged_rows import read_staged

ROW = {"occurred_at": "2026-06-05T20:00:00Z", "kind": "Order Completed"}
GROUPED = """
[source]
name = "shop"
[fields]
occurred_at = "at"
value = "paid"
[group]
by = ["invoice"]
[kind]
default = "Order Completed"
"""


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of ten rows, read in blocks of a few lines."""
    monkeypatch.setattr(staging, "ROWS_PER_PART", 10)
    monkeypatch.setattr("consumer_fusion.ingest.line_reader.BLOCK_BYTES", 300)


def test_equal_rows_without_id_are_told_apart_by_their_number(desk):
    staged = desk.events(ROW, ROW | {"value": 1}, ROW, ROW)
    first, other, second, third = staged.ids
    assert first.removesuffix("-1") == second.removesuffix("-2") == third.removesuffix("-3")
    assert first.startswith("row-")
    assert other.endswith("-1")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.integers(0, 3), min_size=1, max_size=40), seed=st.integers(0, 5))
def test_the_same_rows_in_any_order_and_in_any_parts_have_the_same_ids(desk, small_parts, values, seed):
    rows = [ROW | {"value": value} for value in values]
    shuffled = random.Random(seed).sample(rows, len(rows))
    ids = desk.events(*rows).ids
    assert len(set(ids)) == len(rows)
    assert set(desk.events(*shuffled).ids) == set(ids)


def test_repeats_are_counted_over_all_parts_and_files(desk, small_parts):
    one, two = desk.lay("1.ndjson", [ROW] * 25), desk.lay("2.ndjson", [ROW] * 8)
    staged = desk.stage(choose_reading(format="events"), one, two)
    assert len(list(desk.folder.glob("stage-*/accepted-*.parquet"))) >= 3
    assert sorted(int(each.rsplit("-", 1)[1]) for each in staged.ids) == list(range(1, 34))


def test_an_id_that_looks_like_ours_is_left_as_it_was_given(desk):
    given = desk.events(ROW).ids[0]
    assert desk.events(ROW | {"event_id": given}, ROW | {"event_id": given, "value": 2}).ids == [given, given]


@pytest.mark.parametrize("form", ["lines", "groups"])
def test_an_interrupted_staging_goes_on_and_ends_as_if_never_interrupted(
    desk, small_parts, monkeypatch, form
):
    if form == "lines":
        reading = choose_reading(format="events")
        rows = [ROW | {"value": number % 7} if number % 11 else "broken" for number in range(70)]
        path = desk.lay("rows.ndjson", rows)
    else:
        reading = desk.map(GROUPED)
        rows = [f"{n * 7 % 30},2026-01-01,{n if n % 50 else 'x'}" for n in range(200)]
        path = desk.lay("rows.csv", "invoice,at,paid\n" + "\n".join(rows))
    whole = desk.stage(reading, path, into="whole")

    finish = staging.finish_file
    calls_left = 0

    def finish_or_stop(unfinished, final):
        nonlocal calls_left
        if not calls_left:
            raise InterruptedError
        calls_left -= 1
        return finish(unfinished, final)

    monkeypatch.setattr(staging, "finish_file", finish_or_stop)
    monkeypatch.setattr("consumer_fusion.ingest.row_groups.finish_file", finish_or_stop)
    interruptions = 0
    while True:
        calls_left = 1 + interruptions // 2
        try:
            resumed = desk.stage(reading, path, into="resumed")
            break
        except InterruptedError:
            interruptions += 1
    assert interruptions >= 3
    assert resumed.accepted == whole.accepted
    assert resumed.rejected == whole.rejected


def test_a_staging_that_was_complete_is_not_done_again(desk):
    path = desk.lay("rows.ndjson", [ROW])
    first = desk.stage(choose_reading(format="events"), path, into="once")
    path.write_text("", encoding="utf-8")
    assert desk.stage(choose_reading(format="events"), path, into="once").accepted == first.accepted


def test_progress_tells_rows_done_and_an_estimate_of_all(desk, small_parts):
    desk.events(*[ROW] * 100)
    done = [each for each, _ in desk.progress]
    assert done == sorted(done)
    assert desk.progress[-1] == (100, 100)
    assert all(60 <= (total or 0) <= 200 for _, total in desk.progress)


def test_parts_hold_no_more_rows_than_asked_and_one_block(desk, monkeypatch):
    monkeypatch.setattr("consumer_fusion.ingest.line_reader.BLOCK_BYTES", 1_000)
    path = desk.lay("rows.ndjson", [ROW] * 1_000)
    parts = list(read_parts([path], None, rows_per_part=100))
    assert [part.rows["__position"][0].as_py() for part in parts[1:]] == [
        p.last_position + 1 for p in parts[:-1]
    ]
    assert max(len(part.rows) for part in parts) < 120
    assert parts[-1].last_position == 1_000


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_long_rows_make_small_parts_because_checking_them_takes_many_times_their_size(desk, form):
    rows = [{**ROW, "text": "x" * 100_000}] * 300
    path = desk.lay("rows.ndjson", rows)
    if form == "parquet":
        path = path.with_suffix(".parquet")
        pq.write_table(pa.Table.from_pylist(rows), path)
    layout = None if form == "ndjson" else desk.map(GROUPED).mapping.layout
    parts = [part.rows for part in read_parts([path], layout, rows_per_part=100_000)]
    assert sum(map(len, parts)) == 300
    assert max(part.nbytes for part in parts) < 2 * PART_BYTES


def test_long_rows_of_a_program_make_small_parts():
    batch = pa.RecordBatch.from_pydict({"text": ["x" * 100_000] * 300})
    pieces = list(cut_batch(batch))
    assert pa.Table.from_batches(pieces).equals(pa.Table.from_batches([batch]))
    assert max(piece.nbytes for piece in pieces) <= 8 << 20


def test_files_are_found_by_globs_once_each_and_a_name_without_file_is_refused(desk):
    for name in ("b.ndjson", "a.ndjson", "sub/c.ndjson"):
        desk.lay(name, [ROW])
    found = find_files([desk.folder / "b.ndjson", str(desk.folder / "**/*.ndjson")])
    assert [path.name for path in found] == ["b.ndjson", "a.ndjson", "c.ndjson"]
    with pytest.raises(InputError, match="nothing"):
        find_files([desk.folder / "nothing-*.csv"])
    with pytest.raises(InputError, match="No file"):
        find_files([])


def test_a_reading_is_a_format_or_a_mapping(desk):
    with pytest.raises(InputError, match="only one"):
        choose_reading()
    with pytest.raises(InputError, match="only one"):
        choose_reading(format="events", map_file=desk.lay("map.toml", GROUPED))
    with pytest.raises(InputError, match="'excel' is unknown"):
        choose_reading(format="excel")


def test_a_reading_is_kept_and_found_again_as_it_was(desk):
    for reading in (desk.map(GROUPED), choose_reading(format="segment", brand="shop", source="web")):
        assert read_reading(write_reading(reading)) == reading


def test_events_of_a_program_are_checked_as_those_of_files_are(desk):
    moment = datetime(2026, 6, 5, 20, 0, 0, 5, tzinfo=UTC)
    events = [
        Event(
            event_id="1",
            occurred_at=moment,
            kind="Order Completed",
            value=2.5,
            identifiers={"email": "a@b.c"},
        ),
        Event(
            event_id="2",
            occurred_at=moment,
            kind="Order Completed",
            value=float("nan"),
            properties={"a": [1]},
        ),
        Event(event_id="", occurred_at=moment, kind="Order Completed"),
    ]
    found = stage_batches(
        desk.engine, write_batches(events), desk.folder / "staged", received_us=2**60, tolerance_hours=24
    )
    accepted, rejected = read_staged(found), read_staged(found, "rejected")
    assert [(row["event_id"], row["value"], row["occurred_us"]) for row in accepted] == [
        ("1", 2.5, 1780689600000005)
    ]
    assert [row["code"] for row in rejected] == ["invalid_value", "missing_id"]
    assert json.loads(rejected[0]["raw"])["properties"] == {"a": [1]}


def test_batches_of_canonical_columns_are_taken_in_any_size(desk, small_parts):
    columns = {name: pa.nulls(25, pa.string()) for name in CANONICAL_SCHEMA.names}
    columns |= {
        "event_id": pa.array([str(n) for n in range(25)]),
        "occurred_at": pa.array(["2026-01-01"] * 25),
        "kind": pa.array(["Order Completed"] * 25),
    }
    table = pa.table(columns)
    found = stage_batches(
        desk.engine,
        table.to_batches(max_chunksize=7),
        desk.folder / "staged",
        received_us=2**60,
        tolerance_hours=24,
    )
    assert (found.row_count, found.accepted_count, found.rejected_count) == (25, 25, 0)
    assert len(list((desk.folder / "staged").glob("accepted-*.parquet"))) == 2


def test_no_batches_give_an_empty_staging(desk):
    found = stage_batches(desk.engine, [], desk.folder / "staged", received_us=0, tolerance_hours=24)
    assert (found.row_count, found.accepted, found.rejected) == (0, "", "")


@pytest.mark.parametrize("grouped", ["", '[group]\nby = ["invoice"]\n'])
def test_no_step_of_staging_compares_every_row_with_every_other(desk, monkeypatch, grouped):
    plans: dict[str, str] = {}
    write = desk.engine.write

    def explain(sql, path, *, step, tables=None):
        plans[step] = str(desk.engine.read(f"explain {sql}", step=step, tables=tables).to_pylist())
        return write(sql, path, step=step, tables=tables)

    monkeypatch.setattr(desk.engine, "write", explain)
    file = desk.lay("orders.csv", "at,invoice,paid\n" + "2026-06-05,,1\n" * 3 + "2026-06-05,7,x\n" * 2)
    reading = desk.map(GROUPED.split("[group]")[0] + grouped + '[kind]\ndefault = "Order Completed"\n')
    staged = desk.stage(reading, file)
    assert len(set(staged.ids)) == 3
    assert {"stage repeats", "stage accepted-0001", "stage rejected-0001"} <= set(plans)
    assert {step for step, plan in plans.items() if "NL_JOIN" in plan or "NESTED_LOOP" in plan} == set()


CALL = {"type": "track", "event": "Order Completed", "timestamp": "2026-06-05T20:00:00Z", "userId": "ann"}
CLOUD = {
    "specversion": "1.0", "id": "c1", "source": "/shop", "type": "order.completed", "time": "2026-06-05T20:00:00Z",
    "subject": "ann", "data": {"brand": "bakery"},
}  # fmt: skip
ARRIVED = {
    "events": [
        ROW,
        ROW,
        {**ROW, "event_id": "e1"},
        "[1, 2]",
        "no json",
        {**ROW, "occurred_at": "never"},
        "",
        "{",
    ],
    "segment": [
        {**CALL, "messageId": "m1"},
        {"type": "dance"},
        {"batch": [{**CALL, "messageId": "m2"}] * 2},
        "{",
    ],
    "cloudevents": [CLOUD, {**CLOUD, "id": "c2"}, {"specversion": "0.3"}, "null"],
}
"""Lines of each format: good ones, equal ones without an id, and some that are none."""


@pytest.mark.parametrize("form", list(ARRIVED))
def test_lines_that_arrive_are_checked_as_those_of_a_file(desk, form):
    lines = [each if isinstance(each, str) else json.dumps(each) for each in ARRIVED[form]]
    reading = choose_reading(format=form, brand=None if form == "cloudevents" else "bakery")
    by_file = desk.stage(reading, desk.lay("arrived.ndjson", "\n".join(lines)), has_lines=True)
    arrived = stage_lines(desk.engine, lines, reading, received_us=1_900_000_000_000_000, tolerance_hours=24)
    assert read_staged(arrived) == by_file.accepted
    assert read_staged(arrived, "rejected") == read_staged(by_file.staging, "rejected")
    assert by_file.accepted
    assert by_file.rejected
    counts = ("row_count", "accepted_count", "rejected_count", "nobody_count")
    assert [getattr(arrived, each) for each in counts] == [getattr(by_file.staging, each) for each in counts]


def test_long_lines_that_arrive_are_checked_in_small_parts(desk):
    calls = [{**CALL, "messageId": f"m{n}", "properties": {"note": "x" * 190_000}} for n in range(150)]
    reading = choose_reading(format="segment", brand="bakery")
    engine = DuckDBEngine(memory_limit_mb=1024, threads=1)
    staged = stage_lines(
        engine, list(map(json.dumps, calls)), reading, received_us=1_900_000_000_000_000, tolerance_hours=24
    )
    assert staged.accepted_count == 150
