"""What a report is made from: plain data with a meaning for each field, filled by whoever reads the workspace.

Rows come as Arrow tables with the columns named here; further columns are ignored, and a table without rows may be
without columns too. Times ending in `_us` are microseconds since 1970 in UTC, days count from 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from consumer_fusion.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceCounts:
    """How much the workspace holds.

    Attributes:
        event_count: Accepted events.
        consumer_count: Consumers, after merges.
        brand_count: Brands.
        pair_count: Pairs of consumer and brand with at least one event.
        unattributed_count: Events whose consumer or brand is not known yet.
        rejected_count: Rows set aside, waiting for repair.
        duplicate_count: Rows that were here already.
        oldest_event_us: When the oldest event occurred; None without events.
        newest_event_us: When the newest event occurred; None without events.
        newest_received_us: When an event was last received; None without events.
    """

    event_count: int
    consumer_count: int
    brand_count: int
    pair_count: int
    unattributed_count: int
    rejected_count: int
    duplicate_count: int = 0
    oldest_event_us: int | None = None
    newest_event_us: int | None = None
    newest_received_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairExplained:
    """One relationship, with everything that its score is made of.

    Attributes:
        consumer: Key of the consumer.
        brand: Key of the brand.
        fusion_score: 0 to 100; 50 is no relationship in evidence.
        low: Lower end of the 80% interval.
        high: Upper end of the 80% interval.
        consumer_to_brand: What the consumer gives, on the same scale.
        brand_to_consumer: What the brand gives, on the same scale.
        confidence: 0 without evidence, towards 1 with it.
        percentile: Place among the brand's pairs, 0 to 100; None where unknown.
        symbiosis: Class of `records.score.Symbiosis`.
        facets: Signed points by facet, after the knee.
        contributions: `event_id`, `occurred_us`, `kind`, `facet`, `direction`, `points`, `contribution`,
            `parent_event_id`, `sentence`; the contributions add up to the score minus 50.
        changes: `at_us`, `event_id` ("fading" where only time passed), `kind`, `change`, `score_after`,
            in order of time.
        history: `day`, `fusion_score`, `low`, `high`, each at the end of its day.
    """

    consumer: str
    brand: str
    fusion_score: float
    low: float
    high: float
    consumer_to_brand: float
    brand_to_consumer: float
    confidence: float
    percentile: float | None
    symbiosis: str
    facets: Mapping[str, float]
    contributions: pa.Table
    changes: pa.Table
    history: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSummary:
    """What a calibration found.

    Attributes:
        outcome: The kind that was forecast.
        horizon_days: How far ahead.
        cutoff_us: The moment that split past from future.
        is_applied: Whether its points are in force.
        sentences: The findings for a person, the verdict first.
        measures: `measure`, `before`, `after`, on pairs that were not learnt from.
        reliability: `predicted`, `observed`, `pair_count`; `series` where several forecasts are compared.
        multipliers: `kind`, `multiplier`, `half_life_factor`.
    """

    outcome: str
    horizon_days: float
    cutoff_us: int
    is_applied: bool
    sentences: Sequence[str]
    measures: pa.Table
    reliability: pa.Table
    multipliers: pa.Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseShown:
    """The course of one effect.

    Attributes:
        action: What the action was.
        metric: What is measured.
        measure: What a value of it is, `orders a day`.
        start_day: The first day looked at.
        end_day: The last day looked at.
        days: `day`, `observed`, `expected`, `low`, `high`.
        sentences: What was found, for a person.
    """

    action: str
    metric: str
    measure: str
    start_day: int
    end_day: int
    days: pa.Table
    sentences: Sequence[str] = ()


def _make_empty() -> pa.Table:
    return pa.table({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """All that a report shows.

    Attributes:
        title: Heading of the page.
        made_at: When the report was made.
        as_of_us: The moment that the scores are of.
        product_version: Version of the package.
        points_version: Version of the points table that the scores are read with.
        counts: How much the workspace holds.
        scores: One row a pair: `consumer`, `brand`, `fusion_score`, `low`, `high`, `consumer_to_brand`,
            `brand_to_consumer`, `confidence`, `percentile` (may be null), `symbiosis`. The pairs are listed in this
            order, the first ones on the page.
        population: What the charts of brands are drawn from, where `scores` is only part of it: `brand`,
            `fusion_score`, `consumer_to_brand`, `brand_to_consumer`, `symbiosis`, and `pair_count` when a row
            stands for several pairs. None: `scores` itself.
        brands: One row a brand, the largest first: `brand`, `pairs`, `lower_quartile`, `median`, `upper_quartile`,
            `unknown` (pairs of which too little is known); where at hand `events`, `newest_event_us`.
        activity: `day`, `channel` (null where unknown), `event_count`.
        movers: Pairs that moved most: `consumer`, `brand`, `score_before`, `fusion_score`; where at hand `reason`.
        movers_since_us: What `score_before` is of.
        pair: The one relationship that is explained; None for none.
        rejections: Rows set aside: `code`, `message` (of one of them), `row_count`.
        kinds_without_points: Kinds of events that are kept but no evidence yet: `kind`, `event_count`.
        calibration: The last calibration; None for none.
        effects: Measured effects: `action`, `brand`, `metric`, `raw`, `raw_low`, `raw_high`, `shrunk`, `shrunk_low`,
            `shrunk_high`, `p_value`, `label`.
        course: The effect that is shown day by day; None for none.
    """

    title: str
    made_at: datetime
    as_of_us: int
    product_version: str
    points_version: str
    counts: WorkspaceCounts
    scores: pa.Table
    brands: pa.Table
    activity: pa.Table
    movers: pa.Table
    population: pa.Table | None = None
    movers_since_us: int | None = None
    pair: PairExplained | None = None
    rejections: pa.Table = field(default_factory=_make_empty)
    kinds_without_points: pa.Table = field(default_factory=_make_empty)
    calibration: CalibrationSummary | None = None
    effects: pa.Table = field(default_factory=_make_empty)
    course: CourseShown | None = None


COLUMNS: Mapping[str, tuple[str, ...]] = {
    "scores": (
        "consumer",
        "brand",
        "fusion_score",
        "low",
        "high",
        "consumer_to_brand",
        "brand_to_consumer",
        "confidence",
        "percentile",
        "symbiosis",
    ),
    "population": ("brand", "fusion_score", "consumer_to_brand", "brand_to_consumer", "symbiosis"),
    "brands": ("brand", "pairs", "lower_quartile", "median", "upper_quartile", "unknown"),
    "activity": ("day", "channel", "event_count"),
    "movers": ("consumer", "brand", "score_before", "fusion_score"),
    "rejections": ("code", "message", "row_count"),
    "kinds_without_points": ("kind", "event_count"),
    "pair.contributions": (
        "event_id",
        "occurred_us",
        "kind",
        "facet",
        "direction",
        "points",
        "contribution",
        "parent_event_id",
        "sentence",
    ),
    "pair.changes": ("at_us", "event_id", "kind", "change", "score_after"),
    "pair.history": ("day", "fusion_score", "low", "high"),
    "calibration.measures": ("measure", "before", "after"),
    "calibration.reliability": ("predicted", "observed", "pair_count"),
    "calibration.multipliers": ("kind", "multiplier", "half_life_factor"),
}
"""The columns that each table of a page must have."""


def check_page(page: ReportPage) -> None:
    """Refuse a page with a table that lacks a column, before anything is drawn.

    Raises:
        InputError: It names every table and column that is missing.
    """
    tables = {
        "scores": page.scores,
        "brands": page.brands,
        "activity": page.activity,
        "movers": page.movers,
        "rejections": page.rejections,
        "kinds_without_points": page.kinds_without_points,
    }
    if page.population is not None:
        tables["population"] = page.population
    if page.pair is not None:
        tables |= {
            "pair.contributions": page.pair.contributions,
            "pair.changes": page.pair.changes,
            "pair.history": page.pair.history,
        }
    if page.calibration is not None:
        tables |= {
            "calibration.measures": page.calibration.measures,
            "calibration.reliability": page.calibration.reliability,
            "calibration.multipliers": page.calibration.multipliers,
        }
    faults = [
        f"{name} has no {', '.join(missing)}"
        for name, table in tables.items()
        if table.num_rows
        and (missing := [column for column in COLUMNS[name] if column not in table.column_names])
    ]
    if faults:
        raise InputError(
            f"The report cannot be written: {'; '.join(faults)}.",
            hint="ReportPage says which columns each table has.",
        )
