"""The single pass over a series: filters it under every model of the grid and forecasts from every day.

Plain loops over numbers, written for numba to compile; `vectorised.py` does the same with numpy where numba
is not installed. Both are called through `state_space.py`.

The model (Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter*, 1989):

    z_t = mu_t + a_t + w_{d(t)} + x_t'b + e_t,

a random-walk level with a fixed slope, a first-order autoregression, seven weekday effects that sum to zero
and fixed coefficients. All variances are relative to one scale per model, which is learnt along the way
(West and Harrison, *Bayesian Forecasting and Dynamic Models*, 2nd edition 1997, section 4.5). The models are
averaged with weights from how well each has forecast the next day so far (Raftery, Karny and Ettler 2010),
by a Student-t density, so that a single outlier has little influence.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LEVEL, SLOPE, AUTOREGRESSION, SEASON = 0, 1, 2, 3
"""Positions of the parts of the state; the coefficients follow the season."""


def filter_models(
    z: Any, noise: Any, weekday: Any, season: int, x: Any, grid: Any, b_mean: Any, b_var: Any, specs: Any,
    first_origin: int, last_origin: int, settings: Any, is_log: bool, center: float, scale: float, kept: Any,
) -> Any:  # fmt: skip
    """Filter one series under every model of the grid.

    Args:
        z: The standardised values; NaN where a day is missing.
        noise: Multipliers of the noise variance, by day.
        weekday: Index of the seasonal effect of each day.
        season: Number of seasonal effects (7, or 0 without a season).
        x: The columns of the coefficients, day by row.
        grid: By model: level noise, autoregression, its share of the noise, sd of the slope, season noise, log
            prior weight.
        b_mean: Prior means of the coefficients, by model and column.
        b_var: Prior variances of the coefficients, by model and column.
        specs: The windows to forecast, by row: days skipped after the origin, length.
        first_origin: The first day from which forecasts are made.
        last_origin: The last such day.
        settings: The constants in the order of `state_space.FilterSettings`.
        is_log: Whether z is standardised from logarithms.
        center: Subtracted from the values before they were divided by `scale`.
        scale: Divisor of the values.
        kept: Days in order, at whose end the models' states are kept, for bridges.

    Returns:
        One-day-ahead mean and variance; window means, variances, levels and variances within the window (by origin and
        window); final weights; log likelihoods; and, by kept day and model: states, their covariances, the sums and
        counts behind the scales, records.
    """
    robust, nu, burn_in, prior_days, scale_memory = (
        settings[0],
        settings[1],
        settings[2],
        settings[3],
        settings[4],
    )
    weight_memory, level_var, season_var, weight_floor = settings[5], settings[6], settings[7], settings[8]
    days, models, columns, windows = z.shape[0], grid.shape[0], x.shape[1], specs.shape[0]
    size = SEASON + season + columns
    first_column = SEASON + season
    reach = 0
    for s in range(windows):
        reach = max(reach, specs[s, 0] + specs[s, 1])

    one_mean = np.full(days, np.nan)
    one_var = np.full(days, np.nan)
    win_mean = np.full((days, windows), np.nan)
    win_var = np.full((days, windows), np.nan)
    win_level = np.full((days, windows), np.nan)
    win_within = np.full((days, windows), np.nan)
    places = kept.shape[0]
    states = np.zeros((places, models, size))
    covs = np.zeros((places, models, size, size))
    totals = np.zeros((places, models))
    counts = np.zeros((places, models))
    records = np.zeros((places, models))
    place = 0

    start = 0.0
    for t in range(days):
        if not np.isnan(z[t]):
            start = z[t]
            break
    state = np.zeros((models, size))
    cov = np.zeros((models, size, size))
    for m in range(models):
        state[m, LEVEL] = start
        cov[m, LEVEL, LEVEL] = level_var
        cov[m, SLOPE, SLOPE] = grid[m, 3] * grid[m, 3]
        cov[m, AUTOREGRESSION, AUTOREGRESSION] = grid[m, 2]
        for i in range(season):
            for j in range(season):
                cov[m, SEASON + i, SEASON + j] = -season_var / season
            cov[m, SEASON + i, SEASON + i] += season_var
        for k in range(columns):
            state[m, first_column + k] = b_mean[m, k]
            cov[m, first_column + k, first_column + k] = b_var[m, k]

    total = np.full(models, prior_days)
    count = np.full(models, prior_days)
    loglik = np.zeros(models)
    raw = np.zeros(models)
    weights = np.exp(grid[:, 5]) / np.sum(np.exp(grid[:, 5]))
    ph = np.zeros(size)
    load = np.zeros(size)
    path = np.zeros(max(reach, 1))
    seen = 0
    for t in range(days):
        is_seen = not np.isnan(z[t])
        mix_mean = 0.0
        mix_square = 0.0
        mix_var = 0.0
        top = -1e300
        for m in range(models):
            phi, share = grid[m, 1], grid[m, 2]
            if t > 0:
                # Transition to the next day: the slope moves the level, the autoregression decays.
                for i in range(size):
                    cov[m, LEVEL, i] += cov[m, SLOPE, i]
                for i in range(size):
                    cov[m, i, LEVEL] += cov[m, i, SLOPE]
                for i in range(size):
                    cov[m, AUTOREGRESSION, i] *= phi
                for i in range(size):
                    cov[m, i, AUTOREGRESSION] *= phi
                cov[m, LEVEL, LEVEL] += grid[m, 0]
                cov[m, AUTOREGRESSION, AUTOREGRESSION] += share * (1.0 - phi * phi)
                state[m, LEVEL] += state[m, SLOPE]
                state[m, AUTOREGRESSION] *= phi
                if grid[m, 4] > 0.0 and season > 0:
                    for i in range(season):
                        for j in range(season):
                            cov[m, SEASON + i, SEASON + j] -= grid[m, 4] / season
                        cov[m, SEASON + i, SEASON + i] += grid[m, 4]
            mean = state[m, LEVEL] + state[m, AUTOREGRESSION]
            if season > 0:
                mean += state[m, SEASON + weekday[t]]
            for k in range(columns):
                mean += x[t, k] * state[m, first_column + k]
            for i in range(size):
                value = cov[m, i, LEVEL] + cov[m, i, AUTOREGRESSION]
                if season > 0:
                    value += cov[m, i, SEASON + weekday[t]]
                for k in range(columns):
                    value += x[t, k] * cov[m, i, first_column + k]
                ph[i] = value
            spread = ph[LEVEL] + ph[AUTOREGRESSION]
            if season > 0:
                spread += ph[SEASON + weekday[t]]
            for k in range(columns):
                spread += x[t, k] * ph[first_column + k]
            spread += (1.0 - share) * noise[t]
            level_scale = total[m] / count[m]
            mix_mean += weights[m] * mean
            mix_square += weights[m] * mean * mean
            mix_var += weights[m] * spread * level_scale
            if is_seen:
                error = z[t] - mean
                standard = abs(error) / np.sqrt(spread * level_scale)
                if seen >= burn_in:
                    density = -0.5 * (nu + 1.0) * np.log(1.0 + standard * standard / nu)
                    density -= 0.5 * np.log(spread * level_scale)
                    loglik[m] += density
                    raw[m] = weight_memory * raw[m] + density
                used = spread
                square = error * error / spread
                if standard > robust:
                    used = spread * standard / robust
                    square = robust * robust * level_scale
                for i in range(size):
                    gain = ph[i] / used
                    state[m, i] += gain * error
                    for j in range(size):
                        cov[m, i, j] -= gain * ph[j]
                total[m] = scale_memory * total[m] + square
                count[m] = scale_memory * count[m] + 1.0
            top = max(top, raw[m] + grid[m, 5])
        one_mean[t] = mix_mean
        one_var[t] = mix_var + max(mix_square - mix_mean * mix_mean, 0.0)
        if is_seen:
            seen += 1
            mass = 0.0
            for m in range(models):
                weights[m] = np.exp(raw[m] + grid[m, 5] - top)
                mass += weights[m]
            kept_mass = 0.0
            for m in range(models):
                weights[m] /= mass
                # Models with negligible weight cost no forecasts.
                if weights[m] < weight_floor:
                    weights[m] = 0.0
                kept_mass += weights[m]
            for m in range(models):
                weights[m] /= kept_mass
        if place < places and kept[place] == t:
            for m in range(models):
                totals[place, m] = total[m]
                counts[place, m] = count[m]
                records[place, m] = raw[m]
                for i in range(size):
                    states[place, m, i] = state[m, i]
                    for j in range(size):
                        covs[place, m, i, j] = cov[m, i, j]
            place += 1
        if t < first_origin or t > last_origin or windows == 0:
            continue
        ahead = min(reach, days - 1 - t)
        for j in range(ahead):
            path[j] = 0.0
        for m in range(models):
            if weights[m] == 0.0:
                continue
            fade = 1.0
            for j in range(ahead):
                fade *= grid[m, 1]
                value = state[m, LEVEL] + (j + 1) * state[m, SLOPE] + fade * state[m, AUTOREGRESSION]
                if season > 0:
                    value += state[m, SEASON + weekday[t + 1 + j]]
                for k in range(columns):
                    value += x[t + 1 + j, k] * state[m, first_column + k]
                path[j] += weights[m] * value
        for s in range(windows):
            gap, length = specs[s, 0], specs[s, 1]
            if t + gap + length > days - 1:
                continue
            present = 0
            mean_sum = 0.0
            level_sum = 0.0
            noise_sum = 0.0
            for j in range(gap, gap + length):
                if not np.isnan(z[t + 1 + j]):
                    present += 1
                    mean_sum += path[j]
                    noise_sum += noise[t + 1 + j]
                    if is_log:
                        level_sum += np.exp(center + scale * path[j])
                    else:
                        level_sum += center + scale * path[j]
            if present == 0:
                continue
            mix_mean = 0.0
            mix_square = 0.0
            mix_var = 0.0
            within = 0.0
            for m in range(models):
                if weights[m] == 0.0:
                    continue
                phi, share = grid[m, 1], grid[m, 2]
                for i in range(size):
                    load[i] = 0.0
                fade = 1.0
                for j in range(gap + length):
                    fade *= phi
                    if j >= gap and not np.isnan(z[t + 1 + j]):
                        load[LEVEL] += 1.0
                        load[SLOPE] += j + 1.0
                        load[AUTOREGRESSION] += fade
                        if season > 0:
                            load[SEASON + weekday[t + 1 + j]] += 1.0
                        for k in range(columns):
                            load[first_column + k] += x[t + 1 + j, k]
                mean = 0.0
                spread = 0.0
                for i in range(size):
                    if load[i] == 0.0:
                        continue
                    mean += load[i] * state[m, i]
                    value = 0.0
                    for j in range(size):
                        value += cov[m, i, j] * load[j]
                    spread += load[i] * value
                # Shocks after the origin, each with the number of days of the window that it still affects.
                walked = 0.0
                echoed = 0.0
                after = 0.0
                echo = 0.0
                for back in range(gap + length):
                    j = gap + length - 1 - back
                    echo *= phi
                    if j >= gap and not np.isnan(z[t + 1 + j]):
                        after += 1.0
                        echo += 1.0
                    walked += after * after
                    echoed += echo * echo
                noise_part = share * (1.0 - phi * phi) * echoed + (1.0 - share) * noise_sum
                spread = (spread + grid[m, 0] * walked + noise_part) / (present * present)
                mean /= present
                level_scale = total[m] / count[m]
                mix_mean += weights[m] * mean
                mix_square += weights[m] * mean * mean
                mix_var += weights[m] * spread * level_scale
                one = share + (1.0 - share) * noise_sum / present
                within += weights[m] * level_scale * max(one - noise_part / (present * present), 0.0)
            win_mean[t, s] = mix_mean
            win_var[t, s] = mix_var + max(mix_square - mix_mean * mix_mean, 0.0)
            win_level[t, s] = level_sum / present
            win_within[t, s] = within
    return (
        one_mean, one_var, win_mean, win_var, win_level, win_within, weights, loglik,
        states, covs, totals, counts, records,
    )  # fmt: skip
