"""DuckDB as the engine: in memory, no database file, spilling to a folder when memory is short."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from consumer_fusion.errors import DamagedFileError, EngineError, ExhaustedError, FusionError

if TYPE_CHECKING:
    import duckdb

SEGMENT_ROW_GROUP = 40_960
"""Rows per Parquet row group, a multiple of DuckDB's vector size: the events of a pair are found in half the time of
122,880, and scans and sizes of files are the same."""
_PART_ROW_GROUP = 16_384
"""Rows per row group of files that are written side by side: one of each is held in memory."""
_RESULT_BATCH = 10_000
"""Rows per chunk of a result. Memory for a chunk is reserved before its rows are known: by default for a million."""
_RENEWED_AFTER = 1_000
"""Calls after which a new database is opened, which takes 25 ms: DuckDB 1.5.6 keeps up to 34 MB about temporary blocks
that no longer exist."""


class DuckDBEngine:
    """An in-memory DuckDB database. Each call runs on a cursor of its own, so threads never wait for each other.

    Args:
        spill_folder: Folder for intermediate results when memory is short.
        memory_limit_mb: Memory limit of all calls together.
        threads: Number of threads for all calls together; 0 for one per core.
    """

    def __init__(
        self, spill_folder: Path | None = None, *, memory_limit_mb: int = 1024, threads: int = 0
    ) -> None:
        self._spill_folder = spill_folder
        self._memory_limit_mb = memory_limit_mb
        self._threads = threads
        # Held while a cursor is borrowed or returned, never during a query.
        self._returned = threading.Condition()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._borrowers: list[threading.Thread] = []
        self._calls = 0

    def _open_database(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            # Imported with the first query: many reads of few pairs need none, and would start twice as fast.
            import duckdb

            database = duckdb.connect(":memory:")
            try:
                self._set_up(database)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _set_up(self, database: duckdb.DuckDBPyConnection) -> None:
        database.execute(f"set memory_limit = '{self._memory_limit_mb}MB'")
        # This cache mixed both versions of a file that was rewritten under the same name, with the same size,
        # within seconds (DuckDB 1.5.6; tests/contract/test_engine.py).
        database.execute("set enable_external_file_cache = false")
        if self._threads:
            database.execute(f"set threads = {self._threads}")
        # By default half a million rows a thread are held in memory while they are written in parts.
        database.execute(f"set partitioned_write_flush_threshold = {SEGMENT_ROW_GROUP}")
        if self._spill_folder is not None:
            # DuckDB would create one level only, and would remove it with all its folders when it is closed.
            try:
                self._spill_folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ExhaustedError(
                    f"The folder {self._spill_folder} for spilled results cannot be made: {error.strerror}.",
                    hint="Check that the disk has space and that the workspace may be written to, then try again.",
                ) from error
            folder = str(self._spill_folder).replace("'", "''")
            database.execute(f"set temp_directory = '{folder}'")

    @contextmanager
    def _lend_cursor(self, *, is_reusable: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        borrower = threading.current_thread()
        with self._returned:
            if self._calls >= _RENEWED_AFTER and not self._borrowers:
                self._close_database()
            self._calls += 1
            # A new cursor costs a millisecond, as much as a small query.
            cursor = self._idle.pop() if self._idle else _make_cursor(self._open_database())
            self._borrowers.append(borrower)
        is_finished = False
        try:
            yield cursor
            is_finished = is_reusable
        finally:
            if not is_finished:
                cursor.close()
            with self._returned:
                if is_finished:
                    self._idle.append(cursor)
                self._borrowers.remove(borrower)
                self._returned.notify_all()

    @contextmanager
    def _tables(
        self, step: str, sql: str, tables: Mapping[str, pa.Table] | None, *, is_stream: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        # A stream may be abandoned halfway, so its cursor is not reused.
        with self._lend_cursor(is_reusable=not is_stream) as cursor:
            for name, table in (tables or {}).items():
                cursor.register(name, table)
            try:
                yield cursor
            except duckdb.Error as error:
                raise _name_failure(error, step, sql) from error
            finally:
                for name in tables or {}:
                    cursor.unregister(name)

    def read(self, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Run one query and return its rows; see `Engine.read`."""
        with self._tables(step, sql, tables) as cursor:
            # A relation (`sql`) is planned when it is created and again when it is read.
            return cursor.execute(sql).to_arrow_table(_RESULT_BATCH)

    def stream(
        self,
        sql: str,
        *,
        step: str,
        tables: Mapping[str, pa.Table] | None = None,
        rows_per_batch: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """Run one query and return its rows batch by batch; see `Engine.stream`."""
        with self._tables(step, sql, tables, is_stream=True) as cursor:
            yield from cursor.sql(sql).to_arrow_reader(rows_per_batch)

    def write(self, sql: str, path: Path, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> int:
        """Run one query into a Parquet file; see `Engine.write`."""
        target = str(path).replace("'", "''")
        copy = f"copy ({sql}) to '{target}' (format parquet, compression zstd, row_group_size {SEGMENT_ROW_GROUP})"
        with self._tables(step, copy, tables) as cursor:
            row = cursor.execute(copy).fetchone()
            return int(row[0]) if row else 0

    def write_parts(
        self, sql: str, folder: Path, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, list[Path]]:
        """Run one query into Parquet files by the values of a column; see `Engine.write_parts`."""
        target = str(folder).replace("'", "''")
        copy = f"copy ({sql}) to '{target}' "
        copy += f"(format parquet, compression lz4_raw, row_group_size {_PART_ROW_GROUP}, partition_by ({column}))"
        with self._tables(step, copy, tables) as cursor:
            cursor.execute(copy)
        by_value: dict[int, list[Path]] = {}
        for path in sorted(folder.glob("*/*.parquet")):
            by_value.setdefault(int(path.parent.name.removeprefix(f"{column}=")), []).append(path)
        return by_value

    def close(self) -> None:
        """Free memory and files once the calls of other threads have ended."""
        own = threading.current_thread()
        with self._returned:
            # A stream abandoned halfway by this thread or a finished one runs no query, and may never be closed.
            while any(each is not own and each.is_alive() for each in self._borrowers):
                self._returned.wait(timeout=1.0)
            self._close_database()

    def _close_database(self) -> None:
        for cursor in self._idle:
            cursor.close()
        self._idle.clear()
        if self._database is not None:
            self._database.close()
            self._database = None
        self._calls = 0


def _make_cursor(database: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A separate connection to the same database, with the settings that it does not inherit."""
    cursor = database.cursor()
    cursor.execute("set timezone = 'UTC'")
    cursor.execute("set enable_progress_bar = false")
    cursor.execute("set python_enable_replacements = false")
    return cursor


def _name_failure(error: duckdb.Error, step: str, sql: str) -> FusionError:
    """Convert an engine error; the query's text is attached for debugging, but never its rows."""
    import duckdb

    failure: FusionError
    # A file that was being written when memory ran out is incomplete, not damaged.
    is_out_of_memory = isinstance(error, duckdb.OutOfMemoryException)
    paths = [] if is_out_of_memory else map(Path, re.findall(r"'([^']+\.parquet)'", sql))
    damaged = next(filter(_is_damaged, paths), None)
    if damaged is not None:
        place = "/".join(damaged.parts[-3:])
        failure = DamagedFileError(
            f"The file {place} is {'damaged' if damaged.exists() else 'missing'}; the step '{step}' needs it.",
            hint="Put it back, or restore the last backup (`fusion restore`). `fusion doctor` checks every file.",
            where=place,
        )
    elif isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException)):
        failure = ExhaustedError(
            f"The step '{step}' failed: {str(error).splitlines()[0]}",
            hint="Check that the disk has space and that `memory_limit_mb` suits the machine, then try again.",
        )
    else:
        # DuckDB quotes offending values in the detail of a message, so it is kept only for errors about the text.
        is_about_text = isinstance(
            error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
        )
        failure = EngineError(
            f"The step '{step}' failed: {str(error).splitlines()[0] if is_about_text else type(error).__name__}",
            hint="Try again; if it fails again, run `fusion doctor`, and report the name of the step as a bug.",
        )
    failure.add_note(f"Its query was: {sql.strip()}")
    return failure


def _is_damaged(path: Path) -> bool:
    """Whether a completely written file cannot be read to its end."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, pa.ArrowException):
        return True
    return False


def quote_paths(paths: list[Path]) -> str:
    """The paths as the list literal that `read_parquet` takes."""
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
