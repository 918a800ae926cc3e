"""Writing a report to a file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from consumer_fusion.views.arrival_views import ArrivalCounts
from consumer_fusion.views.drawings import NARROW, WIDE, Section, try_figure
from consumer_fusion.views.page_templates import make_environment, write_style
from consumer_fusion.views.tables import TableView, write_csv

ROWS_IN_DOWNLOAD = 5_000
"""So many rows are in a download, which lies within the page; for all there is `fusion score --out`."""
_PACKAGE = "consumer_fusion.surfaces.report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report shows.

    Attributes:
        title: Heading of the page.
        made_at_us: When the report was made.
        as_of_us: As-of time of the scores.
        points_version: Version of the points table that the scores are read with.
        pair_count: Relationships.
        consumer_count: Consumers, after merges.
        brand_count: Brands.
        counts: How much the workspace took.
        newest_event_us: When the newest event occurred; None without events.
        newest_received_us: When an event was last received; None without events.
        sections: In order.
    """

    title: str
    made_at_us: int
    as_of_us: int
    points_version: str
    pair_count: int
    consumer_count: int
    brand_count: int
    counts: ArrivalCounts
    newest_event_us: int | None
    newest_received_us: int | None
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A table as CSV within the page.

    Attributes:
        href: A `data:` address.
        row_count: How many rows it has.
    """

    href: str
    row_count: int


def write_report(report: Report, path: Path) -> Path:
    """Write a report as one HTML file that refers to nothing outside itself.

    Args:
        report: What it shows.
        path: The file; one that is there is replaced, and only once the new one is complete.

    Returns:
        The file.
    """
    html = render_report(report)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(html, encoding="utf-8")
    os.replace(draft, path)
    return path


def render_report(report: Report) -> str:
    """The HTML of a report, in the language in force."""
    environment = make_environment(_PACKAGE)
    own_style, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    return environment.get_template("report.html").render(
        report=report,
        style=write_style() + own_style,
        draw=lambda drawing: try_figure(drawing, WIDE, NARROW),
        name_file=_name_file,
        write_download=_write_download,
    )


def _name_file(section: Section, table: TableView) -> str:
    """The name of a download, which is its id on the page too: several brands have tables of one name."""
    return f"{table.name}-{section.name}.csv" if section.name.startswith("brand-") else f"{table.name}.csv"


def _write_download(table: TableView) -> EmbeddedFile:
    rows = table.rows[:ROWS_IN_DOWNLOAD]
    text = write_csv([column.name for column in table.columns], rows)
    return EmbeddedFile("data:text/csv;charset=utf-8," + quote(text), len(rows))
