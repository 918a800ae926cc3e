"""Imported series: daily metrics from files, stored as given and read back with their gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import pyarrow as pa

from consumer_fusion.errors import InputError
from consumer_fusion.records.series import SERIES, SERIES_DAYS, SeriesKind
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """A row of `series`; its columns document the fields."""

    series_id: str
    metric: str
    kind: SeriesKind
    brand_id: int
    consumer_id: int
    region: str | None
    product: str | None
    imported_us: int


Day = tuple[int, float, float | None]
"""A day, its value, and the number of readings of which it is the mean."""


def write_series(session: Session, series: SeriesRow, days: Iterable[Day]) -> int:
    """Store days of a series; a day that is already there is replaced.

    Returns:
        Number of days given.

    Raises:
        InputError: The kind is unknown, or a value is not a number.
    """
    if series.kind not in get_args(SeriesKind):
        raise InputError(
            f"'{series.kind}' is not a kind of series.", hint=f"Use one of {', '.join(get_args(SeriesKind))}."
        )
    rows = [(series.series_id, day, value, count, series.consumer_id) for day, value, count in days]
    for _, day, value, _, _ in rows:
        if value != value or value in (float("inf"), float("-inf")):
            raise InputError(f"Day {day} of {series.series_id} has no number.", hint="Leave the day out.")
    columns = SERIES.column_names
    session.replace(SERIES, columns, [tuple(getattr(series, name) for name in columns)])
    session.replace(SERIES_DAYS, SERIES_DAYS.column_names, rows)
    return len(rows)


def read_series_rows(session: Session, *, metric: str | None = None) -> list[SeriesRow]:
    """The imported series, by id."""
    rows = session.read(SERIES, None if metric is None else {"metric": metric}, order_by=("series_id",))
    return [SeriesRow(**row) for row in rows.to_pylist()]


def read_series_days(session: Session, series_ids: Sequence[str]) -> pa.Table:
    """The days of series: series_id, day, value, reading_count."""
    return session.read(
        SERIES_DAYS,
        {"series_id": list(series_ids)},
        columns=("series_id", "day", "value", "reading_count"),
        order_by=("series_id", "day"),
    )
