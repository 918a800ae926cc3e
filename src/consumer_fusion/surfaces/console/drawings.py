"""Charts on pages: each with a heading, how to read it, what it shows in words, its numbers and their download."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from consumer_fusion.i18n.translation import say
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.report.tables import write_csv
from consumer_fusion.views.charts.rendering import render_svg
from consumer_fusion.views.charts.theme import THEMED, AnyChart, Look

CellKind = Literal[
    "text", "sentence", "score", "number", "change", "count", "share", "day", "time", "class", "side", "facet",
    "kind", "channel", "certainty", "consumer", "relative", "p_value",
]  # fmt: skip
_NUMBERS: frozenset[CellKind] = frozenset(
    {"score", "number", "change", "count", "share", "relative", "p_value"}
)
ROWS_SHOWN = 100

WIDE = Look(palette=THEMED, width=560, has_title=False)
NARROW = Look(palette=THEMED, width=344, has_title=False)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name in the rows and in the download.
        heading: What stands above it.
        kind: What its values are, which says how they are written.
    """

    name: str
    heading: str
    kind: CellKind = "text"

    @property
    def is_number(self) -> bool:
        """Whether it is set flush right."""
        return self.kind in _NUMBERS

    @property
    def is_long(self) -> bool:
        """Whether its texts may take several lines."""
        return self.kind == "sentence"


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a chart, or a table of its own.

    Attributes:
        name: Of the downloaded file, without its ending.
        caption: What its rows are.
        columns: In order.
        rows: All of them.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The rows that stand on the page."""
        return self.rows[:ROWS_SHOWN]

    def write_csv(self) -> str:
        """All rows as CSV, numbers unrounded; the mark at the start tells spreadsheets that the text is UTF-8."""
        return "\ufeff" + write_csv([column.name for column in self.columns], self.rows)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart before it is drawn.

    Attributes:
        name: Its name in addresses.
        heading: What is shown.
        hint: How to read it.
        draw: Draws it, wide or narrow.
        gather: Its numbers.
    """

    name: str
    heading: str
    hint: str
    draw: Callable[[Look], AnyChart]
    gather: Callable[[], Table]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart that was drawn.

    Attributes:
        name: Its name in addresses.
        heading: What is shown.
        hint: How to read it.
        svg: The chart; None where it could not be drawn.
        finding: What it shows, in words.
        table: Its numbers.
    """

    name: str
    heading: str
    hint: str
    svg: str | None
    finding: str
    table: Table


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a chart comes to stand once it is drawn.

    Attributes:
        name: Its name.
        heading: What is shown.
        hint: How to read it.
        path: Where it is drawn.
        download: Where its numbers are as CSV.
    """

    name: str
    heading: str
    hint: str
    path: str
    download: str


DrawingCache = Cache


def draw_figure(drawing: Drawing, *, is_narrow: bool) -> Drawn:
    """Draw a chart; its description is visible text on the page, so the picture itself does not repeat it aloud.

    Raises:
        DrawingError: It could not be drawn.
    """
    chart = drawing.draw(NARROW if is_narrow else WIDE)
    label = say("Chart: {heading}. Its numbers are in the table that follows.", heading=drawing.heading)
    return _finish_figure(drawing, chart, render_svg(chart, label=label))


def leave_empty(drawing: Drawing) -> Drawn:
    """What is told of a chart that could not be drawn: its finding and its numbers."""
    return _finish_figure(drawing, drawing.draw(WIDE), None)


def _finish_figure(drawing: Drawing, chart: AnyChart, svg: str | None) -> Drawn:
    return Drawn(drawing.name, drawing.heading, drawing.hint, svg, str(chart.description), drawing.gather())
