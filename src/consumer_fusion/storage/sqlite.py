"""SQLite as the hot store: one file, write-ahead log, every commit on disk before it returns.

The schema comes from the declarations in `records`.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import monotonic
from urllib.parse import quote

from consumer_fusion.errors import ConflictError, DamagedFileError, StoreError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records import find_tables
from consumer_fusion.records.access import SIGN_IN_FAILURES, STAFF_SESSIONS
from consumer_fusion.records.arrival import ARRIVALS
from consumer_fusion.records.segment import MARKS
from consumer_fusion.records.table import Table
from consumer_fusion.storage.migrations import LATEST_VERSION, migrate_schema
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.sqlite_connections import ConnectionPool, roll_back
from consumer_fusion.storage.sqlite_schema import create_tables
from consumer_fusion.storage.sqlite_session import SQLiteSession
from consumer_fusion.storage.store import Session

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class StoreSchema:
    """Schema of one file of a workspace, and its upgrade from older releases.

    Attributes:
        name: Name of the file in messages.
        list_tables: Function that returns its tables; most processes never ask.
        version: Schema version of this release.
        mark: Mark with the version of a file. A file without it is refused.
        folder: Folder of its revisions; None where a file of another version is emptied, because
            its content need not outlive a release.
    """

    name: str
    list_tables: Callable[[], tuple[Table, ...]]
    version: str
    mark: str = "store_version"
    folder: Path | None = _MIGRATIONS

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables."""
        return self.list_tables()


_OWN_FILES = (ARRIVALS, STAFF_SESSIONS, SIGN_IN_FAILURES)
STORE_SCHEMA = StoreSchema(
    "store", lambda: tuple(table for table in find_tables() if table not in _OWN_FILES), LATEST_VERSION
)
ARRIVAL_SCHEMA = StoreSchema(
    "file of arrivals",
    lambda: (ARRIVALS, MARKS),
    "2",
    mark="arrivals_version",
    folder=_MIGRATIONS / "arrival_revisions",
)
"""The file of arriving events, separate so that an arrival never waits for an import."""
SESSION_SCHEMA = StoreSchema(
    "session store",
    lambda: (STAFF_SESSIONS, SIGN_IN_FAILURES, MARKS),
    "1",
    mark="sessions_version",
    folder=None,
)
"""The file of sessions and failed sign-ins, separate so that signing in never waits for an import."""
WAIT_SECONDS = 3600.0
"""A bulk import writes for minutes; other writers wait for it."""
_BUSY_MILLISECONDS = 120_000

_WRITING_CACHE, _READING_CACHE = "pragma cache_size = -16384", "pragma cache_size = -2048"
"""In KiB. A writer changes pages all over the file; a reader needs few, and there may be many readers."""
_READING_PRAGMAS = ("temp_store = memory",)
LOG_BYTES_LIMIT = 32 << 20
"""Size to which a write-ahead log shrinks after a large transaction, once nobody reads it."""
_PRAGMAS = (
    "journal_mode = wal",
    f"journal_size_limit = {LOG_BYTES_LIMIT}",
    "synchronous = full",
    f"busy_timeout = {_BUSY_MILLISECONDS}",
    "cache_size = -2048",
    "temp_store = memory",
    "foreign_keys = on",
    # Deleted data is overwritten, whatever the default of this build of SQLite.
    "secure_delete = on",
)


class SQLiteStore:
    """A hot store in one SQLite file.

    Args:
        path: The file.
        schema: Schema of the file.
        is_read_only: Whether the file is on a read-only medium, where not even a log can be written.
    """

    def __init__(self, path: Path, schema: StoreSchema = STORE_SCHEMA, *, is_read_only: bool = False) -> None:
        self.path = path
        self.schema = schema
        self._is_read_only = is_read_only
        self._wait_seconds = WAIT_SECONDS
        # One thread at a time requests the write lock: those that wait take no connection from readers.
        self._turn = Lock()
        self._pool = ConnectionPool(
            _write_address(path, is_read_only=is_read_only), _READING_PRAGMAS if is_read_only else _PRAGMAS
        )

    def create(self) -> None:
        """Create the tables that do not exist yet."""
        make_file(self.path)  # its log and other files of SQLite get the same permissions
        # All in one transaction: each has a disk write of its own.
        with (
            _name_failures(self.path), self._pool.lend() as connection,
            _write(connection, WAIT_SECONDS) as session,
        ):  # fmt: skip
            create_tables(connection, self.schema.tables)
            if session.read_mark(self.schema.mark) is None:
                session.write_mark(self.schema.mark, self.schema.version)

    def bring_up_to_date(self) -> str | None:
        """Migrate a file of an older release in one transaction; refuse an unknown version.

        Returns:
            Its former version, if it was migrated.

        Raises:
            ConflictError: The file has no version, or one unknown to this release.
        """
        with self.reading() as session:
            found = session.read_mark(self.schema.mark)
        if found == self.schema.version:
            return None
        self._check_version(found)
        if self._is_read_only:
            raise _tell_read_only(self.path)
        with (
            _name_failures(self.path), self._pool.lend() as connection,
            _write(connection, WAIT_SECONDS) as session,
        ):  # fmt: skip
            # Another process may have migrated it while this one waited.
            found = session.read_mark(self.schema.mark)
            if found != self.schema.version:
                self._check_version(found)
                self._migrate(connection, found)
                session.write_mark(self.schema.mark, self.schema.version)
        return found

    def _check_version(self, found: str | None) -> None:
        ours = self.schema.version
        known = {str(number) for number in range(1, int(ours) + 1)}
        if self.schema.folder is None or found in known:
            return
        raise ConflictError(
            Message(
                "The {name} has schema version {found}, this release reads versions up to {ours}.",
                name=self.schema.name,
                found=found,
                ours=ours,
            )
            if found is not None
            else Message(
                "The {name} has no schema version, this release reads versions up to {ours}.",
                name=self.schema.name,
                ours=ours,
            ),
            hint="Open it with the release that wrote it, or make a new workspace and import the events again.",
            where=str(self.path),
        )

    def _migrate(self, connection: sqlite3.Connection, found: str | None) -> None:
        if self.schema.folder is not None:
            migrate_schema(connection, found, latest=self.schema.version, folder=self.schema.folder)
            return
        for table in self.schema.tables:
            if table is not MARKS:
                connection.execute(f"drop table if exists {table.name}")
        create_tables(connection, self.schema.tables)

    def copy_to(self, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """Copy a consistent snapshot of the file, while others read and write it.

        Args:
            path: Path of a file that does not exist yet.
            progress: Called with the number of pages done and in total.
        """

        def tell(_: int, remaining: int, total: int) -> None:
            if progress is not None:
                progress(total - remaining, total)

        with _name_failures(self.path), self._pool.lend() as connection:
            target = sqlite3.connect(make_file(path))
            try:
                # All in one step: a copy in several steps starts again whenever another process writes.
                connection.backup(target, pages=-1, progress=tell)
                # As one file, without a separate log.
                target.execute("pragma journal_mode = delete")
            finally:
                target.close()

    def check_file(self) -> list[str]:
        """Integrity errors of the file; empty when it is intact."""
        with _name_failures(self.path), self._pool.lend() as connection:
            rows = connection.execute("pragma integrity_check").fetchall()
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def truncate_log(self) -> bool:
        """Checkpoint and truncate the write-ahead log, if no session is open.

        Returns:
            Whether it was: then all later readers see at least what was committed before the call.
        """
        if self._is_read_only:
            return False
        with _name_failures(self.path), self._pool.lend() as connection:
            connection.execute("pragma busy_timeout = 0")
            try:
                row = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                return False
            finally:
                connection.execute(f"pragma busy_timeout = {_BUSY_MILLISECONDS}")
        return row is not None and row[0] == 0

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read session; see `Store.reading`."""
        with _name_failures(self.path), self._pool.lend() as connection:
            connection.execute("begin")
            yield SQLiteSession(connection)

    @contextmanager
    def writing(
        self, *, wait_seconds: float | None = None, is_rearranging: bool = False
    ) -> Iterator[Session]:
        """The write session; see `Store.writing`."""
        if self._is_read_only:
            raise _tell_read_only(self.path)
        end = monotonic() + (self._wait_seconds if wait_seconds is None else wait_seconds)
        with (
            self._take_turn(end),
            _name_failures(self.path),
            self._pool.lend() as connection,
            _write(connection, end - monotonic(), is_rearranging=is_rearranging) as session,
        ):
            yield session

    @contextmanager
    def _take_turn(self, end: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(0.0, end - monotonic())):
            raise _tell_busy(self.path)
        try:
            yield
        finally:
            self._turn.release()

    def with_timeout(self, wait_seconds: float) -> SQLiteStore:
        """The same store with another timeout; see `Store.with_patience`."""
        other = copy.copy(self)
        other._wait_seconds = wait_seconds
        return other

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _write_address(path: Path, *, is_read_only: bool) -> str:
    address = f"file:{quote(str(path))}"
    if not is_read_only:
        return address
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            Message(
                "The file {name} has a write-ahead log that cannot be applied, because nothing may be "
                "written there.",
                name=path.name,
            ),
            hint="Open the workspace once where it may be written, or read a copy of it.",
            where=str(path),
        )
    # No other process changes it, so neither locks nor a log are needed.
    return f"{address}?mode=ro&immutable=1"


@contextmanager
def _write(
    connection: sqlite3.Connection, wait_seconds: float, *, is_rearranging: bool = False
) -> Iterator[SQLiteSession]:
    """A write transaction: all or nothing."""
    _begin_writing(connection, wait_seconds)
    try:
        connection.execute(_WRITING_CACHE)
        session = SQLiteSession(connection)
        yield session
        if not is_rearranging:
            session.move_versions()
        connection.execute("commit")
    except BaseException:
        roll_back(connection)
        raise
    finally:
        connection.execute(_READING_CACHE)


def _begin_writing(connection: sqlite3.Connection, wait_seconds: float) -> None:
    # Attempts of one second each, because a keyboard interrupt is only handled between two of them.
    end = monotonic() + wait_seconds
    connection.execute("pragma busy_timeout = 1000")
    try:
        while True:
            try:
                connection.execute("begin immediate")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or monotonic() > end:
                    raise
    finally:
        connection.execute(f"pragma busy_timeout = {_BUSY_MILLISECONDS}")


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return (
        isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    )


def _tell_busy(path: Path) -> StoreError:
    return StoreError(
        "Another process has been writing to this workspace for too long.",
        hint="Wait until it is done, then try again.",
        where=str(path),
    )


def _tell_read_only(path: Path) -> StoreError:
    return StoreError(
        "The workspace is in a read-only location; it can be read, not changed.",
        hint="Make its folder writable, or copy it to one that is.",
        where=str(path),
    )


@contextmanager
def _name_failures(path: Path) -> Iterator[None]:
    """Convert a failure of the file or its disk; the driver's messages name tables, never a value."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _is_busy(error):
            raise _tell_busy(path) from error
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise DamagedFileError(
                Message("The file {name} is damaged.", name=path.name),
                hint="Restore the last backup (`fusion restore`); `fusion doctor` reports any other damage.",
                where=str(path),
            ) from error
        if not isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreError(
            Message("The store failed: {cause}. Nothing of this step was stored.", cause=error),
            hint="Check that the disk has space and that the file is writable, then run the same command again.",
            where=str(path),
        ) from error
