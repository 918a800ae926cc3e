"""The port of the hot store: all transactional data is in one database behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from consumer_fusion.records.table import Scope, Table

Value = int | float | str | bytes | bool | None
Row = Sequence[Value]


@dataclass(frozen=True, slots=True)
class RangeCondition:
    """A condition on a column: above one value (exclusive) and up to another (inclusive).

    Attributes:
        above: Exclusive lower bound, or None.
        at_most: Inclusive upper bound, or None.
    """

    above: int | float | str | None = None
    at_most: int | float | str | None = None


Where = Mapping[str, "Value | RangeCondition | Sequence[Value]"]


class Session(Protocol):
    """One transaction: a consistent snapshot for reads, and atomic writes."""

    def read(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), limit: int | None = None,
    ) -> pa.Table:  # fmt: skip
        """Rows of the table that meet all conditions (a value, one of several values, a `RangeCondition`)."""
        ...

    def read_matching(
        self, table: Table, keys: pa.Table, *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal one of the key rows; the columns are those of the key table."""
        ...

    def stream(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), rows_per_batch: int = 10_000,
    ) -> Iterator[pa.Table]:  # fmt: skip
        """Rows as of `read`, a batch at a time; the table must not be written meanwhile."""
        ...

    def count(self, table: Table, where: Where | None = None) -> int:
        """Number of rows that meet the conditions."""
        ...

    def summarise(
        self, table: Table, column: str, function: str, where: Where | None = None
    ) -> int | float | None:
        """The `min`, `max` or `sum` of a column of the rows that meet the conditions; None without rows."""
        ...

    def insert(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, ignore: bool = False
    ) -> int:
        """Insert rows and return the number of new ones; with `ignore`, rows whose unique key exists are skipped."""
        ...

    def replace(self, table: Table, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Insert rows, or replace those with the same primary key."""
        ...

    def add(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, largest: Sequence[str] = ()
    ) -> None:
        """Insert rows, or add them to those with the same primary key; `largest` columns keep the larger value."""
        ...

    def multiply(self, table: Table, factors: Mapping[str, float], where: Where) -> None:
        """Multiply columns of the rows that meet the conditions."""
        ...

    def update(self, table: Table, values: Mapping[str, Value], where: Where) -> int:
        """Set columns of the rows that meet the conditions and return the number of rows."""
        ...

    def delete(self, table: Table, where: Where | None = None) -> int:
        """Delete the rows that meet the conditions and return the number of rows."""
        ...

    def delete_matching(self, table: Table, keys: pa.Table) -> int:
        """Delete the rows whose columns equal one of the key rows."""
        ...

    def read_mark(self, name: str) -> str | None:
        """The value of a named mark."""
        ...

    def write_mark(self, name: str, value: str | int) -> None:
        """Set a named mark."""
        ...

    def read_version(self, scope: Scope) -> int:
        """The data version of a scope: while it is unchanged, no row of its tables has changed.

        Every transaction that changes rows of a table of the scope increments it.
        """
        ...


class Store(Protocol):
    """The hot store."""

    def reading(self) -> AbstractContextManager[Session]:
        """A read session: a consistent snapshot, without writes."""
        ...

    def writing(
        self, *, wait_seconds: float | None = None, is_rearranging: bool = False
    ) -> AbstractContextManager[Session]:
        """The only write session at a time; its writes are durable on normal exit and rolled back on an error.

        Args:
            wait_seconds: Timeout while another session writes; by default long enough for a bulk import.
            is_rearranging: Whether it only moves events between the inbox and segments: what readers get stays
                the same, and so do the data versions.

        Raises:
            StoreError: The timeout expired, or a disk error occurred.
        """
        ...

    def truncate_log(self) -> bool:
        """Truncate the write-ahead log; returns whether that was possible, so that no session sees an earlier state."""
        ...

    def with_timeout(self, wait_seconds: float) -> Store:
        """The same store, with a shorter timeout for the write lock."""
        ...

    def close(self) -> None:
        """Free files and memory."""
        ...
