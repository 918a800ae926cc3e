"""A brand over time: the median and middle 50% of its relationships, and the sentiment of what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    from_day_number,
    write_day,
    write_noun,
    write_score,
    write_share,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.views.charts.frame import AnyChart, colour_ways, draw_middle, frame_chart, make_data
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


def draw_sentiment(
    months: Sequence[Mapping[str, Any]], style: ChartStyle = DEFAULT_STYLE, *, brand: str = ""
) -> AnyChart:
    """The shares of negative and positive messages by month, each with its 95% interval.

    A month with too few messages has no share: the lines have a gap there.

    Args:
        months: `at` (milliseconds since 1970), `month`, `messages`, and for `negative` and `positive` the share with
            `_low` and `_high`, which are None for too few messages.
        style: Style of the chart.
        brand: Named in the title.
    """
    rows: list[dict[str, Any]] = []
    for side, way in (("negative", "down"), ("positive", "up")):
        stretch = 0
        for each in months:
            if each[side] is None:
                stretch += 1
                continue
            told = N_("{month}: {share} negative ({low} to {high}) of {messages}")
            if side == "positive":
                told = N_("{month}: {share} positive ({low} to {high}) of {messages}")
            rows.append(
                {
                    "at": each["at"], "way": way, "line": f"{side} {stretch}", "share": each[side],
                    "low": each[f"{side}_low"], "high": each[f"{side}_high"],
                    "label": _(
                        told, month=each["month"], share=write_share(each[side]),
                        low=write_share(each[f"{side}_low"]), high=write_share(each[f"{side}_high"]),
                        messages=write_noun(each["messages"], "message"),
                    ),
                }
            )  # fmt: skip
    chart = altair.Chart(make_data(rows)).encode(
        x=altair.X(
            "at:T",
            scale=altair.Scale(type="utc"),
            title=None,
            axis=altair.Axis(
                grid=False, tickCount=4 if style.is_narrow else 7, labelOverlap=True, labelSeparation=10,
                format="%b %Y",
            ),
        ),
        color=colour_ways(style),
        detail="line:N",
    )  # fmt: skip
    axis = altair.Axis(format="%", tickCount=5)
    scale = altair.Scale(
        domainMin=0, domainMax=1 if any(row["high"] > 0.9 for row in rows) else altair.Undefined
    )
    band = chart.mark_area(opacity=0.16, line=False, aria=False).encode(
        y=altair.Y("low:Q", scale=scale, axis=axis, title=_("share of messages")), y2="high:Q"
    )
    y = altair.Y("share:Q", scale=scale, axis=axis, title=_("share of messages"))
    line = chart.mark_line(strokeWidth=2, aria=False).encode(y=y)
    # Without colour, the shape differs.
    points = chart.mark_point(filled=True, size=60, opacity=1).encode(
        y=y,
        shape=altair.Shape(
            "way:N",
            scale=altair.Scale(domain=["up", "down"], range=["triangle-up", "triangle-down"]),
            legend=None,
        ),
        tooltip="label:N",
        description="label:N",
    )
    named = _(" of {name}", name=brand) if brand else ""
    newest = [
        rows_of[-1]["label"] for side in ("down", "up") if (rows_of := [r for r in rows if r["way"] == side])
    ]
    return frame_chart(
        altair.layer(band, line, points).properties(height=220),
        style,
        title=_("Sentiment of messages over time{of_whom}", of_whom="" if style.is_narrow else named),
        subtitle=_("triangle up: positive; down: negative; band: 95% interval"),
        description="; ".join(newest) or _("Too few messages for a share in any month."),
    )
