"""Daily series made up for tests: a week, a level that hardly moves, noise with a memory."""

from __future__ import annotations

import numpy as np

from consumer_fusion.causal.filters.fitted_series import FittedSeries, fit_series
from consumer_fusion.causal.series.series import DailySeries, Window

FIRST_DAY = 19_000


def draw_series(seed: int, days: int = 150, *, spread: float = 0.08, memory: float = 0.4, source: str = ""):
    chance = np.random.default_rng(seed)
    shocks = chance.normal(0.0, spread * np.sqrt(1 - memory**2), days)
    noise = np.zeros(days)
    for day in range(1, days):
        noise[day] = memory * noise[day - 1] + shocks[day]
    week = chance.normal(0.0, 0.15, 7)[np.arange(days) % 7]
    values = 100.0 * np.exp(week + noise + 0.2 * days * np.linspace(-0.001, 0.001, days))
    return DailySeries(f"series {seed}", FIRST_DAY, values, source=source or f"source {seed % 5}")


def draw_sisters(seed: int, count: int, days: int = 150):
    """Series that share a level which wanders a lot."""
    chance = np.random.default_rng([seed, 1])
    shared = np.cumsum(chance.normal(0.0, 0.03, days))
    members = []
    for place in range(count):
        values = 100.0 * np.exp(shared + chance.normal(0.0, 0.04, days))
        members.append(DailySeries(f"sister {place}", FIRST_DAY, values, source=f"source {seed % 5}"))
    return members


def plant(series: DailySeries, window: Window, relative: float) -> DailySeries:
    values = series.values.copy()
    start = window.start_day - series.first_day
    values[start : start + window.days] *= 1 + relative
    return DailySeries(series.name, series.first_day, values, series.counts, series.source)


def last_days(series: DailySeries, days: int, after: int = 0) -> Window:
    end = series.last_day - after
    return Window(end - days + 1, end)


def fit_before(series: DailySeries, window: Window, **given) -> FittedSeries:
    return fit_series(series, horizons=(window.days,), actions=(window,), **given)
