"""A transaction on a SQLite file: statements are built from declared names only, values are passed as parameters."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from consumer_fusion.records.segment import MARKS
from consumer_fusion.records.table import Scope, Table
from consumer_fusion.storage.store import RangeCondition, Row, Value, Where

_ROWS_PER_FETCH = 10_000
_VALUES_PER_STATEMENT = 500
"""About how many values are inserted by one statement."""
_FEW_KEYS = 100
"""Maximum number of key rows that are written into the statement that looks them up."""
_ARROW_TYPES = {
    "integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "boolean": pa.bool_(), "bytes": pa.binary(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _MatchedRows:
    """Key rows that a statement can join.

    Attributes:
        relation: Name of their relation.
        prefix: Beginning of the statement.
        condition: Join condition of the keys (`k`) and a table (`t`).
        values: Parameters of the prefix.
    """

    relation: str
    prefix: str
    condition: str
    values: tuple[Value, ...]


class SQLiteSession:
    """A transaction; the statements are built from declared names only, values are always passed as parameters."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._moved: set[Scope] = set()

    def read(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), limit: int | None = None,
    ) -> pa.Table:  # fmt: skip
        """See `Session.read`."""
        names = tuple(columns or table.column_names)
        condition, values = _write_condition(where)
        text = f"select {', '.join(names)} from {table.name}{condition}"
        if order_by:
            text += f" order by {', '.join(order_by)}"
        if limit is not None:
            text += f" limit {int(limit)}"
        return self._fetch(table, names, text, values)

    def read_matching(
        self, table: Table, keys: pa.Table, *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """See `Session.read_matching`."""
        names = tuple(columns or table.column_names)
        with self._matching(keys) as matched:
            listed = ", ".join(f"t.{name}" for name in names)
            # A cross join keeps SQLite from scanning the large table: the keys are few and drive the search.
            text = f"{matched.prefix} select {listed} from {matched.relation} k cross join {table.name} t"
            return self._fetch(table, names, f"{text} on {matched.condition}", matched.values)

    def stream(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), rows_per_batch: int = _ROWS_PER_FETCH,
    ) -> Iterator[pa.Table]:  # fmt: skip
        """See `Session.stream`."""
        names = tuple(columns or table.column_names)
        condition, values = _write_condition(where)
        text = f"select {', '.join(names)} from {table.name}{condition}"
        if order_by:
            text += f" order by {', '.join(order_by)}"
        yield from self._fetch_batches(table, names, text, values, rows_per_batch)

    def count(self, table: Table, where: Where | None = None) -> int:
        """See `Session.count`."""
        condition, values = _write_condition(where)
        (found,) = self._run(f"select count(*) from {table.name}{condition}", values).fetchone()
        return int(found)

    def summarise(
        self, table: Table, column: str, function: str, where: Where | None = None
    ) -> int | float | None:
        """See `Session.summarise`."""
        if function not in ("min", "max", "sum"):
            raise ValueError(function)
        condition, values = _write_condition(where)
        text = f"select {function}({column}) from {table.name}{condition}"
        result: int | float | None
        (result,) = self._run(text, values).fetchone()
        return result

    def insert(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, ignore: bool = False
    ) -> int:
        """See `Session.insert`."""
        marks = f"({', '.join('?' for _ in columns)})"
        beginning = f"insert into {table.name} ({', '.join(columns)}) values "
        ending = " on conflict do nothing" if ignore else ""
        # Many rows a statement: each statement writes the sequence of the table, which costs more than a row.
        row_count = max(1, _VALUES_PER_STATEMENT // len(columns))
        many = f"{beginning}{', '.join([marks] * row_count)}{ending}"
        left, inserted = iter(rows), 0
        while len(some := list(itertools.islice(left, row_count))) == row_count:
            inserted += max(self._run(many, tuple(itertools.chain.from_iterable(some))).rowcount, 0)
        inserted += self._run_many(f"{beginning}{marks}{ending}", some)
        return self._note(table, inserted)

    def replace(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """See `Session.replace`."""
        # Not `insert or replace`, which deletes the row and appends another at the end of the file.
        marks = ", ".join("?" for _ in columns)
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in table.primary_key)
        text = (
            f"insert into {table.name} ({', '.join(columns)}) values ({marks}) "
            f"on conflict ({', '.join(table.primary_key)}) do {f'update set {changes}' if changes else 'nothing'}"
        )
        self._note(table, self._run_many(text, rows))

    def add(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, largest: Sequence[str] = ()
    ) -> None:
        """See `Session.add`."""
        changes = ", ".join(
            f"{name} = max({name}, excluded.{name})"
            if name in largest
            else f"{name} = {name} + excluded.{name}"
            for name in columns
            if name not in table.primary_key
        )
        marks = ", ".join("?" for _ in columns)
        text = (
            f"insert into {table.name} ({', '.join(columns)}) values ({marks}) "
            f"on conflict ({', '.join(table.primary_key)}) do update set {changes}"
        )
        self._note(table, self._run_many(text, rows))

    def multiply(self, table: Table, factors: Mapping[str, float], where: Where) -> None:
        """See `Session.multiply`."""
        condition, values = _write_condition(where)
        changes = ", ".join(f"{name} = {name} * ?" for name in factors)
        text = f"update {table.name} set {changes}{condition}"
        self._note(table, self._run(text, (*factors.values(), *values)).rowcount)

    def update(self, table: Table, values: Mapping[str, Value], where: Where) -> int:
        """See `Session.update`."""
        condition, bounds = _write_condition(where)
        changes = ", ".join(f"{name} = ?" for name in values)
        text = f"update {table.name} set {changes}{condition}"
        return self._note(table, self._run(text, (*values.values(), *bounds)).rowcount)

    def delete(self, table: Table, where: Where | None = None) -> int:
        """See `Session.delete`."""
        condition, values = _write_condition(where)
        return self._note(table, self._run(f"delete from {table.name}{condition}", values).rowcount)

    def delete_matching(self, table: Table, keys: pa.Table) -> int:
        """See `Session.delete_matching`."""
        names = keys.column_names
        condition = " and ".join(f"{name} = ?" for name in names)
        rows = zip(*(column.to_pylist() for column in keys.columns))
        return self._note(table, self._run_many(f"delete from {table.name} where {condition}", rows))

    def read_mark(self, name: str) -> str | None:
        """See `Session.read_mark`."""
        found = self._run(f"select value from {MARKS.name} where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def write_mark(self, name: str, value: str | int) -> None:
        """See `Session.write_mark`."""
        self.replace(MARKS, ("name", "value"), [(name, str(value))])

    def read_version(self, scope: Scope) -> int:
        """See `Session.read_version`."""
        return int(self.read_mark(_name_version(scope)) or 0)

    def move_versions(self) -> None:
        """Increment the data versions of the changed scopes; called once, before the commit."""
        for scope in sorted(self._moved):
            self.write_mark(_name_version(scope), self.read_version(scope) + 1)

    def _note(self, table: Table, row_count: int) -> int:
        if row_count and table.scope is not None:
            self._moved.add(table.scope)
        return row_count

    @contextmanager
    def _matching(self, keys: pa.Table) -> Iterator[_MatchedRows]:
        names = keys.column_names
        condition = " and ".join(f"t.{name} = k.{name}" for name in names)
        rows = list(zip(*(column.to_pylist() for column in keys.columns)))
        marks = ", ".join("?" for _ in names)
        if 0 < len(rows) <= _FEW_KEYS:
            # A few go with the statement: creating a table for them takes longer than looking them up.
            listed = ", ".join([f"({marks})"] * len(rows))
            with_keys = f"with k ({', '.join(names)}) as (values {listed})"
            yield _MatchedRows("k", with_keys, condition, tuple(itertools.chain.from_iterable(rows)))
            return
        self._run("drop table if exists temp.matched")
        self._run(f"create temp table matched ({', '.join(names)})")
        self._run_many(f"insert into temp.matched values ({marks})", rows)
        yield _MatchedRows("temp.matched", "", condition, ())
        self._run("drop table temp.matched")

    def _fetch(self, table: Table, names: Sequence[str], text: str, values: Sequence[Value] = ()) -> pa.Table:
        tables = list(self._fetch_batches(table, names, text, values, _ROWS_PER_FETCH))
        return pa.concat_tables(tables) if tables else _to_arrow(table, names, ())

    def _fetch_batches(
        self, table: Table, names: Sequence[str], text: str, values: Sequence[Value], size: int
    ) -> Iterator[pa.Table]:
        # In batches: as Python values rows take ten times the memory that they take in Arrow.
        cursor = self._connection.cursor()
        try:
            cursor.execute(text, tuple(values))
            while rows := cursor.fetchmany(size):
                yield _to_arrow(table, names, rows)
        finally:
            cursor.close()

    def _run(self, text: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        return self._connection.execute(text, tuple(values))

    def _run_many(self, text: str, rows: Iterable[Row]) -> int:
        return max(self._connection.executemany(text, rows).rowcount, 0)


def _write_condition(where: Where | None) -> tuple[str, tuple[Value, ...]]:
    if not where:
        return "", ()
    parts: list[str] = []
    values: list[Value] = []
    for name, wanted in where.items():
        if isinstance(wanted, RangeCondition):
            if wanted.above is not None:
                parts.append(f"{name} > ?")
                values.append(wanted.above)
            if wanted.at_most is not None:
                parts.append(f"{name} <= ?")
                values.append(wanted.at_most)
        elif wanted is None:
            parts.append(f"{name} is null")
        elif isinstance(wanted, (str, bytes, int, float, bool)):
            parts.append(f"{name} = ?")
            values.append(wanted)
        else:
            parts.append(f"{name} in ({', '.join('?' for _ in wanted)})")
            values.extend(wanted)
    return (" where " + " and ".join(parts)) if parts else "", tuple(values)


def _to_arrow(table: Table, names: Sequence[str], rows: Sequence[Any]) -> pa.Table:
    types = {column.name: _ARROW_TYPES[column.type] for column in table.columns}
    columns = list(zip(*rows)) if rows else [()] * len(names)
    arrays = [
        pa.array([None if value is None else bool(value) for value in values], pa.bool_())
        if types[name] == pa.bool_()
        else pa.array(values, types[name])
        for name, values in zip(names, columns)
    ]
    return pa.Table.from_arrays(arrays, names=list(names))


def _name_version(scope: Scope) -> str:
    return f"data_version_of_{scope}"
