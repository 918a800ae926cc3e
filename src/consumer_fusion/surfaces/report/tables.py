"""A table as a reader sees it, and the same rows as CSV within the page, to be downloaded without a server."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from consumer_fusion.records.spreadsheet_cells import write_cell

ROWS_SHOWN = 100
"""So many rows are on the page; the download has more."""

ROWS_IN_DOWNLOAD = 5_000
"""So many rows are in the download, which lies within the page; for all there is `fusion score --out`."""


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column of a table view.

    Attributes:
        name: Its name in the rows and in the download.
        heading: What stands above it.
        write: How a value is written on the page; null is always written as unknown.
        is_number: Whether it is set flush right.
        is_long: Whether its texts are sentences, which may take several lines.
    """

    name: str
    heading: str
    write: Callable[[Any], str] = str
    is_number: bool = False
    is_long: bool = False


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as the page shows it.

    Attributes:
        name: Of the downloaded file, without its ending.
        caption: What its rows are.
        columns: In order.
        rows: The cells that are shown, as text.
        row_count: How many rows there are in all.
        download: A `data:` address of the CSV.
        downloaded_count: How many rows that has.
    """

    name: str
    caption: str
    columns: tuple[ColumnView, ...]
    rows: tuple[tuple[str, ...], ...]
    row_count: int
    download: str
    downloaded_count: int


def make_table(
    name: str,
    caption: str,
    columns: Sequence[ColumnView],
    rows: Sequence[Mapping[str, Any]],
    *,
    row_count: int | None = None,
) -> TableView:
    """Set rows out for the page and for the download.

    Args:
        name: Of the downloaded file, without its ending.
        caption: What its rows are.
        columns: What is taken from a row, in order.
        rows: At least those that are shown and downloaded.
        row_count: How many there are in all, where `rows` are not all.
    """
    shown = tuple(
        tuple(
            "unknown" if row.get(column.name) is None else column.write(row[column.name])
            for column in columns
        )
        for row in rows[:ROWS_SHOWN]
    )
    downloaded = rows[:ROWS_IN_DOWNLOAD]
    text = write_csv([column.name for column in columns], downloaded)
    return TableView(
        name=name,
        caption=caption,
        columns=tuple(columns),
        rows=shown,
        row_count=len(rows) if row_count is None else row_count,
        # The mark at the start tells spreadsheets that the text is UTF-8.
        download="data:text/csv;charset=utf-8," + quote("\ufeff" + text),
        downloaded_count=len(downloaded),
    )


def write_csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV (RFC 4180), numbers unrounded, null as nothing.

    No text is one that a spreadsheet would run as a formula.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([write_cell(row.get(name)) for name in names])
    return target.getvalue()
