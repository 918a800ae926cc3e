"""Table declarations: grain, writer, columns with their meaning, and the effect of an erasure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

ColumnType = Literal["integer", "real", "text", "boolean", "bytes"]
Erasure = Literal["delete rows", "clear personal columns", "rewrite rows", "nothing personal"]
"""`rewrite rows`: a row holds several consumers, and is written again without the erased one."""


Scope = Literal["events", "segments", "rules", "actions"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Scopes of data versions: events with their folded states, sealed segments, the rules of reading, and
actions with their effects, which change no score."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Name in the singular, with its unit.
        type: Type; times are integers, microseconds since 1970 in UTC.
        meaning: One sentence for a reader who knows the product but not the code.
        is_personal: Whether it can identify a person, or contains a person's own words.
        is_optional: Whether it may be null.
    """

    name: str
    type: ColumnType
    meaning: str
    is_personal: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the contract between parts of the product.

    Attributes:
        name: Plural noun.
        grain: Meaning of one row.
        writer: The only module that writes it, without the package's name.
        columns: Columns in order.
        primary_key: Column names.
        unique: Further sets of columns that are unique.
        indexes: Sets of columns with an index.
        subject: Column with the consumer whose personal data a row holds, if it holds that of one.
        erasure: Effect of an erasure of that consumer on the rows.
        has_sequence: Whether the single primary key column is a sequence and never reused.
        is_clustered: Whether rows are stored in the order of the primary key.
        scope: Data version that a change of its rows increments; None where nothing cached depends on them.
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
