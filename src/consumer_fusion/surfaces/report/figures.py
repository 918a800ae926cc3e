"""What a page consists of: sections, and charts with what belongs to each: hint, finding in words, numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consumer_fusion.errors import DrawingError
from consumer_fusion.surfaces.report.tables import TableView
from consumer_fusion.views.charts.rendering import render_svg
from consumer_fusion.views.charts.theme import THEMED, AnyChart, Look

_WIDE = Look(palette=THEMED, width=560, has_title=False)
_NARROW = Look(palette=THEMED, width=344, has_title=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart of the page.

    Attributes:
        heading: What is shown.
        hint: How to read it.
        finding: What it shows, in words.
        wide: The chart as SVG, for a desk; None where it could not be drawn.
        narrow: The same, drawn anew for a phone.
        table: Its numbers.
    """

    heading: str
    hint: str
    finding: str
    wide: str | None
    narrow: str | None
    table: TableView


def make_figure(heading: str, hint: str, draw: Callable[[Look], AnyChart], table: TableView) -> Figure:
    """Draw a chart for desk and phone; on the page its description is visible text, so neither repeats it aloud."""
    wide, narrow = draw(_WIDE), draw(_NARROW)
    label = f"Chart: {heading}. Its numbers are in the table that follows."
    return Figure(
        heading=heading,
        hint=hint,
        finding=str(wide.description),
        wide=_draw(wide, label),
        narrow=_draw(narrow, label),
        table=table,
    )


def _draw(chart: AnyChart, label: str) -> str | None:
    try:
        return render_svg(chart, label=label)
    except DrawingError:  # its numbers stand beside it
        return None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        name: Its id, for links to it.
        heading: Its heading.
        sentences: What is said before the charts.
        figures: Its charts.
        tables: Tables that are no chart's numbers.
    """

    name: str
    heading: str
    sentences: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[TableView, ...] = ()
