"""Selection: kinds that according to the outcomes count for next to nothing are reduced to next to nothing.

The ridge of a calibration holds every multiplier near 1, and a kind can also disappear by a short half-life. So an
uninformative kind would keep many of its points. Two likelihood ratios decide instead: with next to no
points it must fit no worse than as learnt, and clearly better than with the points in force.
"""

from __future__ import annotations

import math

import numpy as np

from consumer_fusion.score.calibration.fitting import (
    FittedPoints,
    FittingProblem,
    fit_points,
    spread_parameters,
)
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.points.calibration_bounds import LEAST_MULTIPLIER

_DROPPED = math.log(LEAST_MULTIPLIER)
_FAINT_SHARE = 0.6
_MOST_DROPPED = 0.6
"""Maximum share of the contributions that may be dropped, so that the scale keeps a basis."""
_NOT_WORSE = 5.99
"""95th percentile of chi-squared with two degrees of freedom: a multiplier and a half-life, both fitted."""
_CLEARLY_BETTER = 6.63
"""99th percentile of chi-squared with one degree of freedom."""


def learn_points(problem: FittingProblem, start: FloatArray) -> FittedPoints:
    """Learn multipliers and half-lives, then reduce the kinds that turn out to be uninformative.

    Args:
        problem: Data and parameters of the fit.
        start: Initial parameters.
    """
    return _drop_faint_kinds(problem, fit_points(problem, start))


def _drop_faint_kinds(problem: FittingProblem, fit: FittedPoints) -> FittedPoints:
    """Reduce kinds to a twentieth of their points where the outcomes support it, the weakest first.

    Args:
        problem: Data and parameters of the fit.
        fit: Result of the fit.
    """
    pinned: dict[int, float] = {}
    share = measure_shares(problem, fit)
    for place in (int(one) for one in np.argsort(share, kind="stable")):
        if share[place] >= _FAINT_SHARE:
            break
        # Negative kinds keep at least half of their points, and all of them where points are not learnt.
        if problem.multiplier_bounds[place, 0] > _DROPPED:
            continue
        # If the kinds that carry the score were dropped, the others would only take over its scale.
        if problem.contribution[[*pinned, place]].sum() > _MOST_DROPPED:
            continue
        without = fit_points(problem, fit.theta, {**pinned, place: _DROPPED})
        if _compare_fits(problem, without, fit) > _NOT_WORSE:
            continue
        unchanged = fit_points(problem, fit.theta, {**pinned, place: 0.0})
        if _compare_fits(problem, unchanged, without) > _CLEARLY_BETTER:
            pinned[place] = _DROPPED
            fit = without
    return fit


def measure_shares(problem: FittingProblem, fit: FittedPoints) -> FloatArray:
    """By position: contribution of its kinds after over before, multiplier and half-life combined."""
    after_log_half_life = spread_parameters(problem, fit.log_half_life)
    before = problem.grid.fold(np.zeros_like(after_log_half_life))
    after = problem.grid.fold(after_log_half_life)
    is_learnt = problem.parameter >= 0
    place = problem.parameter[is_learnt]
    sums = [
        np.bincount(place, weights=fold.y.sum(axis=0)[is_learnt], minlength=problem.learnt_count)
        for fold in (before, after)
    ]
    shares: FloatArray = np.exp(fit.log_multiplier) * sums[1] / np.maximum(sums[0], 1e-12)
    return shares


def _compare_fits(problem: FittingProblem, worse: FittedPoints, better: FittedPoints) -> float:
    """Twice the difference of the log-likelihoods."""
    return 2.0 * problem.sample.pair_count * (worse.log_loss - better.log_loss)
