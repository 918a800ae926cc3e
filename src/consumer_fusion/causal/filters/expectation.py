"""Expected values by day for charts: one-day forecasts before the window, the window's own forecast within it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.bridges import WindowForecast
from consumer_fusion.causal.filters.fitted_series import FittedSeries
from consumer_fusion.causal.series.series import Floats, Window

Integers = npt.NDArray[np.int64]
Band = tuple[Floats, Floats, Floats]


def draw_expected(
    fitted: FittedSeries, window: Window, bridge: WindowForecast, days: Integers, reach: float
) -> Band:
    """The expected values, and the low and the high end of their band.

    Args:
        fitted: The series.
        window: The days of the effect.
        bridge: The forecast of these days, the same that the effect is computed from.
        days: The days to draw.
        reach: Half-width of the band, in the models' standard deviations.
    """
    frame, filtered = fitted.frame, fitted.one_step
    expected, spread = np.full(days.size, np.nan), np.full(days.size, np.nan)
    index = days - fitted.series.first_day
    known = (index >= 0) & (index < filtered.one_mean.size)
    line = frame.center + frame.scale * filtered.one_mean[index[known]]
    expected[known] = np.exp(line) if frame.is_log else np.maximum(line, frame.lowest)
    spread[known] = frame.scale * np.sqrt(filtered.one_var[index[known]])
    within = (days >= window.start_day) & (days <= window.end_day)
    expected[within], spread[within] = bridge.expected, bridge.spread
    if frame.is_log:
        return expected, expected * np.exp(-reach * spread), expected * np.exp(reach * spread)
    return expected, expected - reach * spread, expected + reach * spread
