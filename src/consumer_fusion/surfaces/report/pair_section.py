"""The section of the page about one relationship: why its score is what it is and how it came to be."""

from __future__ import annotations

import pyarrow as pa

from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.surfaces.report.columns import (
    SCORE,
    SIDE,
    write_changes,
    write_days,
    write_number,
    write_times,
)
from consumer_fusion.surfaces.report.figures import Figure, Section, make_figure
from consumer_fusion.surfaces.report.page import PairExplained
from consumer_fusion.surfaces.report.tables import ColumnView, TableView, make_table
from consumer_fusion.views.charts.facets import draw_contributions, draw_facets
from consumer_fusion.views.charts.labels import name_symbiosis, write_score, write_share
from consumer_fusion.views.charts.relationship import draw_changes, draw_score_history
from consumer_fusion.views.charts.tallies import gather_facets


def make_pair_section(pair: PairExplained) -> Section:
    """One relationship: why the score is what it is, what moved it, how it came to be."""
    named = f"{pair.consumer} and {pair.brand}"
    figures: list[Figure] = []
    if pair.history.num_rows:
        figures.append(
            make_figure(
                "The score over time",
                "The band holds the score in four of five cases. Triangles are events that moved it.",
                lambda look: draw_score_history(
                    pair.history, pair.changes if pair.changes.num_rows else None, look, pair=named
                ),
                make_table(
                    "score-history",
                    f"Score of {named} at the end of each day (UTC)",
                    [
                        write_days("day", "day"),
                        SCORE,
                        write_number("low", "80% from"),
                        write_number("high", "to"),
                    ],
                    pair.history.to_pylist(),
                ),
            )
        )
    if pair.changes.num_rows:
        figures.append(
            make_figure(
                "What moved it",
                "Each bar starts where the one before it ended. Between events, what is past fades.",
                lambda look: draw_changes(pair.changes, look, pair=named),
                make_table(
                    "changes",
                    f"Everything that moved the score of {named}, in order",
                    [
                        write_times("at_us", "when (UTC)"),
                        ColumnView("kind", "what"),
                        ColumnView("event_id", "event"),
                        write_changes("change", "change"),
                        write_number("score_after", "score after", 2),
                    ],
                    pair.changes.to_pylist(),
                ),
            )
        )
    if pair.contributions.num_rows:
        figures.append(
            make_figure(
                f"Why {write_score(pair.fusion_score)}",
                "Counted from 50: what each facet adds or takes. Together they make exactly the score.",
                lambda look: draw_contributions(pair.contributions, look, pair=named),
                make_table(
                    "contributions-by-facet",
                    f"What each facet adds to the score of {named}",
                    [
                        ColumnView("facet", "facet"),
                        SIDE,
                        write_changes("gained", "added"),
                        write_changes("lost", "taken"),
                        write_changes("net", "net"),
                    ],
                    gather_facets(pair.contributions).to_pylist(),
                ),
            )
        )
    facets = _arrange_facets(pair)
    figures.append(
        make_figure(
            "What each side gives",
            "Points by facet as they count today: older events weigh less, many of one kind level off.",
            lambda look: draw_facets(facets, look, pair=named),
            make_table(
                "facets",
                f"Facets of {named}",
                [
                    SIDE,
                    ColumnView("facet", "facet"),
                    write_changes("points", "points"),
                ],
                facets.to_pylist(),
            ),
        )
    )
    percentile = "unknown" if pair.percentile is None else f"{pair.percentile:.0f} of 100"
    sentences = (
        f"{name_symbiosis(pair.symbiosis).capitalize()}. What the consumer gives stands at "
        f"{write_score(pair.consumer_to_brand)}, what the brand gives at {write_score(pair.brand_to_consumer)}; "
        "at 50 nothing is in evidence.",
        f"Confidence {write_share(pair.confidence)}; percentile among the brand's pairs: {percentile}.",
    )
    return Section(
        name="pair",
        heading=f"One relationship: {named}",
        sentences=sentences,
        figures=tuple(figures),
        tables=(_make_ledger(pair, named),) if pair.contributions.num_rows else (),
    )


def _arrange_facets(pair: PairExplained) -> pa.Table:
    """The facets of a pair as rows: `direction`, `facet`, `points`."""
    arranged = [(direction, facet) for direction in DIRECTIONS for facet in FACETS[direction]]
    return pa.table(
        {
            "direction": [direction for direction, _ in arranged],
            "facet": [facet for _, facet in arranged],
            "points": [float(pair.facets.get(facet, 0.0)) for _, facet in arranged],
        }
    )


def _make_ledger(pair: PairExplained, named: str) -> TableView:
    """Every event that is in the score, with its sentence and what it was derived from."""
    rows = sorted(pair.contributions.to_pylist(), key=lambda row: -abs(row["contribution"]))
    for row in rows:
        # Most events have no parent; that is not the same as an unknown one.
        row["parent_event_id"] = row["parent_event_id"] or "–"
    return make_table(
        "contributions",
        f"Event by event: what is in the score of {named}, the largest first; it adds up to the score minus 50",
        [
            ColumnView("sentence", "what happened", is_long=True),
            write_changes("contribution", "in the score now"),
            write_times("occurred_us", "when (UTC)"),
            ColumnView("facet", "facet"),
            SIDE,
            ColumnView("kind", "kind"),
            write_changes("points", "points then"),
            ColumnView("parent_event_id", "because of event"),
            ColumnView("event_id", "event"),
        ],
        rows,
    )
