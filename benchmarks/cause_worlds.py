"""Simulated series of the cause benchmark, with known truth: trend, week and AR(1), alone or with sisters.

The noise was set by the figures of bsts-causalimpact: on these series it does about what it did when the gates were
written (RMSE .049 and false alarms .37 on single series, .078 and .28 with controls), so that the gates mean the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.series.series import DailySeries

Floats = npt.NDArray[np.float64]
FIRST_DAY = 19_000
SISTERS = 6
MEMORY, SPREAD = 0.7, 0.066
"""Of the AR(1): what is kept from day to day, and its standard deviation on the log scale."""
SISTER_SPREAD = 0.055
"""The same of the noise that each member of a family has alone."""
SHARED_STEP = 0.02
"""Standard deviation of a day's step of the level that sisters share, on the log scale."""


def draw_noise(chance: np.random.Generator, days: int, memory: float, spread: float) -> Floats:
    """AR(1) with the given memory and standard deviation, begun in its own stationary law."""
    shocks = chance.normal(0.0, spread * np.sqrt(1 - memory * memory), days)
    noise = np.empty(days)
    noise[0] = chance.normal(0.0, spread)
    for at in range(1, days):
        noise[at] = memory * noise[at - 1] + shocks[at]
    return noise


def draw_single(chance: np.random.Generator, days: int, name: str, source: str) -> DailySeries:
    """A series of trend, week and AR(1); on the log scale."""
    return _compose(chance, draw_noise(chance, days, MEMORY, SPREAD), name, source)


def draw_family(
    chance: np.random.Generator, days: int, name: str, source: str
) -> tuple[DailySeries, tuple[DailySeries, ...]]:
    """A series and its sisters: they share a level that wanders, each has noise of its own."""
    shared = np.cumsum(chance.normal(0.0, SHARED_STEP, days))
    members = []
    for at in range(SISTERS + 1):
        own = draw_noise(chance, days, MEMORY, SISTER_SPREAD)
        weight = 1.0 if at == 0 else chance.uniform(0.6, 1.4)
        members.append(_compose(chance, weight * shared + own, f"{name}, {at}", source))
    return members[0], tuple(members[1:])


def _compose(chance: np.random.Generator, noise: Floats, name: str, source: str) -> DailySeries:
    days = np.arange(noise.size)
    week = chance.normal(0.0, 0.12, 7)
    trend = chance.uniform(-0.3, 0.3) * days / 365
    level = np.exp(chance.uniform(4.0, 8.0))
    values = level * np.exp(trend + (week - week.mean())[days % 7] + noise)
    return DailySeries(name=name, first_day=FIRST_DAY, values=values, source=source)
