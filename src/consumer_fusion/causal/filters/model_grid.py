"""The fixed grid of models that are averaged: without an optimiser or random numbers, so that results are reproducible.

Level, season and regression on controls are those of Brodersen, Gallusser, Koehler, Remy and Scott (*Inferring causal
impact using Bayesian structural time-series models*, Annals of Applied Statistics 2015); where they sample the
variances by Gibbs sampling, each model here fixes them, and its forecast record determines its weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from consumer_fusion.causal.series.series import Floats

NOISE_SHARE = 0.7
"""The autoregressive share of the noise, where a model has an autoregression."""
SEASON_NOISE = 1e-4
"""Variance of the drift of the weekday effects, per day."""

LEVEL_NOISES = (1e-6, 3e-4, 2e-3, 8e-3, 2.5e-2, 8e-2, 0.4)
LEVEL_NOISES_WITH_COLUMNS = (1e-5, 1e-3, 8e-3, 5e-2, 0.4)
AUTOREGRESSIONS = (0.0, 0.35, 0.7)
SLOPES = (0.0, 0.005)
PRIOR_STEP = -0.3
"""Log prior weight of each faster level relative to the one before it, where there is no column."""
PRIOR_RACING = -4.0
"""Added for the fastest level: few series vary so fast, and those that do show it soon."""
CONTROL_PRIORS = ((0.0, False), (0.05, False), (0.02, True), (0.003, True))
"""Prior variance of the controls' coefficients, and whether their prior mean is one over their number:
the last two imply that the series moves as the mean of its controls does (difference in differences)."""


@dataclass(frozen=True, slots=True)
class ModelGrid:
    """The models of one series.

    Attributes:
        rows: By model: level noise, autoregression, its share of the noise, sd of the slope, season noise,
            log prior weight.
        b_mean: Prior means of the coefficients by model and column.
        b_var: Prior variances of the coefficients by model and column.
    """

    rows: Floats
    b_mean: Floats
    b_var: Floats


def build_grid(controls: int = 0, lags: int = 0, dummies: int = 0, *, is_sparse: bool = False) -> ModelGrid:
    """The models for a series with the given numbers of columns, in this order.

    Args:
        controls: Number of columns of control series.
        lags: Number of columns of the series itself a year ago.
        dummies: Number of columns of holidays.
        is_sparse: Whether to use a level alone, for a series of mostly zeros: anything more would go below 0.
    """
    columns = controls + lags + dummies
    rows: list[tuple[float, ...]] = []
    means: list[list[float]] = []
    variances: list[list[float]] = []
    if controls or lags:
        choices = product(LEVEL_NOISES_WITH_COLUMNS, AUTOREGRESSIONS, (0.0,), CONTROL_PRIORS)
    else:
        choices = product(LEVEL_NOISES, AUTOREGRESSIONS, SLOPES, CONTROL_PRIORS[:1])
    for level_noise, phi, slope, (variance, is_shared) in choices:
        if is_sparse and (phi > 0 or slope > 0):
            continue
        prior = 0.0 if controls or lags else PRIOR_STEP * LEVEL_NOISES.index(level_noise)
        prior += PRIOR_RACING if level_noise == LEVEL_NOISES[-1] else 0.0
        rows.append((level_noise, phi, NOISE_SHARE if phi > 0 else 0.0, slope, SEASON_NOISE, prior))
        mean = [1.0 / max(controls, 1) if is_shared else 0.0] * controls
        means.append(mean + [0.0] * (lags + dummies))
        lag_variance = variance if not is_shared else 0.3
        variances.append([variance] * controls + [lag_variance] * lags + [9.0] * dummies)
    return ModelGrid(
        np.array(rows),
        np.array(means).reshape(len(rows), columns),
        np.array(variances).reshape(len(rows), columns),
    )


def thin_grid(grid: ModelGrid) -> ModelGrid:
    """Every third model: enough for a quick check of a series."""
    return ModelGrid(grid.rows[::3].copy(), grid.b_mean[::3].copy(), grid.b_var[::3].copy())
