"""Which metrics there are: of whom, from when to when, in which step, and how many values are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from consumer_fusion.causal.series.imported_series import read_series_rows
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.metrics import METRICS
from consumer_fusion.events.entities import find_keys
from consumer_fusion.records.timestamps import write_iso_day
from consumer_fusion.workspace import Workspace


def list_metrics(workspace: Workspace, *, brand: str | None = None) -> list[dict[str, Any]]:
    """The series that there are, from events and from files, however short, as the command line's JSON has them."""
    with workspace.store.reading() as session:
        # What was just kept is listed however little it is; what can be measured is said where it is asked.
        book = MetricStore(workspace, session, workspace.now_us, least_values=1)
        rows = read_series_rows(session)
        imported = {row.metric for row in rows}
        numbers = None if brand is None else set(find_keys(session, "brand", [brand]).values())
        found: list[MetricSeries] = []
        for metric in dict.fromkeys((*METRICS, *sorted(imported))):
            own = list(book.list_brands(metric).values())
            own += book.list_consumers(metric).values() if metric in imported else ()
            brands = {each.brand_id for each in own} | {row.brand_id for row in rows if row.metric == metric}
            for brand_id in sorted(brands - {0}):
                own += book.list_regions(metric, brand_id).values()
                own += book.list_products(metric, brand_id).values()
            found += [each for each in own if numbers is None or each.brand_id in numbers]
        return [_describe(book, each) for each in found]


def _describe(book: MetricStore, each: MetricSeries) -> dict[str, Any]:
    values = each.daily.values
    known = np.isfinite(values)
    return {
        "metric": each.metric,
        "of": book.name(each),
        "first_day": write_iso_day(each.steps.find_first_day(each.daily.first_day)),
        "last_day": write_iso_day(each.steps.find_last_day(each.daily.last_day)),
        "days": int(known.sum()),
        "missing": int((~known).sum()),
        "mean": float(values[known].mean()) if known.any() else 0.0,
        "step": each.steps.unit,
        "origin": "file" if each.is_imported else "events",
    }
