"""Uplift: whom an action helps, learnt on an audience that chance divided, and whether the ranking is worth anything.

People are ranked by what was predicted for them from others (across folds), and the ranking is judged by the Qini
curve (Radcliffe 2007), written with probabilities of assignment so that money and unequal arms are fine too.
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
    """What a ranking is worth.

    Attributes:
        share: Share of people that get the action, those ranked first first.
        gain: Mean outcome gained per person of the audience, at each share.
        area: Area between the curve and the straight line of a ranking by chance: the Qini coefficient.
        standard_error: Of the area.
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
        """Whether the ranking helps, beyond what chance gives."""
        return self.low > 0.0


@dataclass(frozen=True, slots=True)
class UpliftRanking:
    """Whom an action helps most.

    Attributes:
        uplift: By person: what others, who are like them, gained; predicted without their own outcome.
        place: By person: 0 for the one who is helped most.
        curve: What the ranking is worth.
        parts: The effect in equal parts of the ranking, the first first.
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
    """Rank the people of a randomised audience by whom the action helps, and say what the ranking is worth.

    Args:
        outcome: By person.
        is_treated: Assigned to the action, by chance.
        features: Known before the assignment; one row a person.
        share_treated: With which probability a person was assigned to it.
        parts: Into how many equal parts the ranking is cut to show the effect in each.
        seed: Of the folds.

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
        outcome: By person; any number, not only 0 and 1.
        is_treated: Assigned to the action.
        uplift: By person; those with the largest get the action first. It must not come from their own outcome.
        share_treated: With which probability a person was assigned to it.
    """
    values, arm = check_arms(outcome, is_treated)
    if not 0.0 < share_treated < 1.0 or uplift.shape != values.shape:
        raise InputError(
            f"Found a share of {share_treated} and {uplift.size} predictions for {values.size} people.",
            hint="Give the probability of assignment, between 0 and 1, and one prediction a person.",
        )
    weight = np.where(arm, 1.0 / share_treated, -1.0 / (1.0 - share_treated))
    # Without the mean of all, the same curve has less noise.
    scores = weight * (values - values.mean())
    rank = _rank_ties(uplift)
    # Area of the curve minus that of the straight line, person by person: who comes first counts over more shares.
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
    """The share of people ranked before each, half of those with the same prediction included."""
    _, place, counts = np.unique(-uplift, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2.0
    ranked: FloatArray = middle[place] / uplift.size
    return ranked


def _has_both_arms(arm: BoolArray) -> bool:
    return min(int(arm.sum()), int(arm.size - arm.sum())) >= FEWEST_IN_ARM
