"""Regions: a second opinion on one of them, with each of the others as a placebo.

The days before the action are cut into periods as long as its window; each region is divided by its own level, so
that large and small ones compare; the rest is the classic synthetic control (`panels`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.causal.designs.panels import PanelEffect, measure_panel
from consumer_fusion.causal.series.series import DailySeries, Window, align_values
from consumer_fusion.errors import RefusedError

_MOST_PERIODS = 52
_LEAST_SEEN = 0.6
"""A period with a smaller share of observed days has no meaningful mean."""


def measure_region(
    region: DailySeries, others: Sequence[DailySeries], window: Window, *, alpha: float = 0.05
) -> PanelEffect:
    """Compare a region with a mix of others over a window, with each of them as a placebo.

    Args:
        region: The region that was acted on.
        others: Regions that were not, with the same metric.
        window: The days of the window.
        alpha: Significance level of the interval; none is given where there are too few others.

    Returns:
        The effect relative to the region's own level before, by period.

    Raises:
        RefusedError: Too little history, or fewer than two others with all of it.
        MissingExtraError: scipy is not installed.
    """
    history = (window.start_day - region.first_day) // window.days
    count = min(history, _MOST_PERIODS)
    first_day = window.start_day - count * window.days
    own = _average_periods(region, first_day, count + 1, window.days)
    rows = [_average_periods(each, first_day, count + 1, window.days) for each in others]
    # Periods without a value of the region itself are left out for all.
    is_kept = np.isfinite(own)
    if not is_kept[-1:].all() or count < 1:
        raise RefusedError(
            "No conclusion: the region has no value in the window, or none before it.",
            hint="Import the days that are missing.",
        )
    before = int(is_kept[:-1].sum())
    columns = [row[is_kept] for row in rows]
    names = [each.name for each in others]
    return measure_panel(
        _scale_to_level(own[is_kept], before),
        np.column_stack([_scale_to_level(one, before) for one in columns])
        if columns
        else np.zeros((before + 1, 0)),
        before,
        donor_names=names,
        alpha=alpha,
    )


def _average_periods(series: DailySeries, first_day: int, periods: int, days: int) -> NDArray[np.float64]:
    """The mean of each period; NaN where too few of its days were observed."""
    values = align_values(series, first_day, periods * days).reshape(periods, days)
    seen = np.isfinite(values)
    totals = np.where(seen, values, 0.0).sum(axis=1)
    is_told = seen.mean(axis=1) >= _LEAST_SEEN
    means: NDArray[np.float64] = np.where(is_told, totals / np.maximum(seen.sum(axis=1), 1), np.nan)
    return means


def _scale_to_level(values: NDArray[np.float64], before: int) -> NDArray[np.float64]:
    level = float(np.mean(values[:before])) if before else np.nan
    scaled: NDArray[np.float64] = values / level if level > 0 else np.full(values.size, np.nan)
    return scaled
