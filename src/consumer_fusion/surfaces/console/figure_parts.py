"""One chart for its place on a page, or its numbers as CSV, which never wait for a picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from consumer_fusion.errors import DrawingError
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.surfaces.console.drawings import Drawing, Drawn, draw_figure, leave_empty
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, Visit
from consumer_fusion.surfaces.console.patience import find_patience
from consumer_fusion.surfaces.console.urls import make_path


@dataclass(frozen=True, slots=True)
class FigurePart:
    """A chart for its place on a page.

    Attributes:
        figure: The chart.
        path: Where it is drawn anew.
        download: Where its numbers are as CSV.
    """

    figure: Drawn
    path: str
    download: str


def answer_figure(
    visit: Visit, shelf: Cache, key: tuple[Hashable, ...], version: Version, make: Callable[[], Drawing]
) -> Answer:
    """A chart as a part of a page, or its numbers as CSV.

    Args:
        visit: Who asks.
        shelf: Where charts are kept once they are drawn; one that could not be drawn is tried again.
        key: What is asked for, but for its width and the language.
        version: What it follows from now.
        make: Makes it ready to be drawn.
    """
    if visit.asked.get("format") == "csv":
        table = make().gather()
        return Download(f"{table.name}.csv", table.write_csv())
    is_narrow = visit.asked.get("width") == "narrow"
    try:
        drawn = shelf.recall(
            ("figure", *key, is_narrow, visit.language.code), version,
            lambda: draw_figure(make(), is_narrow=is_narrow), patience_seconds=find_patience(),
        )  # fmt: skip
    except DrawingError:
        drawn = leave_empty(make())
    asked = {name: value for name, value in visit.asked.items() if name != "width"}
    path, download = make_path(visit.path, **asked), make_path(visit.path, **{**asked, "format": "csv"})
    # A chart that names nobody is part of the page that it stands on, whose look is on record.
    look = None
    if any(column.name == "consumer" for column in drawn.table.columns):
        detail = {"name": visit.asked.get("name"), "rows": len(drawn.table.rows)}
        look = AuditNote(
            "look at figure", visit.path, visit.asked.get("consumer"), visit.asked.get("brand"), detail
        )
    return Page("figure.html", drawn.heading, FigurePart(drawn, path, download), look=look)
