"""Balances of many pairs at once: points applied to folded sums, with slopes, so that points can be learnt.

The same computation as that of the score (`docs/concepts/score.md`), in numpy for calibration and forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer_fusion.records.points import DIRECTIONS, Constants, PointsTable
from consumer_fusion.score.calibration.samples import FoldedSums
from consumer_fusion.score.calibration.validity import FloatArray


@dataclass(frozen=True, slots=True)
class DesignMatrix:
    """Points of some kinds as matrices, with one column per direction, facet and sign that occurs.

    Attributes:
        graded: Absolute points, by kind and column, that are multiplied by the magnitude.
        plain: Absolute points, by kind and column, that count once per event.
        sign: By column: 1 or -1.
        is_giving: By column: whether the consumer gives.
        constants: Constants of the score model.
    """

    graded: FloatArray
    plain: FloatArray
    sign: FloatArray
    is_giving: FloatArray
    constants: Constants


@dataclass(frozen=True, slots=True)
class ScoreMatrix:
    """Balances of all pairs, with their slopes.

    Attributes:
        balance: M of the model, by pair; the score is its logistic function.
        given: Points that the consumer gives, by pair.
        received: Points that the brand gives, by pair.
        column_slope: By pair and column: change of M for one more point in that column.
    """

    balance: FloatArray
    given: FloatArray
    received: FloatArray
    column_slope: FloatArray


def build_design(points: PointsTable, kinds: Sequence[str]) -> DesignMatrix:
    """Lay out the points of these kinds as matrices."""
    columns: dict[tuple[str, str, bool], int] = {}
    for key in kinds:
        for entry in points.kinds[key].entries:
            columns.setdefault((entry.direction, entry.facet, entry.points > 0), len(columns))
    graded = np.zeros((len(kinds), len(columns)))
    plain = np.zeros_like(graded)
    for row, key in enumerate(kinds):
        for entry in points.kinds[key].entries:
            column = columns[(entry.direction, entry.facet, entry.points > 0)]
            (graded if entry.is_graded else plain)[row, column] += abs(entry.points)
    return DesignMatrix(
        graded=graded,
        plain=plain,
        sign=np.array([1.0 if is_positive else -1.0 for _, _, is_positive in columns]),
        is_giving=np.array([1.0 if direction == DIRECTIONS[0] else 0.0 for direction, _, _ in columns]),
        constants=points.constants,
    )


def compute_balances(fold: FoldedSums, design: DesignMatrix, multipliers: FloatArray) -> ScoreMatrix:
    """Compute the balance of every pair of a fold, with each kind's points multiplied.

    Args:
        fold: Sums by pair and kind.
        design: Points of the same kinds.
        multipliers: Multiplier by kind.
    """
    constants = design.constants
    amount = _combine(fold.x, (design.graded.T * multipliers).T) + _combine(
        fold.y, (design.plain.T * multipliers).T
    )
    is_past_knee = amount > constants.knee
    beyond = np.where(is_past_knee, amount / constants.knee, 1.0)
    softened = np.where(is_past_knee, constants.knee * (1.0 + np.log(beyond)), amount) * design.sign
    given = softened[:, design.is_giving > 0.0].sum(axis=1)
    received = softened[:, design.is_giving == 0.0].sum(axis=1)
    gap = given - received
    width = np.sqrt(gap**2 + constants.balance_width**2)
    balance = (given + received) / 2.0 - constants.balance / 2.0 * (width - constants.balance_width)
    tilt = constants.balance / 2.0 * gap / width
    side_slope = np.outer(0.5 - tilt, design.is_giving) + np.outer(0.5 + tilt, 1.0 - design.is_giving)
    return ScoreMatrix(
        balance=balance, given=given, received=received, column_slope=side_slope * design.sign / beyond
    )


def trace_slopes(
    fold: FoldedSums, design: DesignMatrix, multipliers: FloatArray, balances: ScoreMatrix, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Propagate the slope of a loss in M back to each kind's log multiplier and log half-life.

    Args:
        fold: Sums by pair and kind, with their slopes.
        design: Points of the kinds.
        multipliers: Multiplier by kind.
        balances: Result of `compute_balances` for the same three.
        weight: By pair: derivative of the loss with respect to M.
    """
    by_column = balances.column_slope * weight[:, None]
    graded = _combine(by_column, design.graded.T)
    plain = _combine(by_column, design.plain.T)
    return (
        multipliers * np.sum(graded * fold.x + plain * fold.y, axis=0),
        multipliers * np.sum(graded * fold.x_slope + plain * fold.y_slope, axis=0),
    )


def _combine(columns: FloatArray, weights: FloatArray) -> FloatArray:
    """Matrix product for a sparse second factor, without starting threads for so little work."""
    combined = np.zeros((columns.shape[0], weights.shape[1]))
    for source, target in zip(*np.nonzero(weights), strict=True):
        combined[:, target] += columns[:, source] * weights[source, target]
    return combined


def compute_scores(balance: FloatArray, constants: Constants) -> FloatArray:
    """The Fusion Score of each balance."""
    scores: FloatArray = 100.0 / (1.0 + np.exp(-balance / constants.scale))
    return scores
