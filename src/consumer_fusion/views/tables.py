"""Tables: columns with labels and formats, formatted rows, and the same rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from consumer_fusion.i18n.labels import (
    from_day_number,
    name_certainty,
    name_channel,
    name_direction,
    name_facet,
    name_kind,
    name_rejection,
    name_symbiosis,
    write_share,
)
from consumer_fusion.i18n.messages import translate_message
from consumer_fusion.i18n.number_format import write_relative, write_signed
from consumer_fusion.i18n.translation import N_, _, read_language
from consumer_fusion.records import spreadsheet_cells

CellKind = Literal[
    "text", "title", "sentence", "reference", "score", "number", "measure", "change", "count", "share", "relative",
    "p_value", "day", "time", "class", "side", "facet", "kind", "channel", "certainty", "rejection",
]  # fmt: skip
_NUMBERS: frozenset[CellKind] = frozenset(
    {"score", "number", "measure", "change", "count", "share", "relative", "p_value"}
)
ROWS_SHOWN = 100
"""Maximum number of rows on a page; the download has more."""


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column of a table.

    Attributes:
        name: Its name in the rows and in the download.
        label: Its heading, in English.
        kind: Kind of its values, which determines their format.
    """

    name: str
    label: str
    kind: CellKind = "text"

    @property
    def heading(self) -> str:
        """Its heading in the current language."""
        return _(self.label)

    @property
    def is_number(self) -> bool:
        """Whether it is aligned to the right."""
        return self.kind in _NUMBERS

    @property
    def is_long(self) -> bool:
        """Whether its texts may take several lines."""
        return self.kind in ("title", "sentence")

    @property
    def is_wrapped(self) -> bool:
        """Whether its texts are broken where the table would be too wide."""
        return self.kind in ("kind", "side", "reference")


@dataclass(frozen=True, slots=True)
class TableView:
    """The numbers of a chart, or a table of its own.

    Attributes:
        name: Name of the downloaded file, without its extension.
        caption: Description of its rows.
        columns: In order.
        rows: All rows, or the first ones.
        total: Number of all rows where `rows` are not all; None where they are.
    """

    name: str
    caption: str
    columns: Sequence[ColumnView]
    rows: Sequence[Mapping[str, Any]]
    total: int | None = None

    @property
    def row_count(self) -> int:
        """Number of all rows."""
        return len(self.rows) if self.total is None else self.total

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The rows shown on a page."""
        return self.rows[:ROWS_SHOWN]

    def write_csv(self) -> str:
        """All rows as CSV."""
        return write_csv([column.name for column in self.columns], self.rows)


_SHARED = (
    ColumnView("consumer", N_("consumer")),
    ColumnView("brand", N_("brand")),
    ColumnView("pair_count", N_("relationships"), "count"),
    ColumnView("fusion_score", N_("Fusion Score"), "score"),
    ColumnView("low", N_("80% low"), "score"),
    ColumnView("high", N_("80% high"), "score"),
    ColumnView("consumer_to_brand", N_("consumer → brand"), "score"),
    ColumnView("brand_to_consumer", N_("brand → consumer"), "score"),
    ColumnView("symbiosis", N_("kind of relationship"), "class"),
    ColumnView("lower_quartile", N_("25th percentile"), "score"),
    ColumnView("median", N_("median"), "score"),
    ColumnView("upper_quartile", N_("75th percentile"), "score"),
    ColumnView("change", N_("change"), "change"),
    ColumnView("direction", N_("direction"), "side"),
    ColumnView("facet", N_("facet"), "facet"),
    ColumnView("kind", N_("kind of event"), "kind"),
    ColumnView("event_id", N_("event"), "reference"),
    ColumnView("event_count", N_("events"), "count"),
    ColumnView("day", N_("day"), "day"),
    ColumnView("action", N_("action"), "title"),
    ColumnView("metric", N_("metric")),
)
_COLUMNS = {each.name: each for each in _SHARED}


def list_columns(*columns: str | ColumnView) -> tuple[ColumnView, ...]:
    """The columns of a table: shared ones by name, others as given."""
    return tuple(_COLUMNS[each] if isinstance(each, str) else each for each in columns)


def write_cell(value: Any, column: ColumnView) -> str:
    """The value of a cell in the format of its kind."""
    if value is None:
        return "–" if column.kind == "reference" else _("unknown")
    language = read_language()
    match column.kind:
        case "score":
            return language.write_number(value, 1)
        case "number":
            return language.write_number(value, 2)
        case "p_value":
            return language.write_number(value, 3)
        case "measure":
            return language.write_number(value, 4)
        case "count":
            return language.write_number(value, 0)
        case "change":
            return write_signed(value)
        case "share":
            return write_share(value)
        case "relative":
            return write_relative(value)
        case "day":
            return language.write_day(from_day_number(value).date())
        case "time":
            return language.write_time(value)
        case "class":
            return name_symbiosis(value)
        case "side":
            return name_direction(value)
        case "facet":
            return name_facet(value)
        case "channel":
            return name_channel(value)
        case "certainty":
            return name_certainty(value)
        case "kind":
            return name_kind(value)
        case "rejection":
            return name_rejection(value)
        case "sentence":
            return translate_message(value)
    return str(value)


def write_csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]], *, has_heading: bool = True) -> str:
    """Rows as CSV (RFC 4180): numbers unrounded, null as an empty field, no text that a spreadsheet runs as a formula.

    The byte order mark lets spreadsheets recognise UTF-8.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    if has_heading:
        target.write("\ufeff")
        writer.writerow(names)
    for row in rows:
        writer.writerow([spreadsheet_cells.write_cell(row.get(name)) for name in names])
    return target.getvalue()
