"""Pulses slid over a filtered series: what each would be estimated as, model by model, without filtering again.

A pulse is a column of known shape with an unknown height. Run through the filter beside the series with the gains
that are there already, it leaves surprises d_t of its own; the height is the generalised least squares of the
series' surprises on them (de Jong and Penzer, *Diagnosing shocks in time series*, 1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from consumer_fusion.cause.kernel import AUTOREGRESSION, LEVEL, SEASON, SLOPE


def slide_pulses(
    starts: Any, shape: Any, after: int, z: Any, weekday: Any, season: int, x: Any, grid: Any, gains: Any,
    spreads: Any, used_spreads: Any, surprises: Any, scales: Any, records: Any, nu: float, memory: float, floor: float,
) -> Any:  # fmt: skip
    """Estimate one pulse at each of many places, from the days up to `after` days after it.

    Args:
        starts: Places: the first day of the pulse.
        shape: What the pulse is on its first, second, ... day, in units of its height.
        after: Days after the pulse that are used.
        z: The standardised values.
        weekday: The number of the season's effect of each day.
        season: How many effects the season has.
        x: Columns of the coefficients.
        grid: The models.
        gains: As kept by the filter, like all up to `records`.
        spreads: Variances of surprises.
        used_spreads: Those the gains used.
        surprises: What was not foreseen.
        scales: Scales by day.
        records: Records by day.
        nu: Degrees of freedom of the density that weighs the models.
        memory: What is kept of the records from day to day.
        floor: Models with less weight are left out.

    Returns:
        Height and variance at each place; NaN where the days do not suffice.
    """
    places, models, columns = starts.shape[0], grid.shape[0], x.shape[1]
    length = shape.shape[0]
    size = SEASON + season + columns
    height = np.full(places, np.nan)
    variance = np.full(places, np.nan)
    carried = np.zeros(size)
    moved = np.zeros(length + after)
    theta = np.zeros(models)
    spread = np.zeros(models)
    score = np.zeros(models)
    for place in range(places):
        start = starts[place]
        stop = start + length + after
        if start < 1 or stop > z.shape[0]:
            continue
        end = stop - 1
        top = -1e300
        for m in range(models):
            top = max(top, records[end, m] + grid[m, 5])
        best = -1e300
        for m in range(models):
            score[m] = -1e300
            # Whom the days themselves leave no weight, a pulse does not bring back.
            if records[end, m] + grid[m, 5] < top + np.log(floor):
                continue
            for i in range(size):
                carried[i] = 0.0
            information = 0.0
            evidence = 0.0
            for t in range(start, stop):
                moved[t - start] = 0.0
                if not np.isnan(z[t]):
                    value = -carried[LEVEL] - carried[AUTOREGRESSION]
                    if season > 0:
                        value -= carried[SEASON + weekday[t]]
                    for k in range(columns):
                        value -= x[t, k] * carried[SEASON + season + k]
                    if t - start < length:
                        value += shape[t - start]
                    moved[t - start] = value
                    information += value * value / used_spreads[t, m]
                    evidence += value * surprises[t, m] / used_spreads[t, m]
                    for i in range(size):
                        carried[i] += gains[t, m, i] * value
                carried[LEVEL] += carried[SLOPE]
                carried[AUTOREGRESSION] *= grid[m, 1]
            if information <= 1e-12:
                continue
            theta[m] = evidence / information
            spread[m] = scales[end, m] / information
            change = 0.0
            for t in range(start, stop):
                if not np.isnan(z[t]):
                    wide = nu * spreads[t, m] * scales[t - 1, m]
                    left = surprises[t, m] - moved[t - start] * theta[m]
                    gained = np.log(1.0 + surprises[t, m] * surprises[t, m] / wide) - np.log(
                        1.0 + left * left / wide
                    )
                    change = memory * change + 0.5 * (nu + 1.0) * gained
            score[m] = records[end, m] + grid[m, 5] + change - 0.5 * np.log(information)
            best = max(best, score[m])
        if best == -1e300:
            continue
        mass = 0.0
        mean = 0.0
        square = 0.0
        inner = 0.0
        for m in range(models):
            if score[m] == -1e300:
                continue
            weight = np.exp(score[m] - best)
            mass += weight
            mean += weight * theta[m]
            square += weight * theta[m] * theta[m]
            inner += weight * spread[m]
        mean /= mass
        height[place] = mean
        variance[place] = inner / mass + max(square / mass - mean * mean, 0.0)
    return height, variance
