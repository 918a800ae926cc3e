"""Bridges over hidden days: estimates days from those before and after them, with their own values hidden.

Plain loops over numbers, written for numba to compile, at many places at once; `bridge_covariances.py` does the same
with numpy, where numba is not installed and where days of other actions are hidden too. From the filter's state before
the hidden days each model predicts through them; the days after them then update the hidden days by their covariance:
fixed-interval smoothing, with the covariance of the hidden days and the state carried along (Durbin and Koopman, *Time
Series Analysis by State Space Methods*, 2nd edition 2012, sections 4.4 and 4.10).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from consumer_fusion.causal.filters.kernel import AUTOREGRESSION, LEVEL, SEASON, SLOPE

SEEN, COUNTED, SKIPPED = 0, 1, 2
"""A day after the origin is used; or it is hidden and in the window; or it is hidden and outside the window."""


def bridge_places(
    origins: Any, parts: Any, z: Any, noise: Any, weekday: Any, season: int, x: Any, grid: Any, states: Any,
    covs: Any, totals: Any, counts: Any, records: Any, settings: Any, floor: float,
) -> Any:  # fmt: skip
    """Bridge the same pattern of hidden days at many places.

    Args:
        origins: Positions of the last day before the pattern, whose states are given.
        parts: For each day after the origin: `SEEN`, `COUNTED` or `SKIPPED`.
        z: The standardised values; NaN where a day is missing.
        noise: Multipliers of the noise variance, by day.
        weekday: Index of the seasonal effect of each day.
        season: Number of seasonal effects.
        x: Columns of the coefficients.
        grid: The models.
        states: States by place and model, as kept by the filter, like the arguments up to `records`.
        covs: Their covariances, relative to the scale.
        totals: Sums of squares behind the scale.
        counts: Divisors of these sums.
        records: Forecast record of each model.
        settings: The constants in the order of `state_space.FilterSettings`.
        floor: Models with less weight are left out.

    Returns:
        By place: the expected value of each counted day; the variance of each; the variance of their mean over the days
        with a value; the variance of the days around that mean. NaN where the pattern reaches past the data.
    """
    robust, nu, scale_memory, weight_memory = settings[0], settings[1], settings[4], settings[5]
    places, models, columns = origins.shape[0], grid.shape[0], x.shape[1]
    span = parts.shape[0]
    size = SEASON + season + columns
    length = 0
    for j in range(span):
        if parts[j] == COUNTED:
            length += 1
    expected = np.full((places, length), np.nan)
    each_var = np.full((places, length), np.nan)
    mean_var = np.full(places, np.nan)
    within = np.full(places, np.nan)
    state = np.zeros(size)
    cov = np.zeros((size, size))
    ph = np.zeros(size)
    cross = np.zeros((length, size))
    together = np.zeros(size)
    path = np.zeros((models, length))
    spreads = np.zeros((models, length))
    spread = np.zeros(models)
    inner = np.zeros(models)
    score = np.zeros(models)
    for place in range(places):
        origin = origins[place]
        if origin < 0 or origin + span >= z.shape[0]:
            continue
        top = -1e300
        for m in range(models):
            top = max(top, records[place, m] + grid[m, 5])
        best = -1e300
        present = 0
        noise_sum = 0.0
        for j in range(span):
            if parts[j] == COUNTED and not np.isnan(z[origin + 1 + j]):
                present += 1
                noise_sum += noise[origin + 1 + j]
        if present == 0:
            continue
        for m in range(models):
            score[m] = -1e300
            record = records[place, m]
            if record + grid[m, 5] < top + np.log(floor):
                continue
            phi, share = grid[m, 1], grid[m, 2]
            for i in range(size):
                state[i] = states[place, m, i]
                together[i] = 0.0
                for k in range(size):
                    cov[i, k] = covs[place, m, i, k]
            total, count = totals[place, m], counts[place, m]
            sum_var = 0.0
            hidden = 0
            for j in range(span):
                t = origin + 1 + j
                for i in range(size):
                    cov[LEVEL, i] += cov[SLOPE, i]
                for i in range(size):
                    cov[i, LEVEL] += cov[i, SLOPE]
                for i in range(size):
                    cov[AUTOREGRESSION, i] *= phi
                for i in range(size):
                    cov[i, AUTOREGRESSION] *= phi
                cov[LEVEL, LEVEL] += grid[m, 0]
                cov[AUTOREGRESSION, AUTOREGRESSION] += share * (1.0 - phi * phi)
                state[LEVEL] += state[SLOPE]
                state[AUTOREGRESSION] *= phi
                if season > 0 and grid[m, 4] > 0.0:
                    for i in range(season):
                        for k in range(season):
                            cov[SEASON + i, SEASON + k] -= grid[m, 4] / season
                        cov[SEASON + i, SEASON + i] += grid[m, 4]
                together[LEVEL] += together[SLOPE]
                together[AUTOREGRESSION] *= phi
                for h in range(hidden):
                    cross[h, LEVEL] += cross[h, SLOPE]
                    cross[h, AUTOREGRESSION] *= phi
                if parts[j] == SKIPPED or (parts[j] == SEEN and np.isnan(z[t])):
                    continue
                mean = state[LEVEL] + state[AUTOREGRESSION]
                if season > 0:
                    mean += state[SEASON + weekday[t]]
                for k in range(columns):
                    mean += x[t, k] * state[SEASON + season + k]
                for i in range(size):
                    value = cov[i, LEVEL] + cov[i, AUTOREGRESSION]
                    if season > 0:
                        value += cov[i, SEASON + weekday[t]]
                    for k in range(columns):
                        value += x[t, k] * cov[i, SEASON + season + k]
                    ph[i] = value
                one = ph[LEVEL] + ph[AUTOREGRESSION]
                linked = together[LEVEL] + together[AUTOREGRESSION]
                if season > 0:
                    one += ph[SEASON + weekday[t]]
                    linked += together[SEASON + weekday[t]]
                for k in range(columns):
                    one += x[t, k] * ph[SEASON + season + k]
                    linked += x[t, k] * together[SEASON + season + k]
                one += (1.0 - share) * noise[t]
                if parts[j] == COUNTED:
                    path[m, hidden] = mean
                    spreads[m, hidden] = one
                    for i in range(size):
                        cross[hidden, i] = ph[i]
                    if not np.isnan(z[t]):
                        sum_var += one + 2.0 * linked
                        for i in range(size):
                            together[i] += ph[i]
                    hidden += 1
                    continue
                error = z[t] - mean
                level_scale = total / count
                standard = abs(error) / np.sqrt(one * level_scale)
                density = -0.5 * (nu + 1.0) * np.log(1.0 + standard * standard / nu)
                record = weight_memory * record + density - 0.5 * np.log(one * level_scale)
                used = one
                square = error * error / one
                if standard > robust:
                    used = one * standard / robust
                    square = robust * robust * level_scale
                total = scale_memory * total + square
                count = scale_memory * count + 1.0
                sum_var -= linked * linked / used
                for h in range(hidden):
                    value = cross[h, LEVEL] + cross[h, AUTOREGRESSION]
                    if season > 0:
                        value += cross[h, SEASON + weekday[t]]
                    for k in range(columns):
                        value += x[t, k] * cross[h, SEASON + season + k]
                    path[m, h] += value * error / used
                    spreads[m, h] -= value * value / used
                    for i in range(size):
                        cross[h, i] -= value * ph[i] / used
                for i in range(size):
                    gain = ph[i] / used
                    together[i] -= linked * gain
                    state[i] += gain * error
                    for k in range(size):
                        cov[i, k] -= gain * ph[k]
            level_scale = total / count
            spread[m] = sum_var * level_scale / (present * present)
            for h in range(length):
                spreads[m, h] *= level_scale
            # Noise of the mean of these days, with autocorrelation.
            echoed = 0.0
            echo = 0.0
            for back in range(span):
                j = span - 1 - back
                echo *= phi
                if parts[j] == COUNTED and not np.isnan(z[origin + 1 + j]):
                    echo += 1.0
                echoed += echo * echo
            noise_part = share * (1.0 - phi * phi) * echoed + (1.0 - share) * noise_sum
            alone = share + (1.0 - share) * noise_sum / present
            inner[m] = level_scale * max(alone - noise_part / (present * present), 0.0)
            score[m] = record + grid[m, 5]
            best = max(best, score[m])
        if best == -1e300:
            continue
        mass = 0.0
        for m in range(models):
            if score[m] > -1e300:
                score[m] = np.exp(score[m] - best)
                mass += score[m]
            else:
                score[m] = 0.0
        for h in range(length):
            expected[place, h] = 0.0
            each_var[place, h] = 0.0
        mean_of = 0.0
        square_of = 0.0
        mean_var[place] = 0.0
        within[place] = 0.0
        for m in range(models):
            weight = score[m] / mass
            if weight == 0.0:
                continue
            own = 0.0
            h = 0
            for j in range(span):
                if parts[j] == COUNTED:
                    expected[place, h] += weight * path[m, h]
                    each_var[place, h] += weight * (spreads[m, h] + path[m, h] * path[m, h])
                    if not np.isnan(z[origin + 1 + j]):
                        own += path[m, h]
                    h += 1
            own /= present
            mean_of += weight * own
            square_of += weight * own * own
            mean_var[place] += weight * spread[m]
            within[place] += weight * inner[m]
        mean_var[place] += max(square_of - mean_of * mean_of, 0.0)
        for h in range(length):
            each_var[place, h] -= expected[place, h] * expected[place, h]
    return expected, each_var, mean_var, within
