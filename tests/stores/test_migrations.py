"""A workspace that an older release wrote opens, with all that is in it."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from consumer_fusion.errors import ConflictError
from consumer_fusion.pipeline import import_events
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.storage.migrations import LATEST_VERSION, migrate_schema, revision_0001
from consumer_fusion.storage.sqlite import STORE_TABLES, SQLiteStore
from consumer_fusion.workspace import STORE_FILE, open_workspace
from small_workspaces import make_orders, open_small, read_scores


def describe_schema(path):
    """Tables with their columns and keys, and indexes, whatever the order and the wording."""
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        described = {}
        for name, sql in tables:
            columns = connection.execute(f"pragma table_xinfo({name})").fetchall()
            indexes = [
                (unique, tuple(row[2] for row in connection.execute(f"pragma index_info('{index}')")))
                for _, index, unique, *_ in connection.execute(f"pragma index_list({name})").fetchall()
            ]
            flags = ("WITHOUT ROWID" in sql.upper(), "AUTOINCREMENT" in sql.upper())
            described[name] = (columns, sorted(indexes), flags)
    return described


def make_first_store(path):
    """A store as the first release made it."""
    with sqlite3.connect(path) as connection:
        for statement in revision_0001._STATEMENTS:
            connection.execute(statement)
        connection.execute("insert into marks values ('schema_version', '1')")


def turn_back(path):
    """Make a workspace's store one of the first release: it lacks every table and index that came later."""
    with sqlite3.connect(path) as connection:
        first = " ".join(revision_0001._STATEMENTS)
        made = "select name from sqlite_master where type = 'index' and sql is not null"
        for (name,) in connection.execute(made).fetchall():
            if f"INDEX {name} " not in first:
                connection.execute(f"drop index {name}")
        for (name,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            if f"CREATE TABLE {name} " not in first and not name.startswith("sqlite_"):
                connection.execute(f"drop table {name}")
        connection.execute("update marks set value = '1' where name = 'schema_version'")


def test_a_store_of_the_first_release_gets_the_schema_of_a_new_one(tmp_path):
    make_first_store(tmp_path / "old.db")
    old = SQLiteStore(tmp_path / "old.db")
    assert old.bring_up_to_date() == "1"
    new = SQLiteStore(tmp_path / "new.db")
    new.create()
    assert describe_schema(tmp_path / "old.db") == describe_schema(tmp_path / "new.db")
    with old.reading() as session:
        assert session.read_mark("schema_version") == LATEST_VERSION
    old.close(), new.close()


def test_the_migrations_alone_make_all_that_is_declared(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'made.db'}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        migrate_schema(connection, None)
    engine.dispose()
    assert set(describe_schema(tmp_path / "made.db")) == {table.name for table in STORE_TABLES}


def test_a_workspace_of_the_first_release_opens_with_the_same_scores(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, make_orders(60))
        before = read_scores(workspace)
    turn_back(tmp_path / "ws" / STORE_FILE)
    with open_small(tmp_path / "ws") as workspace:
        # Money on record is sized anew: the sums are the same but for the order of adding.
        assert read_scores(workspace) == pytest.approx(before, abs=1e-9)
        put_points_in_force(workspace)
        with workspace.store.reading() as session:
            assert session.read_mark("schema_version") == LATEST_VERSION


def test_a_key_that_is_an_address_is_the_one_that_events_bring_now(tmp_path):
    rename = "update entities set entity_key = ? where entity_key = ?"
    folder = tmp_path / "ws"
    with open_small(folder) as workspace:
        import_events(workspace, make_orders(6, consumers=3, brands=1))
    with sqlite3.connect(folder / STORE_FILE) as connection:
        for number, key in enumerate(["Ann@Example.org", "ANN@example.org", "C-17"]):
            connection.execute(rename, (key, f"consumer-{number}"))
        connection.execute("drop table brand_spreads")
        connection.execute("update marks set value = '8' where name = 'schema_version'")
    with open_small(folder) as workspace:
        assert {who for who, _ in read_scores(workspace)} == {"ann@example.org", "ANN@example.org", "C-17"}


def test_a_store_that_is_up_to_date_is_left_alone(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        assert workspace.store.bring_up_to_date() is None


def test_a_store_of_a_newer_release_is_refused(tmp_path):
    with open_small(tmp_path / "ws") as workspace, workspace.store.writing() as session:
        session.write_mark("schema_version", str(int(LATEST_VERSION) + 1))
    with pytest.raises(ConflictError, match="schema version"), open_workspace(tmp_path / "ws"):
        pass


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    make_first_store(tmp_path / "old.db")
    before = describe_schema(tmp_path / "old.db")

    def break_off(connection, found, **named):
        migrate_schema(connection, found, **named)
        raise RuntimeError("the power went out")

    monkeypatch.setattr("consumer_fusion.storage.sqlite.migrate_schema", break_off)
    store = SQLiteStore(tmp_path / "old.db")
    with pytest.raises(RuntimeError):
        store.bring_up_to_date()
    store.close()
    assert describe_schema(tmp_path / "old.db") == before
