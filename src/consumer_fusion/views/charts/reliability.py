"""The picture of a calibration: whether what was forecast at 30% came true in 30% of the pairs."""

from __future__ import annotations

import altair
import pyarrow as pa

from consumer_fusion.views.charts.labels import write_noun, write_share
from consumer_fusion.views.charts.theme import (
    DEFAULT_LOOK,
    AnyChart,
    Look,
    check_columns,
    frame_chart,
    make_data,
)


def draw_reliability(reliability: pa.Table, look: Look = DEFAULT_LOOK, *, outcome: str = "") -> AnyChart:
    """Forecast against what happened in bins of pairs, with how many pairs each bin holds.

    Args:
        reliability: `predicted`, `observed` (shares, 0 to 1), `pair_count`; `series` where several forecasts
            are compared ("before", "after").
        look: What it is drawn for.
        outcome: What was forecast, for the title.
    """
    check_columns(reliability, ["predicted", "observed", "pair_count"], "reliability picture")
    rows = []
    for row in reliability.to_pylist():
        series = str(row.get("series") or "forecast")
        rows.append(
            {
                "predicted": row["predicted"],
                "observed": row["observed"],
                "pairs": row["pair_count"],
                "series": series,
                "label": f"{series}: forecast {write_share(row['predicted'])}, came true in "
                f"{write_share(row['observed'])} of {write_noun(row['pair_count'], 'pair')}",
            }
        )
    order = list(dict.fromkeys(str(row["series"]) for row in rows))
    palette = look.palette
    # The last series is the one that counts: it has the strong colour.
    colours = (
        [palette.loss, palette.gain] if len(order) == 2 else [palette.gain, palette.loss, palette.mutualism]
    )
    top = min(1.0, max([0.05, *(row[side] for row in rows for side in ("predicted", "observed"))]) * 1.08)
    scale = altair.Scale(domain=[0, top], nice=False)
    percent = altair.Axis(format=".0%", tickCount=5)
    width = look.width - 74
    legend = altair.Legend(title=None, orient="top") if len(order) > 1 else None
    colour = altair.Color(
        "series:N", scale=altair.Scale(domain=order, range=colours[: len(order)]), legend=legend
    )
    shape = altair.Shape(
        "series:N",
        scale=altair.Scale(domain=order, range=["square", "circle", "diamond"][: len(order)]),
        legend=legend,
    )
    diagonal = (
        altair.Chart(make_data([{"share": 0.0}, {"share": top}]))
        .mark_line(color=palette.line, strokeDash=[4, 3], aria=False)
        .encode(x=altair.X("share:Q", scale=scale), y=altair.Y("share:Q", scale=scale))
    )
    chart = altair.Chart(make_data(rows))
    x = altair.X("predicted:Q", scale=scale, title=None, axis=altair.Axis(labels=False, ticks=False))
    y = altair.Y("observed:Q", scale=scale, title="came true", axis=percent)
    lines = chart.mark_line(strokeWidth=1.5, aria=False).encode(x=x, y=y, color=colour)
    dots = chart.mark_point(filled=True, size=75, opacity=1).encode(
        x=x, y=y, color=colour, shape=shape, tooltip="label:N", description="label:N"
    )
    counted = [row for row in rows if row["series"] == order[-1]] if rows else []
    counts = (
        altair.Chart(make_data(counted))
        .mark_bar(width=6, color=palette.count, aria=False)
        .encode(
            x=altair.X("predicted:Q", scale=scale, title="forecast", axis=percent),
            y=altair.Y("pairs:Q", title="pairs", axis=altair.Axis(tickCount=2)),
        )
        .properties(width=width, height=54)
    )
    pairs = sum(row["pairs"] for row in counted)
    gap = sum(abs(row["predicted"] - row["observed"]) * row["pairs"] for row in counted)
    told = f", on average {100 * gap / pairs:.1f} percentage points from what happened" if pairs else ""
    named = f" of {outcome}" if outcome else ""
    return frame_chart(
        altair.vconcat(
            altair.layer(diagonal, lines, dots).properties(width=width, height=min(width, 280)),
            counts,
            spacing=6,
        ),
        look,
        title=f"Forecast{named} and what happened",
        subtitle="on the dashed line they agree",
        description=f"Forecast{named} for {write_noun(pairs, 'pair')}{told}.",
        fits=False,
    )
