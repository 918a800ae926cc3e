"""SQLite as the hot store: one file, write-ahead log, every commit on disk before it returns.

The schema comes from the declarations in `records`; the hot paths speak to the driver with `executemany`.
"""

from __future__ import annotations

import copy
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from consumer_fusion.errors import ConflictError, StoreError
from consumer_fusion.records import TABLES
from consumer_fusion.records.access import SIGN_IN_FAILURES, STAFF_SESSIONS
from consumer_fusion.records.arrival import ARRIVALS
from consumer_fusion.records.segment import MARKS
from consumer_fusion.records.table import Table
from consumer_fusion.stores.base import Between, Row, Session, Value, Where
from consumer_fusion.stores.migrations import LATEST_VERSION, migrate_schema

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Schema:
    """What one file of a workspace holds, and how a file of an older release comes to hold it.

    Attributes:
        name: What the file is called in messages.
        tables: Its tables.
        version: The version that this release speaks.
        mark: The mark under which a file keeps its version.
        folder: Where the revisions lie that lead to it; None where a file of another version is emptied, because
            nothing in it has to outlive a release.
        first_version: The version of a file that has no such mark.
    """

    name: str
    tables: tuple[Table, ...]
    version: str
    mark: str = "schema_version"
    folder: Path | None = _MIGRATIONS
    first_version: str | None = None


_OWN_FILES = (ARRIVALS, STAFF_SESSIONS, SIGN_IN_FAILURES)
STORE_SCHEMA = Schema("store", tuple(table for table in TABLES if table not in _OWN_FILES), LATEST_VERSION)
ARRIVAL_SCHEMA = Schema(
    "file of arrivals", (ARRIVALS, MARKS), "1", mark="arrivals_version", folder=_MIGRATIONS / "arrival_revisions",
    first_version="1",
)  # fmt: skip
"""Where events arrive: a file of its own, so that arriving never waits for an import."""
VISIT_SCHEMA = Schema(
    "file of visits", (STAFF_SESSIONS, SIGN_IN_FAILURES, MARKS), "1", mark="visits_version", folder=None
)
"""Who is signed in and who tried to: a file of its own, so that nobody waits for an import to come in."""
STORE_TABLES = STORE_SCHEMA.tables
WAIT_SECONDS = 3600.0
"""A bulk import writes for minutes; whoever wants to write meanwhile waits for it."""
_BUSY_MILLISECONDS = 120_000
_ROWS_PER_FETCH = 10_000
_FEW_KEYS = 100
"""Up to so many rows of keys are written into the statement that looks for them."""

_SQL_TYPES: dict[str, Any] = {
    "integer": sa.BigInteger,
    "real": sa.Double,
    "text": sa.Text,
    "boolean": sa.Boolean,
}
_ARROW_TYPES = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), "boolean": pa.bool_()}
_WRITING_CACHE, _READING_CACHE = "pragma cache_size = -65536", "pragma cache_size = -8192"
"""In KiB. Who writes changes pages all over the file; who reads needs few, and there may be many who do."""
_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",
    f"busy_timeout = {_BUSY_MILLISECONDS}",
    "cache_size = -8192",
    "temp_store = memory",
    "foreign_keys = on",
)


def build_schema(tables: Sequence[Table] = TABLES) -> sa.MetaData:
    """The tables as SQLAlchemy knows them, from their declarations."""
    schema = sa.MetaData()
    for table in tables:
        columns: list[sa.Column[Any] | sa.Constraint] = []
        for column in table.columns:
            # SQLite counts up by itself only for a column that is exactly INTEGER PRIMARY KEY.
            is_counter = table.has_sequence and table.primary_key == (column.name,)
            columns.append(
                sa.Column(
                    column.name,
                    sa.Integer if is_counter else _SQL_TYPES[column.type],
                    primary_key=column.name in table.primary_key,
                    nullable=column.is_optional,
                    autoincrement=is_counter,
                )
            )
        columns.extend(sa.UniqueConstraint(*names) for names in table.unique)
        made = sa.Table(
            table.name,
            schema,
            *columns,
            sqlite_autoincrement=table.has_sequence,
            sqlite_with_rowid=not table.is_clustered,
        )
        for names in table.indexes:
            sa.Index(f"{table.name}_by_{'_'.join(names)}", *(made.c[name] for name in names))
    return schema


class SQLiteStore:
    """A hot store in one SQLite file.

    Args:
        path: The file.
        schema: What is kept in it.
    """

    def __init__(self, path: Path, schema: Schema = STORE_SCHEMA) -> None:
        self.path = path
        self.schema = schema
        self._wait_seconds = WAIT_SECONDS
        # One thread at a time asks for the turn to write: those that wait take no connection from those that read.
        self._turn = Lock()
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            isolation_level="AUTOCOMMIT",
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=60,
        )
        sa.event.listen(self._engine, "connect", _set_pragmas)

    def create(self) -> None:
        """Make the tables that do not exist yet."""
        with self._engine.connect() as connection:
            _create_tables(connection, self.schema.tables)
        with self.writing() as session:
            if session.read_mark(self.schema.mark) is None:
                session.write_mark(self.schema.mark, self.schema.version)

    def bring_up_to_date(self) -> str | None:
        """Migrate a file that an older release wrote, all of it or nothing; refuse one of a newer release.

        Returns:
            The version that it had, if it was migrated.

        Raises:
            ConflictError: It was written by a newer release.
        """
        with self.reading() as session:
            found = self._read_version(session)
        if found == self.schema.version:
            return None
        self._check_version(found)
        with _name_failures(self.path), self._engine.connect() as connection:
            _begin_writing(connection, WAIT_SECONDS)
            try:
                session = _SQLiteSession(connection)
                # Another process may have migrated it while this one waited.
                found = self._read_version(session)
                if found != self.schema.version:
                    self._check_version(found)
                    self._migrate(connection, found)
                    session.write_mark(self.schema.mark, self.schema.version)
                connection.exec_driver_sql("commit")
            except BaseException:
                _roll_back(connection)
                raise
        return found

    def _read_version(self, session: Session) -> str | None:
        return session.read_mark(self.schema.mark) or self.schema.first_version

    def _check_version(self, found: str | None) -> None:
        ours = self.schema.version
        if self.schema.folder is not None and (
            found is None or not found.isdigit() or int(found) > int(ours)
        ):
            raise ConflictError(
                f"The {self.schema.name} has schema version {found}, this release speaks version {ours} and older "
                "ones.",
                hint="Open it with the release that wrote it, or install that one.",
            )

    def _migrate(self, connection: sa.Connection, found: str | None) -> None:
        if self.schema.folder is not None:
            migrate_schema(connection, found, latest=self.schema.version, folder=self.schema.folder)
            return
        for table in self.schema.tables:
            if table is not MARKS:
                connection.exec_driver_sql(f"drop table if exists {table.name}")
        _create_tables(connection, self.schema.tables)

    def copy_to(self, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """Copy the file as it is at one moment, while others read and write it.

        Args:
            path: A file that does not exist yet.
            progress: Told how many pages are done, and how many there are.
        """

        def tell(_: int, remaining: int, total: int) -> None:
            if progress is not None:
                progress(total - remaining, total)

        with _name_failures(self.path), self._engine.connect() as connection:
            target = sqlite3.connect(path)
            try:
                source = connection.connection.driver_connection
                assert isinstance(source, sqlite3.Connection)
                # All in one step: a copy in several begins anew whenever somebody else writes.
                source.backup(target, pages=-1, progress=tell)
                # As one file, without a log beside it.
                target.execute("pragma journal_mode = delete")
            finally:
                target.close()

    def check_file(self) -> list[str]:
        """What is broken in the file; empty when it is whole."""
        with _name_failures(self.path), self._engine.connect() as connection:
            rows = connection.exec_driver_sql("pragma integrity_check").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session of one moment; see `Store.reading`."""
        with _name_failures(self.path), self._engine.connect() as connection:
            connection.exec_driver_sql("begin")
            try:
                yield _SQLiteSession(connection)
            finally:
                _roll_back(connection)

    @contextmanager
    def writing(self, *, wait_seconds: float | None = None) -> Iterator[Session]:
        """The one writing session; see `Store.writing`."""
        end = monotonic() + (self._wait_seconds if wait_seconds is None else wait_seconds)
        with (
            self._take_turn(end),
            _name_failures(self.path),
            self._engine.connect() as connection,
        ):
            _begin_writing(connection, end - monotonic())
            try:
                connection.exec_driver_sql(_WRITING_CACHE)
                yield _SQLiteSession(connection)
                connection.exec_driver_sql("commit")
            except BaseException:
                _roll_back(connection)
                raise
            finally:
                connection.exec_driver_sql(_READING_CACHE)

    @contextmanager
    def _take_turn(self, end: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(0.0, end - monotonic())):
            raise _tell_busy(self.path)
        try:
            yield
        finally:
            self._turn.release()

    def with_patience(self, wait_seconds: float) -> SQLiteStore:
        """The same store; see `Store.with_patience`."""
        other = copy.copy(self)
        other._wait_seconds = wait_seconds
        return other

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _create_tables(connection: sa.Connection, tables: Sequence[Table]) -> None:
    for made in build_schema(tables).sorted_tables:
        # Two processes may make a file at the same time.
        connection.execute(sa.schema.CreateTable(made, if_not_exists=True))
        for index in made.indexes:
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"pragma {pragma}")


def _begin_writing(connection: sa.Connection, wait_seconds: float) -> None:
    # Tries of one second each, because an interruption from the keyboard is heard only between two of them.
    end = monotonic() + wait_seconds
    connection.exec_driver_sql("pragma busy_timeout = 1000")
    try:
        while True:
            try:
                connection.exec_driver_sql("begin immediate")
                return
            except sa.exc.OperationalError as error:
                if not _is_busy(error.orig) or monotonic() > end:
                    raise
    finally:
        connection.exec_driver_sql(f"pragma busy_timeout = {_BUSY_MILLISECONDS}")


def _roll_back(connection: sa.Connection) -> None:
    # Where the disk is full, SQLite has rolled back already and says that there is nothing to roll back.
    with suppress(sa.exc.OperationalError):
        connection.exec_driver_sql("rollback")


def _is_busy(error: BaseException | None) -> bool:
    return (
        isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )


def _tell_busy(path: Path) -> StoreError:
    return StoreError(
        "Another process has been writing to this workspace for too long.",
        hint="Wait until it is done, then do the same again.",
        where=str(path),
    )


@contextmanager
def _name_failures(path: Path) -> Iterator[None]:
    """Say what a failure of the file or its disk means; the driver's messages name tables, never a value."""
    try:
        yield
    except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
        cause = error.orig if isinstance(error, sa.exc.OperationalError) else error
        if _is_busy(cause):
            raise _tell_busy(path) from error
        raise StoreError(
            f"The store could not go on: {cause}. Nothing of this step was kept.",
            hint="Check that the disk has room and that the file may be written, then run the same command again.",
            where=str(path),
        ) from error


@dataclass(frozen=True, slots=True)
class _Matched:
    """Rows of keys that a statement can join.

    Attributes:
        relation: The name under which they are.
        prefix: What the statement begins with.
        condition: What joins them (`k`) with a table (`t`).
        values: The parameters of the prefix.
    """

    relation: str
    prefix: str
    condition: str
    values: tuple[Value, ...]


class _SQLiteSession:
    """A transaction; the statements are built from declared names only, values always travel as parameters."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def read(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), limit: int | None = None,
    ) -> pa.Table:  # fmt: skip
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
        names = tuple(columns or table.column_names)
        with self._matching(keys) as matched:
            listed = ", ".join(f"t.{name}" for name in names)
            # A cross join keeps SQLite from scanning the large table: the keys are few and drive the search.
            text = f"{matched.prefix} select {listed} from {matched.relation} k cross join {table.name} t"
            return self._fetch(table, names, f"{text} on {matched.condition}", matched.values)

    def count(self, table: Table, where: Where | None = None) -> int:
        condition, values = _write_condition(where)
        return int(self._run(f"select count(*) from {table.name}{condition}", values).scalar() or 0)

    def summarise(self, table: Table, column: str, function: str) -> int | float | None:
        if function not in ("min", "max", "sum"):
            raise ValueError(function)
        result: int | float | None = self._run(f"select {function}({column}) from {table.name}").scalar()
        return result

    def insert(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, ignore: bool = False
    ) -> int:
        marks = ", ".join("?" for _ in columns)
        ending = " on conflict do nothing" if ignore else ""
        return self._run_many(
            f"insert into {table.name} ({', '.join(columns)}) values ({marks}){ending}", rows
        )

    def replace(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
        marks = ", ".join("?" for _ in columns)
        self._run_many(f"insert or replace into {table.name} ({', '.join(columns)}) values ({marks})", rows)

    def add(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, largest: Sequence[str] = ()
    ) -> None:
        changes = ", ".join(
            f"{name} = max({name}, excluded.{name})"
            if name in largest
            else f"{name} = {name} + excluded.{name}"
            for name in columns
            if name not in table.primary_key
        )
        marks = ", ".join("?" for _ in columns)
        self._run_many(
            f"insert into {table.name} ({', '.join(columns)}) values ({marks}) "
            f"on conflict ({', '.join(table.primary_key)}) do update set {changes}",
            rows,
        )

    def multiply(self, table: Table, factors: Mapping[str, float], where: Where) -> None:
        condition, values = _write_condition(where)
        changes = ", ".join(f"{name} = {name} * ?" for name in factors)
        self._run(f"update {table.name} set {changes}{condition}", (*factors.values(), *values))

    def update(self, table: Table, values: Mapping[str, Value], where: Where) -> int:
        condition, bounds = _write_condition(where)
        changes = ", ".join(f"{name} = ?" for name in values)
        return self._run(
            f"update {table.name} set {changes}{condition}", (*values.values(), *bounds)
        ).rowcount

    def delete(self, table: Table, where: Where | None = None) -> int:
        condition, values = _write_condition(where)
        return self._run(f"delete from {table.name}{condition}", values).rowcount

    def delete_matching(self, table: Table, keys: pa.Table) -> int:
        names = keys.column_names
        condition = " and ".join(f"{name} = ?" for name in names)
        return self._run_many(
            f"delete from {table.name} where {condition}",
            zip(*(column.to_pylist() for column in keys.columns)),
        )

    def read_mark(self, name: str) -> str | None:
        found: str | None = self._run(f"select value from {MARKS.name} where name = ?", (name,)).scalar()
        return found

    def write_mark(self, name: str, value: str | int) -> None:
        self.replace(MARKS, ("name", "value"), [(name, str(value))])

    @contextmanager
    def _matching(self, keys: pa.Table) -> Iterator[_Matched]:
        names = keys.column_names
        condition = " and ".join(f"t.{name} = k.{name}" for name in names)
        rows = list(zip(*(column.to_pylist() for column in keys.columns)))
        marks = ", ".join("?" for _ in names)
        if 0 < len(rows) <= _FEW_KEYS:
            # Few go with the statement: to make a table for them takes longer than to look them up.
            listed = ", ".join([f"({marks})"] * len(rows))
            with_keys = f"with k ({', '.join(names)}) as (values {listed})"
            yield _Matched("k", with_keys, condition, tuple(itertools.chain.from_iterable(rows)))
            return
        self._run("drop table if exists temp.matched")
        self._run(f"create temp table matched ({', '.join(names)})")
        self._run_many(f"insert into temp.matched values ({marks})", rows)
        yield _Matched("temp.matched", "", condition, ())
        self._run("drop table temp.matched")

    def _fetch(self, table: Table, names: Sequence[str], text: str, values: Sequence[Value] = ()) -> pa.Table:
        # Some rows at a time: as Python values they take ten times the memory that they take as Arrow's.
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(text, tuple(values))
            tables = [
                _to_arrow(table, names, rows) for rows in iter(lambda: cursor.fetchmany(_ROWS_PER_FETCH), [])
            ]
        finally:
            cursor.close()
        return pa.concat_tables(tables) if tables else _to_arrow(table, names, ())

    def _run(self, text: str, values: Sequence[Value] = ()) -> sa.CursorResult[Any]:
        return self._connection.exec_driver_sql(text, tuple(values))

    def _run_many(self, text: str, rows: Iterable[Row]) -> int:
        # SQLAlchemy turns every row into a list of its own before the driver sees it; the driver itself takes
        # an iterator, which halves the time of a fold.
        cursor = self._connection.connection.cursor()
        try:
            cursor.executemany(text, rows)  # type: ignore[arg-type]
            return max(cursor.rowcount, 0)
        finally:
            cursor.close()


def _write_condition(where: Where | None) -> tuple[str, tuple[Value, ...]]:
    if not where:
        return "", ()
    parts: list[str] = []
    values: list[Value] = []
    for name, wanted in where.items():
        if isinstance(wanted, Between):
            if wanted.above is not None:
                parts.append(f"{name} > ?")
                values.append(wanted.above)
            if wanted.at_most is not None:
                parts.append(f"{name} <= ?")
                values.append(wanted.at_most)
        elif wanted is None:
            parts.append(f"{name} is null")
        elif isinstance(wanted, (str, int, float, bool)):
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
