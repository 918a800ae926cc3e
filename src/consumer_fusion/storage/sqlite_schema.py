"""The statements that create a declared table in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from consumer_fusion.records.table import Table

_SQL_TYPES = {"integer": "BIGINT", "real": "DOUBLE", "text": "TEXT", "boolean": "BOOLEAN", "bytes": "BLOB"}


def create_tables(connection: sqlite3.Connection, tables: Iterable[Table]) -> None:
    """Create the tables that do not exist yet, with their indexes."""
    there = {name for (name,) in connection.execute("select name from sqlite_master")}
    for table in tables:
        if table.name not in there:
            for statement in (write_table(table), *write_indexes(table).values()):
                connection.execute(statement)


def write_table(table: Table) -> str:
    """The statement that creates a table."""
    lines = []
    for column in table.columns:
        if table.has_sequence and table.primary_key == (column.name,):
            # SQLite counts only a column that is exactly INTEGER PRIMARY KEY.
            lines.append(f"{column.name} INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT")
        else:
            lines.append(
                f"{column.name} {_SQL_TYPES[column.type]}{'' if column.is_optional else ' NOT NULL'}"
            )
    if not table.has_sequence:
        lines.append(f"PRIMARY KEY ({', '.join(table.primary_key)})")
    lines += [f"UNIQUE ({', '.join(names)})" for names in table.unique]
    body = ",\n    ".join(lines)
    return f"CREATE TABLE {table.name} (\n    {body}\n){' WITHOUT ROWID' if table.is_clustered else ''}"


def write_indexes(table: Table) -> dict[str, str]:
    """The statements that create the indexes of a table, by the name of the index."""
    return {
        name: f"CREATE INDEX {name} ON {table.name} ({', '.join(columns)})"
        for columns in table.indexes
        for name in [f"{table.name}_by_{'_'.join(columns)}"]
    }
