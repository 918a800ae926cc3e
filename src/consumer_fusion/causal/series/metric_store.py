"""The metric store: every metric of every brand, region, product or consumer as a daily series, at one as-of time.

Counts of a brand are 0 on days without events within its recorded history; means are missing there. The day that is
not over yet is left out. Totals are converted to daily increments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.causal.masked_keys import ShowKey
from consumer_fusion.causal.series.imported_metrics import name_series
from consumer_fusion.causal.series.imported_series import SeriesRow, read_series_days, read_series_rows
from consumer_fusion.causal.series.metrics import (
    EVENT_COLUMNS,
    METRICS,
    MetricScope,
    lay_out_days,
    read_metric_days,
    read_spans,
)
from consumer_fusion.causal.series.score_metrics import SCORE_METRICS, read_score_days
from consumer_fusion.causal.series.series import DailySeries, difference_cumulative
from consumer_fusion.causal.series.steps import DAILY, Steps, infer_steps
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events import event_reader
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.event_reader import EventSelection
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

METRIC_NAMES = tuple(METRICS)
"""All metrics that are derived from events."""
LEAST_DAYS = 28
"""Shorter series are left out."""


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One metric of one subject by day, or by week or month where a file gave it so.

    Attributes:
        key: Its id, by numbers.
        metric: Name of the metric.
        brand_id: Its brand; 0 for none.
        consumer_id: Its consumer; 0 for none.
        region: Its region; None for all.
        product: Its product; None for all.
        daily: Its values; for weekly and monthly series, step numbers take the place of days.
        unit: Unit of the metric.
        is_imported: Whether it comes from a file.
        adds_up: Whether days may be added up; those of a mean or a level may not.
        segment: The segment to which events are limited; None for all events.
        steps: Its steps.
    """

    key: str
    metric: str
    brand_id: int
    consumer_id: int
    region: str | None
    product: str | None
    daily: DailySeries
    unit: str = ""
    is_imported: bool = False
    adds_up: bool = True
    segment: str | None = None
    steps: Steps = DAILY

    def cut(self, last_step: int) -> MetricSeries:
        """The series without the steps after the given one."""
        kept = max(0, last_step - self.daily.first_day + 1)
        if kept >= self.daily.values.size:
            return self
        counts = None if self.daily.counts is None else self.daily.counts[:kept]
        return replace(self, daily=replace(self.daily, values=self.daily.values[:kept], counts=counts))

    @property
    def digest(self) -> str:
        """Hash of its days, stable as long as they do not change."""
        digest = hashlib.sha256(self.daily.values.tobytes())
        if self.daily.counts is not None:
            digest.update(self.daily.counts.tobytes())
        digest.update(f"{self.key} {self.daily.first_day} {self.steps}".encode())
        return digest.hexdigest()[:24]


@dataclass(slots=True)
class MetricStore:
    """Reads series at one as-of time and caches them while it is open.

    Attributes:
        workspace: The workspace.
        session: A snapshot of the store.
        as_of_us: As-of time, in microseconds since the epoch; later events are left out.
        least_values: Series of fewer values are left out.
    """

    workspace: Workspace
    session: Session
    as_of_us: int
    least_values: int = LEAST_DAYS
    _events: tuple[str, dict[str, pa.Table]] | None = None
    _spans: dict[int, tuple[int, int]] | None = None
    _brands: dict[tuple[object, ...], dict[str, MetricSeries]] = field(default_factory=dict)
    _names: dict[int, str] = field(default_factory=dict)

    @property
    def today(self) -> int:
        """The UTC day of the as-of time, which is not over yet."""
        return to_day(self.as_of_us)

    def list_brands(self, metric: str, *, segment: str | None = None) -> dict[str, MetricSeries]:
        """The metric of every brand, from events and from files; a file takes precedence."""
        return self._remember(
            ("brand", metric, segment),
            lambda: {
                **self._tell_events(metric, MetricScope(segment=segment)),
                **({} if segment else self._tell_imported(metric, brand=True)),
            },
        )

    def list_regions(self, metric: str, brand_id: int) -> dict[str, MetricSeries]:
        """The metric of every region of a brand."""
        return self._remember(
            ("region", metric, brand_id),
            lambda: {
                **self._tell_events(metric, MetricScope(brand_ids=[brand_id], is_by_region=True)),
                **{
                    key: each
                    for key, each in self._tell_imported(metric, region=True).items()
                    if each.brand_id == brand_id
                },
            },
        )

    def list_products(self, metric: str, brand_id: int) -> dict[str, MetricSeries]:
        """The metric of every product of a brand; products come from files."""
        found = self._remember(("product", metric), lambda: self._tell_imported(metric, product=True))
        return {key: each for key, each in found.items() if each.brand_id == brand_id}

    def list_consumers(self, metric: str) -> dict[str, MetricSeries]:
        """The metric of consumers in files."""
        return self._remember(("consumer", metric), lambda: self._tell_imported(metric, consumer=True))

    def read_consumer(self, metric: str, consumer_id: int, brand_id: int) -> MetricSeries:
        """The metric of one consumer with one brand, or the consumer's own series from a file.

        Raises:
            NotFoundError: There is none.
        """
        for each in self.list_consumers(metric).values():
            if each.consumer_id == consumer_id:
                return each
        if metric in METRICS:
            scope = MetricScope(brand_ids=[brand_id], consumers=[consumer_id])
            for each in self._tell_events(metric, scope).values():
                key = name_series(metric, brand_id, consumer_id)
                return replace(each, key=key, consumer_id=consumer_id)
        raise NotFoundError(
            f"There are no days of {metric} of this consumer.",
            hint="`fusion metrics list` lists the series that there are.",
        )

    def name(self, each: MetricSeries, show_key: ShowKey = str) -> str:
        """The owner of a series for people: its keys, a consumer's in the form that the caller may see."""
        numbers = [number for number in (each.brand_id, each.consumer_id) if number]
        unknown = [number for number in numbers if number not in self._names]
        if unknown:
            self._names |= name_entities(self.session, unknown)
        parts = [
            show_key(self._names[number]) if number == each.consumer_id else self._names[number]
            for number in numbers
        ]
        return ", ".join([*parts, *(part for part in (each.region, each.product, each.segment) if part)])

    def _remember(
        self, key: tuple[object, ...], make: Callable[[], dict[str, MetricSeries]]
    ) -> dict[str, MetricSeries]:
        if key not in self._brands:
            self._brands[key] = make()
        return self._brands[key]

    def open_events(self) -> tuple[str, dict[str, pa.Table]]:
        """All events until the as-of time, as a relation and the tables that it refers to."""
        if self._events is None:
            source = event_reader.open_events(
                self.session,
                self.workspace.folder,
                EventSelection(until_us=self.as_of_us, is_attributed_only=False),
                columns=EVENT_COLUMNS,
            )
            self._events = (source.relation, source.tables)
            engine = self.workspace.engine
            spans = read_spans(engine, source.relation, source.tables)
            # The day that is not over yet would look like a drop.
            self._spans = {
                brand: (first, min(last, self.today - 1)) for brand, (first, last) in spans.items()
            }
        return self._events

    @property
    def spans(self) -> dict[int, tuple[int, int]]:
        """The first and last day of each brand's recorded history, by its number."""
        self.open_events()
        assert self._spans is not None
        return self._spans

    def _tell_events(self, metric: str, scope: MetricScope) -> dict[str, MetricSeries]:
        known = METRICS.get(metric)
        if known is None and metric not in SCORE_METRICS:
            return {}
        relation, tables = self.open_events()
        spans = self.spans
        if known is None:
            if scope != MetricScope():
                return {}
            rows = read_score_days(self.workspace, self.session, metric, spans, self.today)
        else:
            rows = read_metric_days(self.workspace.engine, relation, tables, known, scope)
        all_series: dict[str, MetricSeries] = {}
        for (brand_id, region), own in _split(rows, ("brand_id", "region")).items():
            first, last = spans[brand_id]
            if last - first + 1 < self.least_values:
                continue
            days, values, counts = (own[name].to_numpy() for name in ("day", "value", "reading_count"))
            is_count = known is not None and known.form in ("count", "sum")
            laid = lay_out_days(days, values, first, last, is_zero_without=is_count)
            is_mean = known is None or known.is_mean
            daily = DailySeries(
                name="",
                first_day=first,
                values=laid,
                counts=lay_out_days(days, counts, first, last, is_zero_without=True) if is_mean else None,
                source=f"brand:{brand_id}",
            )
            if known is not None and known.form == "total":
                daily = _difference(daily)
            key = name_series(
                metric, brand_id, 0, region if scope.is_by_region else None, segment=scope.segment
            )
            unit = known.unit if known is not None else "points"
            all_series[key] = MetricSeries(
                key,
                metric,
                brand_id,
                0,
                region,
                None,
                daily,
                unit,
                adds_up=not is_mean,
                segment=scope.segment,
            )
        return all_series

    def _tell_imported(
        self, metric: str, *, brand: bool = False, region: bool = False, product: bool = False,
        consumer: bool = False,
    ) -> dict[str, MetricSeries]:  # fmt: skip
        rows = [
            row
            for row in read_series_rows(self.session, metric=metric)
            if (brand and row.brand_id and not (row.region or row.product or row.consumer_id))
            or (region and row.region)
            or (product and row.product)
            or (consumer and row.consumer_id)
        ]
        if not rows:
            return {}
        days = _split(read_series_days(self.session, [row.series_id for row in rows]), ("series_id",))
        all_series = {}
        for row in rows:
            own = days.get((row.series_id,))
            if own is None:
                continue
            steps = infer_steps(own["day"].to_numpy())
            # The step that is not over yet, and future ones, are left out.
            own = own.filter(pc.less(own["day"], steps.find_first_day(steps.find_step(self.today))))
            if own.num_rows < self.least_values:
                continue
            all_series[row.series_id] = _to_series(row, own, steps)
        return all_series


def _to_series(row: SeriesRow, own: pa.Table, steps: Steps) -> MetricSeries:
    days = np.array([steps.find_step(day) for day in own["day"].to_pylist()], np.int64)
    first, last = int(days[0]), int(days[-1])
    daily = DailySeries(
        name="",
        first_day=first,
        values=lay_out_days(days, own["value"].to_numpy(), first, last, is_zero_without=False),
        counts=None
        if row.kind != "mean" or own["reading_count"].null_count
        else lay_out_days(
            days, own["reading_count"].to_numpy().astype(np.float64), first, last, is_zero_without=True
        ),
        source=f"consumer:{row.consumer_id}" if row.consumer_id else f"brand:{row.brand_id}",
    )
    if row.kind == "cumulative":
        daily = _difference(daily)
    known = METRICS.get(row.metric)
    return MetricSeries(
        row.series_id, row.metric, row.brand_id, row.consumer_id, row.region, row.product, daily,
        known.unit if known else "", is_imported=True, adds_up=row.kind in ("count", "cumulative"),
        steps=steps,
    )  # fmt: skip


def _difference(total: DailySeries) -> DailySeries:
    """The daily increments of a running total, from its second day on."""
    added = difference_cumulative(total)
    return replace(added, first_day=added.first_day + 1, values=added.values[1:])


def _split(rows: pa.Table, names: Collection[str]) -> Mapping[tuple[Any, ...], pa.Table]:
    """Split sorted rows by the values of columns."""
    if not rows.num_rows:
        return {}
    keys = list(zip(*(rows[name].to_pylist() for name in names)))
    starts = [place for place, key in enumerate(keys) if place == 0 or key != keys[place - 1]]
    ends = [*starts[1:], rows.num_rows]
    return {keys[start]: rows.slice(start, end - start) for start, end in zip(starts, ends)}
