"""Seasons: a brand's seasonal curve by month, where it has two years of history, and a remark where it has not.

Outcomes are counted by month; the season of a month is its count over the mean of the twelve around it. Only outcomes
after a pair's first are counted, so that a wave of new consumers is no season.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.calibration.samples import IntArray, list_outcome_kinds
from consumer_fusion.score.calibration.validity import FloatArray

_FEWEST_MONTHS = 24
_PRIOR_OUTCOMES = 30.0
_YEAR_DAYS = 365
_TELLING_CHANGE = 0.25
_TELLING_ERRORS = 3.0
_FEWEST_SEEN_DAYS = 15
_FEWEST_ASKED_DAYS = 7
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RepeatOutcomes:
    """Outcomes after a pair's first, with the end of the observation.

    Attributes:
        pair: A number for the pair of each outcome.
        brand_id: Its brand.
        day: Its day since 1970.
        first_day: First day of all outcomes, including the first ones.
        last_day: Day of the forecast.
    """

    pair: IntArray
    brand_id: IntArray
    day: IntArray
    first_day: int
    last_day: int


@dataclass(frozen=True, slots=True)
class SeasonalCurve:
    """Seasonal curves by brand.

    Attributes:
        by_brand: By brand with two years or more: each month as a multiple of the months around it.
    """

    by_brand: Mapping[int, FloatArray]


def list_repeats(ledger: pa.Table, points: PointsTable, outcome: str, as_of_us: int) -> RepeatOutcomes:
    """The outcomes after each pair's first, up to a given time.

    Args:
        ledger: Annotated events.
        points: The table in force.
        outcome: Key of the kind to forecast.
        as_of_us: As-of time; later events are ignored.
    """
    counted = pa.array(sorted(list_outcome_kinds(points, outcome)))
    is_own = pc.and_(
        pc.is_in(ledger["kind"].cast(pa.string()), counted), pc.less_equal(ledger["occurred_us"], as_of_us)
    )
    rows = ledger.select(["consumer_id", "brand_id", "occurred_us"]).filter(is_own).sort_by("occurred_us")
    consumer, brand, moment = (
        np.asarray(rows[name].to_numpy()).astype(np.int64) for name in rows.column_names
    )
    day = moment // DAY_MICROSECONDS
    _, place = np.unique(consumer, return_inverse=True)
    brands, brand_place = np.unique(brand, return_inverse=True)
    pair = place.astype(np.int64) * max(brands.size, 1) + brand_place
    is_repeat = np.ones(pair.size, dtype=bool)
    is_repeat[np.unique(pair, return_index=True)[1]] = False
    last_day = as_of_us // DAY_MICROSECONDS
    return RepeatOutcomes(
        pair=pair[is_repeat],
        brand_id=brand[is_repeat],
        day=day[is_repeat],
        first_day=int(day[0]) if day.size else last_day,
        last_day=last_day,
    )


def learn_calendar(repeats: RepeatOutcomes) -> SeasonalCurve:
    """Learn the seasonal curve of every brand with two years of complete months."""
    by_brand: dict[int, FloatArray] = {}
    for brand in np.unique(repeats.brand_id):
        month = _count_months(repeats.day[repeats.brand_id == brand])
        # The first month and that of the forecast are incomplete.
        first, last = int(month.min()) + 1, int(_count_months(np.array([repeats.last_day]))[0])
        if last - first < _FEWEST_MONTHS:
            continue
        inside = month[(month >= first) & (month < last)] - first
        counts = np.bincount(inside, minlength=last - first).astype(np.float64)
        around = np.convolve(counts, np.array([0.5, *[1.0] * 11, 0.5]) / 12.0, mode="valid")
        of_year = (first + 6 + np.arange(around.size)) % 12
        came = np.bincount(of_year, weights=counts[6 : 6 + around.size], minlength=12) + _PRIOR_OUTCOMES
        usual = np.bincount(of_year, weights=around, minlength=12) + _PRIOR_OUTCOMES
        by_brand[int(brand)] = came / usual
    return SeasonalCurve(by_brand)


def read_seasons(
    calendar: SeasonalCurve, brand_id: IntArray, start_us: int, horizon_days: float
) -> FloatArray:
    """By pair: usual level of the days from a given time, as a multiple of the year's mean; 1 where unknown."""
    months = _list_months(start_us // DAY_MICROSECONDS, horizon_days) % 12
    known = {brand: float(course[months].mean()) for brand, course in calendar.by_brand.items()}
    brands, place = np.unique(brand_id, return_inverse=True)
    return np.array([known.get(int(brand), 1.0) for brand in brands])[place] if brands.size else np.zeros(0)


def write_season_sentences(
    repeats: RepeatOutcomes, calendar: SeasonalCurve, horizon_days: float
) -> tuple[str, ...]:
    """Sentences on the effect of the seasons on a forecast, known or suspected."""
    shares = [
        float(read_seasons(calendar, np.array([brand]), repeats.last_day * DAY_MICROSECONDS, horizon_days)[0])
        for brand in calendar.by_brand
    ]
    sentences: list[str] = []
    if len(shares) == 1:
        sentences.append(
            f"The season is counted in: these days usually bring {shares[0]:.2f} times the average of a year."
        )
    elif shares:
        sentences.append(
            f"The season is counted in for {len(shares)} brands: these days usually bring {min(shares):.2f} to "
            f"{max(shares):.2f} times the average of a year."
        )
    if set(np.unique(repeats.brand_id)) - set(calendar.by_brand) or not shares:
        sentences += [
            *_write_unseen_months(repeats, horizon_days),
            *_write_last_year(repeats, calendar, horizon_days),
        ]
    return tuple(sentences)


def _write_unseen_months(repeats: RepeatOutcomes, horizon_days: float) -> list[str]:
    """Name the months that the horizon covers and history does not."""
    history_days = repeats.last_day - repeats.first_day
    seen = np.bincount(_list_months(repeats.first_day, float(history_days)) % 12, minlength=12)
    asked = np.bincount(_list_months(repeats.last_day, horizon_days) % 12, minlength=12)
    unseen = np.flatnonzero((asked >= min(_FEWEST_ASKED_DAYS, horizon_days / 2)) & (seen < _FEWEST_SEEN_DAYS))
    if unseen.size == 0:
        return []
    return [
        f"A season is possible: history does not hold {' or '.join(_MONTHS[one] for one in unseen)} yet. If "
        "business is seasonal then, the level of the chances and the money will be off, but not who comes first."
    ]


def _write_last_year(repeats: RepeatOutcomes, calendar: SeasonalCurve, horizon_days: float) -> list[str]:
    """Report a peak or a dip in the same days a year ago, compared with as many days before and after."""
    length = round(horizon_days)
    start = repeats.last_day - _YEAR_DAYS
    if length < 1 or start - length < repeats.first_day or start + 2 * length > repeats.last_day:
        return []
    is_asked = ~np.isin(repeats.brand_id, list(calendar.by_brand))
    day, pair = repeats.day[is_asked], repeats.pair[is_asked]
    before, then, after = (
        np.unique(pair[(day >= first) & (day < first + length)]).size
        for first in (start - length, start, start + length)
    )
    around = (before + after) / 2.0
    change = np.log(max(then, 1) / max(around, 1.0))
    error = np.sqrt(1.0 / max(then, 1) + 0.5 / max(around, 1.0))
    if abs(change) < max(np.log1p(_TELLING_CHANGE), _TELLING_ERRORS * error):
        return []
    return [
        f"A season is suspected: in these days a year ago {then:,} relationships came back, against "
        f"{around:,.0f} in as many days before and after. It takes two years of history to count with it."
    ]


def _list_months(first_day: int, days: float) -> IntArray:
    """The month, counted from 1970, of every day from this one on."""
    return _count_months(first_day + np.arange(max(1, round(days))))


def _count_months(day: IntArray) -> IntArray:
    """The months since 1970 at days since 1970."""
    return np.asarray(day).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
