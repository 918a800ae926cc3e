"""What was expected day by day, for the eye: before the action from the day before each, after it without it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consumer_fusion.cause.fitted_series import FittedSeries
from consumer_fusion.cause.pulses import PulseEstimate
from consumer_fusion.cause.series import Floats, Window
from consumer_fusion.cause.state_space import Filtered

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Band = tuple[Floats, Floats, Floats]


def draw_expected(
    fitted: FittedSeries, window: Window, length: int, gap: int, days: Integers, reach: float
) -> Band:
    """Expected, low, high: up to the action from the day before each, then from the day before the action.

    Args:
        fitted: The series.
        window: The action's days.
        length: Days of it that have been seen.
        gap: Days between the action and the window.
        days: The days to draw.
        reach: How many of the models' standard deviations the band reaches.
    """
    origin_day = window.start_day - 1 - gap
    expected, low, high = draw_steps(fitted, fitted.one_step, fitted.series.first_day, days, reach)
    ahead = fitted.forecast(origin_day, gap + length)
    future = days > origin_day
    width = reach * (np.log(ahead.high_sd / ahead.mean) if fitted.is_log else ahead.high_sd - ahead.mean)
    count = int(future.sum())
    mean, width = ahead.mean[-count:], width[-count:]
    expected[future] = mean
    low[future] = mean * np.exp(-width) if fitted.is_log else mean - width
    high[future] = mean * np.exp(width) if fitted.is_log else mean + width
    return expected, low, high


def level_band(band: Band, seen: Floats, within: Booleans, total: float, *, is_log: bool) -> Band:
    """The band moved as a whole, within itself, so that the days of an effect add up to what is told of all of them.

    Day by day it is what a model foresaw; the effect is estimated from all days together. Whoever adds up observed
    less expected finds the total that is told beside them, not another one.

    Args:
        band: Expected, low, high.
        seen: What was seen on the same days.
        within: Which of the days the effect is of.
        total: What the effect adds up to.
        is_log: Whether it is moved by a share or by an amount.
    """
    known = within & np.isfinite(seen) & np.isfinite(band[0])
    if not known.any() or not np.isfinite(total):
        return band
    wanted = float(seen[known].sum() - total)
    drawn, lowest, highest = (float(line[known].sum()) for line in band)
    # An expectation that the model itself holds impossible is not drawn: such days are no one effect a day.
    if not lowest <= wanted <= highest or (is_log and drawn <= 0):
        return band
    share, amount = (wanted / drawn, 0.0) if is_log else (1.0, (wanted - drawn) / int(known.sum()))
    expected, low, high = (np.where(within, line * share + amount, line) for line in band)
    return expected, low, high


def draw_without(fitted: FittedSeries, pulse: PulseEstimate, days: Integers, reach: float) -> Band:
    """Expected, low, high of the series with the pulses taken out, each day from the day before."""
    return draw_steps(fitted, pulse.cleaned, fitted.series.first_day + pulse.first_index, days, reach)


def draw_steps(
    fitted: FittedSeries, filtered: Filtered, first_day: int, days: Integers, reach: float
) -> Band:
    """Expected, low, high of each day from the day before it."""
    frame = fitted.frame
    index = days - first_day
    known = (index >= 0) & (index < filtered.one_mean.size)
    expected, low, high = (np.full(days.size, np.nan) for _ in range(3))
    line = frame.center + frame.scale * filtered.one_mean[index[known]]
    sd = reach * frame.scale * np.sqrt(filtered.one_var[index[known]])
    if frame.is_log:
        expected[known], low[known], high[known] = np.exp(line), np.exp(line - sd), np.exp(line + sd)
    else:
        expected[known], low[known], high[known] = line, line - sd, line + sd
    return expected, low, high
