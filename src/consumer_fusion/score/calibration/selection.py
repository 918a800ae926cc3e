"""Selection: kinds of which outcomes say that they count for next to nothing are brought down to that.

The ridge of a calibration holds every multiplier near 1, and a kind can also fade away by a short half-life. So a
kind that says nothing would keep much of its points. Two likelihood ratios decide instead: with next to no
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
"""At most this share of what was contributed may be dropped, so that the scale has something to stand on."""
_NOT_WORSE = 5.99
"""The 95th percentile of chi-squared with two degrees of freedom: a multiplier and a half-life, both searched for."""
_CLEARLY_BETTER = 6.63
"""The 99th percentile of chi-squared with one degree of freedom."""


def learn_points(problem: FittingProblem, start: FloatArray) -> FittedPoints:
    """Learn multipliers and half-lives, then bring down the kinds that turn out to say next to nothing.

    Args:
        problem: What is learnt from what.
        start: Parameters to start from.
    """
    return _drop_faint_kinds(problem, fit_points(problem, start))


def _drop_faint_kinds(problem: FittingProblem, fit: FittedPoints) -> FittedPoints:
    """Bring kinds down to a twentieth of their points where the outcomes ask for it; the faintest first.

    Args:
        problem: What is learnt from what.
        fit: What was learnt.
    """
    pinned: dict[int, float] = {}
    share = measure_shares(problem, fit)
    for place in (int(one) for one in np.argsort(share, kind="stable")):
        if share[place] >= _FAINT_SHARE:
            break
        # What takes points keeps at least half of them, and where points are not learnt, all.
        if problem.multiplier_bounds[place, 0] > _DROPPED:
            continue
        # Where the kinds that carry the score fell, the others would only take over its scale.
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
    """By learnt place: what its kinds contribute now over what they did before, multiplier and half-life together."""
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
