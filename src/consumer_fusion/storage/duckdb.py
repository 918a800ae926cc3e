"""DuckDB as the engine: in memory, no database file, spilling to a folder when memory is short."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.errors import DamagedFileError, EngineError, ExhaustedError, FusionError

SEGMENT_ROW_GROUP = 122_880
"""Rows a Parquet row group; a multiple of DuckDB's vector size."""


class DuckDBEngine:
    """An in-memory DuckDB connection, used by one thread at a time."""

    def __init__(
        self, spill_folder: Path | None = None, *, memory_limit_mb: int = 1024, threads: int = 0
    ) -> None:
        self._spill_folder = spill_folder
        self._memory_limit_mb = memory_limit_mb
        self._threads = threads
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.RLock()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(":memory:")
            self._connection.execute(f"set memory_limit = '{self._memory_limit_mb}MB'")
            # A file that was written anew under its old name, with its old size, within seconds, was answered
            # from both versions, byte by byte, by this cache (DuckDB 1.5.6; tests/contract/test_engine.py).
            self._connection.execute("set enable_external_file_cache = false")
            _set_session(self._connection)
            if self._threads:
                self._connection.execute(f"set threads = {self._threads}")
            if self._spill_folder is not None:
                folder = str(self._spill_folder).replace("'", "''")
                self._connection.execute(f"set temp_directory = '{folder}'")
        return self._connection

    @contextmanager
    def _tables(
        self, step: str, sql: str, tables: Mapping[str, pa.Table] | None, *, is_apart: bool = False
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            connection = self._connect()
            if is_apart:
                connection = connection.cursor()
                _set_session(connection)
            for name, table in (tables or {}).items():
                connection.register(name, table)
            try:
                yield connection
            except duckdb.Error as error:
                raise _name_failure(error, step, sql) from error
            finally:
                for name in tables or {}:
                    connection.unregister(name)
                if is_apart:
                    connection.close()

    def read(self, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Run one query and return its rows; see `Engine.read`."""
        with self._tables(step, sql, tables) as connection:
            # A relation (`sql`) is planned when it is made and again when it is read.
            return connection.execute(sql).to_arrow_table()

    def stream(
        self,
        sql: str,
        *,
        step: str,
        tables: Mapping[str, pa.Table] | None = None,
        rows_per_batch: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """Run one query and return its rows batch by batch; see `Engine.stream`."""
        # Apart from the others: a query between two batches on the same connection would end the stream early,
        # and without an error.
        with self._tables(step, sql, tables, is_apart=True) as connection:
            yield from connection.sql(sql).to_arrow_reader(rows_per_batch)

    def write(self, sql: str, path: Path, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> int:
        """Run one query into a Parquet file; see `Engine.write`."""
        target = str(path).replace("'", "''")
        copy = f"copy ({sql}) to '{target}' (format parquet, compression zstd, row_group_size {SEGMENT_ROW_GROUP})"
        with self._tables(step, copy, tables) as connection:
            row = connection.execute(copy).fetchone()
            return int(row[0]) if row else 0

    def close(self) -> None:
        """Give memory and files back, once a query that another thread is at has ended."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _set_session(connection: duckdb.DuckDBPyConnection) -> None:
    """What counts for one connection and is not inherited by those made from it."""
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("set python_enable_replacements = false")


def _name_failure(error: duckdb.Error, step: str, sql: str) -> FusionError:
    """Say what failed; the query's text goes with the error for whoever mends the product, its rows never do."""
    failure: FusionError
    damaged = next(filter(_is_damaged, map(Path, re.findall(r"'([^']+\.parquet)'", sql))), None)
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
            hint="See that the disk has room and that `memory_limit_mb` suits the machine, then do it again.",
        )
    else:
        # DuckDB quotes offending values in the detail of a message, so it is kept only for errors about the text.
        is_about_text = isinstance(
            error, (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)
        )
        failure = EngineError(
            f"The step '{step}' failed: {str(error).splitlines()[0] if is_about_text else type(error).__name__}",
            hint="Do it again; if it fails again, run `fusion doctor`, and tell the makers the name of the step.",
        )
    failure.add_note(f"Its query was: {sql.strip()}")
    return failure


def _is_damaged(path: Path) -> bool:
    """Whether a file that was written whole cannot be read to its end."""
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
