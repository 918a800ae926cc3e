"""The reliability chart of a calibration: whether a forecast of 30% came true in 30% of the relationships."""

from __future__ import annotations

import altair
import pyarrow as pa

from consumer_fusion.i18n.labels import write_noun, write_share
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.views.charts.frame import AnyChart, frame_chart, make_data
from consumer_fusion.views.charts.theme import DEFAULT_STYLE, ChartStyle, check_columns

_RELIABILITY = ["predicted", "observed", "pair_count"]


def draw_reliability(
    reliability: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, outcome: str = ""
) -> AnyChart:
    """Forecast and outcome in bins of pairs, with the number of pairs in each bin.

    Args:
        reliability: `predicted`, `observed` (shares, 0 to 1), `pair_count`.
        style: Style of the chart.
        outcome: The forecast outcome, for the title.
    """
    check_columns(reliability, _RELIABILITY, "reliability chart")
    rows = [
        {
            **row,
            "label": _(
                "Forecast {predicted}, came true in {observed} of {pairs}",
                predicted=write_share(row["predicted"]),
                observed=write_share(row["observed"]),
                pairs=write_noun(row["pair_count"], "relationship"),
            ),
        }
        for row in reliability.select(_RELIABILITY).to_pylist()
    ]
    palette = style.palette
    top = min(1.0, max([0.05, *(row[side] for row in rows for side in ("predicted", "observed"))]) * 1.08)
    scale = altair.Scale(domain=[0, top], nice=False)
    percent = altair.Axis(format=".0%", tickCount=5)
    width = style.width - 74
    diagonal = (
        altair.Chart(make_data([{"share": 0.0}, {"share": top}]))
        .mark_line(color=palette.line, strokeDash=[4, 3], aria=False)
        .encode(x=altair.X("share:Q", scale=scale), y=altair.Y("share:Q", scale=scale))
    )
    chart = altair.Chart(make_data(rows))
    x = altair.X("predicted:Q", scale=scale, title=None, axis=altair.Axis(labels=False, ticks=False))
    y = altair.Y("observed:Q", scale=scale, title=_("came true"), axis=percent)
    lines = chart.mark_line(color=palette.gain, strokeWidth=1.5, aria=False).encode(x=x, y=y)
    dots = chart.mark_point(filled=True, size=75, opacity=1, color=palette.gain).encode(
        x=x, y=y, tooltip="label:N", description="label:N"
    )
    counts = (
        chart.mark_bar(width=6, color=palette.count, aria=False)
        .encode(
            x=altair.X("predicted:Q", scale=scale, title=_("forecast"), axis=percent),
            y=altair.Y("pair_count:Q", title=_("count"), axis=altair.Axis(tickCount=2)),
        )
        .properties(width=width, height=54)
    )
    pairs = sum(row["pair_count"] for row in rows)
    gap = sum(abs(row["predicted"] - row["observed"]) * row["pair_count"] for row in rows) / (pairs or 1)
    return frame_chart(
        altair.vconcat(
            altair.layer(diagonal, lines, dots).properties(width=width, height=min(width, 280)),
            counts,
            spacing=6,
        ),
        style,
        title=_("Forecast and outcome{of_whom}", of_whom=f": {outcome}" if outcome else ""),
        subtitle=_("on the dashed line they agree"),
        description=_(
            "The forecast of “{outcome}” for {pairs} differed by {points} percentage points on average.",
            outcome=outcome,
            pairs=write_noun(pairs, "relationship"),
            points=read_language().write_number(100 * gap, 1),
        ),
        fits=False,
    )
