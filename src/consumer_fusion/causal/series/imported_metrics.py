"""Metrics from files: daily series that are not in the events (followers, footfall, another shop's sales)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.file_rows import LINES, read_rows
from consumer_fusion.causal.series.imported_series import SeriesRow, write_series
from consumer_fusion.causal.series.steps import infer_steps
from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import declare_keys
from consumer_fusion.operations import Schema, TextFile, describe
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.timestamps import parse_moment, to_day, to_microseconds
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FIELDS = ("metric", "day", "value", "brand", "consumer", "region", "product", "kind", "reading_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDay:
    """One day of a series in a file.

    Attributes:
        metric: Name of the metric.
        day: The UTC day, days since 1970.
        value: Its value.
        brand: Key of its brand.
        consumer: Key of its consumer.
        region: Its region.
        product: Its product.
        kind: count, cumulative, mean or level.
        reading_count: Number of readings of which it is the mean.
    """

    metric: str
    day: int
    value: float
    brand: str | None = None
    consumer: str | None = None
    region: str | None = None
    product: str | None = None
    kind: str = "count"
    reading_count: float | None = None


class MetricImport(Schema):
    """The result of importing a file of metrics."""

    series: int = describe("Series", "Number of series.")
    days: int = describe("Values", "Number of values.")
    weekly: int = describe("Weekly", "Number of series with one value every 7 days, measured by the week.")
    monthly: int = describe("Monthly", "Number of series with one value a month, measured by the month.")


def read_metric_file(file: TextFile, defaults: Mapping[str, str]) -> list[MetricDay]:
    """The days of series in a CSV or JSON lines file.

    Args:
        file: A file with the columns `FIELDS`, of which metric, day, value and a brand or consumer are required.
        defaults: Values for rows that lack them (`brand`, `metric`, `kind`, ...).

    Raises:
        InputError: The file, or one of its rows, is malformed.
    """
    days: list[MetricDay] = []
    places: dict[tuple[object, ...], int] = {}
    for place, row in enumerate(read_rows(file, (".csv", *LINES)), start=1):
        fields = {**defaults, **{name: value for name, value in row.items() if value not in (None, "")}}
        try:
            days.append(_read_day(fields))
            _check_once(days[-1], place, places)
        except InputError as error:
            raise InputError(error.message, hint=error.hint, where=f"{file.name}, row {place}") from error
    return days


def keep_metrics(workspace: Workspace, days: list[MetricDay]) -> MetricImport:
    """Store days of series; a day that is already there is replaced.

    Raises:
        InputError: Days of one series are of different kinds.
    """
    groups: dict[tuple[str | None, ...], list[MetricDay]] = {}
    for each in days:
        key = (each.metric, each.brand, each.consumer, each.region, each.product)
        groups.setdefault(key, []).append(each)
    with workspace.store.writing() as session:
        for members in groups.values():
            _keep_one(session, members, workspace.now_us)
        workspace.note_change(session)
    units = [infer_steps(sorted({each.day for each in members})).unit for members in groups.values()]
    return MetricImport(
        series=len(groups), days=len(days), weekly=units.count("week"), monthly=units.count("month")
    )


def _keep_one(session: Session, members: list[MetricDay], imported_us: int) -> None:
    first = members[0]
    if len({each.kind for each in members}) > 1:
        raise InputError(f"The series of {first.metric} has several kinds.", hint="Give one kind a series.")
    brand_id = declare_keys(session, "brand", [first.brand])[first.brand] if first.brand else 0
    consumer_id = declare_keys(session, "consumer", [first.consumer])[first.consumer] if first.consumer else 0
    row = SeriesRow(
        series_id=name_series(first.metric, brand_id, consumer_id, first.region, first.product),
        metric=first.metric,
        kind=first.kind,  # type: ignore[arg-type]
        brand_id=brand_id,
        consumer_id=consumer_id,
        region=first.region,
        product=first.product,
        imported_us=imported_us,
    )
    write_series(session, row, [(each.day, each.value, each.reading_count) for each in members])


def name_series(
    metric: str, brand_id: int, consumer_id: int, region: str | None = None, product: str | None = None,
    segment: str | None = None,
) -> str:  # fmt: skip
    """The id of a series: its metric and its owner by number, so that it contains no person's key."""
    parts = [metric]
    parts += [f"brand:{brand_id}"] if brand_id else []
    parts += [f"consumer:{consumer_id}"] if consumer_id else []
    parts += [f"region:{region}"] if region else []
    parts += [f"product:{product}"] if product else []
    parts += [f"segment:{segment}"] if segment else []
    return "/".join(parts)


def _check_once(each: MetricDay, place: int, places: dict[tuple[object, ...], int]) -> None:
    """Refuse a day that an earlier row gave, since it is ambiguous whether to replace or to add up."""
    key = (each.metric, each.brand, each.consumer, each.region, each.product, each.day)
    if (first := places.setdefault(key, place)) != place:
        raise InputError(
            f"Row {first} already has this day of this series.",
            hint="Leave one of the two rows out, or add their values up.",
        )


def _read_day(fields: Mapping[str, Any]) -> MetricDay:
    if None in fields:  # The key of csv.DictReader for values beyond the last column.
        raise InputError("The row has more values than the first line has columns.", hint="Correct the row.")
    unknown = sorted(str(name) for name in set(fields) - set(FIELDS))
    if unknown:
        raise InputError(
            f"A row of a metric has no field {', '.join(unknown)}.",
            hint=f"Its fields are {', '.join(FIELDS)}.",
        )
    missing = [name for name in ("metric", "day", "value") if name not in fields]
    if missing or not ("brand" in fields or "consumer" in fields):
        raise InputError(
            f"A row of a metric lacks {', '.join(missing) or 'a brand or a consumer'}.",
            hint="It needs metric, day, value and a brand or consumer; --metric, --brand and others set them for all.",
        )
    texts = {
        name: str(fields[name])
        for name in ("metric", "brand", "consumer", "region", "product", "kind")
        if name in fields
    }
    for name, text in texts.items():
        check_name(f"The {name} of a metric", text)
    count = fields.get("reading_count")
    return MetricDay(
        **texts,
        day=to_day(to_microseconds(parse_moment(str(fields["day"])))),
        value=_read_number(fields["value"]),
        reading_count=None if count is None else _read_count(count),
    )


def _read_count(value: object) -> float:
    count = _read_number(value)
    if count <= 0:
        raise InputError(f"A mean cannot have {value} readings.", hint="Leave out days without a reading.")
    return count


def _read_number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"'{value}' is not a number.", hint="Leave out days without a value.")
    return number
