"""Charts of a brand: its relationships over the scale, the two sides and the classes; its messages by aspect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Literal

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    SYMBIOSIS_LABELS,
    name_certainty,
    name_direction,
    name_symbiosis,
    shorten,
    write_count,
    write_noun,
    write_score,
    write_share,
)
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.views.charts.count_charts import gather_bins, gather_cells, gather_classes
from consumer_fusion.views.charts.frame import AnyChart, colour_ways, draw_middle, frame_chart, make_data
from consumer_fusion.views.charts.theme import DEFAULT_STYLE, ChartStyle

_SHAPES = (
    "circle", "triangle-up", "triangle-right", "square", "circle", "triangle-down", "triangle-left", "diamond", "cross",
)  # fmt: skip


_OUTER: tuple[tuple[Literal["left", "right"], str], ...] = (("right", ">"), ("left", "<"))


def draw_score_distribution(
    scores: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, brand: str = "", bin_points: int = 2
) -> AnyChart:
    """A histogram of the Fusion Scores of a brand's pairs, with the line at 50.

    Args:
        scores: `fusion_score`; optionally `symbiosis`, to separate pairs with too little data, and `pair_count`, when a
            row stands for several pairs.
        style: Style of the chart.
        brand: Named in the title.
        bin_points: Width of a bar in score points.
    """
    bins = gather_bins(scores, bin_points).to_pylist()
    total = sum(row["pair_count"] for row in bins)
    above = sum(row["pair_count"] for row in bins if row["score_from"] >= 50)
    rows = [
        {
            **row,
            "certainty": name_certainty(row["certainty"]),
            "place": ("known", "unknown").index(row["certainty"]),
            "label": _(
                "{pairs} at {start} to {end}, {certainty}",
                pairs=write_noun(row["pair_count"], "relationship"),
                start=row["score_from"],
                end=row["score_to"],
                certainty=name_certainty(row["certainty"]),
            ),
        }
        for row in bins
    ]
    palette = style.palette
    scale = altair.Scale(domain=[0, 100], nice=False)
    bars = (
        altair.Chart(make_data(rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=altair.X(
                "score_from:Q",
                scale=scale,
                bin=altair.BinParams(binned=True, step=bin_points),
                title=_("Fusion Score (0 to 100)"),
                axis=altair.Axis(values=list(range(0, 101, 20 if style.is_narrow else 10)), grid=False),
            ),
            x2="score_to:Q",
            y=altair.Y(
                "pair_count:Q",
                title=_("relationships"),
                stack="zero",
                axis=altair.Axis(tickMinStep=1, tickCount=5),
            ),
            color=altair.Color(
                "certainty:N",
                scale=altair.Scale(
                    domain=[name_certainty(each) for each in ("known", "unknown")],
                    range=[palette.count, palette.unknown],
                ),
                legend=altair.Legend(title=None, orient="bottom", symbolType="square"),
            ),
            order=altair.Order("place:Q"),
            tooltip="label:N",
            description="label:N",
        )
    )
    line = draw_middle(style, "x", scale)
    remark = (
        altair.Chart(make_data([{"middle": 50, "text": _("50: no relationship found")}]))
        .mark_text(align="center", baseline="bottom", dy=-4, color=palette.quiet_ink, aria=False)
        .encode(x=altair.X("middle:Q", scale=scale), y=altair.value(0), text="text:N")
    )
    named = _(" of {name}", name=shorten(brand, 40)) if brand else ""
    return frame_chart(
        altair.layer(bars, line, remark).properties(height=200),
        style,
        title=_("Fusion Scores{of_whom}", of_whom=named),
        subtitle=_(
            "{pairs}, {above} at 50 or above",
            pairs=write_noun(total, "relationship"),
            above=write_count(above),
        ),
        description=_(
            "Fusion Scores{of_whom}: {pairs}, {above} at 50 or above, {below} below.",
            of_whom=named,
            pairs=write_noun(total, "relationship"),
            above=write_count(above),
            below=write_count(total - above),
        ),
    )


def draw_both_sides(scores: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, brand: str = "") -> AnyChart:
    """A scatter of both sides of a brand's relationships, coloured and shaped by symbiosis.

    Args:
        scores: `consumer_to_brand`, `brand_to_consumer` (0 to 100), `symbiosis`; `pair_count` when a row
            stands for several pairs.
        style: Style of the chart.
        brand: Named in the title.
    """
    gathered = gather_cells(scores)
    cells = list(zip(*(gathered[name].to_pylist() for name in gathered.column_names), strict=True))
    total = sum(pairs for *_unused, pairs in cells)
    present = [key for key in SYMBIOSIS_LABELS if any(cell[2] == key for cell in cells)]
    reach = max([20.0, *(abs(side - 50) for cell in cells for side in cell[:2])])
    reach = min(50, math.ceil((reach + 2) / 10) * 10)
    rows = [
        {
            "given": given,
            "received": received,
            "pairs": pairs,
            "symbiosis": name_symbiosis(symbiosis),
            "label": _(
                "{pairs}, {kind}: consumer gives {given}, brand gives {received}",
                pairs=write_noun(pairs, "relationship"),
                kind=name_symbiosis(symbiosis),
                given=write_score(given),
                received=write_score(received),
            ),
        }
        for given, received, symbiosis, pairs in cells
    ]
    palette = style.palette
    words = [name_symbiosis(key) for key in present]
    shapes = dict(zip(SYMBIOSIS_LABELS, _SHAPES, strict=True))
    domain = altair.Scale(domain=[50 - reach, 50 + reach], nice=False, zero=False)
    legend = altair.Legend(title=None, orient="bottom", columns=1 if style.is_narrow else 3)
    most = max((cell[3] for cell in cells), default=1)
    dots = (
        altair.Chart(make_data(rows))
        .mark_point(filled=True, opacity=1, strokeWidth=1, stroke=palette.paper)
        .encode(
            x=altair.X(
                "given:Q",
                scale=domain,
                axis=altair.Axis(tickCount=6),
                title=name_direction("consumer_to_brand"),
            ),
            y=altair.Y(
                "received:Q",
                scale=domain,
                axis=altair.Axis(tickCount=6),
                title=name_direction("brand_to_consumer"),
            ),
            size=altair.Size(
                "pairs:Q",
                scale=altair.Scale(
                    domain=[0, max(most, 2)], range=[12, 200] if style.is_narrow else [20, 420]
                ),
                legend=None,
            )
            if most > 1
            else altair.value(45),
            color=altair.Color(
                "symbiosis:N",
                scale=altair.Scale(domain=words, range=[palette.pick_symbiosis(key) for key in present]),
                legend=legend,
            ),
            shape=altair.Shape(
                "symbiosis:N",
                scale=altair.Scale(domain=words, range=[shapes[key] for key in present]),
                legend=legend,
            ),
            tooltip="label:N",
            description="label:N",
        )
    )
    rules = [draw_middle(style, "x", domain), draw_middle(style, "y", domain)]
    edge = reach * 0.95
    corners = make_data(
        [
            {"x": 50 + edge, "y": 50 + edge, "text": _("both give")},
            {"x": 50 + edge, "y": 50 - edge, "text": _("only the consumer gives")},
            {"x": 50 - edge, "y": 50 + edge, "text": _("only the brand gives")},
            {"x": 50 - edge, "y": 50 - edge, "text": _("neither gives")},
        ]
    )
    remarks = [
        altair.Chart(corners)
        .mark_text(align=align, color=palette.quiet_ink, fontStyle="italic", aria=False)
        .encode(x=altair.X("x:Q", scale=domain), y=altair.Y("y:Q", scale=domain), text="text:N")
        .transform_filter(f"datum.x {side} 50")
        for align, side in _OUTER
    ]
    named = _(" at {name}", name=shorten(brand, 40)) if brand else ""
    gaining = sum(cell[3] for cell in cells if cell[0] > 50 and cell[1] > 50)
    return frame_chart(
        altair.layer(*rules, *remarks, dots).properties(height=300 if style.is_narrow else 380),
        style,
        title=_("Both sides{of_whom}", of_whom=named),
        subtitle=_("each mark a relationship")
        if total == len(cells)
        else _("each mark sized by its relationships"),
        description=_(
            "Both sides of {pairs}{of_whom}: in {gaining} both the consumer and the brand give something.",
            pairs=write_noun(total, "relationship"),
            of_whom=named,
            gaining=write_count(gaining),
        ),
    )


def draw_symbiosis_mix(scores: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, brand: str = "") -> AnyChart:
    """The number of a brand's pairs in each symbiosis class.

    Args:
        scores: `symbiosis`; `pair_count` when a row stands for several pairs.
        style: Style of the chart.
        brand: Named in the title.
    """
    classes = gather_classes(scores)
    counts = dict(zip(classes["symbiosis"].to_pylist(), classes["pair_count"].to_pylist(), strict=True))
    total = sum(counts.values())
    # A label has several lines where there is little space.
    labels = {
        key: "\n".join(wrap(name_symbiosis(key), 18 if style.is_narrow else 40))
        for key in SYMBIOSIS_LABELS
        if counts.get(key)
    }
    rows: list[dict[str, Any]] = [
        {
            "symbiosis": labels[key],
            "pairs": counts[key],
            "text": f"{write_share(counts[key] / total)} ({write_count(counts[key])})",
            "label": f"{name_symbiosis(key)}: {write_noun(counts[key], 'relationship')}, "
            f"{write_share(counts[key] / total)}",
        }
        for key in labels
    ]
    palette = style.palette
    most = max(counts.values(), default=1)
    chart = altair.Chart(make_data(rows)).encode(
        y=altair.Y(
            "symbiosis:N",
            sort=list(labels.values()),
            title=None,
            axis=altair.Axis(
                labelExpr="split(datum.label, '\\n')",
                labelLimit=style.label_limit + 40,
                minExtent=style.make_room(line for label in labels.values() for line in label.split("\n")),
                labelLineHeight=13,
                ticks=False,
                domain=False,
            ),
        ),
        x=altair.X(
            "pairs:Q",
            title=_("relationships"),
            axis=altair.Axis(tickMinStep=1, tickCount=4),
            scale=altair.Scale(domain=[0, most * (1.6 if style.is_narrow else 1.25)], nice=False),
        ),
    )
    bars = chart.mark_bar(cornerRadiusEnd=2).encode(
        color=altair.Color(
            "symbiosis:N",
            legend=None,
            scale=altair.Scale(
                domain=list(labels.values()), range=[palette.pick_symbiosis(key) for key in labels]
            ),
        ),
        tooltip="label:N",
        description="label:N",
    )
    texts = chart.mark_text(align="left", dx=5, aria=False).encode(text="text:N")
    named = _(" at {name}", name=shorten(brand, 40)) if brand else ""
    top = "; ".join(row["label"] for row in sorted(rows, key=lambda row: -row["pairs"])[:3])
    return frame_chart(
        altair.layer(bars, texts).properties(height=altair.Step(42 if style.is_narrow else 26)),
        style,
        title=_("Kinds of relationship{of_whom}", of_whom=named),
        subtitle=write_noun(total, "relationship"),
        description=_(
            "{pairs}{of_whom}. Most common: {top}.",
            pairs=write_noun(total, "relationship"),
            of_whom=named,
            top=top,
        ),
    )


def draw_aspects(
    aspects: Sequence[Mapping[str, Any]], style: ChartStyle = DEFAULT_STYLE, *, brand: str = ""
) -> AnyChart:
    """The shares of messages that praise and that complain, by aspect, as bars to the right and to the left.

    Args:
        aspects: `name`, `messages`, and for `negative` and `positive` the share with `_low` and `_high`; those with too
            few messages, whose shares are None, are left out.
        style: Style of the chart.
        brand: Named in the title.
    """
    palette = style.palette
    shown = [each for each in aspects if each["negative"] is not None]
    names = {each["name"]: f"{each['name']} ({write_count(each['messages'])})" for each in shown}
    parts = [
        {
            "row": names[each["name"]],
            "value": sign * each[side],
            "low": sign * each[f"{side}_low"],
            "high": sign * each[f"{side}_high"],
            "way": way,
            "label": _(
                told, aspect=each["name"], share=write_share(each[side]), low=write_share(each[f"{side}_low"]),
                high=write_share(each[f"{side}_high"]), messages=write_noun(each["messages"], "message"),
            ),
        }
        for each in shown
        for side, sign, way, told in (
            ("positive", 1, "up", N_("{aspect}: {share} of {messages} praise it ({low} to {high})")),
            ("negative", -1, "down", N_("{aspect}: {share} of {messages} complain of it ({low} to {high})")),
        )
    ]  # fmt: skip
    order = list(names.values())
    y = altair.Y(
        "row:N",
        sort=order,
        scale=altair.Scale(domain=order),
        title=None,
        axis=altair.Axis(
            ticks=False, domain=False, labelLimit=style.label_limit + 40, minExtent=style.make_room(order)
        ),
    )
    axis = altair.Axis(labelExpr="format(abs(datum.value), '.0%')", tickCount=5)
    x = altair.X("value:Q", title=_("complain | praise"), scale=altair.Scale(domain=[-1, 1]), axis=axis)
    chart = altair.Chart(make_data(parts)).encode(y=y)
    bars = chart.mark_bar(height=14, cornerRadiusEnd=2).encode(
        x=x, color=colour_ways(style), tooltip="label:N", description="label:N"
    )
    intervals = chart.mark_rule(color=palette.ink, strokeWidth=1, aria=False).encode(x="low:Q", x2="high:Q")
    zero = (
        altair.Chart(make_data([{"value": 0}]))
        .mark_rule(color=palette.line, aria=False)
        .encode(x=altair.X("value:Q"))
    )
    named = _(" of {name}", name=brand) if brand else ""
    return frame_chart(
        altair.layer(bars, intervals, zero).properties(height=altair.Step(24)),
        style,
        title=_("Messages by aspect{of_whom}", of_whom="" if style.is_narrow else named),
        subtitle=_("left: complain; right: praise; line: 95% interval; in brackets: messages"),
        description=_name_extremes(parts),
    )


def _name_extremes(parts: Sequence[Mapping[str, Any]]) -> str:
    """The most praised and the most criticised aspect."""
    if not parts:
        return _("Too few messages for a share of any aspect.")
    ends = (max(parts, key=lambda part: part["value"]), min(parts, key=lambda part: part["value"]))
    return "; ".join(str(part["label"]) for part in ends)
