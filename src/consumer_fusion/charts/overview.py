"""Charts of a brand: how its relationships are spread over the scale, the two sides and the classes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any, Literal

import altair
import pyarrow as pa

from consumer_fusion.charts.theme import (
    DEFAULT_LOOK,
    AnyChart,
    Look,
    check_columns,
    draw_middle,
    frame_chart,
    make_data,
)
from consumer_fusion.charts.wording import (
    SYMBIOSIS_WORDS,
    name_symbiosis,
    shorten,
    write_count,
    write_noun,
    write_score,
    write_share,
)

MOST_DOTS = 600
"""With more pairs than this the scatter shows cells of two by two points, sized by their pairs."""

_SHAPES = (
    "circle", "triangle-up", "triangle-right", "square", "circle", "triangle-down", "triangle-left", "diamond", "cross",
)  # fmt: skip


_OUTER: tuple[tuple[Literal["left", "right"], str], ...] = (("right", ">"), ("left", "<"))


def _count_pairs(scores: pa.Table) -> list[int]:
    """How many pairs each row stands for: its `pair_count`, else one."""
    if "pair_count" in scores.column_names:
        return [int(count) for count in scores["pair_count"].to_pylist()]
    return [1] * scores.num_rows


def draw_score_distribution(
    scores: pa.Table, look: Look = DEFAULT_LOOK, *, brand: str = "", bin_points: int = 2
) -> AnyChart:
    """How many of a brand's pairs have which Fusion Score, with the line at 50.

    Args:
        scores: `fusion_score`; and where there is one `symbiosis`, so that pairs of which too little is
            known are told apart, and `pair_count`, when a row stands for several pairs.
        look: What it is drawn for.
        brand: Named in the title.
        bin_points: Width of a bar in score points.
    """
    check_columns(scores, ["fusion_score"], "score distribution")
    classes = (
        scores["symbiosis"].to_pylist() if "symbiosis" in scores.column_names else [""] * scores.num_rows
    )
    counts: Counter[tuple[int, str]] = Counter()
    for score, symbiosis, pairs in zip(
        scores["fusion_score"].to_pylist(), classes, _count_pairs(scores), strict=True
    ):
        start = min(int(score // bin_points) * bin_points, 100 - bin_points)
        counts[start, "unknown" if symbiosis == "unknown" else "known"] += pairs
    total = sum(counts.values())
    above = sum(pairs for (start, _), pairs in counts.items() if start >= 50)
    rows = [
        {
            "start": start,
            "end": start + bin_points,
            "certainty": certainty,
            "pairs": pairs,
            "label": f"{write_noun(pairs, 'pair')} at {start} to {start + bin_points}, {certainty}",
        }
        for (start, certainty), pairs in sorted(counts.items())
    ]
    palette = look.palette
    scale = altair.Scale(domain=[0, 100], nice=False)
    bars = (
        altair.Chart(make_data(rows))
        .mark_bar(binSpacing=1)
        .encode(
            x=altair.X(
                "start:Q",
                scale=scale,
                bin=altair.BinParams(binned=True, step=bin_points),
                title="Fusion Score (0 to 100)",
                axis=altair.Axis(values=list(range(0, 101, 20 if look.is_narrow else 10)), grid=False),
            ),
            x2="end:Q",
            y=altair.Y("pairs:Q", title="pairs", stack="zero", axis=altair.Axis(tickMinStep=1, tickCount=5)),
            color=altair.Color(
                "certainty:N",
                scale=altair.Scale(domain=["known", "unknown"], range=[palette.count, palette.unknown]),
                legend=altair.Legend(title=None, orient="bottom", symbolType="square"),
            ),
            order=altair.Order("certainty:N"),
            tooltip="label:N",
            description="label:N",
        )
    )
    line = draw_middle(look, "x", scale)
    remark = (
        altair.Chart(make_data([{"middle": 50, "text": "50: no relationship in evidence"}]))
        .mark_text(align="center", baseline="bottom", dy=-4, color=palette.quiet_ink, aria=False)
        .encode(x=altair.X("middle:Q", scale=scale), y=altair.value(0), text="text:N")
    )
    named = f" of {shorten(brand, 40)}" if brand else ""
    return frame_chart(
        altair.layer(bars, line, remark).properties(height=200),
        look,
        title=f"Fusion Scores{named}",
        subtitle=f"{write_noun(total, 'pair')}, {write_count(above)} at 50 or above",
        description=(
            f"Distribution of the Fusion Score{named}: {write_noun(total, 'pair')}, "
            f"{write_count(above)} at 50 or above, {write_count(total - above)} below."
        ),
    )


def _gather_cells(scores: pa.Table) -> list[tuple[float, float, str, int]]:
    """The scatter's dots: the pairs themselves, or cells with the class that most of their pairs have."""
    dots = list(
        zip(
            scores["consumer_to_brand"].to_pylist(),
            scores["brand_to_consumer"].to_pylist(),
            scores["symbiosis"].to_pylist(),
            _count_pairs(scores),
            strict=True,
        )
    )
    if len(dots) <= MOST_DOTS:
        return dots
    cells: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for given, received, symbiosis, pairs in dots:
        cells[round(given / 2), round(received / 2)][symbiosis] += pairs
    return [
        (2.0 * given, 2.0 * received, classes.most_common(1)[0][0], sum(classes.values()))
        for (given, received), classes in cells.items()
    ]


def draw_both_sides(scores: pa.Table, look: Look = DEFAULT_LOOK, *, brand: str = "") -> AnyChart:
    """What consumers give a brand against what it gives them, coloured and shaped by symbiosis.

    Args:
        scores: `consumer_to_brand`, `brand_to_consumer` (0 to 100), `symbiosis`; `pair_count` when a row
            stands for several pairs.
        look: What it is drawn for.
        brand: Named in the title.
    """
    check_columns(scores, ["consumer_to_brand", "brand_to_consumer", "symbiosis"], "both-sides chart")
    cells = sorted(_gather_cells(scores), key=lambda cell: -cell[3])
    total = sum(pairs for *_, pairs in cells)
    present = [key for key in SYMBIOSIS_WORDS if any(cell[2] == key for cell in cells)]
    reach = max([20.0, *(abs(side - 50) for cell in cells for side in cell[:2])])
    reach = min(50, math.ceil((reach + 2) / 10) * 10)
    rows = [
        {
            "given": given,
            "received": received,
            "pairs": pairs,
            "symbiosis": name_symbiosis(symbiosis),
            "label": f"{write_noun(pairs, 'pair')}, {name_symbiosis(symbiosis)}: consumer gives "
            f"{write_score(given)}, brand gives {write_score(received)}",
        }
        for given, received, symbiosis, pairs in cells
    ]
    palette = look.palette
    words = [SYMBIOSIS_WORDS[key] for key in present]
    shapes = dict(zip(SYMBIOSIS_WORDS, _SHAPES, strict=True))
    domain = altair.Scale(domain=[50 - reach, 50 + reach], nice=False, zero=False)
    legend = altair.Legend(title=None, orient="bottom", columns=1 if look.is_narrow else 3)
    most = max((cell[3] for cell in cells), default=1)
    dots = (
        altair.Chart(make_data(rows))
        .mark_point(filled=True, opacity=1, strokeWidth=1, stroke=palette.paper)
        .encode(
            x=altair.X(
                "given:Q",
                scale=domain,
                axis=altair.Axis(tickCount=6),
                title="what the consumer gives (50 = nothing in evidence)",
            ),
            y=altair.Y(
                "received:Q", scale=domain, axis=altair.Axis(tickCount=6), title="what the brand gives"
            ),
            size=altair.Size(
                "pairs:Q",
                scale=altair.Scale(
                    domain=[0, max(most, 2)], range=[12, 200] if look.is_narrow else [20, 420]
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
    rules = [draw_middle(look, "x", domain), draw_middle(look, "y", domain)]
    edge = reach * 0.95
    corners = make_data(
        [
            {"x": 50 + edge, "y": 50 + edge, "text": "both give"},
            {"x": 50 + edge, "y": 50 - edge, "text": "only the consumer gives"},
            {"x": 50 - edge, "y": 50 + edge, "text": "only the brand gives"},
            {"x": 50 - edge, "y": 50 - edge, "text": "neither gives"},
        ]
    )
    remarks = [
        altair.Chart(corners)
        .mark_text(align=align, color=palette.quiet_ink, fontStyle="italic", aria=False)
        .encode(x=altair.X("x:Q", scale=domain), y=altair.Y("y:Q", scale=domain), text="text:N")
        .transform_filter(f"datum.x {side} 50")
        for align, side in _OUTER
    ]
    named = f" at {shorten(brand, 40)}" if brand else ""
    gaining = sum(cell[3] for cell in cells if cell[0] > 50 and cell[1] > 50)
    return frame_chart(
        altair.layer(*rules, *remarks, dots).properties(height=300 if look.is_narrow else 380),
        look,
        title=f"Both sides{named}",
        subtitle="each mark a pair" if total == len(cells) else "each mark sized by its pairs",
        description=(
            f"Both sides of {write_noun(total, 'pair')}{named}: in {write_count(gaining)} both the consumer "
            "and the brand give something."
        ),
    )


def draw_symbiosis_mix(scores: pa.Table, look: Look = DEFAULT_LOOK, *, brand: str = "") -> AnyChart:
    """How many of a brand's pairs are of which symbiosis class.

    Args:
        scores: `symbiosis`; `pair_count` when a row stands for several pairs.
        look: What it is drawn for.
        brand: Named in the title.
    """
    check_columns(scores, ["symbiosis"], "symbiosis mix")
    counts: Counter[str] = Counter()
    for symbiosis, pairs in zip(scores["symbiosis"].to_pylist(), _count_pairs(scores), strict=True):
        counts[symbiosis] += pairs
    total = sum(counts.values())
    rows: list[dict[str, Any]] = [
        {
            "symbiosis": words,
            "pairs": counts[key],
            "text": f"{write_share(counts[key] / total)} ({write_count(counts[key])})",
            "label": f"{words}: {write_noun(counts[key], 'pair')}, {write_share(counts[key] / total)}",
        }
        for key, words in SYMBIOSIS_WORDS.items()
        if counts[key]
    ]
    palette = look.palette
    most = max(counts.values(), default=1)
    shown = [key for key in SYMBIOSIS_WORDS if counts[key]]
    chart = altair.Chart(make_data(rows)).encode(
        y=altair.Y(
            "symbiosis:N",
            sort=[SYMBIOSIS_WORDS[key] for key in shown],
            title=None,
            axis=altair.Axis(
                labelExpr="split(datum.label, ': ')" if look.is_narrow else altair.Undefined,
                labelLimit=look.label_limit + 40,
                ticks=False,
                domain=False,
            ),
        ),
        x=altair.X(
            "pairs:Q",
            title="pairs",
            axis=altair.Axis(tickMinStep=1, tickCount=4),
            scale=altair.Scale(domain=[0, most * (1.6 if look.is_narrow else 1.25)], nice=False),
        ),
    )
    bars = chart.mark_bar(cornerRadiusEnd=2).encode(
        color=altair.Color(
            "symbiosis:N",
            legend=None,
            scale=altair.Scale(
                domain=[SYMBIOSIS_WORDS[key] for key in shown],
                range=[palette.pick_symbiosis(key) for key in shown],
            ),
        ),
        tooltip="label:N",
        description="label:N",
    )
    texts = chart.mark_text(align="left", dx=5, aria=False).encode(text="text:N")
    named = f" at {shorten(brand, 40)}" if brand else ""
    top = ", ".join(row["label"] for row in sorted(rows, key=lambda row: -row["pairs"])[:3])
    return frame_chart(
        altair.layer(bars, texts).properties(height=altair.Step(30 if look.is_narrow else 26)),
        look,
        title=f"Kinds of relationship{named}",
        subtitle=write_noun(total, "pair"),
        description=f"Symbiosis of {write_noun(total, 'pair')}{named}. Most: {top}.",
    )
