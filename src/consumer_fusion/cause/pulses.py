"""Temporary effects: the action as a pulse, with days on both sides of it, and overlapping actions all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from consumer_fusion.cause.fitted_series import FittedSeries, PlaceboErrors
from consumer_fusion.cause.kernel import AUTOREGRESSION, LEVEL, SEASON, SLOPE
from consumer_fusion.cause.pulse_kernel import slide_pulses
from consumer_fusion.cause.series import Floats, Window
from consumer_fusion.cause.state_space import DEFAULT_SETTINGS, Filtered, Frame, compile_loops, filter_frame

AFTER_DAYS = 28
"""So many days after a window say what would have been, where there are so many."""
REACH_DAYS = 400
"""Days before the first action that are filtered again without it."""
ROUNDS = 2
"""How often the pulses found are taken out and the series filtered again, so that none looks like odd days."""
WEIGHT_FLOOR = 1e-4
SAMPLED_PLACES = 4
SETTINGS = replace(DEFAULT_SETTINGS, robust=1.7)
"""With days on both sides, odd days may move the level less: those after them tell whether it was moved."""
WIDE = 100.0
"""Prior standard deviation of a pulse, in standard deviations of the noise: next to nothing is known before."""


@dataclass(frozen=True, slots=True)
class PulseEstimate:
    """One action's pulse.

    Attributes:
        e: Its height: a difference of logarithms, or in the series' units.
        s: The standard deviation the models give it.
        after: Days after the window that were used.
        cleaned: The series filtered with the pulses taken out.
        frame: What was filtered.
        first_index: Where the frame begins in the series.
    """

    e: float
    s: float
    after: int
    cleaned: Filtered
    frame: Frame
    first_index: int


def estimate_pulse(
    fitted: FittedSeries, window: Window, others: Sequence[Window] = (), after: int = AFTER_DAYS
) -> PulseEstimate:
    """Estimate an action's pulse jointly with those of others.

    Args:
        fitted: The series.
        window: The action.
        others: Other actions on the series; those that touch the days used get pulses of their own.
        after: Days after the window that are used, at most.
    """
    first = fitted.series.first_day
    stop = min(window.end_day + 1 + after - first, fitted.series.values.size)
    near = [other for other in others if other.start_day - first < stop and other != window]
    near = [other for other in near if other.end_day >= window.start_day - REACH_DAYS]
    windows = [window, *near]
    begin = max(min(each.start_day for each in windows) - first - REACH_DAYS, 0)
    frame = cut_frame(fitted.frame, begin, stop)
    columns = np.zeros((stop - begin, len(windows)))
    for k, each in enumerate(windows):
        columns[max(each.start_day - first - begin, 0) : max(each.end_day + 1 - first - begin, 0), k] = 1.0
    heights = np.zeros(len(windows))
    spread = 0.0
    cleaned = frame
    empty = np.zeros((0, 2), dtype=np.int64)
    filtered = filter_frame(cleaned, fitted.grid, empty, keep=True, settings=SETTINGS)
    for turn in range(ROUNDS + 1):
        if len(windows) == 1:
            start = int(np.argmax(columns[:, 0]))
            rest = max(stop - begin - start - window.days, 0)
            found, variance = slide(
                cleaned, fitted.grid.rows, filtered, np.array([start]), np.ones(window.days), rest
            )
            step, spread = found, float(variance[0])
        else:
            step, spread = solve_pulses(cleaned, fitted.grid.rows, filtered, columns)
        heights = heights + step
        if turn == ROUNDS or not np.all(np.isfinite(heights)):
            break
        cleaned = replace(frame, z=frame.z - columns @ heights)
        filtered = filter_frame(cleaned, fitted.grid, empty, keep=True, settings=SETTINGS)
    scale = fitted.frame.scale
    return PulseEstimate(
        float(heights[0]) * scale,
        float(np.sqrt(spread)) * scale,
        stop - (window.end_day + 1 - first),
        filtered,
        cleaned,
        begin,
    )


def slide_over(fitted: FittedSeries, length: int, after: int) -> PlaceboErrors:
    """The pulses found at every place that no action touches; kept with the series."""
    key = (length, after)
    if key not in fitted.pulses:
        if fitted.kept:
            kept = fitted.kept[0]
        else:
            kept = filter_frame(
                fitted.frame, fitted.grid, np.zeros((0, 2), np.int64), keep=True, settings=SETTINGS
            )
            fitted.kept.append(kept)
        free = np.flatnonzero(fitted.find_placebo_origins(length + after))
        height, variance = slide(fitted.frame, fitted.grid.rows, kept, free + 1, np.ones(length), after)
        known = np.isfinite(height) & (variance > 0)
        scale = fitted.frame.scale
        fitted.pulses[key] = fitted.list_placebos(
            free[known], height[known] * scale, np.sqrt(variance[known]) * scale
        )
    return fitted.pulses[key]


def sample_estimates(fitted: FittedSeries, slid: PlaceboErrors, length: int, after: int) -> Floats:
    """Absolute standardised pulses as `estimate_pulse` finds them, at a few places spread over the series.

    Taking a pulse out and filtering again finds more where much happened than sliding does, so that the law of what
    is found is learnt on places treated so; NaN at the others.
    """
    sizes = np.full(slid.origins.size, np.nan)
    stride = max((length + after) // 6, 1)
    choice = np.arange(0, slid.origins.size, stride)
    if choice.size > SAMPLED_PLACES:
        choice = choice[np.unique(np.linspace(0, choice.size - 1, SAMPLED_PLACES).astype(np.int64))]
    for place in choice:
        start = int(slid.origins[place]) + 1
        found = estimate_pulse(fitted, Window(start, start + length - 1), after=after)
        if np.isfinite(found.e) and found.s > 0:
            sizes[place] = abs(found.e) / found.s
    return sizes


def slide(
    frame: Frame, grid: Floats, kept: Filtered, starts: Any, shape: Floats, after: int
) -> tuple[Floats, Floats]:
    """Height and variance of one pulse at each place."""
    found: tuple[Floats, Floats] = load_slide()(
        np.asarray(starts, dtype=np.int64), shape, after, frame.z, frame.weekday, frame.season, frame.x, grid,
        kept.gains, kept.spreads, kept.used_spreads, kept.surprises, kept.scales, kept.records,
        SETTINGS.nu, SETTINGS.weight_memory, WEIGHT_FLOOR,
    )  # fmt: skip
    return found


@lru_cache(maxsize=1)
def load_slide() -> Callable[..., Any]:
    """The compiled loops, or the same in numpy."""
    return compile_loops(slide_pulses) or slide_pulses_at_once


def solve_pulses(frame: Frame, grid: Floats, kept: Filtered, columns: Floats) -> tuple[Floats, float]:
    """Heights of several pulses at once, averaged over the models, and the variance of the first.

    The same generalised least squares as of one pulse, all surprises of all columns together.
    """
    days, pulses = columns.shape
    models = grid.shape[0]
    carried = np.zeros((models, pulses, kept.gains.shape[2]))
    information = np.zeros((models, pulses, pulses))
    evidence = np.zeros((models, pulses))
    moved = np.zeros((days, models, pulses))
    first = int(np.argmax(columns.any(axis=1)))
    for t in range(first, days):
        if not np.isnan(frame.z[t]):
            value = columns[t] - _observe(carried, frame, t)
            moved[t] = value
            weight = 1.0 / kept.used_spreads[t]
            information += value[:, :, None] * value[:, None, :] * weight[:, None, None]
            evidence += value * (kept.surprises[t] * weight)[:, None]
            carried += value[:, :, None] * kept.gains[t][:, None, :]
        _carry_on(carried, grid)
    information += np.eye(pulses) / WIDE**2
    inverse = np.linalg.inv(information)
    theta = np.einsum("mij,mj->mi", inverse, evidence)
    score = kept.records[-1] + grid[:, 5] - 0.5 * np.linalg.slogdet(information)[1]
    change = np.zeros(models)
    nu = SETTINGS.nu
    for t in range(max(first, 1), days):
        if not np.isnan(frame.z[t]):
            wide = nu * kept.spreads[t] * kept.scales[t - 1]
            left = kept.surprises[t] - np.einsum("mi,mi->m", moved[t], theta)
            gained = np.log(1.0 + kept.surprises[t] ** 2 / wide) - np.log(1.0 + left**2 / wide)
            change = SETTINGS.weight_memory * change + 0.5 * (nu + 1.0) * gained
    weights = np.exp(score + change - np.max(score + change))
    weights /= weights.sum()
    mean = weights @ theta
    own = kept.scales[-1] * inverse[:, 0, 0]
    return mean, float(weights @ (own + (theta[:, 0] - mean[0]) ** 2))


def slide_pulses_at_once(
    starts: Any, shape: Any, after: int, z: Any, weekday: Any, season: int, x: Any, grid: Any, gains: Any,
    spreads: Any, used_spreads: Any, surprises: Any, scales: Any, records: Any, nu: float, memory: float, floor: float,
) -> Any:  # fmt: skip
    """The same as `slide_pulses` in numpy, place by place and all models at once."""
    frame = Frame(z, z, weekday, season, x, True, 0.0, 1.0)
    height, variance = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
    length = shape.size
    for place, start in enumerate(starts):
        stop = int(start) + length + after
        if start < 1 or stop > z.size:
            continue
        base = records[stop - 1] + grid[:, 5]
        alive = np.flatnonzero(base >= base.max() + np.log(floor))
        rows = grid[alive]
        carried = np.zeros((alive.size, 1, gains.shape[2]))
        information, evidence = np.zeros(alive.size), np.zeros(alive.size)
        moved = np.zeros((length + after, alive.size))
        for t in range(int(start), stop):
            if not np.isnan(z[t]):
                value = -_observe(carried, frame, t)[:, 0] + (shape[t - start] if t - start < length else 0.0)
                moved[t - start] = value
                information += value * value / used_spreads[t, alive]
                evidence += value * surprises[t, alive] / used_spreads[t, alive]
                carried[:, 0] += value[:, None] * gains[t, alive]
            _carry_on(carried, rows)
        if not np.all(information > 1e-12):
            continue
        theta, spread = evidence / information, scales[stop - 1, alive] / information
        change = np.zeros(alive.size)
        for t in range(int(start), stop):
            if not np.isnan(z[t]):
                wide = nu * spreads[t, alive] * scales[t - 1, alive]
                left = surprises[t, alive] - moved[t - start] * theta
                gained = np.log(1.0 + surprises[t, alive] ** 2 / wide) - np.log(1.0 + left**2 / wide)
                change = memory * change + 0.5 * (nu + 1.0) * gained
        score = base[alive] + change - 0.5 * np.log(information)
        weights = np.exp(score - score.max())
        weights /= weights.sum()
        height[place] = weights @ theta
        variance[place] = weights @ spread + max(weights @ (theta * theta) - height[place] ** 2, 0.0)
    return height, variance


def _observe(carried: Any, frame: Frame, t: int) -> Any:
    """What a day would show of what is carried: by model and pulse."""
    value = carried[:, :, LEVEL] + carried[:, :, AUTOREGRESSION]
    if frame.season:
        value = value + carried[:, :, SEASON + frame.weekday[t]]
    return value + carried[:, :, SEASON + frame.season :] @ frame.x[t]


def _carry_on(carried: Any, grid: Any) -> None:
    """A day passes."""
    carried[:, :, LEVEL] += carried[:, :, SLOPE]
    carried[:, :, AUTOREGRESSION] *= grid[:, None, 1]


def cut_frame(frame: Frame, start: int, stop: int) -> Frame:
    """Some days of a frame."""
    return replace(
        frame,
        z=frame.z[start:stop],
        noise=frame.noise[start:stop],
        weekday=frame.weekday[start:stop],
        x=np.ascontiguousarray(frame.x[start:stop]),
    )
