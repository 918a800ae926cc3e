"""The entry to the state-space filter: compiled where numba is installed, numpy otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.kernel import filter_models
from consumer_fusion.causal.filters.model_grid import ModelGrid
from consumer_fusion.causal.filters.vectorised import filter_models_at_once
from consumer_fusion.causal.series.series import Floats

Integers = npt.NDArray[np.int64]
NO_DAYS: Integers = np.zeros(0, dtype=np.int64)
NO_WINDOWS: Integers = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """The constants of the filter, the same for every series.

    Attributes:
        robust: Standard deviations beyond which the influence of an error on the state is limited.
        nu: Degrees of freedom of the density that weights the models.
        burn_in: Number of observed days before models are weighted.
        prior_days: Weight of the initial scale, in days.
        scale_memory: Daily discount factor of the scale's sums.
        weight_memory: Daily discount factor of the models' forecast records.
        level_var: Prior variance of the level.
        season_var: Prior variance of the season's effects.
        weight_floor: Models with less weight make no forecasts.
    """

    robust: float = 2.5
    nu: float = 6.0
    burn_in: float = 14.0
    prior_days: float = 5.0
    scale_memory: float = 0.995
    weight_memory: float = 0.99
    level_var: float = 1000.0
    season_var: float = 400.0
    weight_floor: float = 1e-3


DEFAULT_SETTINGS = FilterSettings()
SPARSE_SETTINGS = FilterSettings(robust=1e9)
"""For series of mostly zeros: a nonzero value is no outlier there, and clipping it would bias the mean."""


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The result of one pass.

    Attributes:
        one_mean: One-day-ahead forecast of each day.
        one_var: Its variance.
        win_mean: Mean of each window from each origin, in standardised units.
        win_var: Its variance.
        win_level: The same mean in the units of the values.
        win_within: Variance of the days of a window around its mean.
        weights: Weights of the models at the end.
        loglik: Their log likelihoods (Student-t).
        states: The models' states at the end of each kept day, by day and model, like all that follow.
        covs: Their covariances, relative to the scale.
        totals: Sums of squares of the standardised errors, behind the scale.
        counts: Divisors of these sums.
        records: Forecast record of each model by the day.
    """

    one_mean: Floats
    one_var: Floats
    win_mean: Floats
    win_var: Floats
    win_level: Floats
    win_within: Floats
    weights: Floats
    loglik: Floats
    states: Floats
    covs: Floats
    totals: Floats
    counts: Floats
    records: Floats


@dataclass(frozen=True, slots=True)
class FilterInput:
    """A series ready for the filter: standardised values, noise, weekdays and columns.

    Attributes:
        z: Standardised values, NaN where missing.
        noise: Multipliers of the noise variance.
        weekday: Index of the seasonal effect of each day.
        season: Number of seasonal effects.
        x: Columns of the coefficients.
        is_log: Whether z comes from logarithms.
        center: Subtracted from the values.
        scale: Divisor of the values.
        settings: The constants of the filter.
        lowest: Lower limit of expected values.
    """

    z: Floats
    noise: Floats
    weekday: Integers
    season: int
    x: Floats
    is_log: bool
    center: float
    scale: float
    settings: FilterSettings = DEFAULT_SETTINGS
    lowest: float = -np.inf

    @property
    def is_sparse(self) -> bool:
        """Whether it is filtered as a series of mostly zeros."""
        return self.settings == SPARSE_SETTINGS


def filter_frame(
    frame: FilterInput,
    grid: ModelGrid,
    specs: Integers,
    *,
    first_origin: int = 0,
    last_origin: int | None = None,
    kept: Integers = NO_DAYS,
) -> FilterResult:
    """Filter a series under every model of a grid and forecast the given windows from every day.

    Args:
        frame: The series.
        grid: The models.
        specs: Windows by row: days skipped after the origin, length in days.
        first_origin: The first day from which forecasts are made.
        last_origin: The last such day.
        kept: Days, rising, at whose end the models' states are kept, for bridges.
    """
    columns = frame.x.shape[1]
    return FilterResult(
        *load_filter()(
            frame.z,
            frame.noise,
            frame.weekday,
            frame.season,
            frame.x,
            grid.rows,
            grid.b_mean[:, :columns],
            grid.b_var[:, :columns],
            np.ascontiguousarray(specs, dtype=np.int64).reshape(-1, 2),
            first_origin,
            frame.z.size - 1 if last_origin is None else last_origin,
            np.array(astuple(frame.settings), dtype=np.float64),
            frame.is_log,
            frame.center,
            frame.scale,
            kept,
        )
    )


@lru_cache(maxsize=1)
def load_filter() -> Callable[..., Any]:
    """The compiled filter, or the numpy version where numba is not installed; both give the same numbers."""
    return compile_loops(filter_models) or filter_models_at_once


def compile_loops(loops: Callable[..., Any]) -> Callable[..., Any] | None:
    """Loops compiled by numba, cached on disk between runs; None where numba is not installed."""
    try:
        from numba import njit
    except ImportError:
        return None
    compiled: Callable[..., Any]
    try:
        compiled = njit(cache=True, error_model="numpy")(loops)
    except RuntimeError:
        # There is no writable folder for the cache: each process compiles the code again.
        compiled = njit(error_model="numpy")(loops)
    return compiled
