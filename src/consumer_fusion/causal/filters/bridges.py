"""Bridges: estimates of a window from the days on both sides of it, with its own days hidden.

No shape of an effect is assumed: no day of the window changes the forecast of another. The days of other actions nearby
are hidden too; where they share days with the window, the effect of each is assumed to be the same on all of its days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from consumer_fusion.causal.filters.bridge_covariances import bridge_models, bridge_places_at_once, mix_models
from consumer_fusion.causal.filters.bridge_kernel import COUNTED, SEEN, SKIPPED, bridge_places
from consumer_fusion.causal.filters.fitted_series import FittedSeries, TwoSidedErrors
from consumer_fusion.causal.filters.state_space import (
    NO_WINDOWS,
    FilterInput,
    FilterResult,
    Integers,
    compile_loops,
    filter_frame,
)
from consumer_fusion.causal.series.series import Floats, Window

AFTER_DAYS = 28
"""Most days after a window that are used for its estimate."""
MOST_PLACES = 150
"""Neighbouring placebos are much alike: with more places than this only every n-th is tried."""
WEIGHT_FLOOR = 1e-4
"""Models with less weight on the day before are left out."""
MOST_WITHIN = 0.5
"""Upper limit of the difference between a lognormal mean and the exponential of the mean logarithm, as a logarithm."""


@dataclass(frozen=True, slots=True)
class WindowForecast:
    """The forecast of a window and its error.

    Attributes:
        e: Observed less expected mean over all days: a difference of logarithms, or in the series' units.
        s: The standard deviation that the models give it.
        expected: Expected value by day of the window, in the series' units.
        spread: Standard deviation by day: of the logarithm, or in the series' units.
    """

    e: float
    s: float
    expected: Floats
    spread: Floats


def bridge_window(
    fitted: FittedSeries, window: Window, *, after: int, gap: int = 0, others: Sequence[Window] = ()
) -> WindowForecast:
    """Forecast a window from the days before it and a number of days after it.

    Args:
        fitted: The series.
        window: The days of the window.
        after: Number of days after the window that are used; with 0 it is a forecast from before.
        gap: Number of days before the window that are hidden too.
        others: Other actions, whose days are hidden.
    """
    first = fitted.series.first_day
    start = min([window.start_day - gap, *(other.start_day for other in others)])
    origin = start - 1 - first
    if origin < 0:
        nothing = np.full(window.days, np.nan)
        return WindowForecast(np.nan, np.nan, nothing, nothing)
    if not others:
        parts = np.repeat(np.array([SKIPPED, COUNTED, SEEN]), (gap, window.days, after))
        found = next(zip(*bridge_places_alike(fitted, np.array([origin]), parts)))
    else:
        found = bridge_among_others(fitted, window, start, gap, after, others)
    seen = fitted.series.values[window.start_day - first : window.end_day + 1 - first]
    return tell_bridge(fitted.frame, seen, *found)


def bridge_among_others(
    fitted: FittedSeries, window: Window, start_day: int, gap: int, after: int, others: Sequence[Window]
) -> tuple[Floats, Floats, float, float]:
    """A window from the day before `start_day` on, with the effects of other actions removed."""
    days = np.arange(start_day, window.end_day + 1 + after)
    is_own = (days >= window.start_day) & (days <= window.end_day)
    columns = np.zeros((days.size, len(others)))
    for place, other in enumerate(others):
        columns[:, place] = (days >= other.start_day) & (days <= other.end_day)
    origin = start_day - 1 - fitted.series.first_day
    kept = keep_states(fitted, np.array([origin]))
    begun = (kept.states[0], kept.covs[0], kept.totals[0], kept.counts[0], kept.records[0])
    is_hidden = columns.any(axis=1) | ((days >= window.start_day - gap) & (days <= window.end_day))
    told = bridge_models(fitted.frame, fitted.grid.rows, begun, origin, is_hidden, WEIGHT_FLOOR)
    return mix_models(told, np.flatnonzero(is_own[told.hidden]), columns[told.hidden])


def tell_bridge(
    frame: FilterInput, seen: Floats, path: Floats, each: Floats, mean_var: float, within: float
) -> WindowForecast:
    """Convert a standardised bridge to the units of the series."""
    known = np.isfinite(seen)
    spread = frame.scale * np.sqrt(np.maximum(each, 0.0))
    s = float(frame.scale * np.sqrt(max(mean_var, 0.0)))
    line = np.maximum(frame.center + frame.scale * path, -np.inf if frame.is_log else frame.lowest)
    if not known.any():
        return WindowForecast(np.nan, s, np.exp(line) if frame.is_log else line, spread)
    observed = float(seen[known].mean())
    if not frame.is_log:
        return WindowForecast(observed - float(line[known].mean()), s, line, spread)
    # A lognormal mean is above the exponential of the mean logarithm.
    expected = np.exp(line + min(0.5 * frame.scale**2 * within, MOST_WITHIN))
    floor = np.exp(frame.center - 20.0)
    e = np.log(max(observed, floor)) - np.log(max(float(expected[known].mean()), floor))
    return WindowForecast(float(e), s, expected, spread)


def slide_bridges(fitted: FittedSeries, length: int, after: int) -> TwoSidedErrors:
    """The same bridges at places that no action touches; cached with the series."""
    key = (length, after)
    if key not in fitted.bridges:
        frame = fitted.frame
        free = np.flatnonzero(fitted.find_placebo_origins(length + after))
        free = free[free + length + after < frame.z.size]
        step = max(length // 2, -(-free.size // MOST_PLACES), 1)
        places = np.ascontiguousarray(free[::step])  # numba would compile any other layout again
        parts = np.repeat(np.array([COUNTED, SEEN]), (length, after))
        found = bridge_places_alike(fitted, places, parts)
        days = places[:, None] + 1 + np.arange(length)
        told = [tell_bridge(frame, seen, *one) for seen, *one in zip(fitted.series.values[days], *found)]
        before = fitted.errors(length)
        e, s = np.array([one.e for one in told]), np.array([one.s for one in told])
        apart, alone = before.e[places] - e, before.s[places]
        known = np.isfinite(e) & np.isfinite(apart) & (s > 0) & (alone > 0)
        both = fitted.list_placebos(places[known], e[known], np.hypot(s, apart)[known], step)
        fitted.bridges[key] = TwoSidedErrors(
            both, fitted.list_placebos(places[known], apart[known], alone[known], step)
        )
    return fitted.bridges[key]


def bridge_places_alike(
    fitted: FittedSeries, places: Integers, parts: Integers
) -> tuple[Floats, Floats, Floats, Floats]:
    """The same pattern of hidden days at many places; arguments and result as in `bridge_kernel.bridge_places`."""
    frame = fitted.frame
    kept = keep_states(fitted, places)
    found: tuple[Floats, Floats, Floats, Floats] = load_bridges()(
        places, parts, frame.z, frame.noise, frame.weekday, frame.season, frame.x, fitted.grid.rows, kept.states,
        kept.covs, kept.totals, kept.counts, kept.records, np.array(astuple(frame.settings), dtype=np.float64),
        WEIGHT_FLOOR,
    )  # fmt: skip
    return found


def keep_states(fitted: FittedSeries, places: Integers) -> FilterResult:
    """The models' states at the end of each place; those of a single place are cached with the series."""
    if places.size != 1:
        return filter_frame(fitted.frame, fitted.grid, NO_WINDOWS, kept=places)
    if int(places[0]) not in fitted.states:
        fitted.states[int(places[0])] = filter_frame(fitted.frame, fitted.grid, NO_WINDOWS, kept=places)
    return fitted.states[int(places[0])]


@lru_cache(maxsize=1)
def load_bridges() -> Callable[..., Any]:
    """The compiled loops, or their numpy version."""
    return compile_loops(bridge_places) or bridge_places_at_once
