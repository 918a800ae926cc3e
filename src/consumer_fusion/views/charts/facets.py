"""Charts of the composition of a score: points and contributions by facet, each side under its heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    DIRECTION_LABELS,
    name_direction,
    name_facet,
    shorten,
    write_score,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.views.charts.count_charts import gather_facets
from consumer_fusion.views.charts.frame import AnyChart, colour_ways, frame_chart, make_data
from consumer_fusion.views.charts.theme import DEFAULT_STYLE, ChartStyle, check_columns


def _arrange_facets() -> list[tuple[str, str, str]]:
    """The rows of a chart of facets: (direction, facet, label), each side under its heading."""
    rows: list[tuple[str, str, str]] = []
    for direction in DIRECTIONS:
        rows.append((direction, "", name_direction(direction)))
        rows.extend((direction, facet, name_facet(facet)) for facet in FACETS[direction])
    return rows


def _draw_facet_bars(
    parts: Sequence[Mapping[str, Any]], totals: Mapping[str, float], style: ChartStyle, axis_title: str
) -> AnyChart:
    """Diverging bars by facet, both sides under their headings, with the net value of each."""
    palette = style.palette
    order = [words for _unused, _unused, words in _arrange_facets()]
    headings = [name_direction(each) for each in DIRECTION_LABELS]
    reach = max([1.0, *(abs(part["value"]) for part in parts)])
    room = 1.75 if style.is_narrow else 1.3
    y = altair.Y(
        "row:N",
        sort=order,
        scale=altair.Scale(domain=order),
        title=None,
        axis=altair.Axis(
            ticks=False,
            domain=False,
            labelLimit=style.label_limit + 40,
            minExtent=style.make_room(order, letter_width=8.3),  # headings are bold
            labelFontWeight=altair.condition(
                altair.FieldOneOfPredicate(field="value", oneOf=headings),
                altair.value("bold"),
                altair.value("normal"),
            ),
            labelColor=altair.condition(
                altair.FieldOneOfPredicate(field="value", oneOf=headings),
                altair.value(palette.ink),
                altair.value(palette.quiet_ink),
            ),
        ),
    )
    x = altair.X(
        "value:Q", title=axis_title, scale=altair.Scale(domain=[-reach * 1.05, reach * room], nice=False)
    )
    bars = (
        altair.Chart(make_data(parts))
        .mark_bar(height=14, cornerRadiusEnd=2)
        .encode(
            x=x,
            y=y,
            color=colour_ways(style),
            tooltip="label:N",
            description="label:N",
        )
    )
    # The net value is at the right edge: next to a bar it would seem to belong to that bar.
    nets = [
        {
            "row": name_facet(facet),
            "text": write_signed(total)
            if any(part["row"] == name_facet(facet) for part in parts)
            else _("none"),
        }
        for facet, total in totals.items()
    ]
    texts = (
        altair.Chart(make_data(nets))
        .mark_text(align="right", aria=False)
        .encode(x=altair.value("width"), y=y, text="text:N")
    )
    zero = (
        altair.Chart(make_data([{"value": 0}]))
        .mark_rule(color=palette.line, aria=False)
        .encode(x=altair.X("value:Q"))
    )
    return altair.layer(bars, zero, texts).properties(height=altair.Step(24))


def draw_contributions(
    contributions: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, pair: str = ""
) -> AnyChart:
    """The contribution of each facet to the score of a pair, relative to 50; all bars add up to the score minus 50.

    Args:
        contributions: `direction`, `facet`, `contribution`, any number of rows a facet.
        style: Style of the chart.
        pair: Named in the title.
    """
    rows = gather_facets(contributions).to_pylist()
    totals = {row["facet"]: row["net"] for row in rows}
    parts = [
        {
            "row": name_facet(row["facet"]),
            "value": row[part],
            "way": way,
            "label": _(
                told,
                facet=name_facet(row["facet"]),
                change=write_signed(row[part]),
                net=write_signed(row["net"]),
            ),
        }
        for row in rows
        for part, way, told in (
            ("gained", "up", N_("{facet}: {change} gained, {net} in all")),
            ("lost", "down", N_("{facet}: {change} lost, {net} in all")),
        )
        if row[part]
    ]
    score = 50 + sum(totals.values())
    named = _(" of {name}", name=shorten(pair, 60)) if pair else ""
    told = ", ".join(f"{name_facet(facet)} {write_signed(total)}" for facet, total in totals.items() if total)
    return frame_chart(
        _draw_facet_bars(parts, totals, style, _("points of the score, from 50")),
        style,
        title=_("Why {score}{of_whom}", score=write_score(score), of_whom="" if style.is_narrow else named),
        subtitle=_(
            "50 {change} = {score}; at the right: the net of each facet",
            change=write_signed(score - 50),
            score=write_score(score),
        ),
        description=_(
            "Composition of the score{of_whom}, {score}, relative to 50: {facets}.",
            of_whom=named,
            score=write_score(score),
            facets=told or _("nothing yet"),
        ),
    )


def draw_facets(facets: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, pair: str = "") -> AnyChart:
    """The eight facets of a pair: what each side gives and how, in points.

    Args:
        facets: `direction`, `facet`, `points` (signed, after the knee); a facet without a row has none.
        style: Style of the chart.
        pair: Named in the title.
    """
    check_columns(facets, ["direction", "facet", "points"], "facets chart")
    given = dict(zip(facets["facet"].to_pylist(), facets["points"].to_pylist(), strict=True))
    totals = {facet: float(given.get(facet) or 0) for _unused, facet, _unused in _arrange_facets() if facet}
    parts = [
        {
            "row": name_facet(facet),
            "value": value,
            "way": "up" if value > 0 else "down",
            "label": _("{facet}: {change} points", facet=name_facet(facet), change=write_signed(value)),
        }
        for facet, value in totals.items()
        if value
    ]
    named = _(" of {name}", name=shorten(pair, 60)) if pair else ""
    told = ", ".join(f"{name_facet(facet)} {write_signed(value)}" for facet, value in totals.items() if value)
    return frame_chart(
        _draw_facet_bars(parts, totals, style, _("points")),
        style,
        title=_("What each side gives{of_whom}", of_whom="" if style.is_narrow else named),
        subtitle=_("points by facet, after decay and saturation"),
        description=_("Points by facet{of_whom}: {facets}.", of_whom=named, facets=told or _("none")),
    )
