"""The list of metrics: their owners, periods, steps and missing values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np

from consumer_fusion.causal.masked_keys import ShowKey
from consumer_fusion.causal.series.imported_series import read_series_rows
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.metrics import METRICS
from consumer_fusion.events.entities import find_keys
from consumer_fusion.operations import Day, Schema, describe
from consumer_fusion.workspace import Workspace


class ListedMetric(Schema):
    """A daily, weekly or monthly series."""

    metric: str = describe("Metric", "The metric.")
    of: str = describe("Of", "The brand or consumer that it is of.")
    first_day: Day = describe("From", "The first day.")
    last_day: Day = describe("To", "The last day.")
    days: int = describe("Values", "Number of values.")
    missing: int = describe("Missing", "Days, weeks or months without a value in between.")
    mean: float = describe("Mean", "Mean per step.")
    step: Literal["day", "week", "month"] = describe("Step", "The period of each value.")
    origin: Literal["events", "file"] = describe("Source", "Its source: events or file.")


def list_metrics(
    workspace: Workspace, *, brands: Collection[str] | None = None, show_key: ShowKey = str
) -> list[ListedMetric]:
    """All series, from events and from files, however short.

    Args:
        workspace: The workspace.
        brands: Only of these brands; None for all, with those of consumers.
        show_key: Writes a consumer's key in the form that the caller may see.
    """
    with workspace.store.reading() as session:
        # Short series are listed too; whether one is long enough is checked when it is measured.
        book = MetricStore(workspace, session, workspace.now_us, least_values=1)
        rows = read_series_rows(session)
        imported = {row.metric for row in rows}
        numbers = None if brands is None else set(find_keys(session, "brand", sorted(brands)).values())
        found: list[MetricSeries] = []
        for metric in dict.fromkeys((*METRICS, *sorted(imported))):
            own = list(book.list_brands(metric).values())
            own += book.list_consumers(metric).values() if metric in imported else ()
            brand_ids = {each.brand_id for each in own} | {
                row.brand_id for row in rows if row.metric == metric
            }
            for brand_id in sorted(brand_ids - {0}):
                own += book.list_regions(metric, brand_id).values()
                own += book.list_products(metric, brand_id).values()
            found += [each for each in own if numbers is None or each.brand_id in numbers]
        return [_describe(book, each, show_key) for each in found]


def _describe(book: MetricStore, each: MetricSeries, show_key: ShowKey) -> ListedMetric:
    values = each.daily.values
    known = np.isfinite(values)
    return ListedMetric(
        metric=each.metric, of=book.name(each, show_key),
        first_day=each.steps.find_first_day(each.daily.first_day),
        last_day=each.steps.find_last_day(each.daily.last_day), days=int(known.sum()), missing=int((~known).sum()),
        mean=float(values[known].mean()) if known.any() else 0.0, step=each.steps.unit,
        origin="file" if each.is_imported else "events",
    )  # fmt: skip
