"""The port of the hot store: everything that must be transactional lives in one database behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from consumer_fusion.records.table import Scope, Table

Value = int | float | str | bool | None
Row = Sequence[Value]


@dataclass(frozen=True, slots=True)
class Between:
    """A condition on a column: above one value (exclusive) and up to another (inclusive).

    Attributes:
        above: Exclusive lower bound, or None.
        at_most: Inclusive upper bound, or None.
    """

    above: int | float | str | None = None
    at_most: int | float | str | None = None


Where = Mapping[str, "Value | Between | Sequence[Value]"]


class Session(Protocol):
    """One transaction: all that is read is of one moment, all that is written comes into force together."""

    def read(
        self, table: Table, where: Where | None = None, *, columns: Sequence[str] | None = None,
        order_by: Sequence[str] = (), limit: int | None = None,
    ) -> pa.Table:  # fmt: skip
        """Rows of the table that meet all conditions (a value, one of several values, a `Between`)."""
        ...

    def read_matching(
        self, table: Table, keys: pa.Table, *, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Rows whose columns equal one of the key rows; the key table's column names say which columns."""
        ...

    def count(self, table: Table, where: Where | None = None) -> int:
        """How many rows meet the conditions."""
        ...

    def summarise(self, table: Table, column: str, function: str) -> int | float | None:
        """The `min`, `max` or `sum` of a column."""
        ...

    def insert(
        self, table: Table, columns: Sequence[str], rows: Iterable[Row], *, ignore: bool = False
    ) -> int:
        """Insert rows and return how many were new; with `ignore`, rows whose unique key exists are passed over."""
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
        """Set columns of the rows that meet the conditions and return how many there were."""
        ...

    def delete(self, table: Table, where: Where | None = None) -> int:
        """Delete the rows that meet the conditions and return how many there were."""
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
        """The data version of a scope: as long as it stays, no row of its tables has changed.

        Every transaction that changes rows of a table of the scope moves it on, whoever writes it.
        """
        ...


class Store(Protocol):
    """The hot store."""

    def reading(self) -> AbstractContextManager[Session]:
        """A session that sees one moment and writes nothing."""
        ...

    def writing(self, *, wait_seconds: float | None = None) -> AbstractContextManager[Session]:
        """A session that alone writes; on leaving it normally its writes are durable, on an error they are gone.

        Args:
            wait_seconds: How long to wait while another writes; as long as a bulk import takes by default.

        Raises:
            StoreError: The wait was in vain, or the disk refused.
        """
        ...

    def truncate_log(self) -> bool:
        """Empty the log of changes, and say whether it could be: nobody still sees what was before the call."""
        ...

    def with_patience(self, wait_seconds: float) -> Store:
        """The same store, for whoever would rather be told than wait so long for a turn to write."""
        ...

    def close(self) -> None:
        """Give files and memory back."""
        ...
