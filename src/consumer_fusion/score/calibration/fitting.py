"""Fitting: the loss function by which multipliers, half-lives and links are learnt, with its gradient.

`docs/concepts/calibration.md`: logistic loss of the outcome, half a Poisson quasi-likelihood of its money, a small
ridge, and an anchor that keeps the scale. Links are in `link_functions`; what may be learnt, and whether it comes
into force, is decided in `calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np

from consumer_fusion.errors import MissingExtraError
from consumer_fusion.score.calibration.half_life_grid import FoldGrid
from consumer_fusion.score.calibration.link_functions import (
    LINK_BOUNDS,
    LinkFunction,
    compute_link_loss,
    count_shifts,
    read_link,
    start_link,
)
from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.validity import BoolArray, FloatArray
from consumer_fusion.score.calibration.vectorised_score import DesignMatrix, compute_balances, trace_slopes

NEGATIVITY_BOUNDS = (1.5, 4.0)
_MULTIPLIER_RIDGE = 0.005
_HALF_LIFE_RIDGE = 0.0005
_ANCHOR = 5.0


@dataclass(frozen=True, slots=True)
class FittingProblem:
    """Data and parameters of a fit.

    Attributes:
        sample: The pairs to learn from.
        grid: Folds of the sample.
        design: Points of its kinds.
        parameter: By kind: position of its multiplier and half-life among the parameters; -1 where it keeps its own.
        is_negative: By position: whether it is shrunk towards the shared negativity.
        multiplier_bounds: By position: lower and upper bound of the log multiplier; both 0 where points are not learnt.
        half_life_bounds: By position: lower and upper bound of the log half-life factor.
        contribution: By position: share of the points that its kinds contributed before; adds up to 1.
        anchor: By position: the same for positive points; their geometric mean is kept, so that a score of 60 keeps its
            meaning. Negative kinds have no part: the less they took, the more all others would give.
        negativity: The constant in force, from which the shared multiplier starts.
        money: By pair: capped spend, scaled to a mean of 1; all 0 where there is none.
        money_scale: Value of 1 in `money`, in units of the brand.
        direction: 1, or -1 for an outcome that a good relationship makes rarer.
    """

    sample: Sample
    grid: FoldGrid
    design: DesignMatrix
    parameter: IntArray
    is_negative: BoolArray
    multiplier_bounds: FloatArray
    half_life_bounds: FloatArray
    contribution: FloatArray
    anchor: FloatArray
    negativity: float
    money: FloatArray
    money_scale: float
    direction: float

    @property
    def learnt_count(self) -> int:
        """Number of multipliers to learn."""
        return int(self.contribution.size)


@dataclass(frozen=True, slots=True)
class FittedPoints:
    """Result of a fit.

    Attributes:
        theta: All parameters, as `compute_loss` takes them.
        log_multiplier: Log multiplier by position.
        log_half_life: Log half-life factor by position.
        log_negativity: Logarithm of the shared multiplier of negatives.
        link: Link fitted with them.
        scale_drift: Geometric mean of the multipliers of positive kinds that were not dropped, by contribution,
            minus 1.
        log_loss: Mean negative log-likelihood of the outcome alone.
    """

    theta: FloatArray
    log_multiplier: FloatArray
    log_half_life: FloatArray
    log_negativity: float
    link: LinkFunction
    scale_drift: float
    log_loss: float


def spread_parameters(problem: FittingProblem, learnt: FloatArray) -> FloatArray:
    """Learnt logarithms by kind; 0 for kinds that keep their own values."""
    return np.where(problem.parameter >= 0, np.append(learnt, 0.0)[problem.parameter], 0.0)


def compute_loss(theta: FloatArray, problem: FittingProblem) -> tuple[float, FloatArray]:
    """The loss and its gradient.

    Args:
        theta: Log multipliers, log half-life factors, log negativity, then the parameters of the link.
        problem: Data and parameters of the fit.
    """
    misfit, gradient = _compute_misfit(theta, problem, problem.money)
    count = problem.learnt_count
    if count == 0:
        return misfit, gradient
    log_multiplier, log_half_life = theta[:count], theta[count : 2 * count]
    own = log_multiplier - problem.is_negative * theta[2 * count]
    own_slope = 2.0 * _MULTIPLIER_RIDGE * own / count
    drift = float(problem.anchor @ log_multiplier)
    gradient[:count] += 2.0 * _ANCHOR * drift * problem.anchor + own_slope
    gradient[count : 2 * count] += 2.0 * _HALF_LIFE_RIDGE * log_half_life / count
    gradient[2 * count] -= float(own_slope @ problem.is_negative)
    held = _MULTIPLIER_RIDGE * float(np.mean(own**2)) + _HALF_LIFE_RIDGE * float(np.mean(log_half_life**2))
    return misfit + held + _ANCHOR * drift**2, gradient


def _compute_misfit(
    theta: FloatArray, problem: FittingProblem, money: FloatArray
) -> tuple[float, FloatArray]:
    """The part of the loss that comes from outcomes and this money, and its gradient."""
    count = problem.learnt_count
    multipliers = np.exp(spread_parameters(problem, theta[:count]))
    fold = problem.grid.fold(spread_parameters(problem, theta[count : 2 * count]))
    balances = compute_balances(fold, problem.design, multipliers)
    misfit, link_slope, weight = compute_link_loss(
        theta[2 * count + 1 :], balances.balance, problem.sample, money, problem.direction
    )
    gradient = np.zeros_like(theta)
    gradient[2 * count + 1 :] = link_slope
    if count:
        by_kind = trace_slopes(fold, problem.design, multipliers, balances, weight)
        gradient[:count] = _gather_slopes(problem, by_kind[0])
        gradient[count : 2 * count] = _gather_slopes(problem, by_kind[1])
    return misfit, gradient


def _gather_slopes(problem: FittingProblem, slopes: FloatArray) -> FloatArray:
    """Add up the slopes of the kinds by position."""
    is_learnt = problem.parameter >= 0
    gathered = np.zeros(problem.learnt_count)
    np.add.at(gathered, problem.parameter[is_learnt], slopes[is_learnt])
    return gathered


def fit_link(balance: FloatArray, problem: FittingProblem) -> FloatArray:
    """Fit only the link's parameters, to fixed balances; `read_link` converts them."""

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        loss, slope, _ = compute_link_loss(theta, balance, problem.sample, problem.money, problem.direction)
        return loss, slope

    return minimise_loss(evaluate, start_link(problem.sample), list_link_bounds(problem))


def list_link_bounds(problem: FittingProblem) -> list[tuple[float, float]]:
    """Bounds of a link's parameters, including the shifts of earlier cutoffs."""
    return [*LINK_BOUNDS, *[(-5.0, 5.0)] * (2 * count_shifts(problem.sample))]


def fit_points(
    problem: FittingProblem, start: FloatArray, pinned: dict[int, float] | None = None
) -> FittedPoints:
    """Learn multipliers, half-lives and the link together.

    Args:
        problem: Data and parameters of the fit.
        start: Initial parameters, as `compute_loss` takes them.
        pinned: By position: a fixed log multiplier, with the half-life unchanged.
    """
    count = problem.learnt_count
    lowest, highest = (math.log(bound / problem.negativity) for bound in NEGATIVITY_BOUNDS)
    kept = pinned or {}
    bounds = [*_list_pairs(problem.multiplier_bounds), *_list_pairs(problem.half_life_bounds)]
    for place, level in kept.items():
        bounds[place] = (level, level)
        bounds[count + place] = (0.0, 0.0)
    if not any(problem.is_negative[place] and low < high for place, (low, high) in enumerate(bounds[:count])):
        lowest = highest = 0.0
    bounds += [(min(lowest, 0.0), max(highest, 0.0)), *list_link_bounds(problem)]
    dropped = [place for place, level in kept.items() if level < 0.0]
    problem = replace(problem, anchor=_leave_out(problem.anchor, dropped))
    held = np.clip(start, [low for low, _ in bounds], [high for _, high in bounds])
    theta = minimise_loss(lambda one: compute_loss(one, problem), held, bounds)
    log_multiplier = theta[:count]
    return FittedPoints(
        theta=theta,
        log_multiplier=log_multiplier,
        log_half_life=theta[count : 2 * count],
        log_negativity=float(theta[2 * count]),
        link=read_link(theta[2 * count + 1 :], problem.money_scale, problem.direction),
        scale_drift=float(np.expm1(problem.anchor @ log_multiplier)),
        log_loss=_compute_misfit(theta, problem, np.zeros_like(problem.money))[0],
    )


def _list_pairs(bounds: FloatArray) -> list[tuple[float, float]]:
    return [(float(low), float(high)) for low, high in bounds]


def normalise_shares(amounts: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Amounts as shares of their total; those of another array where the total is 0."""
    total, rest = float(amounts.sum()), float(otherwise.sum())
    if total <= 0.0:
        return otherwise / rest if rest > 0.0 else otherwise
    return amounts / total


def _leave_out(anchor: FloatArray, places: list[int]) -> FloatArray:
    """The shares without those of dropped kinds: the scale is that of the remaining kinds."""
    rest = anchor.copy()
    rest[places] = 0.0
    return normalise_shares(rest, anchor)


def minimise_loss(
    evaluate: Callable[[FloatArray], tuple[float, FloatArray]],
    start: FloatArray,
    bounds: list[tuple[float, float]],
) -> FloatArray:
    """Minimise with L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995) within bounds.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise MissingExtraError(
            "Learning from outcomes needs scipy, which is not installed.",
            hint="Run: pip install 'consumer-fusion[calibrate]'.",
        ) from error
    with _hold_threads():
        found = minimize(
            evaluate,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            # At 1e-8 a flat direction ended where rounding led it: 3% apart for the same rows in another order.
            options={"maxiter": 500, "ftol": 1e-10},
        )
    return np.asarray(found.x, dtype=np.float64)


def _hold_threads() -> AbstractContextManager[object]:
    """Limit linear algebra to one thread, where `threadpoolctl` is installed.

    The matrices of L-BFGS-B are tiny; on a busy machine, waking threads for them takes most of the time.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits
