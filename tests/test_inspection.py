"""Looking after a workspace: what is broken is found, what was left over goes, what somebody needs stays."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import consumer_fusion as fusion
from consumer_fusion import inspection, pipeline
from consumer_fusion import workspace as workspace_module
from consumer_fusion.access.audit import append_audit
from consumer_fusion.errors import ConflictError, DamagedFileError, StoreError, WorkspaceNotFoundError
from consumer_fusion.ingest import staging
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.audit import AUDIT_ENTRIES, Actor, AuditEntry
from consumer_fusion.records.clock import read_system_clock
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import IMPORTS
from consumer_fusion.score.queries import all_scores, answers
from consumer_fusion.score.states.kept_states import add_states, read_kept_states
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.storage.segments import place_digests
from consumer_fusion.workspace import STORE_FILE, STORE_FILES
from copied_workspaces import copy_made
from small_workspaces import (
    NOW,
    find_problems,
    list_files,
    make_order,
    make_orders,
    open_small,
    read_scores,
    seal,
    write_lines,
)

EVENT_LINES = choose_reading(format="events")


def make_workspace(folder):
    with open_small(folder) as workspace:
        fusion.import_events(workspace, make_orders(30))
        seal(workspace)
        fusion.import_events(workspace, [make_order(number, days_ago=1) for number in range(100, 105)])


@pytest.fixture
def workspace(tmp_path):
    """A workspace with sealed and unsealed events."""
    with open_small(copy_made(tmp_path / "place", make_workspace)) as workspace:
        yield workspace


def read_statuses(workspace):
    with workspace.store.reading() as session:
        return sorted(session.read(IMPORTS, columns=("status",))["status"].to_pylist())


def interrupt_import(workspace, path, monkeypatch):
    """Leave the import of a file half way, as a killed process does."""
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "land_staged", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.import_files(workspace, [path], EVENT_LINES)


def test_a_whole_workspace_has_no_problem(workspace):
    checks = inspection.check_workspace(workspace)
    assert all(each.is_ok for each in checks)
    assert "30 sealed, 5 in the inbox" in next(each.found for each in checks if each.name == "events")


def test_a_segment_file_that_is_gone_is_found(workspace):
    list_files(workspace)[0].unlink()
    assert find_problems(workspace) == ["segment files"]


def test_a_segment_file_that_was_changed_is_found(workspace):
    path = list_files(workspace)[0]
    pq.write_table(pq.read_table(path).slice(1), path)
    assert find_problems(workspace, is_quick=True) == ["digests of segment files"]


@pytest.mark.parametrize("change", [{"x": 1.0}, {"event_count": 7}])
def test_a_state_that_is_not_what_the_events_add_up_to_is_found(workspace, change):
    with workspace.store.writing() as session:
        wrong = read_kept_states(session).slice(0, 1)
        for name in ("event_count", "x", "y", "q", "r", "u"):
            value = pa.array([change.get(name, 0)], wrong[name].type)
            wrong = wrong.set_column(wrong.column_names.index(name), name, value)
        add_states(session, [wrong])
    assert find_problems(workspace) == ["states equal a full recomputation"]


def read_check(checks, name):
    return next(each for each in checks if each.name == name)


def test_a_damaged_segment_is_named_with_what_to_do(workspace):
    gone, changed = list_files(workspace)[:2]
    gone.unlink()
    changed.write_bytes(changed.read_bytes()[:-100])
    checks = inspection.check_workspace(workspace)
    for name, path in (("segment files", gone), ("digests of segment files", changed)):
        check = read_check(checks, name)
        assert str(path.relative_to(workspace.folder)) in check.found
        assert "fusion restore" in check.advice


def test_a_segment_that_is_cut_off_is_told_without_a_query_or_a_traceback(workspace):
    path = list_files(workspace)[0]
    path.write_bytes(path.read_bytes()[:-300])
    checks = inspection.check_workspace(workspace)
    assert "select" not in str(checks)
    assert path.name in read_check(checks, "states equal a full recomputation").found


@pytest.mark.parametrize("name", STORE_FILES)
def test_a_garbled_page_of_each_database_is_found_and_named(workspace, name):
    workspace.store.truncate_log(), workspace.arrivals.truncate_log(), workspace.session_store.truncate_log()
    path = workspace.folder / name
    content = bytearray(path.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    middle = len(content) // page // 2 * page
    content[middle : middle + page] = os.urandom(page)
    path.write_bytes(bytes(content))
    checks = inspection.examine_folder(workspace.folder).checks
    check = read_check(checks, f"database {name}")
    assert not check.is_ok
    assert check.advice
    assert all(each.is_ok for each in checks if each.name.startswith("database") and each is not check)
    assert read_check(checks, "everything else").found == "not checked"


def test_a_file_that_is_no_database_any_more_is_told_in_words(workspace):
    (workspace.folder / STORE_FILE).write_bytes(b"no database at all" * 500)
    (workspace.folder / f"{STORE_FILE}-wal").unlink(missing_ok=True)
    checks = inspection.examine_folder(workspace.folder).checks
    assert not read_check(checks, f"database {STORE_FILE}").is_ok
    with pytest.raises(DamagedFileError, match="damaged"), fusion.open_workspace(workspace.folder):
        pass


def test_a_changed_audit_record_is_found(workspace):
    with workspace.store.writing() as session:
        acts = [
            AuditEntry(Actor("account", "anna"), f"act {number}", workspace.now_us) for number in range(3)
        ]
        append_audit(session, acts)
        session.update(AUDIT_ENTRIES, {"action": "nothing"}, {"audit_id": 2})
    assert find_problems(workspace, is_quick=True) == ["hash chain of the audit log"]


def test_digests_of_ids_that_are_not_whole_are_found_and_made_anew(workspace):
    fusion.import_events(workspace, make_orders(3))
    path = next(path for path in map(place_digests, list_files(workspace)) if path.exists())
    path.write_bytes(bytes(path.stat().st_size))
    assert find_problems(workspace, is_quick=True) == ["digests of sealed ids"]
    assert fusion.import_events(workspace, make_orders(30)).accepted == 0
    assert find_problems(workspace, is_quick=True) == []


def test_an_event_on_record_twice_is_found(workspace):
    with workspace.store.writing() as session:
        row = session.read(EVENTS, limit=1).to_pylist()[0]
        del row["sequence"]
        sealed_id = workspace.engine.read(
            f"select event_id from read_parquet('{list_files(workspace)[0]}') limit 1", step="view"
        )["event_id"][0].as_py()
        session.insert(EVENTS, tuple(row), [tuple({**row, "event_id": sealed_id}.values())])
    found = read_check(inspection.check_workspace(workspace), "duplicate events")
    assert (found.is_ok, found.found) == (False, f"1 events: {sealed_id}")


def test_what_others_on_the_machine_may_read_is_told(workspace):
    assert find_problems(workspace, is_quick=True) == []
    assert {path.stat().st_mode & 0o077 for path in [workspace.folder, *list_files(workspace)]} == {0}
    assert {path.stat().st_mode & 0o077 for path in workspace.folder.glob("*.db*")} == {0}
    workspace.folder.chmod(0o755)
    assert find_problems(workspace, is_quick=True) == []
    list_files(workspace)[0].chmod(0o644)
    found = read_check(inspection.check_workspace(workspace, is_quick=True), "privacy of the files")
    assert found.advice == f"Run: chmod -R go= {workspace.folder}"


@pytest.fixture
def read_only(workspace, monkeypatch):
    """The folder of a workspace that was closed, where from now on nothing may be written."""
    scores = read_scores(workspace)
    for store in (workspace.store, workspace.arrivals, workspace.session_store):
        store.truncate_log()
    monkeypatch.setattr(workspace_module.os, "access", lambda path, mode: mode != os.W_OK)
    files = {path: path.stat().st_mtime_ns for path in workspace.folder.rglob("*")}
    yield workspace.folder, scores
    assert {path: path.stat().st_mtime_ns for path in workspace.folder.rglob("*")} == files


def test_a_workspace_that_may_not_be_written_is_read(read_only):
    folder, scores = read_only
    with fusion.open_workspace(folder, clock=lambda: NOW) as workspace:
        assert workspace.is_read_only
        assert read_scores(workspace) == scores
        assert find_problems(workspace) == []
        with pytest.raises(StoreError, match="read-only location"):
            fusion.import_events(workspace, [make_order(900)])
    assert inspection.examine_folder(folder).ok


def test_changes_that_cannot_be_brought_in_are_told_and_never_passed_over(workspace, monkeypatch):
    with workspace.store.writing() as session:
        session.write_mark("turn", "second")
    monkeypatch.setattr(workspace_module.os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(StoreError, match="write-ahead log"), fusion.open_workspace(workspace.folder):
        pass


def test_files_that_an_interrupted_writer_left_are_removed(workspace):
    named = list_files(workspace)
    for name in ("dead.parquet", "dead.parquet.unfinished"):
        (named[0].parent / name).write_bytes(b"half of it")
    assert find_problems(workspace) == []
    files = [path for path in (workspace.folder / "segments").rglob("*") if path.is_file()]
    digests = [path for path in map(place_digests, named) if path.exists()]
    assert sorted(files) == sorted([*named, *digests])


def test_the_spilled_files_of_a_dead_process_are_removed_and_those_of_a_living_one_stay(workspace):
    spill = workspace.folder / "spill"
    (spill / "dead").mkdir()
    (spill / "dead" / "duckdb_temp_storage-0.tmp").write_bytes(b"rows")
    (spill / "dead.lock").touch()
    living = lock_folder(spill / "living")
    living.folder.mkdir()
    find_problems(workspace)
    assert not (spill / "dead").exists()
    assert not (spill / "dead.lock").exists()
    assert living.folder.exists()
    living.release(with_folder=True)


def test_an_interrupted_import_is_kept_for_a_week_and_then_given_up(workspace, tmp_path, monkeypatch):
    path = write_lines(tmp_path / "orders.ndjson", [make_order(200, consumer="bob")])
    interrupt_import(workspace, path, monkeypatch)
    find_problems(workspace)
    assert len(list(workspace.staging_folder.glob(f"*/{staging.STAGE_FILE}"))) == 1
    assert read_statuses(workspace) == ["finished", "finished", "started"]
    eight_days_later = read_system_clock() + timedelta(days=8)
    with fusion.open_workspace(workspace.folder, clock=lambda: eight_days_later) as later:
        find_problems(later)
        assert list(later.staging_folder.iterdir()) == []
        assert read_statuses(later) == ["abandoned", "finished", "finished"]
        assert pipeline.import_files(later, [path], EVENT_LINES).accepted == 1


def test_an_interrupted_import_that_another_process_took_up_is_left_alone(workspace, tmp_path, monkeypatch):
    path = write_lines(tmp_path / "orders.ndjson", [make_order(200)])
    interrupt_import(workspace, path, monkeypatch)
    (folder,) = (each.parent for each in workspace.staging_folder.glob(f"*/{staging.STAGE_FILE}"))
    claim = lock_folder(folder)
    os.utime(folder / staging.STAGE_FILE, (0, 0))
    find_problems(workspace)
    assert folder.exists()
    claim.release(with_folder=False)
    find_problems(workspace)
    assert not folder.exists()


def test_what_a_dead_program_had_prepared_is_removed_at_once(workspace):
    with workspace.store.writing() as session:
        _, claim = pipeline.begin_stream(session, workspace.staging_folder, workspace.now_us)
    claim.folder.mkdir()
    (claim.folder / "accepted-0001.parquet").write_bytes(b"half of it")
    find_problems(workspace)
    assert claim.folder.exists(), "it is still at work"
    claim.release(with_folder=False)
    find_problems(workspace)
    assert not claim.folder.exists()
    assert "abandoned" in read_statuses(workspace)


def test_the_doctor_does_not_wait_for_a_long_import(workspace, monkeypatch):
    monkeypatch.setattr(inspection, "WAIT_SECONDS", 0.0)
    with workspace.store.writing():
        checks = inspection.check_workspace(workspace)
    assert all(each.is_ok for each in checks)
    assert checks[-1].found == "not checked: another process is writing"


def test_kinds_without_points_are_counted(workspace):
    fusion.import_events(workspace, [make_order(number, kind="Balance Adjusted") for number in (300, 301)])
    assert inspection.count_unscored(workspace) == [{"kind": "Balance Adjusted", "events": 2}]


def test_an_export_holds_all_scores_and_events(workspace, tmp_path):
    summary = inspection.export_workspace(workspace, tmp_path / "out", None)
    assert summary.rows["events.parquet"] == 35
    scores = pq.read_table(tmp_path / "out" / "scores.parquet")
    assert scores.num_rows == len(read_scores(workspace))
    events = pq.read_table(tmp_path / "out" / "events.parquet")
    assert set(events["consumer"].to_pylist()) == {"ann", *(f"consumer-{number}" for number in range(7))}
    points = json.loads((tmp_path / "out" / "points.json").read_text(encoding="utf-8"))
    assert "Order Completed" in json.dumps(points)
    with pytest.raises(ConflictError):
        inspection.export_workspace(workspace, tmp_path / "out", None)


def test_an_export_in_pieces_is_what_the_command_tells(workspace, tmp_path, monkeypatch):
    for module in (inspection, all_scores):
        monkeypatch.setattr(module, "ROWS_TOGETHER", 3)
    folder = tmp_path / "out"
    summary = inspection.export_workspace(workspace, folder, None)
    scores = pq.ParquetFile(folder / "scores.parquet")
    assert scores.num_row_groups > 3
    assert scores.read().equals(answers.score_pairs(workspace))
    events = pq.ParquetFile(folder / "events.parquet")
    assert events.num_row_groups > 3
    order = list(zip(*(events.read()[name].to_pylist() for name in ("occurred_at", "event_id")), strict=True))
    assert order == sorted(order)
    assert len(set(order)) == 35
    assert {each.name for each in folder.iterdir()} == summary.rows.keys()


def test_a_workspace_whose_making_was_interrupted_is_made_anew(tmp_path):
    (tmp_path / f"{STORE_FILE}.unfinished").write_bytes(b"half of it")
    with pytest.raises(WorkspaceNotFoundError), fusion.open_workspace(tmp_path):
        pass
    with open_small(tmp_path) as workspace:
        assert find_problems(workspace) == []
    with pytest.raises(ConflictError):
        fusion.create_workspace(tmp_path)
