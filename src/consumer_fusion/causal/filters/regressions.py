"""Regressions that reduce the noise of comparisons: ridge, logistic ridge, and cross-fitting.

Plain numpy, deterministic. They only predict; effects are estimated in `audiences` and `uplift`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Learner = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Learns from features and outcomes, and predicts for other features."""

_RIDGES = 10.0 ** np.arange(-4.0, 5.0)
"""Penalties to try, in units of one row's information on a standardised feature."""

_NEWTON_ROUNDS = 30
_BENDS = (0.25, 0.5, 0.75)


def expand_features(features: FloatArray) -> FloatArray:
    """Standardised features with knots at their quartiles (linear splines), so that nonlinear relations can be fitted.

    Features are clipped at four standard deviations; a feature of two values gets no knots. Constant columns are left
    out.

    Args:
        features: One row a person; no missing values.
    """
    columns: list[FloatArray] = []
    for raw in np.asarray(features, dtype=np.float64).T:
        deviation = float(raw.std())
        if deviation <= 1e-12 * max(1.0, float(np.abs(raw).max())):
            continue
        one = np.clip((raw - raw.mean()) / deviation, -4.0, 4.0)
        columns.append(one)
        if np.unique(one[:1_000]).size > 2:
            knots = np.unique(np.quantile(one, _BENDS))
            columns += [np.maximum(one - knot, 0.0) for knot in knots if one.min() < knot < one.max()]
    if not columns:
        return np.zeros((features.shape[0], 0))
    return np.column_stack(columns)


def predict_ridge(features: FloatArray, outcome: FloatArray, others: FloatArray) -> FloatArray:
    """Fit a ridge regression and predict for other rows; the penalty is chosen by leave-one-out cross-validation.

    Args:
        features: Training rows, standardised.
        outcome: Outcome by row.
        others: Rows to predict for.
    """
    centre, level = features.mean(axis=0), float(outcome.mean())
    if features.shape[1] == 0 or outcome.size < 3:
        return np.full(others.shape[0], level)
    centred = features - centre
    # Eigenvectors of the small cross-product matrix: many rows, few columns.
    strength, turned = np.linalg.eigh(centred.T @ centred)
    strength = np.maximum(strength, 0.0)
    scores = centred @ turned
    reached = scores.T @ (outcome - level)
    best, best_loss = np.zeros(features.shape[1]), np.inf
    squares = scores**2
    for ridge in _RIDGES * outcome.size / 100.0:
        shrunk = reached / (strength + ridge)
        leverage = squares @ (1.0 / (strength + ridge)) + 1.0 / outcome.size
        left_out = (outcome - level - scores @ shrunk) / np.maximum(1.0 - leverage, 1e-6)
        loss = float(np.mean(left_out**2))
        if loss < best_loss:
            best, best_loss = turned @ shrunk, loss
    predicted: FloatArray = level + (others - centre) @ best
    return predicted


def predict_logistic(features: FloatArray, outcome: FloatArray, others: FloatArray) -> FloatArray:
    """Fit a logistic ridge regression and predict probabilities for other rows.

    The penalty is chosen from a few by validation on every fourth row.

    Args:
        features: Training rows, standardised.
        outcome: 0 or 1 by row.
        others: Rows to predict for.
    """
    share = float(np.clip(outcome.mean(), 1e-6, 1.0 - 1e-6))
    if features.shape[1] == 0 or outcome.size < 8:
        return np.full(others.shape[0], share)
    is_kept = np.arange(outcome.size) % 4 == 3
    best, best_loss = 1.0, np.inf
    for ridge in (0.1, 1.0, 10.0, 100.0):
        learnt = fit_logistic(features[~is_kept], outcome[~is_kept], ridge)
        log_odds = learnt[0] + features[is_kept] @ learnt[1:]
        loss = float(np.mean(np.logaddexp(0.0, log_odds) - outcome[is_kept] * log_odds))
        if loss < best_loss:
            best, best_loss = ridge, loss
    learnt = fit_logistic(features, outcome, best)
    return squash_log_odds(learnt[0] + others @ learnt[1:])


def fit_logistic(
    features: FloatArray, outcome: FloatArray, ridge: float, *, offset: FloatArray | None = None
) -> FloatArray:
    """Coefficients of a logistic regression, the intercept first and not penalised; by Newton's method.

    Args:
        features: Features by row.
        outcome: 0 or 1 by row.
        ridge: Half of it times the squared coefficients is added to the loss.
        offset: Known log-odds by row, which are not fitted.
    """
    design = np.column_stack([np.ones(outcome.size), features])
    known = np.zeros(outcome.size) if offset is None else offset
    penalty = np.full(design.shape[1], max(ridge, 1e-9))
    penalty[0] = 1e-9
    beta = np.zeros(design.shape[1])
    loss = _logistic_loss(design, outcome, known, beta, penalty)
    for _ in range(_NEWTON_ROUNDS):
        probability = squash_log_odds(known + design @ beta)
        gradient = design.T @ (outcome - probability) - penalty * beta
        spread = np.maximum(probability * (1.0 - probability), 1e-10)
        step = np.linalg.solve((design.T * spread) @ design + np.diag(penalty), gradient)
        size = 1.0
        # A full step may overshoot where groups are almost separate.
        while size > 1e-4:
            moved = beta + size * step
            moved_loss = _logistic_loss(design, outcome, known, moved, penalty)
            if moved_loss <= loss:
                break
            size /= 2.0
        is_settled = loss - moved_loss < 1e-10 * max(1.0, abs(loss))
        beta, loss = moved, moved_loss
        if is_settled:
            break
    return beta


def _logistic_loss(
    design: FloatArray, outcome: FloatArray, known: FloatArray, beta: FloatArray, penalty: FloatArray
) -> float:
    log_odds = known + design @ beta
    return float(np.sum(np.logaddexp(0.0, log_odds) - outcome * log_odds) + penalty @ beta**2 / 2.0)


def squash_log_odds(log_odds: FloatArray) -> FloatArray:
    """The probability of log-odds, in a form that cannot overflow."""
    probability: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return probability


def draw_folds(is_treated: BoolArray, count: int, seed: int) -> IntArray:
    """A random fold for each row, with equal shares of both arms in every fold."""
    chance = np.random.default_rng(seed)
    fold = np.zeros(is_treated.size, dtype=np.int64)
    for arm in (True, False):
        members = np.flatnonzero(is_treated == arm)
        fold[chance.permutation(members)] = np.arange(members.size) % count
    return fold


def predict_across_folds(
    learn: Learner, features: FloatArray, outcome: FloatArray, fold: IntArray, learns_from: BoolArray
) -> FloatArray:
    """Predict every row by a model fitted on the other folds.

    Args:
        learn: Fits a model and predicts.
        features: Features by row.
        outcome: Outcome by row; read for training rows only.
        fold: Fold by row.
        learns_from: Rows that may be used for training; all are predicted.
    """
    predicted = np.zeros(features.shape[0])
    for one in np.unique(fold):
        is_own = fold == one
        rows = ~is_own & learns_from
        predicted[is_own] = learn(features[rows], outcome[rows], features[is_own])
    return predicted
