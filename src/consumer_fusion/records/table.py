"""How a table declares itself: what a row is, who writes it, what each column means, what erasure does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

ColumnType = Literal["integer", "real", "text", "boolean"]
Erasure = Literal["delete rows", "clear personal columns", "nothing personal"]


Scope = Literal["events", "segments", "rules", "actions"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What data versions are kept of: events with what is folded of them, sealed segments, the rules of reading, and
actions with their effects, which change no score."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name, singular, with its unit.
        type: What it holds; times are integers, microseconds since 1970 in UTC.
        meaning: One sentence for a reader who knows the product but not the code.
        is_personal: Whether it can tell who a person is, or is a person's own words.
        is_optional: Whether it may be null.
    """

    name: str
    type: ColumnType
    meaning: str
    is_personal: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the contract by which parts of the product meet.

    Attributes:
        name: Plural noun.
        grain: What one row is.
        writer: The one module that writes it, without the package's name.
        columns: In order.
        primary_key: Column names.
        unique: Further sets of columns that are unique.
        indexes: Sets of columns that are searched by.
        subject: The column that says whose personal data a row holds, if it holds any.
        erasure: What erasing that consumer does to the rows.
        has_sequence: Whether the single primary key column counts up by itself and is never reused.
        is_clustered: Whether rows are kept in the order of the primary key.
        scope: Whose data version a change of its rows moves on; empty where nothing that is kept follows from them.
    """

    name: str
    grain: str
    writer: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = field(default=())
    indexes: tuple[tuple[str, ...], ...] = field(default=())
    subject: str | None = None
    erasure: Erasure = "nothing personal"
    has_sequence: bool = False
    is_clustered: bool = False
    scope: Scope | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def personal_columns(self) -> tuple[str, ...]:
        """The names of the columns that hold personal data."""
        return tuple(column.name for column in self.columns if column.is_personal)
