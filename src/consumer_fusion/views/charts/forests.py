"""Charts of many effects: each with its interval, raw and pooled; detectable effects of plans; timeline of actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair
import numpy as np
import pyarrow as pa

from consumer_fusion.i18n.labels import from_day_number, shorten, write_day, write_noun
from consumer_fusion.i18n.number_format import write_relative
from consumer_fusion.i18n.translation import _
from consumer_fusion.views.charts.frame import AnyChart, frame_chart, make_data
from consumer_fusion.views.charts.theme import (
    BAR_SHIFT,
    DEFAULT_STYLE,
    NAME_SHIFT,
    ROW_HEIGHT,
    ChartStyle,
    check_columns,
)

_EFFECTS = ["name", "raw", "raw_low", "raw_high", "shrunk", "shrunk_low", "shrunk_high"]
_UTC = altair.Scale(type="utc")


def draw_effects(effects: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, most: int = 30) -> AnyChart:
    """Effects with their intervals: raw (ring) and pooled with others of their kind (dot).

    Args:
        effects: `name`, `raw`, `raw_low`, `raw_high`, `shrunk`, `shrunk_low`, `shrunk_high`, relative; null where
            unknown.
        style: Style of the chart.
        most: Maximum number of effects, those with the largest pooled estimate.
    """
    check_columns(effects, _EFFECTS, "chart of effects")
    told = [row for row in effects.select(_EFFECTS).to_pylist() if row["raw"] is not None]
    told.sort(key=lambda row: -(row["shrunk"] if row["shrunk"] is not None else row["raw"]))
    drawn = told[:most]
    reach = _choose_reach(drawn)
    scale = altair.Scale(domain=[-reach, reach], nice=False, clamp=True)
    rows = [_tell_effect(row, place, style, reach) for place, row in enumerate(drawn)]
    palette = style.palette
    axis = altair.Axis(format="+.0%", tickCount=5 if style.is_narrow else 9)
    title = _("change from the expected value")
    chart = altair.Chart(make_data(rows)).encode(y=altair.Y("position:O", axis=None))
    zero = altair.Chart(make_data([{"zero": 0}])).mark_rule(color=palette.line, strokeDash=[4, 3], aria=False)
    marks = (
        zero.encode(x=altair.X("zero:Q", scale=scale, title=title, axis=axis)),
        chart.mark_rule(color=palette.count, strokeWidth=2, yOffset=BAR_SHIFT, aria=False).encode(
            x=altair.X("raw_low:Q", scale=scale, title=title, axis=axis), x2="raw_high:Q"
        ),
        chart.mark_point(
            size=70, strokeWidth=2, fill=palette.paper, stroke=palette.count, opacity=1, yOffset=BAR_SHIFT
        )
        .encode(x=altair.X("raw:Q", scale=scale), tooltip="label:N", description="label:N")
        .transform_filter("!datum.beyond"),
        chart.mark_rule(color=palette.ink, strokeWidth=4, yOffset=BAR_SHIFT, aria=False)
        .encode(x=altair.X("shrunk_low:Q", scale=scale), x2="shrunk_high:Q")
        .transform_filter("isValid(datum.shrunk)"),
        chart.mark_point(filled=True, size=100, opacity=1, color=palette.ink, yOffset=BAR_SHIFT)
        .encode(x=altair.X("shrunk:Q", scale=scale), tooltip="label:N", description="label:N")
        .transform_filter("isValid(datum.shrunk)"),
        *(layer for side in ("left", "right") for layer in _mark_beyond(chart, side, style)),
        chart.mark_text(align="left", dy=NAME_SHIFT, aria=False).encode(
            x=altair.value(0), text="name:N", color=altair.value(palette.quiet_ink)
        ),
    )
    sure = [row for row in drawn if row["raw_low"] > 0 or row["raw_high"] < 0]
    return frame_chart(
        altair.layer(*marks).properties(height=altair.Step(ROW_HEIGHT)),
        style,
        title=_("Impact"),
        subtitle=_("ring, thin: raw; dot, thick: pooled; arrow: beyond the scale"),
        description=_(
            "{drawn} of {all} effects, the largest first; {sure} with a raw interval that excludes no change.",
            drawn=len(drawn),
            all=len(told),
            sure=len(sure),
        ),
    )


def _mark_beyond(
    chart: altair.Chart, side: Literal["left", "right"], style: ChartStyle
) -> list[altair.Chart]:
    """An arrow where an interval extends beyond an edge, with the estimate where that is beyond it too."""
    palette = style.palette
    there = chart.encode(x=altair.value(0 if side == "left" else "width"))
    arrow = there.mark_point(
        filled=True, shape=f"triangle-{side}", size=60, opacity=1, color=palette.count, yOffset=BAR_SHIFT
    )
    text = there.mark_text(align=side, dx=9 if side == "left" else -9, dy=BAR_SHIFT + 1, aria=False)
    return [
        arrow.encode(tooltip="label:N", description="label:N").transform_filter(f"datum.is_off_{side}"),
        text.encode(text="beyond:N", color=altair.value(palette.ink)).transform_filter(
            f"datum.is_off_{side} && datum.beyond"
        ),
    ]


def draw_detectable(plans: pa.Table, style: ChartStyle = DEFAULT_STYLE) -> AnyChart:
    """The smallest detectable effect of a plan at 80% power, by its length.

    Args:
        plans: `series`, `days`, `detectable` (relative).
        style: Style of the chart.
    """
    check_columns(plans, ["series", "days", "detectable"], "chart of plans")
    rows = [
        {
            **row,
            "label": _(
                "{series}, {days}: {change}",
                series=row["series"],
                days=write_noun(row["days"], "day"),
                change=write_relative(row["detectable"]),
            ),
        }
        for row in plans.select(["series", "days", "detectable"]).to_pylist()
        if row["detectable"] is not None
    ]
    palette = style.palette
    names = list(dict.fromkeys(row["series"] for row in rows))
    # One legend shows both the colour and the shape of a line.
    legend = (
        altair.Legend(title=None, orient="bottom", columns=1 if style.is_narrow else 3)
        if len(names) > 1
        else None
    )
    colours = [palette.ink, palette.gain, palette.loss, palette.mutualism, palette.commensal_consumer_gains]
    chart = altair.Chart(make_data(rows)).encode(
        x=altair.X("days:Q", title=_("days of the action"), axis=altair.Axis(tickMinStep=1, grid=False)),
        y=altair.Y(
            "detectable:Q", title=_("smallest detectable effect"), scale=altair.Scale(zero=True),
            axis=altair.Axis(format=".0%"),
        ),
        color=altair.Color(
            "series:N",
            sort=names,
            scale=altair.Scale(domain=names, range=[colours[place % len(colours)] for place in range(len(names))]),
            legend=legend,
        ),
    )  # fmt: skip
    best = min(rows, key=lambda row: row["detectable"]) if rows else None
    return frame_chart(
        altair.layer(
            chart.mark_line(strokeWidth=2, aria=False),
            chart.mark_point(filled=True, size=80, opacity=1).encode(
                shape=altair.Shape("series:N", sort=names, scale=altair.Scale(domain=names), legend=legend),
                tooltip="label:N",
                description="label:N",
            ),
        ).properties(height=240),
        style,
        title=_("Detectable effects"),
        description=_(
            "Smallest detectable effect at 80% power. Best: {best}.",
            best=best["label"] if best else _("unknown"),
        ),
    )


def draw_actions(actions: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, most: int = 40) -> AnyChart:
    """A timeline of actions and of the windows of their effects.

    Args:
        actions: `title`, `first_day`, `last_day`, `effect_from`, `effect_until` (days since 1970).
        style: Style of the chart.
        most: Maximum number of actions, the newest.
    """
    names = ["title", "first_day", "last_day", "effect_from", "effect_until"]
    check_columns(actions, names, "timeline of actions")
    listed = sorted(actions.select(names).to_pylist(), key=lambda row: row["first_day"])[-most:]
    rows = [_tell_action(row, place, style) for place, row in enumerate(listed)]
    palette = style.palette
    axis = altair.Axis(format="%b %Y", tickCount=4 if style.is_narrow else 8, labelOverlap=True)
    chart = altair.Chart(make_data(rows)).encode(y=altair.Y("position:O", axis=None))

    def lay(start: str) -> altair.X:
        return altair.X(f"{start}:T", scale=_UTC, title=None, axis=axis)

    marks = (
        chart.mark_bar(color=palette.band, height=12, yOffset=BAR_SHIFT, aria=False).encode(
            x=lay("from"), x2="until:T"
        ),
        chart.mark_bar(color=palette.gain, height=5, yOffset=BAR_SHIFT, aria=False).encode(
            x=lay("start"), x2="end:T"
        ),
        chart.mark_point(
            filled=True, shape="triangle-up", size=90, opacity=1, color=palette.ink, yOffset=BAR_SHIFT
        ).encode(x=lay("start"), tooltip="label:N", description="label:N"),
        chart.mark_text(align="left", dy=NAME_SHIFT, aria=False).encode(
            x=altair.value(0), text="name:N", color=altair.value(palette.quiet_ink)
        ),
    )
    return frame_chart(
        altair.layer(*marks).properties(height=altair.Step(ROW_HEIGHT)),
        style,
        title=_("Campaigns and actions"),
        subtitle=_("mark: start; light bar: the days of its possible effect"),
        description=_(
            "{actions}, from {first} to {last}.",
            actions=write_noun(len(rows), "action"),
            first=write_day(from_day_number(listed[0]["first_day"]).date()) if listed else "",
            last=write_day(from_day_number(listed[-1]["first_day"]).date()) if listed else "",
        ),
    )


def _tell_action(row: Mapping[str, Any], place: int, style: ChartStyle) -> dict[str, Any]:
    def at(day: int) -> float:
        return from_day_number(day).timestamp() * 1000

    return {
        "position": f"{place:03}",
        "name": shorten(row["title"], 44 if style.is_narrow else 80),
        "start": at(row["first_day"]),
        "end": at(row["last_day"] + 1),
        "from": at(row["effect_from"]),
        "until": at(row["effect_until"] + 1),
        "label": _(
            "{title}: {day}, effect window {first} to {last}",
            title=row["title"],
            day=write_day(from_day_number(row["first_day"]).date()),
            first=write_day(from_day_number(row["effect_from"]).date()),
            last=write_day(from_day_number(row["effect_until"]).date()),
        ),
    }


def _tell_effect(row: Mapping[str, Any], place: int, style: ChartStyle, reach: float) -> dict[str, Any]:
    def keep(value: float | None) -> float | None:
        return None if value is None else float(np.clip(value, -reach, reach))

    shrunk = (
        _(
            "; pooled {change} ({low} to {high})",
            change=write_relative(row["shrunk"]),
            low=write_relative(row["shrunk_low"]),
            high=write_relative(row["shrunk_high"]),
        )
        if row["shrunk"] is not None
        else ""
    )
    return {
        **{name: keep(row[name]) for name in _EFFECTS[1:]},
        "beyond": write_relative(row["raw"]) if abs(row["raw"]) > reach else "",
        "is_off_left": row["raw_low"] < -reach,
        "is_off_right": row["raw_high"] > reach,
        "position": f"{place:03}",
        "name": shorten(row["name"], 44 if style.is_narrow else 80),
        "label": _(
            "{name}: {change} ({low} to {high}){shrunk}",
            name=row["name"],
            change=write_relative(row["raw"]),
            low=write_relative(row["raw_low"]),
            high=write_relative(row["raw_high"]),
            shrunk=shrunk,
        ),
    }


def _choose_reach(rows: Sequence[Mapping[str, Any]]) -> float:
    """An axis limit at which most intervals fit; the others have an arrow at the edge, and numbers in the table."""
    ends = sorted(max(abs(row["raw_low"]), abs(row["raw_high"])) for row in rows)
    return max(0.05, min(2.0, ends[int(0.9 * (len(ends) - 1))] * 1.05)) if ends else 0.5
