"""The files beside the store: what arrived outlives a new release, who is signed in need not."""

from __future__ import annotations

import shutil
import sqlite3
import textwrap
from dataclasses import replace

import pytest

from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError
from consumer_fusion.events.inbox_queue import count_arrivals
from consumer_fusion.records.access import STAFF_SESSIONS
from consumer_fusion.records.arrival import ARRIVALS
from consumer_fusion.storage.migrations.arrival_revisions import arrivals_0001
from consumer_fusion.storage.sqlite import ARRIVAL_SCHEMA, SESSION_SCHEMA, SQLiteStore
from consumer_fusion.workspace import ARRIVALS_FILE, SESSIONS_FILE, open_workspace
from small_workspaces import open_small

LINE = '{"event_id": "e1", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Store Visited", "consumer": "ann"}'
COLUMNS = "(format, source, brand, trust_rule, received_us, line)"


def make_first_arrivals(path):
    """A file of arrivals as the first release made it, with one event that was not read yet."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        for statement in arrivals_0001.STATEMENTS:
            connection.execute(statement)
        connection.execute("insert into marks values (?, '1')", (ARRIVAL_SCHEMA.mark,))
        connection.execute(
            f"insert into arrivals {COLUMNS} values (?, ?, ?, ?, ?, ?)",
            ("events", "shop", "bakery", "source", 1_781_000_000_000_000, LINE),
        )


@pytest.fixture
def next_release(tmp_path):
    """A schema of arrivals that a next release might speak: every row says how long it is."""
    folder = tmp_path / "revisions"
    shutil.copytree(ARRIVAL_SCHEMA.folder, folder)
    (folder / "revision_0003.py").write_text(
        textwrap.dedent("""
            STATEMENTS = (
                "alter table arrivals add column length bigint",
                "update arrivals set length = length(lines)",
            )
        """),
        encoding="utf-8",
    )
    return replace(ARRIVAL_SCHEMA, version="3", folder=folder)


def test_what_arrived_under_the_first_release_is_read_by_this_one(tmp_path):
    with open_small(tmp_path / "ws"):
        pass
    make_first_arrivals(tmp_path / "ws" / ARRIVALS_FILE)
    with open_workspace(tmp_path / "ws") as workspace:
        assert pipeline.land_arrivals(workspace).accepted == 1
        with workspace.arrivals.reading() as session:
            assert session.count(ARRIVALS) == 0


def test_a_next_release_carries_over_what_waits(tmp_path, next_release):
    make_first_arrivals(tmp_path / "arrivals.db")
    store = SQLiteStore(tmp_path / "arrivals.db", next_release)
    assert store.bring_up_to_date() == "1"
    assert store.bring_up_to_date() is None
    with store.reading() as session:
        assert count_arrivals(session) == 1
        assert session.read_mark(next_release.mark) == "3"
    store.close()
    with sqlite3.connect(tmp_path / "arrivals.db") as connection:
        assert connection.execute("select length, lines from arrivals").fetchall() == [(len(LINE), LINE)]


def test_a_file_of_arrivals_of_a_newer_release_is_refused_and_left_alone(tmp_path):
    with open_small(tmp_path / "ws") as workspace, workspace.arrivals.writing() as session:
        session.write_mark(ARRIVAL_SCHEMA.mark, str(int(ARRIVAL_SCHEMA.version) + 1))
    before = (tmp_path / "ws" / ARRIVALS_FILE).read_bytes()
    with pytest.raises(ConflictError, match="file of arrivals"), open_workspace(tmp_path / "ws"):
        pass
    assert (tmp_path / "ws" / ARRIVALS_FILE).read_bytes() == before


def test_a_file_of_visits_of_another_release_is_emptied(tmp_path):
    with open_small(tmp_path / "ws") as workspace, workspace.session_store.writing() as session:
        session.insert(STAFF_SESSIONS, STAFF_SESSIONS.column_names, [("d", "a", 0, "password", 1, 1, 2)])
        session.write_mark(SESSION_SCHEMA.mark, "0")
    with open_workspace(tmp_path / "ws") as workspace, workspace.session_store.reading() as session:
        assert session.count(STAFF_SESSIONS) == 0
        assert session.read_mark(SESSION_SCHEMA.mark) == SESSION_SCHEMA.version


def test_a_workspace_without_its_file_of_visits_opens(tmp_path):
    with open_small(tmp_path / "ws"):
        pass
    (tmp_path / "ws" / SESSIONS_FILE).unlink()
    with open_workspace(tmp_path / "ws") as workspace, workspace.session_store.reading() as session:
        assert session.count(STAFF_SESSIONS) == 0
