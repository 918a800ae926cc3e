"""The charts about one relationship: over time, what moved it, why it is what it is, what each side gives."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.console.drawings import Column, Drawing, Table
from consumer_fusion.surfaces.console.queries import PairReading
from consumer_fusion.views.charts.facets import draw_contributions, draw_facets
from consumer_fusion.views.charts.relationship import draw_changes, draw_score_history
from consumer_fusion.views.charts.tallies import gather_facets

CHANGES_ALONE = 6
"""So many changes have a bar of their own; those between them share one. The table has all."""
PAIR_HEADINGS: dict[str, tuple[str, str]] = {
    "history": (
        mark("The score over time"),
        mark("The band holds the score in four of five cases. Triangles are events that moved it."),
    ),
    "changes": (
        mark("What moved it"),
        mark("Each bar starts where the one before it ended. Between events, what is past fades."),
    ),
    "contributions": (
        mark("Why this score"),
        mark("Counted from 50: what each facet adds or takes. Together they make exactly the score."),
    ),
    "facets": (
        mark("What each side gives"),
        mark("Points by facet as they count today: older events weigh less, many of one kind level off."),
    ),
}
"""The charts of a relationship by name, in their order: heading, and how to read it."""


def make_pair_drawing(name: str, reading: PairReading, consumer: str) -> Drawing | None:
    """A chart of a relationship by its name; None where there is none of this name.

    Args:
        name: One of `PAIR_HEADINGS`.
        reading: The relationship.
        consumer: The consumer's key as the visitor may see it.
    """
    pair = f"{consumer} × {reading.answer.brand}"
    changes = in_microseconds(answers.tabulate_changes(reading.answer), "at", "at_us")
    contributions = answers.tabulate_contributions(reading.answer)
    facets = _arrange_facets(reading)
    history = trim_history(reading)

    def gather_history() -> Table:
        return Table(
            "score-history",
            say("Score of {pair} at the end of each day (UTC)", pair=pair),
            (
                Column("day", say("day"), "day"),
                Column("fusion_score", say("Fusion Score"), "score"),
                Column("low", say("80% from"), "score"),
                Column("high", say("to"), "score"),
            ),
            history.to_pylist()[::-1],
        )

    def gather_changes() -> Table:
        return Table(
            "changes",
            say("Everything that moved the score of {pair}, in order", pair=pair),
            (
                Column("at_us", say("when (UTC)"), "time"),
                Column("kind", say("what"), "kind"),
                Column("event_id", say("event")),
                Column("change", say("change"), "change"),
                Column("score_after", say("score after"), "number"),
            ),
            changes.to_pylist(),
        )

    def gather_contributions() -> Table:
        return Table(
            "contributions-by-facet",
            say("What each facet adds to the score of {pair}", pair=pair),
            (
                Column("facet", say("facet"), "facet"),
                Column("direction", say("who gives"), "side"),
                Column("gained", say("added"), "change"),
                Column("lost", say("taken"), "change"),
                Column("net", say("net"), "change"),
            ),
            gather_facets(contributions).to_pylist(),
        )

    def gather_points() -> Table:
        return Table(
            "facets",
            say("Facets of {pair}", pair=pair),
            (
                Column("direction", say("who gives"), "side"),
                Column("facet", say("facet"), "facet"),
                Column("points", say("points"), "change"),
            ),
            facets.to_pylist(),
        )

    drawings = {
        "history": (
            lambda look: draw_score_history(history, changes if changes.num_rows else None, look, pair=pair),
            gather_history,
        ),
        "changes": (
            lambda look: draw_changes(changes, look, pair=pair, most=CHANGES_ALONE),
            gather_changes,
        ),
        "contributions": (
            lambda look: draw_contributions(contributions, look, pair=pair),
            gather_contributions,
        ),
        "facets": (lambda look: draw_facets(facets, look, pair=pair), gather_points),
    }
    if name not in drawings:
        return None
    heading, hint = PAIR_HEADINGS[name]
    draw, gather = drawings[name]
    return Drawing(name, say(heading), say(hint), draw, gather)


def trim_history(reading: PairReading) -> pa.Table:
    """The days of a relationship from a little before its first event: before that it is 50 and nothing is known."""
    history = reading.history
    if not reading.answer.entries or not history.num_rows:
        return history
    last = history["day"][-1].as_py()
    first = min(entry.day for entry in reading.answer.entries)
    lead = max(2, (last - first) // 6)
    return history.filter(pc.greater_equal(history["day"], first - lead))


def in_microseconds(table: pa.Table, name: str, new_name: str) -> pa.Table:
    """A table whose column of moments is in microseconds since 1970."""
    return table.set_column(table.column_names.index(name), new_name, table[name].cast(pa.int64()))


def _arrange_facets(reading: PairReading) -> pa.Table:
    arranged = [(direction, facet) for direction in DIRECTIONS for facet in FACETS[direction]]
    points = reading.answer.explanation.reading.facets
    return pa.table(
        {
            "direction": [direction for direction, _ in arranged],
            "facet": [facet for _, facet in arranged],
            "points": [float(points.get(facet, 0.0)) for _, facet in arranged],
        }
    )
