"""The port for queries: SQL text and named tables in, Arrow out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pyarrow as pa


class Engine(Protocol):
    """An engine for queries.

    Tables given with a query exist for that query alone: lasting results are written to a file or a store.
    """

    def read(self, sql: str, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Run one query and return its rows.

        Args:
            sql: The text of a SELECT.
            step: Name of the step, for error messages.
            tables: Arrow tables that the text refers to by name.

        Raises:
            EngineError: The query failed; the message names the step, never a row.
            DamagedFileError: A file that it reads is missing or damaged.
        """
        ...

    def stream(
        self,
        sql: str,
        *,
        step: str,
        tables: Mapping[str, pa.Table] | None = None,
        rows_per_batch: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """Run one query and return its rows batch by batch, in the query's order."""
        ...

    def write(self, sql: str, path: Path, *, step: str, tables: Mapping[str, pa.Table] | None = None) -> int:
        """Run one query into a Parquet file, in the query's order, and return the number of rows."""
        ...

    def write_parts(
        self, sql: str, folder: Path, column: str, *, step: str, tables: Mapping[str, pa.Table] | None = None
    ) -> dict[int, list[Path]]:
        """Run one query into Parquet files, those of each value of a column apart and without it, in any order.

        Args:
            sql: The text of a SELECT.
            folder: Folder that does not exist yet.
            column: Name of a column of whole numbers, of few values.
            step: Name of the step, for error messages.
            tables: Arrow tables that the text refers to by name.

        Returns:
            The files by value.
        """
        ...
