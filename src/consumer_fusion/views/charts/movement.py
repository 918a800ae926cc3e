"""Charts of change: activity by channel over time, and the relationships that changed most."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    from_day_number,
    name_channel,
    shorten,
    write_count,
    write_day,
    write_noun,
    write_score,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.views.charts.count_charts import gather_periods
from consumer_fusion.views.charts.frame import AnyChart, colour_ways, draw_middle, frame_chart, make_data
from consumer_fusion.views.charts.theme import (
    BAR_SHIFT,
    BESIDE,
    DEFAULT_STYLE,
    NAME_SHIFT,
    ROW_HEIGHT,
    ChartStyle,
    check_columns,
)


def _end_period(start: datetime, period: str) -> datetime:
    """The end of a period: the start of the next one."""
    if period == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if period == "week" else 1)


def draw_activity(
    activity: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, most_channels: int = 8
) -> AnyChart:
    """Events by channel over time, a row for each channel, the busiest first.

    Args:
        activity: `day` (days since 1970, UTC), `channel` (null where unknown), `event_count`.
        style: Style of the chart.
        most_channels: Further channels are shown as one.
    """
    periods, period = gather_periods(activity, most_channels=most_channels)
    totals: Counter[str] = Counter()
    listed = periods.to_pylist()
    for row in listed:
        totals[row["channel"]] += row["event_count"]
    order = list(totals)
    told = {
        "day": N_("{channel}: {events} on {day}"),
        "week": N_("{channel}: {events} in the week from {day}"),
        "month": N_("{channel}: {events} in the month from {day}"),
    }[period]
    axis_title = {
        "day": _("events a day (UTC)"),
        "week": _("events a week (UTC)"),
        "month": _("events a month (UTC)"),
    }[period]
    rows = [
        {
            "channel": name_channel(row["channel"]),
            "start": from_day_number(row["day"]).timestamp() * 1000,
            "end": _end_period(from_day_number(row["day"]), period).timestamp() * 1000,
            "events": row["event_count"],
            "label": _(
                told,
                channel=name_channel(row["channel"]),
                events=write_noun(row["event_count"], "event"),
                day=write_day(from_day_number(row["day"]).date()),
            ),
        }
        for row in listed
    ]
    palette = style.palette
    bars = (
        altair.Chart(make_data(rows))
        .mark_bar(color=palette.count, strokeWidth=0.5, stroke=palette.paper)
        .encode(
            x=altair.X(
                "start:T",
                scale=altair.Scale(type="utc"),
                title=axis_title,
                axis=altair.Axis(
                    format="%b %Y" if period != "day" else "%-d %b",
                    tickCount=4,
                    grid=False,
                    labelOverlap=True,
                    labelFlush=True,
                ),
            ),
            x2="end:T",
            y2=altair.datum(0),
            y=altair.Y("events:Q", title=None, axis=altair.Axis(tickCount=2, tickMinStep=1)),
            tooltip="label:N",
            description="label:N",
        )
        .properties(width=style.width - 64, height=46)
    )
    chart = bars.facet(
        row=altair.Row(
            "channel:N",
            sort=[name_channel(channel) for channel in order],
            title=None,
            header=altair.Header(labelOrient="top", labelAnchor="start", labelPadding=2),
        ),
        spacing=8,
    )
    busiest = ", ".join(f"{name_channel(channel)} {write_count(totals[channel])}" for channel in order[:3])
    return frame_chart(
        chart,
        style,
        title=_("Activity by channel"),
        subtitle=_("{events}, one scale for all", events=write_noun(sum(totals.values()), "event")),
        description=_(
            "{events} by channel. Busiest: {busiest}.",
            events=write_noun(sum(totals.values()), "event"),
            busiest=busiest,
        ),
        fits=False,
    )


def draw_movers(movers: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, most: int = 12) -> AnyChart:
    """Scores before and now of the relationships that changed most.

    Args:
        movers: `consumer`, `brand`, `score_before`, `fusion_score`.
        style: Style of the chart.
        most: Maximum number of relationships.
    """
    check_columns(movers, ["consumer", "brand", "score_before", "fusion_score"], "movers chart")
    moved = sorted(
        movers.select(["consumer", "brand", "score_before", "fusion_score"]).to_pylist(),
        key=lambda row: -abs(row["fusion_score"] - row["score_before"]),
    )[:most]
    moved.sort(key=lambda row: row["score_before"] - row["fusion_score"])
    is_one_brand = len({row["brand"] for row in moved}) <= 1
    length = (40 if style.is_narrow else 80) // (1 if is_one_brand else 2)
    rows = []
    for position, row in enumerate(moved):
        before, now = row["score_before"], row["fusion_score"]
        name = shorten(row["consumer"], length)
        if not is_one_brand:
            name = f"{name} × {shorten(row['brand'], length)}"
        rows.append(
            {
                # Two pairs may look the same once shortened; rows are sorted by position.
                "position": f"{position:03}",
                "name": name,
                "before": before,
                "now": now,
                "way": "up" if now >= before else "down",
                "text": write_signed(now - before, 1),
                "label": _(
                    "{consumer} and {brand}: {before} to {now}, {change}",
                    consumer=row["consumer"],
                    brand=row["brand"],
                    before=write_score(before),
                    now=write_score(now),
                    change=write_signed(now - before, 1),
                ),
            }
        )
    palette = style.palette
    scores = [row[side] for row in rows for side in ("before", "now")] or [50.0]
    low, high = min([*scores, 49.0]), max([*scores, 51.0])
    room = (high - low) * (0.2 if style.is_narrow else 0.1)
    scale = altair.Scale(domain=[low - room, high + room], nice=False, zero=False)
    colour = colour_ways(style)
    chart = altair.Chart(make_data(rows)).encode(y=altair.Y("position:O", axis=None), color=colour)
    now = altair.X("now:Q", scale=scale)
    lines = chart.mark_rule(strokeWidth=3, yOffset=BAR_SHIFT).encode(
        x=altair.X("before:Q", scale=scale, title=_("Fusion Score: ring = before, dot = now")),
        x2="now:Q",
        tooltip="label:N",
        description="label:N",
    )
    rings = chart.mark_point(
        filled=True, size=70, opacity=1, strokeWidth=2, fill=palette.paper, yOffset=BAR_SHIFT, aria=False
    ).encode(x=altair.X("before:Q", scale=scale), stroke=colour)
    dots = chart.mark_point(filled=True, size=110, opacity=1, yOffset=BAR_SHIFT).encode(
        x=now, tooltip="label:N", description="label:N"
    )
    texts = [
        chart.mark_text(align=align, dx=dx * 1.5, dy=BAR_SHIFT + 1, aria=False)
        .encode(x=now, text="text:N", color=altair.value(palette.ink))
        .transform_filter(f"datum.way == '{way}'")
        for way, align, dx in BESIDE
    ]
    names = chart.mark_text(align="left", dy=NAME_SHIFT, aria=False).encode(
        x=altair.value(0), text="name:N", color=altair.value(palette.quiet_ink)
    )
    middle = draw_middle(style, "x", scale)
    largest = sorted(rows, key=lambda row: -abs(row["now"] - row["before"]))[:3]
    risen = sum(1 for row in rows if row["way"] == "up")
    brand = _(" at {name}", name=shorten(moved[0]["brand"], 40)) if moved and is_one_brand else ""
    return frame_chart(
        altair.layer(middle, lines, rings, dots, *texts, names).properties(height=altair.Step(ROW_HEIGHT)),
        style,
        title=_("Largest changes{of_whom}", of_whom=brand),
        subtitle=_("{up} up, {down} down", up=write_count(risen), down=write_count(len(rows) - risen)),
        description=_(
            "The relationships that changed most{of_whom}: {largest}.",
            of_whom=brand,
            largest="; ".join(str(row["label"]) for row in largest),
        ),
    )
