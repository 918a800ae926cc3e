"""Audiences: what an action did to the people it reached, where chance chose them and where the brand did.

Chosen by chance: the difference, made sharper by what was known before (Lin 2013, Annals of Applied Statistics 7),
with HC2 errors. Looking again and again is in `sequences`, chosen by the brand in `exposures`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumer_fusion.causal.filters.regressions import (
    BoolArray,
    FloatArray,
    draw_folds,
    expand_features,
    fit_logistic,
    predict_across_folds,
    predict_ridge,
    squash_log_odds,
)
from consumer_fusion.causal.inference.shrinkage import ShrinkageEstimate, find_critical_value, shrink_effects
from consumer_fusion.errors import InputError, RefusedError

FEWEST_IN_ARM = 20
"""A smaller arm has no error that could be trusted."""

_FEWEST_OUTCOMES = 10
_MOST_LEVERAGE = 0.999
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """The effect on the people of an audience, or of a part of it.

    Attributes:
        effect: Mean outcome with the action minus without, per person.
        standard_error: Of the effect.
        low: Lower end of the interval.
        high: Upper end.
        p_value: Two-sided, of no effect.
        without: Mean outcome without the action.
        relative: The effect over that mean; not a number where the mean is not above 0.
        treated_count: People that the action was meant for.
        held_out_count: People that it was kept from.
    """

    effect: float
    standard_error: float
    low: float
    high: float
    p_value: float
    without: float
    relative: float
    treated_count: int
    held_out_count: int


def compare_randomised(
    outcome: FloatArray, is_treated: BoolArray, features: FloatArray | None = None, *, alpha: float = 0.05
) -> GroupDifference:
    """The effect of an action that chance assigned, made sharper by what was known before it.

    A regression on the assignment, centred features and their products (Lin 2013), with HC2 errors: it never says
    more than the randomisation warrants, and is no worse than the plain difference in large samples.

    Args:
        outcome: By person.
        is_treated: Assigned to the action, whether it then reached them or not.
        features: Known before the assignment: one row a person; None for the plain difference.
        alpha: One minus the level of the interval.

    Raises:
        InputError: Lengths differ or a value is missing.
        RefusedError: An arm is too small.
    """
    values, arm = check_arms(outcome, is_treated)
    known = np.zeros((values.size, 0)) if features is None else np.asarray(features, dtype=np.float64)
    if known.shape[0] != values.size or not np.isfinite(known).all():
        raise InputError(
            f"Found features of {known.shape[0]} people for {values.size} outcomes, or a missing one.",
            hint="Give one row a person, without missing values.",
        )
    centred = _keep_varying(known, arm)
    treated = arm.astype(np.float64)
    design = np.column_stack([np.ones(values.size), treated, centred, centred * treated[:, None]])
    inverse = np.linalg.pinv(design.T @ design, hermitian=True)
    coefficients = inverse @ (design.T @ values)
    residual = values - design @ coefficients
    # A person who alone decides a coefficient has leverage 1 and a residual of 0, which would say nothing.
    leverage = np.minimum(((design @ inverse) * design).sum(axis=1), _MOST_LEVERAGE)
    direction = design @ inverse[1]
    error = math.sqrt(float(np.sum(direction**2 * residual**2 / (1.0 - leverage))))
    return write_difference(float(coefficients[1]), error, values, arm, float(coefficients[0]), alpha)


def write_difference(
    effect: float, error: float, values: FloatArray, arm: BoolArray, without: float, alpha: float
) -> GroupDifference:
    """An effect with its interval and p, which agree with each other."""
    half = find_critical_value(0.0, alpha) * error
    return GroupDifference(
        effect=effect,
        standard_error=error,
        low=effect - half,
        high=effect + half,
        p_value=math.erfc(abs(effect) / (math.sqrt(2.0) * error)) if error > 0 else 1.0 - (effect != 0),
        without=without,
        relative=effect / without if without > 0 else math.nan,
        treated_count=int(arm.sum()),
        held_out_count=int(values.size - arm.sum()),
    )


def compare_log_odds(
    has_outcome: BoolArray, is_treated: BoolArray, features: FloatArray
) -> tuple[float, float]:
    """The log-odds of an outcome with the action minus without, for people alike in what was known before.

    Args:
        has_outcome: By person.
        is_treated: Assigned to the action.
        features: Known before the assignment: one row a person; no columns for the plain difference.

    Returns:
        The log-odds, and their standard error (sandwich).

    Raises:
        RefusedError: An arm, or those in it with the outcome or without, are too few.
    """
    happened, arm = check_arms(np.asarray(has_outcome, dtype=np.float64), is_treated)
    counts = [int(happened[arm == one].sum()) for one in (True, False)]
    least = min(*counts, int(arm.sum()) - counts[0], int((~arm).sum()) - counts[1])
    if least < _FEWEST_OUTCOMES:
        raise RefusedError(
            f"Cannot tell: the outcome came for {counts[0]} of {int(arm.sum())} with the action and {counts[1]} of "
            f"{int((~arm).sum())} without; {_FEWEST_OUTCOMES} with and without it in each are the least.",
            hint="Wait longer, or hold out more people next time.",
        )
    known = np.column_stack([arm.astype(np.float64), _keep_varying(features, arm)])
    coefficients = fit_logistic(known, happened, 1e-6)
    design = np.column_stack([np.ones(happened.size), known])
    probability = squash_log_odds(design @ coefficients)
    inverse = np.linalg.pinv((design.T * (probability * (1.0 - probability))) @ design, hermitian=True)
    direction = design @ inverse[1]
    error = math.sqrt(float(np.sum((direction * (happened - probability)) ** 2)))
    return float(coefficients[1]), error


def check_arms(outcome: FloatArray, is_treated: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Outcomes and arms, checked.

    Raises:
        InputError: Lengths differ or an outcome is missing.
        RefusedError: An arm is too small.
    """
    values, arm = np.asarray(outcome, dtype=np.float64), np.asarray(is_treated, dtype=np.bool_)
    if values.shape != arm.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(
            f"Found {values.size} outcomes for {arm.size} people, or a missing one.",
            hint="Give an outcome for everybody who was assigned: 0 for those who did nothing.",
        )
    treated = int(arm.sum())
    if min(treated, arm.size - treated) < FEWEST_IN_ARM:
        raise RefusedError(
            f"Cannot tell: {treated} people with the action and {arm.size - treated} without; {FEWEST_IN_ARM} of each "
            "are the least.",
            hint="Wait for more, or hold out more people next time.",
        )
    return values, arm


def _keep_varying(features: FloatArray, arm: BoolArray) -> FloatArray:
    """Centred features that vary within both arms; others would be told from noise alone."""
    if features.shape[1] == 0:
        return features
    is_kept = np.minimum(features[arm].std(axis=0), features[~arm].std(axis=0)) > 1e-12 * np.maximum(
        1.0, np.abs(features).max(axis=0)
    )
    kept = features[:, is_kept]
    centred = kept - kept.mean(axis=0)
    scaled: FloatArray = centred / np.maximum(centred.std(axis=0), 1e-300)
    return scaled


def score_randomised(
    outcome: FloatArray,
    is_treated: BoolArray,
    share_treated: float,
    features: FloatArray | None = None,
    *,
    seed: int = 0,
) -> FloatArray:
    """A score for each person whose mean is the effect, without bias, whatever was predicted for them.

    Args:
        outcome: By person.
        is_treated: Assigned to the action.
        share_treated: With which probability.
        features: Known before the assignment; None predicts the mean of the arm.
        seed: Of the folds.
    """
    values, arm = np.asarray(outcome, dtype=np.float64), np.asarray(is_treated, dtype=np.bool_)
    fold = draw_folds(arm, _FOLDS, seed)
    known = np.zeros((values.size, 0)) if features is None else expand_features(features)
    expected = [predict_across_folds(predict_ridge, known, values, fold, arm == one) for one in (False, True)]
    weight = np.where(arm, 1.0 / share_treated, -1.0 / (1.0 - share_treated))
    scores: FloatArray = (
        expected[1] - expected[0] + weight * (values - np.where(arm, expected[1], expected[0]))
    )
    return scores


def compare_groups(
    scores: FloatArray, groups: Sequence[Hashable], *, alpha: float = 0.05
) -> tuple[ShrinkageEstimate, ...]:
    """The effect within each group of people, drawn towards the mean of all as far as they are noisy.

    Args:
        scores: By person: `score_randomised`, or the scores of an adjusted comparison.
        groups: By person; groups of fewer than 20 are left out.
        alpha: One minus the level of the intervals.

    Returns:
        One for each group, in the order of first appearance; `group` is the group's name.
    """
    members: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    kept = {group: scores[places] for group, places in members.items() if len(places) >= FEWEST_IN_ARM}
    means = [float(one.mean()) for one in kept.values()]
    errors = [max(float(one.std(ddof=1)) / math.sqrt(one.size), 1e-12) for one in kept.values()]
    shrunk = shrink_effects(means, errors, ["all"] * len(kept), alpha=alpha)
    return tuple(replace(one, group=group) for group, one in zip(kept, shrunk))
