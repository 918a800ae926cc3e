"""Metrics: daily counts and means of events, as SQL text that every engine understands.

A count of a brand is 0 on a day without events within the brand's recorded history. A mean is undefined on such a day:
it stays missing, and so does everything outside the history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.storage.engine import Engine

EVENT_COLUMNS = (
    "consumer_id",
    "brand_id",
    "kind_id",
    "kind",
    "day",
    "occurred_us",
    "value",
    "currency",
    "properties",
)
"""The columns of events that metrics need."""
REGION_PROPERTY, SEGMENT_PROPERTY = "region", "segment"


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity that is derived from events day by day.

    Attributes:
        name: Its name.
        meaning: Its description, in a sentence for people.
        form: `count` of events, `sum` of their money, `mean` of a number in them, or the last `total` of the day.
        kinds: The kinds of events that count; empty for any kind that has the number.
        number: The property that is averaged or totalled.
        unit: Its unit.
    """

    name: str
    meaning: str
    form: Literal["count", "sum", "mean", "total"]
    kinds: tuple[str, ...]
    number: str = ""
    unit: str = ""

    @property
    def is_mean(self) -> bool:
        """Whether it is undefined on a day without events."""
        return self.form == "mean"


METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        Metric("orders", "Orders a day.", "count", ("Order Completed",), unit="orders"),
        Metric(
            "revenue", "Revenue from orders a day, in the most used currency.", "sum",
            ("Order Completed",), unit="money",
        ),
        Metric(
            "visits", "Visits a day to the shop, without those to events.", "count",
            ("Store Visited",), unit="visits",
        ),
        Metric(
            "page_views", "Pages and products looked at a day.", "count",
            ("Page Viewed", "Product Viewed", "Product List Viewed"), unit="views",
        ),
        Metric("sign_ups", "Accounts opened a day.", "count", ("Signed Up",), unit="accounts"),
        Metric(
            "complaints", "Complaints a day, in private and in public.", "count",
            ("Complaint Made", "Complaint Published"), unit="complaints",
        ),
        Metric(
            "mentions", "Public mentions of the brand a day.", "count",
            ("Brand Mentioned", "Product Reviewed", "Product Shared", "Complaint Published"), unit="mentions",
        ),
        Metric(
            "followers", "Followers gained a day: the difference of a reported total.", "total",
            ("Followers Counted",), "followers", "followers",
        ),
        Metric(
            "sentiment", "Mean sentiment of mentions and messages, from −1 to 1.", "mean", (), "sentiment",
            "sentiment",
        ),
        Metric(
            "response_time", "Mean time to the first reply, in seconds.", "mean", ("First Reply",),
            "response_seconds", "seconds",
        ),
        Metric(
            "rating",
            "Mean rating given in reviews.",
            "mean",
            ("Product Reviewed",),
            "rating",
            "rating",
        ),
        Metric(
            "recommendation",
            "Mean answer to the question how likely one is to recommend the brand, 0 to 10.",
            "mean",
            ("NPS Answered",),
            "rating",
            "answer",
        ),
    )
}  # fmt: skip
"""The metrics derived from events; those of scores and facets come from the score itself."""


@dataclass(frozen=True, slots=True)
class MetricScope:
    """A filter of events.

    Attributes:
        brand_ids: Only of these brands; None for all.
        region: Only where the property `region` is this.
        segment: Only where the property `segment` is this.
        consumers: Only of these consumers; None for all, including unrecognised ones.
        is_by_region: Whether to split by region.
    """

    brand_ids: Collection[int] | None = None
    region: str | None = None
    segment: str | None = None
    consumers: Collection[int] | None = None
    is_by_region: bool = False


def read_metric_days(
    engine: Engine,
    relation: str,
    tables: Mapping[str, pa.Table],
    metric: Metric,
    scope: MetricScope = MetricScope(),
) -> pa.Table:
    """A metric by brand (and region) and day; days without events have no row.

    Args:
        engine: The engine to compute with.
        relation: Events with `EVENT_COLUMNS`.
        tables: Tables that the relation refers to.
        metric: The metric.
        scope: The events to count.

    Returns:
        brand_id, region (null where it is not split by region), day, value, reading_count.
    """
    number = write_number(metric.number)
    value = {
        "count": "cast(count(*) as double)",
        "sum": "sum(coalesce(e.value, 0e0))",
        "mean": f"avg({number})",
        "total": f"max({number})",
    }[metric.form]
    region = write_text(REGION_PROPERTY) if scope.is_by_region else "cast(null as varchar)"
    given = dict(tables)
    conditions = ["e.brand_id <> 0", *_write_scope(scope, given)]
    if metric.kinds:
        conditions.append(f"e.kind in ({', '.join(_quote(kind) for kind in metric.kinds)})")
    if metric.number:
        conditions.append(f"{number} is not null")
    if scope.is_by_region:
        conditions.append(f"{region} is not null")
    joined = ""
    if metric.form == "sum":
        given["main_currencies"] = _find_currencies(engine, relation, tables, metric)
        joined = (
            " join main_currencies m on m.brand_id = e.brand_id and m.currency = coalesce(e.currency, '')"
        )
    return engine.read(
        f"""
        select brand_id, region, day, value, reading_count from (
            select e.brand_id as brand_id, {region} as region, e.day as day, {value} as value,
                   cast(count(*) as double) as reading_count
            from {relation} e{joined} where {" and ".join(conditions)} group by e.brand_id, {region}, e.day
        ) a order by brand_id, region, day
        """,  # noqa: S608
        step=f"compute {metric.name} by day",
        tables=given,
    )


def count_by_consumer(
    engine: Engine, relation: str, tables: Mapping[str, pa.Table], metric: Metric, *, brand_id: int,
    last_day: int, days: int,
) -> pa.Table:  # fmt: skip
    """A metric for each consumer of a brand in a period and in the one before it, including those with nothing.

    Args:
        engine: The engine to compute with.
        relation: Events with `EVENT_COLUMNS`.
        tables: Tables that the relation refers to.
        metric: A count or a sum.
        brand_id: The brand.
        last_day: The last day of the period.
        days: Length of the period in days.

    Returns:
        consumer_id, value, earlier.
    """
    counted = "1e0" if metric.form == "count" else "coalesce(e.value, 0e0)"
    kinds = ", ".join(_quote(kind) for kind in metric.kinds)
    first = int(last_day) - int(days) + 1
    periods = ((first, int(last_day), "value"), (first - int(days), first - 1, "earlier"))
    sums = ", ".join(
        f"sum(case when e.kind in ({kinds}) and e.day between {start} and {end} then {counted} else 0e0 end) as {name}"
        for start, end, name in periods
    )
    return engine.read(
        f"select consumer_id, {sums} from {relation} e where e.brand_id = {int(brand_id)} "  # noqa: S608
        "and e.consumer_id <> 0 group by consumer_id order by consumer_id",
        step=f"compute {metric.name} by consumer",
        tables=tables,
    )


def read_spans(engine: Engine, relation: str, tables: Mapping[str, pa.Table]) -> dict[int, tuple[int, int]]:
    """The first and the last day of each brand's recorded history, by its number."""
    rows = engine.read(
        f"select brand_id, min(day) as first_day, max(day) as last_day from {relation} e "  # noqa: S608
        "where brand_id <> 0 group by brand_id",
        step="find the recorded history of brands",
        tables=tables,
    ).to_pylist()
    return {row["brand_id"]: (row["first_day"], row["last_day"]) for row in rows}


def lay_out_days(
    days: npt.NDArray[np.int64], values: npt.NDArray[np.float64], first_day: int, last_day: int, *,
    is_zero_without: bool,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Values by day from the first to the last, with 0 or missing where there is none.

    Args:
        days: Days that have a value.
        values: Their values.
        first_day: The first day of the result.
        last_day: The last day of the result.
        is_zero_without: Whether a day without a value counts as 0.

    Example:
        >>> import numpy as np
        >>> lay_out_days(np.array([3]), np.array([2.0]), 2, 4, is_zero_without=True).tolist()
        [0.0, 2.0, 0.0]
    """
    laid = np.full(max(0, last_day - first_day + 1), 0.0 if is_zero_without else np.nan)
    is_within = (days >= first_day) & (days <= last_day)
    laid[days[is_within] - first_day] = values[is_within]
    return laid


def write_text(name: str) -> str:
    """SQL for a text property of an event."""
    return f"json_extract_string(e.properties, '$.\"{name}\"')"


def write_number(name: str) -> str:
    """SQL for a numeric property of an event; null where it is not a number."""
    return f"try_cast({write_text(name)} as double)"


def _write_scope(scope: MetricScope, tables: dict[str, pa.Table]) -> list[str]:
    conditions = []
    if scope.brand_ids is not None:
        listed = ", ".join(str(int(each)) for each in sorted(scope.brand_ids)) or "null"
        conditions.append(f"e.brand_id in ({listed})")
    for name, wanted in ((REGION_PROPERTY, scope.region), (SEGMENT_PROPERTY, scope.segment)):
        if wanted is not None:
            # Values from outside are passed as a table, never as part of the SQL text.
            tables[f"wanted_{name}"] = pa.table({"wanted": [wanted]})
            conditions.append(f"{write_text(name)} in (select wanted from wanted_{name})")  # noqa: S608
    if scope.consumers is not None:
        tables["wanted_members"] = pa.table({"consumer_id": pa.array(sorted(scope.consumers), pa.int64())})
        conditions.append("e.consumer_id in (select consumer_id from wanted_members)")
    return conditions


def _find_currencies(
    engine: Engine, relation: str, tables: Mapping[str, pa.Table], metric: Metric
) -> pa.Table:
    kinds = ", ".join(_quote(kind) for kind in metric.kinds)
    return engine.read(
        f"""
        select brand_id, currency from (
            select brand_id, currency, row_number() over (partition by brand_id order by n desc, currency) as place
            from (
                select brand_id, coalesce(currency, '') as currency, count(*) as n from {relation} e
                where kind in ({kinds}) and value is not null group by brand_id, coalesce(currency, '')
            ) c
        ) r where place = 1
        """,  # noqa: S608
        step="find the currency of each brand",
        tables=tables,
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
