"""How every chart looks: palettes with enough contrast, sizes, fonts, and the words of a chart's frame.

Gain and loss are blue and orange, which people with any colour vision tell apart, and each chart says the
same by position, sign or shape too. `tests/test_charts.py` holds the contrasts of WCAG 2.2 AA.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import altair
import pyarrow as pa

from consumer_fusion.errors import InputError

# Metric-compatible faces: vl-convert measures with Liberation Sans, readers see what they have.
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"

AnyChart = altair.Chart | altair.LayerChart | altair.VConcatChart | altair.FacetChart
"""What the functions of this package return: a chart with its theme, for a page, a notebook or `render_svg`."""

BESIDE: tuple[tuple[str, Literal["left", "right"], int], ...] = (("up", "left", 7), ("down", "right", -7))
"""Where the number beside a mark stands: (way, alignment, shift in pixels)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a chart by what they mean.

    Attributes:
        paper: What the chart lies on.
        ink: Text, and the line that matters.
        quiet_ink: Axis labels and remarks.
        line: Reference lines and axes.
        grid: Lines that only help the eye.
        gain: What raises a score.
        loss: What lowers a score.
        count: Bars that only count.
        band: The fill of an interval.
        band_edge: The edge of an interval.
        mutualism: Both gain.
        commensal_brand_gains: The brand gains.
        commensal_consumer_gains: The consumer gains.
        one_sided_brand_takes: One-sided, the brand takes.
        one_sided_consumer_takes: One-sided, the consumer takes.
        competition: Both lose.
        amensal: One side is harmed.
        neutral: Neutral.
        unknown: Unknown.
    """

    paper: str
    ink: str
    quiet_ink: str
    line: str
    grid: str
    gain: str
    loss: str
    count: str
    band: str
    band_edge: str
    mutualism: str
    commensal_brand_gains: str
    commensal_consumer_gains: str
    one_sided_brand_takes: str
    one_sided_consumer_takes: str
    competition: str
    amensal: str
    neutral: str
    unknown: str

    def as_dict(self) -> dict[str, str]:
        """The colours by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def pick_symbiosis(self, symbiosis: str) -> str:
        """The colour of a class."""
        return self.as_dict()[symbiosis.replace("-", "_")]


LIGHT = Palette(
    paper="#ffffff",
    ink="#18202b",
    quiet_ink="#4d5866",
    line="#7b8592",
    grid="#e4e8ed",
    gain="#0a62b9",
    loss="#b84a06",
    count="#4a6a8a",
    band="#d5e5f7",
    band_edge="#6f9fd2",
    mutualism="#00705a",
    commensal_brand_gains="#0a62b9",
    commensal_consumer_gains="#6a4fc9",
    one_sided_brand_takes="#b84a06",
    one_sided_consumer_takes="#ad2f7e",
    competition="#8c1414",
    amensal="#7d5f00",
    neutral="#5f6a77",
    unknown="#8590a0",
)

DARK = Palette(
    paper="#161b22",
    ink="#eef2f6",
    quiet_ink="#aeb9c5",
    line="#7f8b99",
    grid="#2a323c",
    gain="#6db3ff",
    loss="#ff9d5c",
    count="#8fb0d0",
    band="#22405f",
    band_edge="#5585b8",
    mutualism="#3fcfae",
    commensal_brand_gains="#6db3ff",
    commensal_consumer_gains="#b7a4ff",
    one_sided_brand_takes="#ff9d5c",
    one_sided_consumer_takes="#f58ac6",
    competition="#ff7a7a",
    amensal="#dcb53c",
    neutral="#a3aebb",
    unknown="#76828f",
)

THEMED = replace(
    LIGHT,
    **{name: f"var(--fusion-{name.replace('_', '-')}, {colour})" for name, colour in LIGHT.as_dict().items()},
)
"""For SVG within a page: the page's CSS chooses the colours (see `write_css_variables`)."""


def write_css_variables(palette: Palette) -> str:
    """The declarations that give a page's `THEMED` charts the colours of a palette."""
    return " ".join(
        f"--fusion-{name.replace('_', '-')}: {colour};" for name, colour in palette.as_dict().items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartStyle:
    """What a chart is drawn for.

    Attributes:
        palette: Its colours.
        width: Its whole width in pixels, labels included; below 480 it is drawn for a phone.
        has_title: Whether it carries its own title; a page that has a heading above it needs none.
    """

    palette: Palette = LIGHT
    width: int = 640
    has_title: bool = True

    @property
    def is_narrow(self) -> bool:
        """Whether it is drawn for a phone."""
        return self.width < 480

    @property
    def label_limit(self) -> int:
        """So many pixels may a label beside a bar take."""
        return 120 if self.is_narrow else 210

    def make_room(self, labels: Iterable[str], letter_width: float = 7.3) -> float:
        """So many pixels are kept for labels beside bars, wide enough for the widest face that readers have."""
        return min(self.label_limit + 40, letter_width * max(map(len, labels), default=0) + 8)


ROW_HEIGHT, NAME_SHIFT, BAR_SHIFT = 40, -11, 6
"""Of a row that has its name above its bar, so that no name is cut for the bar's sake; in pixels."""

DEFAULT_LOOK = ChartStyle()
"""Light, on a page."""


def colour_ways(style: ChartStyle) -> altair.Color:
    """The colour of what goes `up` or `down`, from the column `way`."""
    palette = style.palette
    return altair.Color(
        "way:N",
        scale=altair.Scale(domain=["up", "down"], range=[palette.gain, palette.loss]),
        legend=None,
    )


def draw_middle(style: ChartStyle, axis: Literal["x", "y"], scale: altair.Scale) -> altair.Chart:
    """The dashed line at 50, where nothing is in evidence."""
    channel = altair.X if axis == "x" else altair.Y
    rule = altair.Chart(make_data([{"middle": 50}])).mark_rule(
        color=style.palette.line, strokeDash=[4, 3], aria=False
    )
    line: altair.Chart = rule.encode(channel("middle:Q", scale=scale))
    return line


def check_columns(table: pa.Table, names: Sequence[str], chart: str) -> None:
    """Refuse a table that lacks a column the chart is drawn from.

    Raises:
        InputError: With the columns that are missing.
    """
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise InputError(
            f"The table for the {chart} has no {', '.join(missing)}; it has {', '.join(table.column_names)}.",
            hint=f"Give it {', '.join(names)}.",
        )


def make_data(rows: Sequence[Mapping[str, object]]) -> altair.InlineData:
    """Rows as the chart's own data, nothing to fetch."""
    return altair.InlineData(values=[dict(row) for row in rows])


def frame_chart(
    chart: AnyChart, style: ChartStyle, *, title: str, description: str, subtitle: str = "", fits: bool = True
) -> AnyChart:
    """Give a chart its title, its description for those who hear it, and the one theme.

    Args:
        chart: The marks.
        style: What it is drawn for.
        title: Short; what is shown.
        description: One or two sentences that tell the finding to who cannot see it.
        subtitle: What the title does not say.
        fits: Whether the whole chart is `look.width` wide; charts of several views size themselves.
    """
    palette = style.palette
    settings: dict[str, Any] = {"description": description}
    if style.has_title:
        settings["title"] = altair.TitleParams(text=title, subtitle=subtitle or altair.Undefined)
    if fits:
        settings["width"] = style.width
        settings["autosize"] = altair.AutoSizeParams(type="fit-x", contains="padding")
    framed: AnyChart = chart.properties(**settings).configure(
        background="transparent",
        padding=4,
        font=FONT,
        view=altair.ViewConfig(stroke=None),
        axis=altair.AxisConfig(
            labelFont=FONT,
            titleFont=FONT,
            labelColor=palette.quiet_ink,
            titleColor=palette.quiet_ink,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
            labelPadding=5,
            gridColor=palette.grid,
            domainColor=palette.line,
            tickColor=palette.line,
            tickSize=4,
        ),
        header=altair.HeaderConfig(
            labelFont=FONT, labelColor=palette.ink, labelFontSize=12, titleColor=palette.quiet_ink
        ),
        legend=altair.LegendConfig(
            labelFont=FONT,
            titleFont=FONT,
            labelColor=palette.ink,
            titleColor=palette.quiet_ink,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            symbolSize=80,
            labelLimit=240,
        ),
        text=altair.MarkConfig(font=FONT, fontSize=12, color=palette.ink),
        title=altair.TitleConfig(
            font=FONT,
            subtitleFont=FONT,
            anchor="start",
            frame="bounds",
            offset=12,
            color=palette.ink,
            subtitleColor=palette.quiet_ink,
            fontSize=15,
            subtitleFontSize=12,
        ),
    )
    return framed
