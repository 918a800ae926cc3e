"""The relationships of a brand over time: their median and middle 50%."""

from __future__ import annotations

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    from_day_number,
    write_day,
    write_noun,
    write_score,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import _
from consumer_fusion.views.charts.frame import AnyChart, draw_middle, frame_chart, make_data
from consumer_fusion.views.charts.theme import DEFAULT_STYLE, ChartStyle, check_columns

_TREND = ["day", "pair_count", "lower_quartile", "median", "upper_quartile"]


def draw_trend(trend: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, brand: str = "") -> AnyChart:
    """The median score of a brand's relationships over time, with the band of the middle 50%.

    Args:
        trend: `day` (days since 1970, UTC; in order), `pair_count`, `lower_quartile`, `median`, `upper_quartile`.
        style: Style of the chart.
        brand: Named in the title.
    """
    check_columns(trend, _TREND, "trend")
    rows = [
        {
            **row,
            "at": from_day_number(row["day"]).timestamp() * 1000,
            "label": _(
                "{day}: median of {pairs} {median}; middle 50% {low} to {high}",
                day=write_day(from_day_number(row["day"]).date()),
                pairs=write_noun(row["pair_count"], "relationship"),
                median=write_score(row["median"]),
                low=write_score(row["lower_quartile"]),
                high=write_score(row["upper_quartile"]),
            ),
        }
        for row in trend.select(_TREND).to_pylist()
    ]
    palette = style.palette
    low = min([50.0, *(row["lower_quartile"] for row in rows)])
    high = max([50.0, *(row["upper_quartile"] for row in rows)])
    scale = altair.Scale(domain=[max(0, low - 2), min(100, high + 2)], nice=True, zero=False)
    chart = altair.Chart(make_data(rows)).encode(
        x=altair.X(
            "at:T",
            scale=altair.Scale(type="utc"),
            title=None,
            axis=altair.Axis(
                grid=False, tickCount=4 if style.is_narrow else 7, labelOverlap=True, labelSeparation=10,
                format="%b %Y",
            ),
        )
    )  # fmt: skip
    title = _("Fusion Score")
    band = chart.mark_area(color=palette.band, opacity=1, line=False, aria=False).encode(
        y=altair.Y("lower_quartile:Q", scale=scale, title=title), y2="upper_quartile:Q"
    )
    edges = [
        chart.mark_line(color=palette.band_edge, strokeWidth=1, aria=False).encode(
            y=altair.Y(f"{side}:Q", scale=scale)
        )
        for side in ("lower_quartile", "upper_quartile")
    ]
    y = altair.Y("median:Q", scale=scale, title=title)
    line = chart.mark_line(color=palette.ink, strokeWidth=2, aria=False).encode(y=y)
    points = chart.mark_point(filled=True, size=40, opacity=1, color=palette.ink).encode(
        y=y, tooltip="label:N", description="label:N"
    )
    named = _(" of {name}", name=brand) if brand else ""
    return frame_chart(
        altair.layer(band, *edges, draw_middle(style, "y", scale), line, points).properties(height=220),
        style,
        title=_("Relationships over time{of_whom}", of_whom="" if style.is_narrow else named),
        subtitle=_("line: median; band: middle 50% of scores"),
        description=_tell(rows, named),
    )


def _tell(rows: list[dict[str, object]], named: str) -> str:
    if not rows:
        return _("No relationships{of_whom} yet.", of_whom=named)
    first, last = float(str(rows[0]["median"])), float(str(rows[-1]["median"]))
    return _(
        "The median Fusion Score{of_whom} went from {first} to {last} ({change}) since {day}.",
        of_whom=named,
        first=write_score(first),
        last=write_score(last),
        change=write_signed(last - first, 1),
        day=write_day(from_day_number(int(str(rows[0]["day"]))).date()),
    )
