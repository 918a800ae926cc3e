"""Uplift: ranks people by how much an action helps them, learnt on a randomised audience, and validates the ranking.

People are ranked by cross-fitted predictions, and the ranking is evaluated by the Qini curve (Radcliffe 2007), written
with probabilities of assignment so that it also handles money and unequal arms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from consumer_fusion.causal.designs.audiences import (
    FEWEST_IN_ARM,
    GroupDifference,
    check_arms,
    compare_randomised,
    score_randomised,
)
from consumer_fusion.causal.filters.regressions import (
    BoolArray,
    FloatArray,
    draw_folds,
    expand_features,
    predict_across_folds,
    predict_ridge,
)
from consumer_fusion.causal.inference.shrinkage import find_critical_value
from consumer_fusion.errors import InputError

_FOLDS = 5
_CURVE_POINTS = 101


@dataclass(frozen=True, slots=True)
class QiniCurve:
    """The Qini curve of a ranking.

    Attributes:
        share: Share of people that get the action, in the order of the ranking.
        gain: Mean outcome gained per person of the audience, at each share.
        area: Area between the curve and the straight line of a random ranking: the Qini coefficient.
        standard_error: Standard error of the area.
        low: Lower end of its 95% interval.
        high: Upper end.
    """

    share: FloatArray
    gain: FloatArray
    area: float
    standard_error: float
    low: float
    high: float

    @property
    def is_better_than_chance(self) -> bool:
        """Whether the ranking is significantly better than a random one."""
        return self.low > 0.0


@dataclass(frozen=True, slots=True)
class UpliftRanking:
    """A ranking of people by how much an action helps them.

    Attributes:
        uplift: By person: the predicted gain, from similar people and without their own outcome.
        place: By person: rank, 0 for the largest predicted gain.
        curve: Qini curve of the ranking.
        parts: The effect in equal parts of the ranking, in its order.
    """

    uplift: FloatArray
    place: np.ndarray
    curve: QiniCurve
    parts: tuple[GroupDifference, ...]


def rank_uplift(
    outcome: FloatArray,
    is_treated: BoolArray,
    features: FloatArray,
    *,
    share_treated: float,
    parts: int = 5,
    seed: int = 0,
) -> UpliftRanking:
    """Rank the people of a randomised audience by predicted uplift, and evaluate the ranking.

    Args:
        outcome: Outcome by person.
        is_treated: Whether a person was assigned to the action, at random.
        features: Covariates known before the assignment, one row a person.
        share_treated: Probability of assignment to the action.
        parts: Number of equal parts of the ranking in which the effect is shown.
        seed: Seed of the folds.

    Raises:
        InputError: Lengths differ or a value is missing.
        RefusedError: An arm is too small.
    """
    values, arm = check_arms(outcome, is_treated)
    known = np.asarray(features, dtype=np.float64)
    if known.shape[0] != values.size or not np.isfinite(known).all():
        raise InputError(
            f"Found features of {known.shape[0]} people for {values.size} outcomes, or a missing one.",
            hint="Give one row a person, without missing values.",
        )
    scores = score_randomised(values, arm, share_treated, known, seed=seed)
    expanded = expand_features(known)
    fold = draw_folds(arm, _FOLDS, seed)
    everyone = np.ones(arm.size, dtype=np.bool_)
    uplift = predict_across_folds(predict_ridge, expanded, scores, fold, everyone)
    order = np.argsort(-uplift, kind="stable")
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    cut = [part for part in np.array_split(order, parts) if _has_both_arms(arm[part])]
    return UpliftRanking(
        uplift=uplift,
        place=place,
        curve=draw_qini(values, arm, uplift, share_treated=share_treated),
        parts=tuple(compare_randomised(values[part], arm[part], known[part]) for part in cut),
    )


def draw_qini(
    outcome: FloatArray, is_treated: BoolArray, uplift: FloatArray, *, share_treated: float
) -> QiniCurve:
    """The Qini curve of any ranking of a randomised audience; ties share their gain.

    Args:
        outcome: Outcome by person; any number, not only 0 and 1.
        is_treated: Whether a person was assigned to the action.
        uplift: Prediction by person, the largest first; it must not depend on their own outcome.
        share_treated: Probability of assignment to the action.
    """
    values, arm = check_arms(outcome, is_treated)
    if not 0.0 < share_treated < 1.0 or uplift.shape != values.shape:
        raise InputError(
            f"Found a share of {share_treated} and {uplift.size} predictions for {values.size} people.",
            hint="Give the probability of assignment, between 0 and 1, and one prediction a person.",
        )
    weight = np.where(arm, 1.0 / share_treated, -1.0 / (1.0 - share_treated))
    # Subtracting the overall mean reduces the noise of the same curve.
    scores = weight * (values - values.mean())
    rank = _rank_ties(uplift)
    # Area between the curve and the straight line, person by person: an early rank counts over more shares.
    parts = scores * (0.5 - rank)
    error = float(parts.std(ddof=1)) / math.sqrt(values.size)
    area = float(parts.mean())
    share = np.linspace(0.0, 1.0, _CURVE_POINTS)
    order = np.argsort(rank, kind="stable")
    gained = np.append(0.0, np.cumsum(scores[order])) / values.size
    half = find_critical_value(0.0) * error
    return QiniCurve(
        share=share,
        gain=np.interp(share, np.arange(values.size + 1) / values.size, gained),
        area=area,
        standard_error=error,
        low=area - half,
        high=area + half,
    )


def _rank_ties(uplift: FloatArray) -> FloatArray:
    """The share of people ranked before each, with half of those that have the same prediction."""
    _, place, counts = np.unique(-uplift, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    ranked: FloatArray = middle[place] / uplift.size
    return ranked


def _has_both_arms(arm: BoolArray) -> bool:
    return min(int(arm.sum()), int(arm.size - arm.sum())) >= FEWEST_IN_ARM
