"""Charts with their headings, hints and tables, and sections of them, for page, report and notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer_fusion.errors import DrawingError
from consumer_fusion.i18n.translation import _
from consumer_fusion.score.model.reading import Reading
from consumer_fusion.views.charts.rendering import render_svg
from consumer_fusion.views.charts.theme import THEMED, ChartStyle
from consumer_fusion.views.page_templates import make_environment
from consumer_fusion.views.tables import TableView

if TYPE_CHECKING:
    from consumer_fusion.views.charts.frame import AnyChart

WIDE = ChartStyle(palette=THEMED, width=560, has_title=False)
NARROW = ChartStyle(palette=THEMED, width=344, has_title=False)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart before it is drawn; a notebook displays it.

    Attributes:
        name: Its name in URLs.
        heading: Its heading.
        hint: An explanation of its marks.
        draw: Draws it in a style.
        gather: Returns its table.
    """

    name: str
    heading: str
    hint: str
    draw: Callable[[ChartStyle], AnyChart]
    gather: Callable[[], TableView]

    def _repr_html_(self) -> str:
        macros = make_environment().get_template("figures.html").module
        return str(macros.show_figure(draw_figure(self)))  # type: ignore[attr-defined]


Drawings = Mapping[str, Drawing]
"""The charts of one subject by name, in order."""


@dataclass(frozen=True, slots=True)
class RenderedChart:
    """A rendered chart.

    Attributes:
        name: Its name in URLs.
        heading: Its heading.
        hint: An explanation of its marks.
        pictures: SVG of the chart for each style; empty where it could not be drawn.
        finding: Its finding, in words.
        table: Its table.
    """

    name: str
    heading: str
    hint: str
    pictures: Sequence[str]
    finding: str
    table: TableView


@dataclass(frozen=True, slots=True)
class Section:
    """A section on one subject.

    Attributes:
        name: Its id, for links to it.
        heading: Its heading.
        sentences: Sentences before the charts.
        drawings: Its charts.
        tables: Tables that do not belong to a chart.
        reading: The score of its relationship, for the gauge; None for other sections.
    """

    name: str
    heading: str
    sentences: Sequence[str] = ()
    drawings: Sequence[Drawing] = ()
    tables: Sequence[TableView] = ()
    reading: Reading | None = None


def draw_figure(drawing: Drawing, *looks: ChartStyle) -> RenderedChart:
    """Draw a chart; its description is visible text on the page, so the picture has a short label instead.

    Args:
        drawing: The chart.
        looks: Styles of the chart; `WIDE` where none is given.

    Raises:
        DrawingError: It could not be drawn.
    """
    # Imported here: listing drawings needs no chart library.
    from altair.utils.schemapi import debug_mode

    # Altair validates every mark and channel when it is made, and the tests do so for all charts: half of the time.
    with debug_mode(False):
        charts = [drawing.draw(style) for style in looks or (WIDE,)]
    label = _("Chart: {heading}. Its numbers are in the table that follows.", heading=drawing.heading)
    return _finish_figure(drawing, charts[0], [render_svg(chart, label=label) for chart in charts])


def make_unrendered(drawing: Drawing) -> RenderedChart:
    """A chart that could not be drawn, with its finding and its table alone."""
    return _finish_figure(drawing, drawing.draw(WIDE), ())


def render_or_fallback(drawing: Drawing, *looks: ChartStyle) -> RenderedChart:
    """Draw a chart; without a picture where it cannot be drawn."""
    try:
        return draw_figure(drawing, *looks)
    except DrawingError:
        return make_unrendered(drawing)


def _finish_figure(drawing: Drawing, chart: AnyChart, pictures: Sequence[str]) -> RenderedChart:
    return RenderedChart(
        drawing.name, drawing.heading, drawing.hint, pictures, str(chart.description), drawing.gather()
    )
