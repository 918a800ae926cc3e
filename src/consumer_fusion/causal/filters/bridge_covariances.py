"""Bridges over hidden days under all models at once, in numpy with full covariances, for one place and neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.bridge_kernel import COUNTED, SEEN
from consumer_fusion.causal.filters.kernel import AUTOREGRESSION, LEVEL, SEASON, SLOPE
from consumer_fusion.causal.filters.state_space import FilterInput, FilterSettings
from consumer_fusion.causal.filters.vectorised import pass_day, sum_shocks
from consumer_fusion.causal.series.series import Floats

WIDE = 100.0
"""Prior standard deviation of another action's effect, relative to that of the noise: almost uninformative."""

LEAST_ALONE = 2
"""Number of days outside the window that are needed to estimate another action's effect."""

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Start = tuple[Floats, Floats, Floats, Floats, Floats]


@dataclass(frozen=True, slots=True)
class ModelForecasts:
    """The forecast of hidden days by each model, in standardised units.

    Attributes:
        hidden: Positions of the hidden days after the origin.
        weights: Weights of the models, with the days after the window included.
        z: Observed values of the hidden days; NaN where there is none.
        noise: Multipliers of their noise variance.
        path: Expected values, by model and hidden day.
        cov: Covariance of the forecast errors, by model.
        memories: By model: the autoregression and its share of the noise.
        scales: Scale by model.
    """

    hidden: Integers
    weights: Floats
    z: Floats
    noise: Floats
    path: Floats
    cov: Floats
    memories: Floats
    scales: Floats


def bridge_models(
    frame: FilterInput, grid: Floats, start: Start, origin: int, is_hidden: Booleans, floor: float
) -> ModelForecasts:
    """Bridge hidden days under every model at once: the computation of `bridge_places` with full covariances.

    Args:
        frame: The series.
        grid: The models.
        start: States, covariances, sums and counts of the scale, and records by model at the end of the origin.
        origin: The day before the first of `is_hidden`.
        is_hidden: For each day after the origin, whether its value is hidden.
        floor: Models with less weight are left out.
    """
    settings = frame.settings
    base = start[4] + grid[:, 5]
    alive = np.flatnonzero(base >= base.max() + np.log(floor))
    rows = grid[alive]
    phi, share = rows[:, 1], rows[:, 2]
    state, cov, total, count, record = (each[alive] for each in start)
    season, size = frame.season, state.shape[1]
    hidden = np.flatnonzero(is_hidden)
    cross = np.zeros((alive.size, hidden.size, size))
    path, spread = np.zeros((alive.size, hidden.size)), np.zeros((alive.size, hidden.size, hidden.size))
    h = 0
    for j, is_blind in enumerate(is_hidden):
        t = origin + 1 + j
        pass_day(state, cov, rows, season)
        cross[:, :, LEVEL] += cross[:, :, SLOPE]
        cross[:, :, AUTOREGRESSION] *= phi[:, None]
        load = np.zeros(size)
        load[[LEVEL, AUTOREGRESSION]] = 1.0
        if season:
            load[SEASON + frame.weekday[t]] = 1.0
        load[SEASON + season :] = frame.x[t]
        if not is_blind and np.isnan(frame.z[t]):
            continue
        mean, ph, linked = state @ load, cov @ load, cross @ load
        one = ph @ load + (1.0 - share) * frame.noise[t]
        if is_blind:
            path[:, h] = mean
            spread[:, h, :h] = spread[:, :h, h] = linked[:, :h]
            spread[:, h, h] = one
            cross[:, h] = ph
            h += 1
            continue
        error = frame.z[t] - mean
        standard = np.abs(error) / np.sqrt(one * total / count)
        record = settings.weight_memory * record - 0.5 * (settings.nu + 1.0) * np.log(
            1.0 + standard * standard / settings.nu
        )
        record -= 0.5 * np.log(one * total / count)
        is_odd = standard > settings.robust
        used = np.where(is_odd, one * standard / settings.robust, one)
        square = np.where(is_odd, settings.robust**2 * total / count, error * error / one)
        total, count = settings.scale_memory * total + square, settings.scale_memory * count + 1.0
        path += linked * (error / used)[:, None]
        spread -= linked[:, :, None] * linked[:, None, :] / used[:, None, None]
        cross -= linked[:, :, None] * (ph / used[:, None])[:, None, :]
        state += ph * (error / used)[:, None]
        cov -= ph[:, :, None] * ph[:, None, :] / used[:, None, None]
    score = record + rows[:, 5]
    weights = np.exp(score - score.max())
    days = origin + 1 + hidden
    return ModelForecasts(
        hidden, weights / weights.sum(), frame.z[days], frame.noise[days], path, spread, rows[:, 1:3], total / count
    )  # fmt: skip


def mix_models(
    forecasts: ModelForecasts, own: Integers, columns: Floats
) -> tuple[Floats, Floats, float, float]:
    """The averaged forecast of a window among hidden days, with the effects of other actions removed.

    Where days with other actions only are hidden too, the effects of those actions are estimated on them by generalised
    least squares; the remainder of these days then informs the forecast of the window. No shape of the window's own
    effect is assumed unless others that share its days have no days alone.

    Args:
        forecasts: The forecasts of the models.
        own: Positions of the window's days among the hidden ones.
        columns: By hidden day and other action, whether it was on.

    Returns:
        Expected value by day and its variance; the variance of the mean over the days with a value; the variance of the
        days around that mean.
    """
    path, cov = forecasts.path[:, own], forecasts.cov[:, own[:, None], own]
    is_known = np.isfinite(forecasts.z)
    is_own = np.isin(np.arange(forecasts.hidden.size), own)
    spare = np.flatnonzero(columns.any(axis=1) & is_known & ~is_own)
    alone = columns[spare].sum(axis=0)
    if np.any((alone < LEAST_ALONE) & columns[own].any(axis=0)):
        path, cov = take_out_flat(
            forecasts, own, np.flatnonzero(is_known), np.column_stack([is_own, columns])
        )
    elif spare.size:
        path, cov = take_out_spare(forecasts, own, spare, columns)
    known = np.isfinite(forecasts.z[own])
    present = max(int(known.sum()), 1)
    share, weights, scales = known / present, forecasts.weights, forecasts.scales
    expected = weights @ path
    each = weights @ (np.einsum("mii->mi", cov) * scales[:, None] + (path - expected) ** 2)
    means = path @ share
    mean_var = weights @ (
        scales * np.einsum("i,mij,j->m", share, cov, share) + (means - weights @ means) ** 2
    )
    phi, memory = forecasts.memories[:, 0], forecasts.memories[:, 1]
    noise_sum = float(known @ forecasts.noise[own])
    _, echoed = sum_shocks(known, int(forecasts.hidden[own[0]]), phi)
    noise_part = memory * (1.0 - phi * phi) * echoed + (1.0 - memory) * noise_sum
    alone = memory + (1.0 - memory) * noise_sum / present
    within = weights @ (scales * np.maximum(alone - noise_part / present**2, 0.0))
    return expected, each, float(mean_var), float(within)


def take_out_spare(
    forecasts: ModelForecasts, own: Integers, spare: Integers, columns: Floats
) -> tuple[Floats, Floats]:
    """Forecast of a window and its covariance, with other actions estimated on days without the window."""
    inverse = np.linalg.inv(forecasts.cov[:, spare[:, None], spare])
    passed_on = forecasts.cov[:, own[:, None], spare] @ inverse
    x = columns[spare]
    theta_cov = np.linalg.inv(x.T @ inverse @ x + np.eye(x.shape[1]) / WIDE**2)
    missed = forecasts.z[spare] - forecasts.path[:, spare]
    theta = np.einsum("mij,mj->mi", theta_cov @ x.T @ inverse, missed)
    carried = columns[own] - passed_on @ x
    path = forecasts.path[:, own] + np.einsum("mij,mj->mi", passed_on, missed)
    path = path + np.einsum("mij,mj->mi", carried, theta)
    cov = forecasts.cov[:, own[:, None], own] - passed_on @ forecasts.cov[:, spare[:, None], own]
    return path, cov + carried @ theta_cov @ carried.transpose(0, 2, 1)


def take_out_flat(
    forecasts: ModelForecasts, own: Integers, known: Integers, columns: Floats
) -> tuple[Floats, Floats]:
    """The same where others have no days of their own: the window's own effect is assumed to be constant.

    The first column is the window's own.
    """
    x = columns[known]
    inverse = np.linalg.inv(forecasts.cov[:, known[:, None], known])
    gain = np.linalg.inv(x.T @ inverse @ x + np.eye(x.shape[1]) / WIDE**2) @ x.T @ inverse
    # The error of each own day is its own error less the estimated effect of the others on it.
    others = columns[own, 1:] @ gain[:, 1:]
    path = forecasts.path[:, own] + np.einsum(
        "mij,mj->mi", others, forecasts.z[known] - forecasts.path[:, known]
    )
    mixed = others @ forecasts.cov[:, known[:, None], own]
    cov = forecasts.cov[:, own[:, None], own] - mixed - mixed.transpose(0, 2, 1)
    return path, cov + others @ forecasts.cov[:, known[:, None], known] @ others.transpose(0, 2, 1)


def bridge_places_at_once(
    origins: Any, parts: Any, z: Any, noise: Any, weekday: Any, season: int, x: Any, grid: Any, states: Any,
    covs: Any, totals: Any, counts: Any, records: Any, settings: Any, floor: float,
) -> Any:  # fmt: skip
    """The same as `bridge_kernel.bridge_places`, place by place."""
    frame = FilterInput(z, noise, weekday, season, x, True, 0.0, 1.0, FilterSettings(*settings))
    is_hidden = parts != SEEN
    own = np.flatnonzero(parts[is_hidden] == COUNTED)
    expected, each = np.full((origins.size, own.size), np.nan), np.full((origins.size, own.size), np.nan)
    mean_var, within = np.full(origins.size, np.nan), np.full(origins.size, np.nan)
    for place, origin in enumerate(origins):
        if origin < 0 or origin + parts.size >= z.size:
            continue
        if not np.isfinite(z[origin + 1 + np.flatnonzero(parts == COUNTED)]).any():
            continue
        start = (states[place], covs[place], totals[place], counts[place], records[place])
        told = bridge_models(frame, grid, start, origin, is_hidden, floor)
        expected[place], each[place], mean_var[place], within[place] = mix_models(
            told, own, np.zeros((told.hidden.size, 0))
        )
    return expected, each, mean_var, within
