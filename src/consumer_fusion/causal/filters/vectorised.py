"""The same filter as `kernel.py`, in numpy over all models at once, where numba is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from consumer_fusion.causal.filters.kernel import AUTOREGRESSION, LEVEL, SEASON, SLOPE


def filter_models_at_once(
    z: Any, noise: Any, weekday: Any, season: int, x: Any, grid: Any, b_mean: Any, b_var: Any, specs: Any,
    first_origin: int, last_origin: int, settings: Any, is_log: bool, center: float, scale: float, kept: Any,
) -> Any:  # fmt: skip
    """Filter one series under every model of the grid; arguments and result as in `kernel.filter_models`."""
    robust, nu, burn_in, prior_days, scale_memory = settings[:5]
    weight_memory, level_var, season_var, weight_floor = settings[5:9]
    days, models, columns, windows = z.shape[0], grid.shape[0], x.shape[1], specs.shape[0]
    first_column = SEASON + season
    size = first_column + columns
    q, phi, share = grid[:, 0], grid[:, 1], grid[:, 2]
    reach = int(specs.sum(axis=1).max()) if windows else 0
    one_mean, one_var = np.full(days, np.nan), np.full(days, np.nan)
    win_mean, win_var, win_level, win_within = (np.full((days, windows), np.nan) for _ in range(4))
    places = {int(day): place for place, day in enumerate(kept)}
    states, covs = np.zeros((len(places), models, size)), np.zeros((len(places), models, size, size))
    totals, counts, records = (np.zeros((len(places), models)) for _ in range(3))
    present_all = ~np.isnan(z)

    block = slice(SEASON, first_column)
    state = np.zeros((models, size))
    state[:, LEVEL] = z[present_all][0] if present_all.any() else 0.0
    state[:, first_column:] = b_mean
    cov = np.zeros((models, size, size))
    cov[:, LEVEL, LEVEL] = level_var
    cov[:, SLOPE, SLOPE] = grid[:, 3] ** 2
    cov[:, AUTOREGRESSION, AUTOREGRESSION] = share
    cov[:, block, block] = season_var * _center_season(season)
    for k in range(columns):
        cov[:, first_column + k, first_column + k] = b_var[:, k]

    loads = np.zeros((days, size))
    loads[:, LEVEL] = loads[:, AUTOREGRESSION] = 1.0
    if season:
        loads[np.arange(days), SEASON + weekday] = 1.0
    loads[:, first_column:] = x
    fades = phi[:, None] ** np.arange(1, reach + 1)

    total, count = np.full(models, float(prior_days)), np.full(models, float(prior_days))
    loglik, raw = np.zeros(models), np.zeros(models)
    weights = np.exp(grid[:, 5]) / np.sum(np.exp(grid[:, 5]))
    seen = 0
    for t in range(days):
        if t > 0:
            pass_day(state, cov, grid, season)
        mean = state @ loads[t]
        ph = cov @ loads[t]
        spread = ph @ loads[t] + (1.0 - share) * noise[t]
        level_scale = total / count
        one_mean[t] = weights @ mean
        one_var[t] = weights @ (spread * level_scale) + max(weights @ (mean * mean) - one_mean[t] ** 2, 0.0)
        if present_all[t]:
            error = z[t] - mean
            standard = np.abs(error) / np.sqrt(spread * level_scale)
            if seen >= burn_in:
                density = -0.5 * (nu + 1.0) * np.log(1.0 + standard * standard / nu)
                density -= 0.5 * np.log(spread * level_scale)
                loglik += density
                raw = weight_memory * raw + density
            is_odd = standard > robust
            used = np.where(is_odd, spread * standard / robust, spread)
            square = np.where(is_odd, robust * robust * level_scale, error * error / spread)
            gain = ph / used[:, None]
            state += gain * error[:, None]
            cov -= gain[:, :, None] * ph[:, None, :]
            total = scale_memory * total + square
            count = scale_memory * count + 1.0
            seen += 1
            weights = np.exp(raw + grid[:, 5] - np.max(raw + grid[:, 5]))
            weights /= weights.sum()
            weights[weights < weight_floor] = 0.0
            weights /= weights.sum()
        if t in places:
            place = places[t]
            states[place], covs[place], records[place] = state, cov, raw
            totals[place], counts[place] = total, count
        if t < first_origin or t > last_origin:
            continue
        alive = np.flatnonzero(weights)
        w, scale_now = weights[alive], (total / count)[alive]
        for s in range(windows):
            gap, length = int(specs[s, 0]), int(specs[s, 1])
            if t + gap + length > days - 1:
                continue
            ahead = np.arange(gap, gap + length)
            ahead = ahead[present_all[t + 1 + ahead]]
            present = ahead.size
            if not present:
                continue
            each = np.repeat(loads[None, t + 1 + ahead], alive.size, axis=0)
            each[:, :, SLOPE] = ahead + 1.0
            each[:, :, AUTOREGRESSION] = fades[alive][:, ahead]
            means = np.einsum("mji,mi->mj", each, state[alive])
            path = center + scale * (w @ means)
            win_level[t, s] = np.mean(np.exp(path) if is_log else path)
            load = each.sum(axis=1)
            spread = np.einsum("mi,mij,mj->m", load, cov[alive], load)
            walked, echoed = sum_shocks(present_all[t + 1 + gap : t + 1 + gap + length], gap, phi[alive])
            noise_sum = noise[t + 1 + ahead].sum()
            noise_part = share[alive] * (1.0 - phi[alive] ** 2) * echoed + (1.0 - share[alive]) * noise_sum
            spread = (spread + q[alive] * walked + noise_part) / (present * present)
            mean = means.mean(axis=1)
            win_mean[t, s] = w @ mean
            spare = max(w @ (mean * mean) - win_mean[t, s] ** 2, 0.0)
            win_var[t, s] = w @ (spread * scale_now) + spare
            one = share[alive] + (1.0 - share[alive]) * noise_sum / present
            win_within[t, s] = w @ (scale_now * np.maximum(one - noise_part / (present * present), 0.0))
    return (
        one_mean, one_var, win_mean, win_var, win_level, win_within, weights, loglik,
        states, covs, totals, counts, records,
    )  # fmt: skip


def pass_day(state: Any, cov: Any, grid: Any, season: int) -> None:
    """Advance every model by a day: the slope moves the level, the autoregression decays, the variances grow.

    Args:
        state: State by model; changed in place.
        cov: Its covariance by model; changed in place.
        grid: The models.
        season: Number of seasonal effects.
    """
    phi, share = grid[:, 1], grid[:, 2]
    cov[:, LEVEL, :] += cov[:, SLOPE, :]
    cov[:, :, LEVEL] += cov[:, :, SLOPE]
    cov[:, AUTOREGRESSION, :] *= phi[:, None]
    cov[:, :, AUTOREGRESSION] *= phi[:, None]
    cov[:, LEVEL, LEVEL] += grid[:, 0]
    cov[:, AUTOREGRESSION, AUTOREGRESSION] += share * (1.0 - phi * phi)
    state[:, LEVEL] += state[:, SLOPE]
    state[:, AUTOREGRESSION] *= phi
    if season:
        block = slice(SEASON, SEASON + season)
        cov[:, block, block] += grid[:, 4, None, None] * _center_season(season)


def _center_season(season: int) -> Any:
    """The covariance of effects that sum to zero."""
    return np.eye(season) - 1.0 / season if season else np.zeros((0, 0))


def sum_shocks(present: Any, gap: int, phi: Any) -> tuple[float, Any]:
    """Sums of squared effects of shocks after the origin on the days of a window: level, autoregression."""
    mask = np.concatenate([np.zeros(gap), present.astype(np.float64)])[::-1]
    walked = float(np.sum(np.cumsum(mask) ** 2))
    echo, echoed = np.zeros(phi.size), np.zeros(phi.size)
    for value in mask:
        echo = echo * phi + value
        echoed += echo * echo
    return walked, echoed
