"""A workspace is backed up while events arrive, and comes back whole or not at all."""

from __future__ import annotations

import json
import stat
import threading
import zipfile

import pytest

import consumer_fusion as fusion
from command_line import run_fusion
from consumer_fusion import backup
from consumer_fusion.errors import ConflictError, InputError, RefusedError
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.pipeline import import_events, land_arrivals
from consumer_fusion.records.access import STAFF_SESSIONS
from consumer_fusion.records.arrival import Arrival
from copied_workspaces import copy_made
from small_workspaces import (
    NOW,
    count_places,
    find_problems,
    make_order,
    make_orders,
    open_small,
    read_scores,
    seal,
)


def make_arrival(number):
    line = {
        "event_id": f"arrived-{number}", "kind": "Order Completed", "consumer": "ann", "brand": "bakery", "value": 5,
        "currency": "EUR", "occurred_at": NOW.isoformat(),
    }  # fmt: skip
    return Arrival("events", "web", None, "source", None, int(NOW.timestamp() * 1e6), json.dumps(line))


def keep_arrivals(workspace, *numbers):
    with workspace.arrivals.writing() as session:
        append_arrivals(session, map(make_arrival, numbers))


def make_workspace(folder):
    with open_small(folder, inbox_import_limit=20) as opened:
        import_events(opened, make_orders(60))
        import_events(opened, [make_order(900 + number) for number in range(5)])
        seal(opened)
        import_events(opened, [make_order(950, days_ago=0.5)])
        keep_arrivals(opened, 1)
        (opened.folder / "points.toml").write_text('[kinds."Store Visited"]\npoints = { feet = 4 }\n')


@pytest.fixture
def workspace(tmp_path):
    """Sealed events, events in the inbox, and one that arrived and was not read yet."""
    with open_small(copy_made(tmp_path / "ws", make_workspace), inbox_import_limit=20) as opened:
        yield opened


@pytest.fixture
def taken(workspace, tmp_path):
    backup.back_up(workspace, tmp_path / "kept.fusion")
    return tmp_path / "kept.fusion"


def rewrite(source, target, change):
    """The archive with its files changed: `change` gets and returns names and contents."""
    with zipfile.ZipFile(source) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in change(files).items():
            archive.writestr(name, content)
    return target


def assert_nothing_there(tmp_path):
    assert not (tmp_path / "back").exists()
    assert not list(tmp_path.glob(".*unfinished*"))


def test_a_restored_workspace_has_the_same_scores_and_is_whole(workspace, taken, tmp_path):
    before = read_scores(workspace)
    backup.restore(taken, tmp_path / "back")
    with open_small(tmp_path / "back") as restored:
        assert read_scores(restored) == before
        assert find_problems(restored) == []
        assert count_places(restored) == count_places(workspace)
        assert restored.points_path.read_text() == workspace.points_path.read_text()
        assert land_arrivals(restored).accepted == 1


def test_only_its_owner_may_read_a_backup(taken):
    assert stat.S_IMODE(taken.stat().st_mode) == 0o600


@pytest.mark.slow
def test_what_happens_while_a_backup_is_taken_is_lost_or_doubled_nowhere(workspace, tmp_path):
    """Events land and segments are replaced all the while; each that was durable before is in it exactly once."""
    numbers, ended = iter(range(100, 10_000)), threading.Event()
    kept = [1]

    def go_on():
        while not ended.is_set():
            batch = [next(numbers) for _ in range(3)]
            keep_arrivals(workspace, *batch)
            kept.extend(batch)
            land_arrivals(workspace)

    busy = threading.Thread(target=go_on)
    busy.start()
    try:
        for round_ in range(3):
            durable = list(kept)
            target = tmp_path / f"{round_}.fusion"
            backup.back_up(workspace, target)
            backup.restore(target, tmp_path / f"back-{round_}")
            with open_small(tmp_path / f"back-{round_}") as restored:
                land_arrivals(restored)
                places = count_places(restored)
                assert find_problems(restored) == []
            assert set(places.values()) == {1}
            assert {("web", f"arrived-{number}") for number in durable} <= set(places)
    finally:
        ended.set()
        busy.join()


def test_a_file_that_is_swept_meanwhile_is_found_under_its_new_name(workspace, tmp_path, monkeypatch):
    calls = []
    link = backup._link

    def fail_once(source, target):
        calls.append(source)
        if len(calls) == 1:
            raise FileNotFoundError(source)
        link(source, target)

    monkeypatch.setattr(backup, "_link", fail_once)
    made = backup.back_up(workspace, tmp_path / "kept.fusion")
    assert made.sealed_events >= 60
    backup.restore(tmp_path / "kept.fusion", tmp_path / "back")


def test_a_changed_byte_is_found(taken, tmp_path):
    def change(files):
        name = next(name for name in files if name.endswith(".parquet"))
        content = bytearray(files[name])
        content[len(content) // 2] ^= 1
        return {**files, name: bytes(content)}

    with pytest.raises(RefusedError, match="hash"):
        backup.restore(rewrite(taken, tmp_path / "changed", change), tmp_path / "back")
    assert_nothing_there(tmp_path)


@pytest.mark.parametrize("ending", [".parquet", "fusion.db", "arrivals.db"])
def test_a_missing_file_is_found(taken, tmp_path, ending):
    def change(files):
        return {name: content for name, content in files.items() if not name.endswith(ending)}

    with pytest.raises(RefusedError):
        backup.restore(rewrite(taken, tmp_path / "changed", change), tmp_path / "back")
    assert_nothing_there(tmp_path)


@pytest.mark.parametrize(
    "name", ["../evil.parquet", "/etc/evil", "segments/../../x.parquet", "spill/x", "a\\b"]
)
def test_a_backup_writes_nowhere_else(taken, tmp_path, name):
    def change(files):
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = {"bytes": 1, "sha256": "0" * 64}
        return {**files, "manifest.json": json.dumps(manifest), name: b"x"}

    with pytest.raises(RefusedError, match="does not belong"):
        backup.restore(rewrite(taken, tmp_path / "changed", change), tmp_path / "back")
    assert_nothing_there(tmp_path)


def test_a_file_that_unpacks_to_more_than_it_says_is_cut_off(taken, tmp_path):
    def change(files):
        return {**files, "fusion.db": b"\0" * 30_000_000}

    with pytest.raises(RefusedError, match="hash"):
        backup.restore(rewrite(taken, tmp_path / "changed", change), tmp_path / "back")
    assert_nothing_there(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04broken"])
def test_what_is_no_backup_is_refused(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(InputError, match="not a backup"):
        backup.restore(tmp_path / "other", tmp_path / "back")


def test_a_backup_that_was_cut_off_is_refused(taken, tmp_path):
    (tmp_path / "short").write_bytes(taken.read_bytes()[:-200])
    with pytest.raises(InputError):
        backup.restore(tmp_path / "short", tmp_path / "back")
    assert_nothing_there(tmp_path)


def test_nothing_is_overwritten(workspace, taken, tmp_path):
    with pytest.raises(ConflictError):
        backup.back_up(workspace, taken)
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "mine.txt").write_text("mine")
    with pytest.raises(ConflictError):
        backup.restore(taken, tmp_path / "back")
    assert (tmp_path / "back" / "mine.txt").read_text() == "mine"


def test_a_backup_that_cannot_be_written_leaves_nothing(workspace, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        backup.back_up(workspace, tmp_path / "no" / "such" / "folder.fusion")
    assert not [path for path in workspace.staging_folder.iterdir() if path.name.startswith("backup-")]


def test_the_commands_back_up_and_restore(workspace, tmp_path):
    made = run_fusion(
        "backup", "--to", tmp_path / "by-command.fusion", "--workspace", workspace.folder, "--json"
    )
    assert made.status == 0, made.output + made.complaint
    assert made.told["sealed_events"] >= 60
    back = run_fusion("restore", tmp_path / "by-command.fusion", "--workspace", tmp_path / "back", "--json")
    assert back.status == 0, back.output + back.complaint
    assert run_fusion("doctor", "--workspace", tmp_path / "back", "--json").told["ok"]


def test_who_is_signed_in_is_not_in_a_backup(workspace, tmp_path):
    with workspace.session_store.writing() as session:
        session.insert(
            STAFF_SESSIONS,
            STAFF_SESSIONS.column_names,
            [("digest-of-a-session", "a", 0, "password", 1, 1, 9)],
        )
    backup.back_up(workspace, tmp_path / "kept.fusion")
    with zipfile.ZipFile(tmp_path / "kept.fusion") as archive:
        assert not [name for name in archive.namelist() if name.startswith("visits")]
        assert not [name for name in archive.namelist() if b"digest-of-a-session" in archive.read(name)]
    backup.restore(tmp_path / "kept.fusion", tmp_path / "back")
    with fusion.open_workspace(tmp_path / "back") as restored, restored.session_store.reading() as session:
        assert session.count(STAFF_SESSIONS) == 0
