"""Scratch: results of queries that later queries of the same import read, as files or in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A stored result.

    Attributes:
        relation: SQL text of its relation.
        row_count: Number of rows.
    """

    relation: str
    row_count: int


class Scratch(Protocol):
    """Storage of results until the import is done."""

    @property
    def engine(self) -> Engine:
        """The engine for queries that use the results."""
        ...

    def keep(
        self, name: str, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> StoredResult:
        """Run a query and store its rows.

        Args:
            name: Name, unique within the import.
            sql: The text of a SELECT.
            step: Name of the step, for error messages.
            tables: Arrow tables that the text refers to by name.
        """
        ...

    def keep_table(self, name: str, table: pa.Table) -> str:
        """Store a table, and return the SQL text of its relation."""
        ...

    def keep_parts(
        self, name: str, sql: str, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, str]:
        """Run a query and store its rows in parts, by a column of whole numbers that they then lack.

        Returns:
            SQL text of the relation of each value.
        """
        ...


class FileScratch:
    """Results as Parquet files, for any number of rows.

    Args:
        engine: Engine for the queries.
        folder: Empty folder that belongs to the import.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine: Engine = engine
        self._folder = folder

    def keep(
        self, name: str, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> StoredResult:
        """Run a query into a file; see `Scratch.keep`."""
        path = self._folder / f"{name}.parquet"
        count = self.engine.write(sql, path, step=step, tables=tables)
        return StoredResult(_read_files([path]), count)

    def keep_table(self, name: str, table: pa.Table) -> str:
        """Write rows into a file; see `Scratch.keep_table`."""
        return self.keep(name, "select * from given", step=f"keep {name}", tables={"given": table}).relation

    def keep_parts(
        self, name: str, sql: str, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, str]:
        """Run a query into files; see `Scratch.keep_parts`."""
        parts = self.engine.write_parts(sql, self._folder / name, column, step=step, tables=tables)
        return {value: _read_files(paths) for value, paths in parts.items()}


def _read_files(paths: list[Path]) -> str:
    return f"read_parquet({quote_paths(paths)}, hive_partitioning = false)"


class MemoryScratch:
    """Results as Arrow tables, for the few rows of arrivals: no file is written.

    Args:
        engine: Engine for the queries.
    """

    def __init__(self, engine: Engine) -> None:
        self._tables: dict[str, pa.Table] = {}
        self.engine: Engine = _ScratchEngine(engine, self._tables)

    def keep(
        self, name: str, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> StoredResult:
        """Run a query into memory; see `Scratch.keep`."""
        table = self.engine.read(sql, step=step, tables=tables)
        return StoredResult(self.keep_table(name, table), table.num_rows)

    def keep_table(self, name: str, table: pa.Table) -> str:
        """Store a table under a name; see `Scratch.keep_table`."""
        relation = f"kept_{name}"
        self._tables[relation] = table
        return relation

    def keep_parts(
        self, name: str, sql: str, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, str]:
        """Run a query into memory; see `Scratch.keep_parts`."""
        rows = self.engine.read(sql, step=step, tables=tables)
        rest = rows.drop_columns([column])
        return {
            value: self.keep_table(f"{name}_{number}", rest.filter(pc.equal(rows[column], value)))
            for number, value in enumerate(rows[column].unique().to_pylist())
        }


class _ScratchEngine:
    """An engine whose queries can also use stored tables."""

    def __init__(self, engine: Engine, kept: Mapping[str, pa.Table]) -> None:
        self._engine = engine
        self._kept = kept

    def read(self, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """See `Engine.read`."""
        return self._engine.read(sql, step=step, tables=self._add(sql, tables))

    def stream(
        self,
        sql: str,
        *,
        step: str,
        tables: Mapping[str, pa.Table] | None = None,
        rows_per_batch: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """See `Engine.stream`."""
        return self._engine.stream(
            sql, step=step, tables=self._add(sql, tables), rows_per_batch=rows_per_batch
        )

    def write(self, sql: str, path: Path, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> int:
        """See `Engine.write`."""
        return self._engine.write(sql, path, step=step, tables=self._add(sql, tables))

    def write_parts(
        self, sql: str, folder: Path, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, list[Path]]:
        """See `Engine.write_parts`."""
        return self._engine.write_parts(sql, folder, column, step=step, tables=self._add(sql, tables))

    def _add(self, sql: str, tables: Mapping[str, pa.Table] | None) -> dict[str, pa.Table]:
        named = {name: self._kept[name] for name in set(re.findall(r"\bkept_\w+", sql)) & self._kept.keys()}
        return {**named, **(tables or {})}
