"""Writing a report to a file, atomically."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.views.arrival_views import ArrivalCounts
from consumer_fusion.views.drawings import NARROW, WIDE, Drawing, RenderedChart, Section, render_or_fallback
from consumer_fusion.views.page_templates import make_environment, write_style
from consumer_fusion.views.tables import TableView, write_csv

ROWS_IN_DOWNLOAD = 5_000
"""Maximum number of rows of a download embedded in the page; `fusion score --out` writes all of them."""
_PACKAGE = "consumer_fusion.surfaces.report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All data of a report.

    Attributes:
        title: Heading of the page.
        made_at_us: Time of creation, in microseconds since the epoch.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
        points_version: Version of the points table used for the scores.
        pair_count: Number of relationships.
        consumer_count: Number of consumers, after merges.
        brand_count: Number of brands.
        counts: Numbers of imported, rejected and unattributed rows.
        newest_event_us: Time of the newest event, in microseconds since the epoch; None without events.
        newest_received_us: Time when an event was last received, in microseconds since the epoch; None without events.
        sections: Sections, in order.
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


class WrittenReport(Schema):
    """A report that was written to a file."""

    out: Path = describe("File", "File that was written.")
    pairs: int = describe("Relationships", "Number of relationships.")


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A table as CSV embedded in the page.

    Attributes:
        href: `data:` URL.
        row_count: Number of rows.
    """

    href: str
    row_count: int


def write_report(report: Report, path: Path, progress: Progress = ignore_progress) -> Path:
    """Write a report as one self-contained HTML file.

    Args:
        report: Report.
        path: Path of the file; an existing one is replaced once the new one is complete.
        progress: Progress callback.

    Returns:
        Path of the file.
    """
    html = render_report(report, progress)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(html, encoding="utf-8")
    os.replace(draft, path)
    return path


def render_report(report: Report, progress: Progress = ignore_progress) -> str:
    """The HTML of a report, in the current language."""
    total, numbers = sum(len(section.drawings) for section in report.sections), itertools.count()

    def draw(drawing: Drawing) -> RenderedChart:
        progress("charts", next(numbers), total)
        return render_or_fallback(drawing, WIDE, NARROW)

    environment = make_environment(_PACKAGE)
    own_style, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    return environment.get_template("report.html").render(
        report=report,
        style=write_style() + own_style,
        draw=draw,
        name_file=_name_file,
        write_download=_write_download,
    )


def _name_file(section: Section, table: TableView) -> str:
    """File name of a download, also its id on the page: tables of different brands may have the same name."""
    return f"{table.name}-{section.name}.csv" if section.name.startswith("brand-") else f"{table.name}.csv"


def _write_download(table: TableView) -> EmbeddedFile:
    rows = table.rows[:ROWS_IN_DOWNLOAD]
    text = write_csv([column.name for column in table.columns], rows)
    return EmbeddedFile("data:text/csv;charset=utf-8," + quote(text), len(rows))
