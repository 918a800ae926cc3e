"""A series: a daily metric of a brand, a region, a product or a consumer, imported from a file."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

SeriesKind = Literal["count", "cumulative", "mean", "level"]
"""Type of its values: daily counts, a growing total, a mean with its n, or a daily level."""

SERIES = Table(
    name="series",
    grain="one imported series of a metric",
    writer="causal.series.imported_series",
    columns=(
        Column("series_id", "text", "Id of the series: metric and subject."),
        Column("metric", "text", "The metric (`followers`, `orders`)."),
        Column("kind", "text", "count, cumulative, mean or level."),
        Column("brand_id", "integer", "The brand of the series; 0 for none."),
        Column("consumer_id", "integer", "The consumer of the series; 0 for none."),
        Column("region", "text", "Region; null for everywhere.", is_optional=True),
        Column("product", "text", "Product; null for all.", is_optional=True),
        Column("imported_us", "integer", "Time of the last import."),
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
        Column("reading_count", "real", "Number of readings behind the mean.", is_optional=True),
        Column("consumer_id", "integer", "The consumer of the series; 0 for none."),
    ),
    primary_key=("series_id", "day"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
    scope="actions",
)
