"""Real daily series for the benchmark of causes: families of sister series, each family one source.

A source is what happens in one city and period, however many series tell of it. Days on which nothing at all is on
record are missing. No month is left out of the gates; the library is learnt without the months of the pandemic, a known
event, for people on the move.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.series.series import DailySeries

Floats = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1).toordinal()
_PANDEMIC = (date(2020, 3, 1).toordinal() - _EPOCH, date(2021, 6, 30).toordinal() - _EPOCH)
_MOVED_BY_THE_PANDEMIC = ("bicimad", "uk_flights")
"""Series of people on the move, which were not their own from then until then."""
_SPAN_LEAST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Family:
    """The series of one source.

    Attributes:
        name: Of the source.
        series: Whole series, in pieces where a known event was cut out; the first of each set is the main one.
        control_series: Series of the same metric that may serve as each other's controls; empty where there are none.
        country: Whose holidays they keep; None where unknown.
        licence: Of the data.
        is_open: Whether what was learnt from it may be shipped.
    """

    name: str
    series: tuple[DailySeries, ...]
    control_series: tuple[DailySeries, ...]
    country: str | None
    licence: str
    is_open: bool = True


def read_families(folder: Path, *, with_pandemic: bool = True) -> tuple[Family, ...]:
    """All families of which the data are there, in order of their names.

    Args:
        folder: With the folders cause, completejourney, online_retail, cdnow, influence.
        with_pandemic: Whether its months stay in; they are a known event, and no placebo in the strict sense.
    """
    families: list[Family] = []
    for read in _READERS:
        try:
            family = read(folder)
        except (FileNotFoundError, duckdb.IOException):
            continue
        if not with_pandemic and family.name in _MOVED_BY_THE_PANDEMIC:
            family = replace(family, series=_cut_span(family.series, _PANDEMIC))
        families.append(family)
    return tuple(sorted(families, key=lambda family: family.name))


def _day(text: str, form: str = "%Y-%m-%d") -> int:
    return datetime.strptime(text[:10].strip(), form).date().toordinal() - _EPOCH  # noqa: DTZ007


def _build(
    name: str, source: str, by_day: Mapping[int, float], known: Iterable[int] | None = None
) -> DailySeries:
    """A series from what is on record; days of `known` without an own record are 0, all others missing."""
    days = sorted(known) if known is not None else sorted(by_day)
    values = np.full(days[-1] - days[0] + 1, np.nan)
    for day in days:
        values[day - days[0]] = by_day.get(day, 0.0)
    return DailySeries(name=name, first_day=days[0], values=values, source=source)


def _cut_span(whole: tuple[DailySeries, ...], span: tuple[int, int]) -> tuple[DailySeries, ...]:
    """What lies before and after a span, where it is long enough to be of use."""
    pieces: list[DailySeries] = []
    for series in whole:
        pieces += _cut_one(series, span)
    return tuple(piece for piece in pieces if piece.values.size >= _SPAN_LEAST_DAYS)


def _cut_one(series: DailySeries, span: tuple[int, int]) -> tuple[DailySeries, DailySeries]:
    first, last = span[0] - series.first_day, span[1] + 1 - series.first_day
    return (
        replace(series, name=f"{series.name}, before", values=series.values[: max(first, 0)]),
        replace(
            series,
            name=f"{series.name}, after",
            first_day=series.first_day + last,
            values=series.values[last:],
        ),
    )


def _read_rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _read_bicimad(folder: Path) -> Family:
    rows = _read_rows(folder / "cause" / "bicimad_users.csv")
    whole = _build("users", "bicimad", {_day(row["date"]): float(row["users"]) for row in rows})
    return Family(
        "bicimad", (whole,), (), "ES", "open data of the city of Madrid (EMT, BiciMAD), attribution"
    )


def _read_bikes(folder: Path) -> Family:
    by_day: Counter[int] = Counter()
    for row in _read_rows(folder / "cause" / "bike_sharing.csv"):
        by_day[_day(row["date_time"])] += float(row["users"])  # type: ignore[assignment]
    return Family(
        "bike_sharing",
        (_build("rentals", "bike_sharing", by_day),),
        (),
        "US",
        "CC BY 4.0: Fanaee-T and Gama (2013), UCI, doi 10.24432/C5W894",
    )


_STATIONS_LAG_DAYS = 14
_CHICAGO_OTHER = ("rownames", "ridership", "date")


def _read_chicago(folder: Path) -> Family:
    rows = list(_read_rows(folder / "cause" / "chicago.csv"))
    stations = [name for name in rows[0] if name not in _CHICAGO_OTHER][:20]
    # The columns of the stations are 14 days old on the date of the row.
    days = [_day(row["date"]) - _STATIONS_LAG_DAYS for row in rows]
    series = tuple(
        _build(name, "chicago", {day: float(row[name]) * 1000 for day, row in zip(days, rows)})
        for name in stations
    )
    return Family("chicago", series, series, "US", "City of Chicago open data, as shipped by modeldata (MIT)")


def _read_births(folder: Path) -> Family:
    rows = _read_rows(folder / "cause" / "us_births.csv")
    whole = _build("births", "us_births", {_day(row["date"]): float(row["births"]) for row in rows})
    return Family(
        "us_births",
        (whole,),
        (),
        "US",
        "CC BY 4.0: FiveThirtyEight, from the US Social Security Administration",
    )


def _read_pizza(folder: Path) -> Family:
    by_type: dict[str, Counter[int]] = {}
    revenue: Counter[int] = Counter()
    for row in _read_rows(folder / "cause" / "pizzaplace.csv"):
        by_type.setdefault(row["type"], Counter())[_day(row["date"])] += 1
        revenue[_day(row["date"])] += float(row["price"])  # type: ignore[assignment]
    control_series = tuple(_build(name, "pizzaplace", by_type[name], revenue) for name in sorted(by_type))
    whole = _build("revenue", "pizzaplace", revenue)
    return Family("pizzaplace", (whole, *control_series), control_series, "US", "as shipped by gt (MIT)")


def _read_flights(folder: Path) -> Family:
    by_carrier: dict[str, Counter[int]] = {}
    whole: Counter[int] = Counter()
    for row in _read_rows(folder / "cause" / "nycflights.csv"):
        day = date(int(row["year"]), int(row["month"]), int(row["day"])).toordinal() - _EPOCH
        by_carrier.setdefault(row["carrier"], Counter())[day] += 1
        whole[day] += 1
    carriers = sorted(name for name, days in by_carrier.items() if days.total() >= 5 * 365)
    control_series = tuple(_build(name, "nycflights", by_carrier[name], whole) for name in carriers)
    series = (_build("departures", "nycflights", whole), *control_series)
    return Family(
        "nycflights", series, control_series, "US", "public domain: US Bureau of Transportation Statistics"
    )


def _read_uk_flights(folder: Path) -> Family:
    rows = _read_rows(folder / "cause" / "uk_daily_flights.csv")
    by_day = {_day(row["Date"], "%d/%m/%Y"): float(row["Number of flights"]) for row in rows}
    whole = _build("flights", "uk_flights", by_day)
    return Family(
        "uk_flights",
        (whole,),
        (),
        "GB",
        "contains public sector information under the Open Government Licence v3.0: ONS",
    )


def _read_visits(folder: Path) -> Family:
    by_day: dict[int, float] = {}
    for row in _read_rows(folder / "cause" / "website_visits.csv"):
        day, month, year = (int(part) for part in row["date"].split("/"))
        by_day[date(2000 + year, month, day).toordinal() - _EPOCH] = float(row["users"])
    whole = _build("users", "website_visits", by_day)
    return Family("website_visits", (whole,), (), None, "open dataset, attribution")


def _read_grouped(sql: str, source: str, least_total: float) -> tuple[DailySeries, tuple[DailySeries, ...]]:
    """The whole and its groups from rows (day, group, count, value), by value; groups with enough records."""
    whole: Counter[int] = Counter()
    groups: dict[str, Counter[int]] = {}
    records: Counter[str] = Counter()
    for day, group, count, value in duckdb.sql(sql).fetchall():
        # Threads add up in any order: whole cents make the sums the same on every run.
        whole[day] += round(value * 100)
        groups.setdefault(group, Counter())[day] += round(value * 100)
        records[group] += count
    names = sorted(name for name, count in records.items() if count >= least_total)
    control_series = tuple(_build(name, source, groups[name], whole) for name in names)
    return _build("whole", source, whole), control_series


def _read_journey(folder: Path) -> Family:
    place = folder / "completejourney"
    sql = f"""
        select date_diff('day', date '1970-01-01', transaction_timestamp::date), department, count(*), sum(sales_value)
        from '{place / "transactions_sample.parquet"}' join '{place / "products.parquet"}' using (product_id)
        where department is not null group by 1, 2 order by 1, 2"""
    whole, control_series = _read_grouped(sql, "completejourney", 1_800)
    return Family(
        "completejourney",
        (whole, *control_series),
        control_series,
        "US",
        "CC0: 84.51, The Complete Journey, as shipped by completejourney",
    )


def _read_retail(folder: Path) -> Family:
    sql = f"""
        select date_diff('day', date '1970-01-01', InvoiceDate::timestamp::date), left(StockCode, 2), count(*),
            sum(Quantity * UnitPrice)
        from '{folder / "online_retail" / "lines.parquet"}'
        where Quantity > 0 and UnitPrice > 0 and left(InvoiceNo, 1) not in ('C', 'A')
        group by 1, 2 order by 1, 2"""
    whole, control_series = _read_grouped(sql, "online_retail", 12_000)
    return Family(
        "online_retail",
        (whole, *control_series),
        control_series,
        "GB",
        "CC BY 4.0: Daqing Chen (2015), UCI, doi 10.24432/C5BW33",
    )


def _read_cdnow(folder: Path) -> Family:
    by_day: Counter[int] = Counter()
    for line in (folder / "cdnow" / "CDNOW_master.txt").read_text(encoding="ascii").splitlines():
        cells = line.replace(",", " ").split()
        if len(cells) > 1 and cells[0].strip('"').isdigit():
            by_day[_day(cells[1].strip('"'), "%Y%m%d")] += 1
    licence = "distributed for research"
    return Family("cdnow", (_build("orders", "cdnow", by_day),), (), "US", licence, is_open=False)


_ANSWERS_SPANS = {"android": (0, 1_560), "christianity": (120, 1_680)}
"""Without the rush of the opening and the years in which hardly anyone answered: the log is thinned there."""


def _read_answers(folder: Path, name: str) -> Family:
    """Answers a day; the times of this set count from an unknown start, so that no holiday is known."""
    by_day: Counter[int] = Counter()
    path = folder / "influence" / "stackexchange" / f"{name}_cascades.txt"
    for line in path.read_text(encoding="ascii").splitlines():
        # A line is "root user time,user time,...,": the last word before every comma is a time in seconds.
        for act in line.split(","):
            if act.strip():
                by_day[int(float(act.split()[-1]) // 86_400)] += 1
    first, last = _ANSWERS_SPANS[name]
    days = range(first, last)
    source = f"answers_{name}"
    whole = _build("answers", source, by_day, days)
    return Family(source, (whole,), (), None, "CC BY-SA, Stack Exchange", is_open=False)


_READERS: tuple[Callable[[Path], Family], ...] = (
    _read_bicimad,
    _read_bikes,
    _read_chicago,
    _read_births,
    _read_pizza,
    _read_flights,
    _read_uk_flights,
    _read_visits,
    _read_journey,
    _read_retail,
    _read_cdnow,
    lambda folder: _read_answers(folder, "android"),
    lambda folder: _read_answers(folder, "christianity"),
)
