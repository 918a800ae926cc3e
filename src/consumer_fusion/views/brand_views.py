"""Views of brands: distribution of relationships, largest changes, channels of events, and their tables."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.activity_counts import count_activity
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import Moment
from consumer_fusion.score.queries.trends import add_present, list_trend_days, read_trend
from consumer_fusion.views.charts.count_charts import (
    gather_bins,
    gather_cells,
    gather_classes,
    gather_periods,
)
from consumer_fusion.views.drawings import Drawing, Drawings, Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns
from consumer_fusion.workspace import Workspace

MOVERS_DRAWN = 12
BRANDS_DRAWN = 5
"""Number of brands, the largest, that have a section of their own; all are in the table."""


def read_brand_drawings(workspace: Workspace, brand: str, *, as_of: Moment = None) -> Drawings:
    """The charts of a brand, read from a workspace.

    Args:
        workspace: The workspace.
        brand: Key of the brand.
        as_of: As-of time; None for the usual one.

    Raises:
        NotFoundError: The brand is not known.
    """
    as_of_us = answers.resolve_as_of(workspace, as_of)
    scores = answers.score_pairs(workspace, brand=brand, as_of=from_microseconds(as_of_us), order="falling")
    past = read_trend(workspace, brand, list_trend_days(as_of_us))
    trend = add_present(past, scores["fusion_score"], as_of_us)
    activity = count_activity(workspace, brand).days
    return make_brand_drawings(
        brand, scores, read_activity=lambda: activity, read_trend=lambda: trend,
        list_movers=lambda: answers.list_movers(scores, MOVERS_DRAWN),
    )  # fmt: skip


def make_brand_drawings(
    brand: str,
    scores: pa.Table,
    *,
    read_activity: Callable[[], pa.Table],
    read_trend: Callable[[], pa.Table],
    list_movers: Callable[[], pa.Table],
) -> Drawings:
    """The charts of a brand.

    Args:
        brand: Key of the brand.
        scores: Its relationships: `fusion_score`, `consumer_to_brand`, `brand_to_consumer`, `symbiosis`.
        read_activity: Reads its events: `day`, `channel`, `event_count`.
        read_trend: Reads its trend, which takes longer than the others.
        list_movers: Lists its largest changes like `answers.list_movers`, with keys as the caller may see them.
    """
    from consumer_fusion.views.charts.trend import draw_trend

    trend = Drawing(
        "trend",
        _("Last six months"),
        _("Line: median. Band: middle 50% of scores."),
        lambda style: draw_trend(read_trend(), style, brand=brand),
        lambda: TableView(
            "trend",
            _("Scores of {brand} over time", brand=brand),
            list_columns("day", "pair_count", "lower_quartile", "median", "upper_quartile"),
            read_trend().to_pylist()[::-1],
        ),
    )

    distribution, both_sides, kinds = _make_spread_drawings(brand, scores)
    ordered = (
        distribution, trend, make_movers_drawing(list_movers), kinds, both_sides,
        make_activity_drawing(read_activity),
    )  # fmt: skip
    return {drawing.name: drawing for drawing in ordered}


def _make_spread_drawings(brand: str, scores: pa.Table) -> tuple[Drawing, Drawing, Drawing]:
    """The distributions of a brand's relationships: by score, by both sides, by kind."""
    from consumer_fusion.views.charts.distributions import (
        draw_both_sides,
        draw_score_distribution,
        draw_symbiosis_mix,
    )

    def gather_kinds() -> TableView:
        rows = gather_classes(scores).to_pylist()
        total = sum(row["pair_count"] for row in rows) or 1
        return TableView(
            "kinds-of-relationship",
            _("Kinds of relationship with {brand}", brand=brand),
            list_columns("symbiosis", "pair_count", ColumnView("share", N_("share"), "share")),
            [{**row, "share": row["pair_count"] / total} for row in rows],
        )

    return (
        Drawing(
            "distribution",
            _("Distribution of scores"),
            _("Bars count relationships. 50: no relationship found. Grey: too little data."),
            lambda style: draw_score_distribution(scores, style, brand=brand),
            lambda: TableView(
                "score-distribution",
                _("Scores of {brand}", brand=brand),
                list_columns(
                    ColumnView("score_from", N_("score from"), "count"),
                    ColumnView("score_to", N_("to"), "count"),
                    ColumnView("certainty", N_("evidence"), "certainty"),
                    "pair_count",
                ),
                gather_bins(scores).to_pylist(),
            ),
        ),
        Drawing(
            "both-sides",
            _("What each side gives"),
            _("Right: consumer → brand. Up: brand → consumer. Larger marks: more relationships."),
            lambda style: draw_both_sides(scores, style, brand=brand),
            lambda: TableView(
                "both-sides",
                _("Both sides of the relationships with {brand}", brand=brand),
                list_columns("consumer_to_brand", "brand_to_consumer", "symbiosis", "pair_count"),
                gather_cells(scores).to_pylist(),
            ),
        ),
        Drawing(
            "kinds",
            _("Kinds of relationship"),
            _("Who benefits, who gives without return, and where one side loses."),
            lambda style: draw_symbiosis_mix(scores, style, brand=brand),
            gather_kinds,
        ),
    )


def make_movers_drawing(list_shown: Callable[[], pa.Table]) -> Drawing:
    """The relationships whose scores changed most.

    Args:
        list_shown: Lists them like `answers.list_movers`, with keys in the form that the caller may see.
    """
    from consumer_fusion.views.charts.movement import draw_movers

    def gather() -> TableView:
        rows = list_shown().to_pylist()
        has_brands = len({row["brand"] for row in rows}) > 1
        return TableView(
            "movers",
            _("Largest changes in 28 days"),
            list_columns(
                "consumer",
                *(["brand"] if has_brands else []),
                ColumnView("score_before", N_("before"), "score"),
                ColumnView("fusion_score", N_("now"), "score"),
                "change",
            ),
            [{**row, "change": row["fusion_score"] - row["score_before"]} for row in rows],
        )

    return Drawing(
        "movers",
        _("Largest changes"),
        _("In 28 days. Ring: score before; dot: score now. Blue rose, orange fell."),
        lambda style: draw_movers(list_shown(), style),
        gather,
    )


def make_activity_drawing(read_activity: Callable[[], pa.Table]) -> Drawing:
    """Events by channel.

    Args:
        read_activity: Reads `day`, `channel`, `event_count`.
    """
    from consumer_fusion.views.charts.movement import draw_activity

    return Drawing(
        "activity",
        _("Where events come from"),
        _("Bars count events by day, week or month; all channels share one scale."),
        lambda style: draw_activity(read_activity(), style),
        lambda: TableView(
            "activity-by-channel",
            _("Events by channel"),
            list_columns(
                ColumnView("channel", N_("channel"), "channel"),
                ColumnView("day", N_("from"), "day"),
                "event_count",
            ),
            gather_periods(read_activity())[0].to_pylist(),
        ),
    )


def make_brand_sections(brands: pa.Table, scores: pa.Table) -> list[Section]:
    """A table of all brands, then the largest one by one; no number is aggregated over brands.

    Args:
        brands: The table of `answers.summarise_brands`, the largest first.
        scores: The relationships of all of them.
    """
    table = TableView(
        "brands",
        _("All brands"),
        list_columns(
            "brand",
            ColumnView("pairs", N_("relationships"), "count"),
            ColumnView("unknown", N_("too little data"), "count"),
            "lower_quartile",
            "median",
            "upper_quartile",
        ),
        brands.to_pylist(),
    )
    told = _("Scores are not added up over brands: each is of one consumer and one brand.")
    sections = [Section("brands", _("Brands"), [told], tables=[table])]
    for number, brand in enumerate(brands["brand"].to_pylist()[:BRANDS_DRAWN], 1):
        own = scores.filter(pc.equal(scores["brand"], brand))
        if own.num_rows:
            sections.append(Section(f"brand-{number}", brand, drawings=_make_spread_drawings(brand, own)))
    return sections


def make_movers_section(scores: pa.Table) -> Section:
    """The relationships whose scores changed most.

    Args:
        scores: Relationships with `change_28_days`, of one brand or of several.
    """
    movers = answers.list_movers(scores, MOVERS_DRAWN)
    heading = _("Changes in 28 days")
    if not movers.num_rows:
        return Section("movers", heading, [_("No relationship changed in 28 days.")])
    return Section("movers", heading, drawings=[make_movers_drawing(lambda: movers)])


def make_scores_section(scores: pa.Table, most: int) -> Section:
    """The list of relationships, the highest score first.

    Args:
        scores: The table of `answers.score_pairs`.
        most: Number of rows in the table.
    """
    listed = scores.sort_by([("fusion_score", "descending")]).slice(0, most)
    table = TableView(
        "fusion-scores",
        _("Fusion Scores"),
        list_columns(
            "consumer", "brand", "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer",
            ColumnView("confidence", N_("confidence"), "share"),
            ColumnView("percentile", N_("percentile"), "count"), "symbiosis",
        ),
        listed.to_pylist(),
        scores.num_rows,
    )  # fmt: skip
    told = _(
        "One row for each relationship. The interval is the 80% interval of the score; with little data it is wide."
    )
    return Section("pairs", _("Relationships"), [told], tables=[table])
