"""Seasons in forecasts: counted in where two years show them, named where they are possible or suspected."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.score.forecast.levels import multiply_rate
from consumer_fusion.score.forecast.seasons import (
    learn_calendar,
    list_repeats,
    read_seasons,
    write_season_sentences,
)
from consumer_fusion.score.points.points_table import load_points

POINTS = load_points()
ORDER = "Order Completed"
DAY_US = 86_400_000_000


def count_days(year, month, day):
    return (date(year, month, day) - date(1970, 1, 1)).days


def draw_repeats(first, last, peak_month=None, times=3.0, a_day=12, brand=1):
    """Orders of 300 pairs, so many a day, more in one month of every year."""
    days = np.arange(first, last)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    rate = a_day * np.where(month == peak_month, times, 1.0)
    chance = np.random.default_rng(1)
    day = np.repeat(days, chance.poisson(rate))
    events = pa.table(
        {
            "consumer_id": chance.integers(0, 300, day.size),
            "brand_id": np.full(day.size, brand),
            "kind": pa.array([ORDER] * day.size),
            "occurred_us": day * DAY_US,
        }
    )
    return list_repeats(events, POINTS, ORDER, last * DAY_US)


def test_the_month_of_a_brand_of_two_years_is_learnt_and_said():
    repeats = draw_repeats(count_days(2022, 1, 1), count_days(2024, 11, 30), peak_month=12)
    calendar = learn_calendar(repeats)
    brands = np.array([1, 2])
    december = read_seasons(calendar, brands, count_days(2024, 12, 1) * DAY_US, 28)
    march = read_seasons(calendar, brands, count_days(2025, 3, 1) * DAY_US, 28)
    # December is 3 where the mean of the year is 14/12.
    assert december[0] == pytest.approx(3 / (14 / 12), rel=0.1)
    assert march[0] == pytest.approx(1 / (14 / 12), rel=0.1)
    assert december[1] == march[1] == 1.0
    (sentence,) = write_season_sentences(repeats, calendar, 28)
    assert "The season is counted in: these days usually bring 2." in sentence


def test_less_than_two_years_teach_no_season():
    repeats = draw_repeats(count_days(2023, 1, 1), count_days(2024, 11, 30), peak_month=12)
    assert not learn_calendar(repeats).by_brand


def test_months_that_history_has_not_seen_are_named():
    repeats = draw_repeats(count_days(2024, 1, 1), count_days(2024, 10, 20))
    (sentence,) = write_season_sentences(repeats, learn_calendar(repeats), 56)
    assert sentence.startswith("A season is possible: history does not hold November or December yet.")


def test_a_peak_in_the_same_days_a_year_ago_is_told():
    repeats = draw_repeats(count_days(2023, 1, 1), count_days(2024, 12, 1), peak_month=12, a_day=4)
    (sentence,) = write_season_sentences(repeats, learn_calendar(repeats), 31)
    assert sentence.startswith("A season is suspected: in these days a year ago ")


def test_a_steady_brand_is_not_suspected():
    repeats = draw_repeats(count_days(2023, 1, 1), count_days(2024, 12, 1))
    assert write_season_sentences(repeats, learn_calendar(repeats), 31) == ()


def test_a_first_wave_of_new_pairs_is_no_season():
    days = np.sort(np.random.default_rng(2).integers(count_days(2023, 3, 1), count_days(2023, 4, 1), 5_000))
    events = pa.table(
        {
            "consumer_id": np.arange(days.size),
            "brand_id": np.ones(days.size, dtype=np.int64),
            "kind": pa.array([ORDER] * days.size),
            "occurred_us": days * DAY_US,
        }
    )
    assert list_repeats(events, POINTS, ORDER, count_days(2024, 3, 1) * DAY_US).day.size == 0


def test_a_season_multiplies_the_rate_and_never_reaches_certainty():
    probability = np.array([0.01, 0.5, 0.95])
    multiplied = multiply_rate(probability, np.full(3, 3.0))
    assert multiplied[0] == pytest.approx(0.03, rel=0.02)
    assert np.all((multiplied > probability) & (multiplied < 1.0))
    assert multiply_rate(probability, np.ones(3)) == pytest.approx(probability)
