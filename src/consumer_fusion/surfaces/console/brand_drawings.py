"""The charts about a brand: how its relationships are spread, both sides, kinds, who moved, where events come from."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.score.queries import answers
from consumer_fusion.server.many_pairs import Activity
from consumer_fusion.surfaces.console.drawings import Column, Drawing, Table
from consumer_fusion.surfaces.console.queries import BrandReading
from consumer_fusion.views.charts.distributions import (
    draw_both_sides,
    draw_score_distribution,
    draw_symbiosis_mix,
)
from consumer_fusion.views.charts.movement import draw_activity, draw_movers
from consumer_fusion.views.charts.tallies import gather_bins, gather_cells, gather_classes, gather_periods
from consumer_fusion.views.charts.trend import draw_trend

MOVERS_DRAWN = 12
_PERIOD_HINTS = {
    "day": mark("Each bar counts the events of a day; all channels share one scale."),
    "week": mark("Each bar counts the events of a week; all channels share one scale."),
    "month": mark("Each bar counts the events of a month; all channels share one scale."),
}
BRAND_HEADINGS: dict[str, tuple[str, str]] = {
    "distribution": (
        mark("How the scores are spread"),
        mark("Bars count pairs. 50 means that no relationship is in evidence; grey pairs are unknown."),
    ),
    "trend": (
        mark("Last six months"),
        mark("Line: median. Band: middle 50% of scores."),
    ),
    "movers": (
        mark("Who moved most"),
        mark("In 28 days. The ring is where the score was, the dot where it is. Blue rose, orange fell."),
    ),
    "kinds": (
        mark("Kinds of relationship"),
        mark("Who gains, who gives without getting, and where one side is harmed."),
    ),
    "both-sides": (
        mark("What each side gives"),
        mark("Right: consumer → brand. Up: brand → consumer. Larger marks: more relationships."),
    ),
    "activity": (
        mark("Where events come from"),
        mark("Each bar counts the events of its time; all channels share one scale."),
    ),
}
"""The charts of a brand by name, in their order: heading, and how to read it."""


def make_brand_drawing(
    name: str,
    reading: BrandReading,
    activity: Activity,
    show_key: Callable[[str], str],
    read_trend: Callable[[], pa.Table],
) -> Drawing | None:
    """A chart of a brand by its name; None where there is none of this name.

    Args:
        name: One of `BRAND_HEADINGS`.
        reading: The relationships of the brand.
        activity: What came in.
        show_key: Writes a consumer's key as the visitor may see it.
        read_trend: Reads how the relationships went; it takes longer than the others.
    """
    brand, scores = reading.brand, reading.scores
    pairs = Column("pair_count", say("pairs"), "count")

    def gather_distribution() -> Table:
        return Table(
            "score-distribution",
            say("Scores of {brand}", brand=brand),
            (
                Column("score_from", say("score from"), "count"),
                Column("score_to", say("to"), "count"),
                Column("certainty", say("how much is known"), "certainty"),
                pairs,
            ),
            gather_bins(scores).to_pylist(),
        )

    def gather_sides() -> Table:
        return Table(
            "both-sides",
            say("Both sides of the relationships with {brand}", brand=brand),
            (
                Column("consumer_to_brand", say("consumer → brand"), "score"),
                Column("brand_to_consumer", say("brand → consumer"), "score"),
                Column("symbiosis", say("kind of relationship"), "class"),
                pairs,
            ),
            gather_cells(scores).to_pylist(),
        )

    def gather_kinds() -> Table:
        rows = gather_classes(scores).to_pylist()
        total = sum(row["pair_count"] for row in rows) or 1
        return Table(
            "kinds-of-relationship",
            say("Kinds of relationship with {brand}", brand=brand),
            (
                Column("symbiosis", say("kind of relationship"), "class"),
                pairs,
                Column("share", say("share"), "share"),
            ),
            [{**row, "share": row["pair_count"] / total} for row in rows],
        )

    movers = answers.list_movers(scores, MOVERS_DRAWN)
    shown = movers.set_column(
        0, "consumer", pa.array([show_key(key) for key in movers["consumer"].to_pylist()])
    )

    def gather_movers() -> Table:
        return Table(
            "movers",
            say("Relationships that moved most in 28 days"),
            (
                Column("consumer", say("consumer")),
                Column("score_before", say("before"), "score"),
                Column("fusion_score", say("now"), "score"),
                Column("change", say("change"), "change"),
            ),
            [{**row, "change": row["fusion_score"] - row["score_before"]} for row in shown.to_pylist()],
        )

    periods, period = gather_periods(activity.days)

    def gather_activity() -> Table:
        return Table(
            "activity-by-channel",
            say("Events by channel"),
            (
                Column("channel", say("channel"), "channel"),
                Column("day", say("from"), "day"),
                Column("event_count", say("events"), "count"),
            ),
            periods.to_pylist(),
        )

    def gather_trend() -> Table:
        return Table(
            "trend",
            say("Scores of {brand} over time", brand=brand),
            (
                Column("day", say("day"), "day"),
                Column("pair_count", say("pairs"), "count"),
                Column("lower_quartile", say("25th percentile"), "score"),
                Column("median", say("median"), "score"),
                Column("upper_quartile", say("75th percentile"), "score"),
            ),
            read_trend().to_pylist()[::-1],
        )

    drawings = {
        "trend": (lambda look: draw_trend(read_trend(), look, brand=brand), gather_trend),
        "distribution": (
            lambda look: draw_score_distribution(scores, look, brand=brand),
            gather_distribution,
        ),
        "movers": (lambda look: draw_movers(shown, look), gather_movers),
        "both-sides": (
            lambda look: draw_both_sides(gather_cells(scores), look, brand=brand),
            gather_sides,
        ),
        "kinds": (lambda look: draw_symbiosis_mix(scores, look, brand=brand), gather_kinds),
        "activity": (lambda look: draw_activity(activity.days, look), gather_activity),
    }
    if name not in drawings:
        return None
    heading, hint = BRAND_HEADINGS[name]
    draw, gather = drawings[name]
    return Drawing(
        name, say(heading), say(_PERIOD_HINTS[period] if name == "activity" else hint), draw, gather
    )
