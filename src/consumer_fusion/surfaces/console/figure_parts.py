"""One chart of a page, or its numbers as CSV, which do not wait for the chart to be drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from consumer_fusion.errors import DrawingError, NotFoundError
from consumer_fusion.i18n.translation import _
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.surfaces.console.cache_control import find_patience
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, PageRequest
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.drawings import (
    NARROW,
    WIDE,
    Drawing,
    Drawings,
    RenderedChart,
    draw_figure,
    make_unrendered,
)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """The place of a chart on a page, filled once it is drawn.

    Attributes:
        name: Name of the chart.
        heading: Heading.
        hint: How to read it.
        path: Path that draws it.
        download: Path of its numbers as CSV.
    """

    name: str
    heading: str
    hint: str
    path: str
    download: str


@dataclass(frozen=True, slots=True)
class FigureFragment:
    """A drawn chart as part of a page.

    Attributes:
        figure: The chart.
        path: Path that draws it again.
        download: Path of its numbers as CSV.
    """

    figure: RenderedChart
    path: str
    download: str


def place_figure(drawing: Drawing, path: str, **parameters: object) -> Placeholder:
    """The placeholder of a chart.

    Args:
        drawing: The chart.
        path: Path that draws it.
        parameters: Query parameters of the path.
    """
    return Placeholder(
        drawing.name, drawing.heading, drawing.hint, make_path(path, **parameters),
        make_path(path, **{**parameters, "format": "csv"}),
    )  # fmt: skip


def find_drawing(drawings: Drawings, name: str) -> Drawing:
    """A chart by its name.

    Raises:
        NotFoundError: There is no chart of this name.
    """
    if name not in drawings:
        raise NotFoundError(_("There is no chart “{name}”.", name=name))
    return drawings[name]


def answer_figure(
    page_request: PageRequest,
    cache: Cache,
    key: tuple[Hashable, ...],
    version: Version,
    make: Callable[[], Drawing],
) -> Answer:
    """A chart as a part of a page, or its numbers as CSV.

    Args:
        page_request: Request.
        cache: Cache of drawn charts; a failed chart is retried.
        key: Cache key, without width and language.
        version: Version of the underlying data.
        make: Function that prepares the chart.
    """
    if page_request.asked.get("format") == "csv":
        table = make().gather()
        return Download(f"{table.name}.csv", table.write_csv())
    style = NARROW if page_request.asked.get("width") == "narrow" else WIDE
    try:
        drawn = cache.recall(
            ("figure", *key, style.width, page_request.language.code), version,
            lambda: draw_figure(make(), style), patience_seconds=find_patience(),
        )  # fmt: skip
    except DrawingError:
        drawn = make_unrendered(make())
    asked = {name: value for name, value in page_request.asked.items() if name != "width"}
    path, download = (
        make_path(page_request.path, **asked),
        make_path(page_request.path, **{**asked, "format": "csv"}),
    )
    # A chart without consumers is covered by the audit entry of its page.
    note = None
    if any(column.name == "consumer" for column in drawn.table.columns):
        detail = {"name": page_request.asked.get("name"), "rows": len(drawn.table.rows)}
        note = AuditNote(
            "view chart",
            page_request.path,
            page_request.asked.get("consumer"),
            page_request.asked.get("brand"),
            detail,
        )
    return Page("figure.html", drawn.heading, FigureFragment(drawn, path, download), look=note)
