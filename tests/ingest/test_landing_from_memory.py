"""What arrives over the network lands from memory: no stage writes a file besides the store's own."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import ExhaustedError
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.ingest import staging
from consumer_fusion.ingest.staging import stage_files
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import REJECTIONS
from consumer_fusion.storage.duckdb import DuckDBEngine

LINES = [
    json.dumps({"event_id": f"e{number}", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Order Completed",
                "consumer": f"c{number % 3}", "value": 20})
    for number in range(8)
] + ["no json"]  # fmt: skip


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    fusion.create_workspace(tmp_path / "workspace")
    with fusion.open_workspace(tmp_path / "workspace") as opened:
        with opened.arrivals.writing() as session:
            append_arrivals(
                session,
                [
                    Arrival("events", "shop", "bakery", "source", None, 1_781_000_000_000_000, line)
                    for line in LINES
                ],
            )
        yield opened


def land_and_list(workspace, monkeypatch):
    """Land what arrived; which files were there at the end of any stage and not before."""
    stages, seen = pipeline.list_stages(), set()
    before = list_files(workspace)

    def watch(stage):
        def run(landing):
            stage.run(landing)
            seen.update(list_files(workspace) - before)

        return replace(stage, run=run)

    monkeypatch.setattr(pipeline, "list_stages", lambda: tuple(map(watch, stages)))
    acceptance = pipeline.land_arrivals(workspace)
    assert (acceptance.accepted, acceptance.rejected) == (8, 1)
    return {each for each in seen if not each.endswith(".lock")}


def list_files(workspace):
    folder = workspace.folder.parent
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def test_arrivals_land_without_a_file(workspace, monkeypatch):
    assert land_and_list(workspace, monkeypatch) == set()


def test_a_file_that_a_landing_writes_is_found(workspace, monkeypatch):
    def stage(engine, lines, reading, **named):
        folder = workspace.folder / "staging" / "planted"
        folder.mkdir(parents=True)
        (folder / "lines.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return stage_files(engine, [folder / "lines.jsonl"], reading, folder, has_lines=True, **named)

    monkeypatch.setattr(pipeline, "stage_lines", stage)
    assert any(each.endswith("annotated.parquet") for each in land_and_list(workspace, monkeypatch))


@pytest.mark.parametrize("size", [1, 4, 9, 100])
def test_lines_are_checked_in_parts_and_numbered_on(workspace, monkeypatch, size):
    monkeypatch.setattr(staging, "LINES_PER_PART", size)
    acceptance = pipeline.land_arrivals(workspace)
    assert (acceptance.accepted, acceptance.rejected) == (8, 1)
    with workspace.store.reading() as session:
        (rejection,) = session.read(REJECTIONS).to_pylist()
        assert sorted(session.read(EVENTS)["event_id"].to_pylist()) == [f"e{number}" for number in range(8)]
    assert '"position": 9' in rejection["message"]


@pytest.mark.parametrize("rule", ["source", "browser"])
def test_events_are_not_compared_with_every_sighting(workspace, monkeypatch, rule):
    """A condition with an alternative made the engine compare each row with each: quadratic in a landing."""
    plans = []
    read = DuckDBEngine.read

    def explain(engine, sql, *, step, tables=None):
        if step == "number the events":
            plans.append(str(read(engine, f"explain {sql}", step=step, tables=tables).to_pylist()))
        return read(engine, sql, step=step, tables=tables)

    monkeypatch.setattr(DuckDBEngine, "read", explain)
    line = {"event_id": "f", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Store Visited"}
    lines = [
        json.dumps({**line, "event_id": f"f{n}", "identifiers": {"email": f"e{n}@x.org"}}) for n in range(50)
    ]
    with workspace.arrivals.writing() as session:
        append_arrivals(
            session, [Arrival("events", "web", "bakery", rule, None, workspace.now_us, "\n".join(lines))]
        )
    assert pipeline.land_arrivals(workspace).accepted == 58
    assert len(plans) == 2
    assert all("HASH_JOIN" in plan and "BLOCKWISE_NL_JOIN" not in plan for plan in plans)


def test_a_full_batch_lands_in_the_least_memory_that_can_be_set(tmp_path):
    folder = fusion.create_workspace(tmp_path / "small")
    (folder / "fusion.toml").write_text("memory_limit_mb = 128\n", encoding="utf-8")
    call = {
        "type": "track", "event": "Order Completed", "userId": "anna", "timestamp": "2026-06-05T20:00:00Z",
        "properties": {"revenue": 20, "currency": "EUR", "note": "x" * 400},
    }  # fmt: skip
    calls = [call | {"messageId": f"m{number}"} for number in range(800)]
    batch = json.dumps({"batch": calls, "context": {"page": {"path": "/checkout"}}})
    with fusion.open_workspace(folder) as opened:
        with opened.arrivals.writing() as session:
            append_arrivals(
                session, [Arrival("segment", "shop", "bakery", "server", None, 1_781_000_000_000_000, batch)]
            )
        assert pipeline.land_arrivals(opened).accepted == 800


def test_the_engine_of_arrivals_spills_into_files_where_memory_is_short(tmp_path):
    folder = fusion.create_workspace(tmp_path / "small")
    (folder / "fusion.toml").write_text("memory_limit_mb = 128\n", encoding="utf-8")
    with fusion.open_workspace(folder) as opened:
        hashes = "select md5(cast(range as text)) as hash from range(3000000) order by hash"
        found = opened.arrivals_engine.read(f"select count(*) as rows from ({hashes})", step="sort")
        assert found.to_pylist() == [{"rows": 3_000_000}]


def test_where_memory_is_too_short_for_all_that_arrived_fewer_land_at_a_time(workspace, monkeypatch):
    sizes = []

    def stage_few(engine, lines, *rest, **named):
        sizes.append(len(lines))
        if len(lines) > 3:
            raise ExhaustedError("The step 'check arrivals' failed: out of memory.", hint="Try again.")
        return staging.stage_lines(engine, lines, *rest, **named)

    monkeypatch.setattr(pipeline, "stage_lines", stage_few)
    acceptance = pipeline.land_arrivals(workspace)
    assert (acceptance.accepted, acceptance.rejected, sizes) == (8, 1, [9, 4, 2, 2, 5, 2, 3])


def test_what_arrived_waits_where_memory_is_too_short_for_a_single_line(workspace, monkeypatch):
    def refuse(*_, **__):
        raise ExhaustedError("The step 'check arrivals' failed: out of memory.", hint="Try again.")

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "stage_lines", refuse)
        with pytest.raises(ExhaustedError):
            pipeline.land_arrivals(workspace)
    assert pipeline.land_arrivals(workspace).accepted == 8
