"""The migrations make exactly the declared schema; a store of any other version is refused, untouched."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from consumer_fusion.errors import ConflictError
from consumer_fusion.records.pair_state import STATE_COLUMNS
from consumer_fusion.score.states.kept_states import move_changes, read_kept_states
from consumer_fusion.storage.migrations import LATEST_VERSION, migrate_schema
from consumer_fusion.storage.sqlite import ARRIVAL_SCHEMA, STORE_SCHEMA, SQLiteStore
from consumer_fusion.workspace import STORE_FILE, open_workspace
from small_workspaces import open_small

SQL_TYPES = {"integer": "BIGINT", "real": "DOUBLE", "text": "TEXT", "boolean": "BOOLEAN", "bytes": "BLOB"}


def declare(table):
    """What a table's declaration asks for, in the words of SQLite."""
    columns = [
        (
            column.name,
            "INTEGER" if table.has_sequence and column.name in table.primary_key else SQL_TYPES[column.type],
            not column.is_optional,
            table.primary_key.index(column.name) + 1 if column.name in table.primary_key else 0,
        )
        for column in table.columns
    ]
    keys = [("u", names) for names in table.unique]
    if not table.has_sequence:
        keys.append(("pk", table.primary_key))
    indexes = [(f"{table.name}_by_{'_'.join(names)}", names) for names in table.indexes]
    return columns, sorted(keys), sorted(indexes), table.is_clustered, table.has_sequence


def describe(path):
    """The same of each table in a file."""
    described = {}
    with sqlite3.connect(path) as connection:
        tables = connection.execute(
            "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        ).fetchall()
        for name, sql in tables:
            columns = [
                (column, type_, bool(not_null), key)
                for _, column, type_, not_null, _, key in connection.execute(f"pragma table_info({name})")
            ]
            keys, indexes = [], []
            for _, index, _, origin, _ in connection.execute(f"pragma index_list({name})").fetchall():
                names = tuple(row[2] for row in connection.execute(f"pragma index_info('{index}')"))
                (indexes if origin == "c" else keys).append((index if origin == "c" else origin, names))
            described[name] = (
                columns, sorted(keys), sorted(indexes), "WITHOUT ROWID" in sql.upper(), "AUTOINCREMENT" in sql.upper()
            )  # fmt: skip
    return described


def dump(path):
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def migrate(path, schema=STORE_SCHEMA):
    with sqlite3.connect(path) as connection:
        migrate_schema(connection, None, latest=schema.version, folder=schema.folder)


def change_mark(path, value):
    with sqlite3.connect(path) as connection:
        connection.execute("delete from marks where name = ?", (STORE_SCHEMA.mark,))
        if value is not None:
            connection.execute("insert into marks values (?, ?)", (STORE_SCHEMA.mark, value))


@pytest.mark.parametrize("schema", [STORE_SCHEMA, ARRIVAL_SCHEMA], ids=lambda schema: schema.name)
def test_the_migrations_make_exactly_what_is_declared(tmp_path, schema):
    migrate(tmp_path / "made.db", schema)
    assert describe(tmp_path / "made.db") == {table.name: declare(table) for table in schema.tables}


def test_a_new_store_has_exactly_what_is_declared(tmp_path):
    store = SQLiteStore(tmp_path / "new.db")
    store.create()
    store.close()
    assert describe(tmp_path / "new.db") == {table.name: declare(table) for table in STORE_SCHEMA.tables}


def test_a_store_that_is_up_to_date_is_left_alone(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        assert workspace.store.bring_up_to_date() is None


@pytest.mark.parametrize("found", [None, "0", str(int(LATEST_VERSION) + 1), "13", "trunk"])
def test_a_store_of_an_unknown_version_is_refused_and_left_alone(tmp_path, found):
    with open_small(tmp_path / "ws"):
        pass
    change_mark(tmp_path / "ws" / STORE_FILE, found)
    before = dump(tmp_path / "ws" / STORE_FILE)
    with pytest.raises(ConflictError) as refused, open_workspace(tmp_path / "ws"):
        pass
    told = "no schema version" if found is None else f"schema version {found}"
    assert refused.value.message == (
        f"The store has {told}, this release reads versions up to {LATEST_VERSION}."
    )
    assert "import the events again" in refused.value.hint
    assert dump(tmp_path / "ws" / STORE_FILE) == before


def test_a_store_made_before_the_first_release_is_refused(tmp_path):
    """Those counted their versions under another mark, so their version 1 is not taken for this one."""
    with open_small(tmp_path / "ws"):
        pass
    with sqlite3.connect(tmp_path / "ws" / STORE_FILE) as connection:
        connection.execute("update marks set name = 'schema_version' where name = ?", (STORE_SCHEMA.mark,))
    with pytest.raises(ConflictError, match="no schema version"), open_workspace(tmp_path / "ws"):
        pass


@pytest.fixture
def next_schema(tmp_path):
    """A schema that a next release might speak: every entity has a note."""
    folder, latest = tmp_path / "revisions", int(LATEST_VERSION)
    folder.mkdir()
    (folder / f"revision_{latest + 1:04d}.py").write_text(
        'STATEMENTS = ("alter table entities add column note text",)\n', encoding="utf-8"
    )
    return replace(STORE_SCHEMA, version=str(latest + 1), folder=folder)


def test_a_later_revision_brings_a_store_up_to_date(tmp_path, next_schema):
    SQLiteStore(tmp_path / "old.db").create()
    store = SQLiteStore(tmp_path / "old.db", next_schema)
    assert store.bring_up_to_date() == LATEST_VERSION
    with store.reading() as session:
        assert session.read_mark(next_schema.mark) == next_schema.version
    store.close()
    assert ("note", "TEXT", False, 0) in describe(tmp_path / "old.db")["entities"][0]


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path, next_schema, monkeypatch):
    SQLiteStore(tmp_path / "old.db").create()
    before = dump(tmp_path / "old.db")

    def break_off(connection, found, **named):
        migrate_schema(connection, found, **named)
        raise RuntimeError("the power went out")

    monkeypatch.setattr("consumer_fusion.storage.sqlite.migrate_schema", break_off)
    store = SQLiteStore(tmp_path / "old.db", next_schema)
    with pytest.raises(RuntimeError):
        store.bring_up_to_date()
    store.close()
    assert dump(tmp_path / "old.db") == before


def test_states_of_the_first_version_are_kept(tmp_path):
    path = tmp_path / "old.db"
    states = [
        (consumer, brand, kind, kind, 0.5 * consumer, 1.0, 2.0, 3.0, 4.0, 100 + kind)
        for brand in (7, 2**40)
        for consumer in range(1, 90)
        for kind in (1, 3)
    ]
    with sqlite3.connect(path) as connection:
        migrate_schema(connection, None, latest="1")
        marks = ", ".join("?" * len(STATE_COLUMNS))
        connection.executemany(f"insert into pair_kind_states values ({marks})", states)
        migrate_schema(connection, "1")
    store = SQLiteStore(path)
    for step in range(2):
        with store.reading() as session:
            kept = read_kept_states(session)
            assert read_kept_states(session, consumers=[33], brand_ids=[7])["x"].to_pylist() == [16.5, 16.5]
        rows = zip(*(column.to_pylist() for column in kept.columns), strict=True)
        assert sorted(rows) == sorted(states)
        assert move_changes(store, least=1) == (0 if step else len(states))
    store.close()
