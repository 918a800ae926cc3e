"""The frame of a chart: its title, description and common theme, and the marks that several charts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair

from consumer_fusion.views.charts.theme import FONT, ChartStyle

AnyChart = altair.Chart | altair.LayerChart | altair.VConcatChart | altair.FacetChart
"""What the functions of this package return: a chart with its theme, for a page, a notebook or `render_svg`."""


def colour_ways(style: ChartStyle) -> altair.Color:
    """The colour of the directions `up` and `down`, from the column `way`."""
    palette = style.palette
    return altair.Color(
        "way:N",
        scale=altair.Scale(domain=["up", "down"], range=[palette.gain, palette.loss]),
        legend=None,
    )


def draw_middle(style: ChartStyle, axis: Literal["x", "y"], scale: altair.Scale) -> altair.Chart:
    """The dashed line at 50, the score without a relationship."""
    channel = altair.X if axis == "x" else altair.Y
    rule = altair.Chart(make_data([{"middle": 50}])).mark_rule(
        color=style.palette.line, strokeDash=[4, 3], aria=False
    )
    line: altair.Chart = rule.encode(channel("middle:Q", scale=scale))
    return line


def make_data(rows: Sequence[Mapping[str, object]]) -> altair.InlineData:
    """Rows as the chart's inline data."""
    return altair.InlineData(values=[dict(row) for row in rows])


def frame_chart(
    chart: AnyChart, style: ChartStyle, *, title: str, description: str, subtitle: str = "", fits: bool = True
) -> AnyChart:
    """Give a chart its title, its description for screen readers, and the common theme.

    Args:
        chart: The marks.
        style: Style of the chart.
        title: Short title.
        description: One or two sentences with the finding, for people who cannot see the chart.
        subtitle: Further explanation.
        fits: Whether the whole chart is `style.width` wide; charts of several views size themselves.
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
