"""The sections about the workspace as a whole: its brands, their relationships, what moved, what came in."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.surfaces.report.columns import (
    CLASS,
    SCORE,
    write_changes,
    write_counts,
    write_days,
    write_number,
    write_times,
)
from consumer_fusion.surfaces.report.figures import Figure, Section, make_figure
from consumer_fusion.surfaces.report.page import ReportPage
from consumer_fusion.surfaces.report.tables import ROWS_IN_DOWNLOAD, ColumnView, make_table
from consumer_fusion.views.charts.distributions import (
    draw_both_sides,
    draw_score_distribution,
    draw_symbiosis_mix,
)
from consumer_fusion.views.charts.labels import write_noun, write_share, write_time
from consumer_fusion.views.charts.movement import draw_activity, draw_movers
from consumer_fusion.views.charts.tallies import gather_bins, gather_cells, gather_classes, gather_periods

BRANDS_DRAWN = 5
"""So many brands, the largest, have charts of their own; all are in the table."""


def make_brand_sections(page: ReportPage) -> list[Section]:
    """All brands side by side in a table, then the largest one by one; no number spans brands."""
    rows = page.brands.to_pylist()
    columns = [
        ColumnView("brand", "brand"),
        write_counts("pairs", "pairs"),
        write_counts("unknown", "of them unknown"),
        write_number("lower_quartile", "a quarter is below"),
        write_number("median", "half is below"),
        write_number("upper_quartile", "a quarter is above"),
    ]
    if "events" in page.brands.column_names:
        columns.append(write_counts("events", "events"))
    if "newest_event_us" in page.brands.column_names:
        columns.append(write_times("newest_event_us", "newest event (UTC)"))
    listed = Section(
        name="brands",
        heading="Brands",
        sentences=(
            "Each brand stands for itself: a score is of one consumer and one brand, and is not added up.",
        ),
        tables=(make_table("brands", "All brands", columns, rows),),
    )
    population = page.scores if page.population is None else page.population
    drawn: list[Section] = []
    for brand in [str(row["brand"]) for row in rows]:
        own = population.filter(pc.equal(population["brand"], brand)) if population.num_rows else population
        if own.num_rows and len(drawn) < BRANDS_DRAWN:
            drawn.append(_make_brand(brand, own, len(drawn) + 1))
    return [listed, *drawn]


def _make_brand(brand: str, own: pa.Table, number: int) -> Section:
    """One brand: how its pairs are spread, what each side gives, which kinds of relationship there are."""
    bins, cells, classes = gather_bins(own), gather_cells(own), gather_classes(own)
    total = sum(classes["pair_count"].to_pylist())
    pairs = write_counts("pair_count", "pairs")
    figures = (
        make_figure(
            "How the scores are spread",
            "Bars count pairs. 50 means that no relationship is in evidence; grey pairs are unknown.",
            lambda look: draw_score_distribution(own, look, brand=brand),
            make_table(
                f"score-distribution-{number}",
                f"Scores of {brand}",
                [
                    write_counts("score_from", "score from"),
                    write_counts("score_to", "to"),
                    ColumnView("certainty", "how much is known"),
                    pairs,
                ],
                bins.to_pylist(),
            ),
        ),
        make_figure(
            "What each side gives",
            "Right: the consumer gives. Up: the brand gives. Larger marks stand for more pairs.",
            lambda look: draw_both_sides(cells, look, brand=brand),
            make_table(
                f"both-sides-{number}",
                f"Both sides of the relationships with {brand}",
                [
                    write_number("consumer_to_brand", "consumer gives"),
                    write_number("brand_to_consumer", "brand gives"),
                    CLASS,
                    pairs,
                ],
                cells.to_pylist(),
            ),
        ),
        make_figure(
            "Kinds of relationship",
            "Who gains, who gives without getting, and where one side is harmed.",
            lambda look: draw_symbiosis_mix(own, look, brand=brand),
            make_table(
                f"kinds-of-relationship-{number}",
                f"Kinds of relationship with {brand}",
                [CLASS, pairs, ColumnView("share", "share", write_share, is_number=True)],
                [{**part, "share": part["pair_count"] / total} for part in classes.to_pylist()],
            ),
        ),
    )
    return Section(name=f"brand-{number}", heading=brand, figures=figures)


def _draw_activity(page: ReportPage) -> tuple[Figure, ...]:
    """Events by channel, if there are any."""
    if not page.activity.num_rows:
        return ()
    periods, period = gather_periods(page.activity)
    return (
        make_figure(
            "Where events come from",
            f"Each bar counts the events of a {period}; all channels share one scale.",
            lambda look: draw_activity(page.activity, look),
            make_table(
                "activity-by-channel",
                f"Events by channel and {period}",
                [
                    ColumnView("channel", "channel"),
                    write_days("day", f"{period} from"),
                    write_counts("event_count", "events"),
                ],
                periods.to_pylist(),
            ),
        ),
    )


def make_movers_section(page: ReportPage) -> Section:
    """The pairs whose scores moved most."""
    rows = [{**row, "change": row["fusion_score"] - row["score_before"]} for row in page.movers.to_pylist()]
    since = f" since {write_time(page.movers_since_us)} UTC" if page.movers_since_us is not None else ""
    if not rows:
        return Section(name="movers", heading="Who moved most", sentences=(f"No relationship moved{since}.",))
    columns = [
        ColumnView("consumer", "consumer"),
        ColumnView("brand", "brand"),
        write_number("score_before", "before"),
        write_number("fusion_score", "now"),
        write_changes("change", "change"),
    ]
    if "reason" in page.movers.column_names:
        columns.append(ColumnView("reason", "what happened", is_long=True))
    figure = make_figure(
        "From where to where",
        "The ring is where the score was, the dot where it is. Blue rose, orange fell.",
        lambda look: draw_movers(page.movers, look),
        make_table("movers", "Relationships that moved most", columns, rows),
    )
    sentence = f"The relationships whose Fusion Score moved most{since}."
    return Section(name="movers", heading="Who moved most", sentences=(sentence,), figures=(figure,))


def make_pairs_section(page: ReportPage) -> Section:
    """The list of pairs."""
    table = make_table(
        "fusion-scores",
        "Fusion Scores",
        [
            ColumnView("consumer", "consumer"),
            ColumnView("brand", "brand"),
            SCORE,
            write_number("low", "80% from"),
            write_number("high", "to"),
            write_number("consumer_to_brand", "consumer gives"),
            write_number("brand_to_consumer", "brand gives"),
            ColumnView("confidence", "confidence", write_share, is_number=True),
            ColumnView("percentile", "percentile in the brand", lambda value: f"{value:.0f}", is_number=True),
            CLASS,
        ],
        page.scores.slice(0, ROWS_IN_DOWNLOAD).to_pylist(),
        row_count=max(page.counts.pair_count, page.scores.num_rows),
    )
    return Section(
        name="pairs",
        heading="Relationships",
        sentences=(
            "One row a pair. The interval holds the score in four of five cases; with little evidence it is wide, "
            "and the relationship is unknown rather than neutral.",
        ),
        tables=(table,),
    )


def make_intake_section(page: ReportPage) -> Section:
    """What came in, what was set aside, what is no evidence yet."""
    counts = page.counts
    sentences = [
        f"{write_noun(counts.event_count, 'event')} accepted, {write_noun(counts.duplicate_count, 'duplicate')} "
        f"recognised, {write_noun(counts.rejected_count, 'row')} set aside.",
        f"{write_noun(counts.unattributed_count, 'event')} name no known consumer or brand yet; they are kept and "
        "can be attached later.",
    ]
    if counts.oldest_event_us is not None and counts.newest_event_us is not None:
        sentences.append(
            f"Events from {write_time(counts.oldest_event_us)} to {write_time(counts.newest_event_us)} UTC."
        )
    tables = []
    if page.rejections.num_rows:
        tables.append(
            make_table(
                "rows-set-aside",
                "Rows set aside, by reason (fusion rejected list shows them, fusion rejected retry tries them again)",
                [
                    ColumnView("code", "reason"),
                    ColumnView("message", "for example", is_long=True),
                    write_counts("row_count", "rows"),
                ],
                page.rejections.to_pylist(),
            )
        )
    if page.kinds_without_points.num_rows:
        tables.append(
            make_table(
                "kinds-without-points",
                "Kinds of events without points: kept, but no evidence until the points table names them",
                [ColumnView("kind", "kind"), write_counts("event_count", "events")],
                page.kinds_without_points.to_pylist(),
            )
        )
    return Section(
        name="intake",
        heading="What came in",
        sentences=tuple(sentences),
        figures=_draw_activity(page),
        tables=tuple(tables),
    )
