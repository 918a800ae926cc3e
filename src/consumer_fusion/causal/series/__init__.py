"""Series: the metrics of brands, regions, products and consumers by day, week or month."""

__all__ = [
    "imported_metrics",
    "metric_store",
    "metrics",
    "score_metrics",
    "series",
    "steps",
]
