"""A series: a metric day by day, of a brand, a region, a product or a consumer, that came from a file."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

SeriesKind = Literal["count", "cumulative", "mean", "level"]
"""What its values are: counts of a day, a total that grows, a mean with its n, or a level of the day."""

SERIES = Table(
    name="series",
    grain="one imported series of a metric",
    writer="causal.series.imported_series",
    columns=(
        Column("series_id", "text", "Its id: metric and whose it is."),
        Column("metric", "text", "What is measured (`followers`, `orders`)."),
        Column("kind", "text", "count, cumulative, mean or level."),
        Column("brand_id", "integer", "The brand whose it is; 0 for none."),
        Column("consumer_id", "integer", "The consumer whose it is; 0 for none."),
        Column("region", "text", "Where; null for everywhere.", is_optional=True),
        Column("product", "text", "Of which product; null for all.", is_optional=True),
        Column("imported_us", "integer", "When it was imported last."),
    ),
    primary_key=("series_id",),
    indexes=(("metric",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="actions",
)

SERIES_DAYS = Table(
    name="series_days",
    grain="one day of an imported series; a day without a row is missing, not 0",
    writer="causal.series.imported_series",
    columns=(
        Column("series_id", "text", "The series."),
        Column("day", "integer", "The UTC day, days since 1970."),
        Column("value", "real", "The value of the day."),
        Column("reading_count", "real", "Of how many readings it is the mean.", is_optional=True),
        Column("consumer_id", "integer", "The consumer whose it is; 0 for none."),
    ),
    primary_key=("series_id", "day"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
    scope="actions",
)
