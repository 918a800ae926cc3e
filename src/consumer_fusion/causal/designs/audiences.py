"""Audiences: the effect of an action on the people it reached, where they were randomised or chosen by the brand.

Randomised: the difference of means, adjusted for covariates (Lin 2013, Annals of Applied Statistics 7) with HC2
errors. Repeated looks are in `confidence_sequences`, audiences chosen by the brand in `exposures`.
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
"""The error of a smaller arm cannot be trusted."""

_FEWEST_OUTCOMES = 10
_MOST_LEVERAGE = 0.999
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """The effect on the people of an audience, or of a part of it.

    Attributes:
        effect: Mean outcome with the action minus without, per person.
        standard_error: Its standard error.
        low: Lower end of the interval.
        high: Upper end.
        p_value: Two-sided p-value of no effect.
        without: Mean outcome without the action.
        relative: The effect over that mean; not a number where the mean is not above 0.
        treated_count: Number of people assigned to the action.
        held_out_count: Number of people held out.
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
    """The effect of a randomised action, adjusted for covariates known before it.

    A regression on the assignment, centred covariates and their products (Lin 2013), with HC2 errors: valid by the
    randomisation alone, and no less precise than the plain difference in large samples.

    Args:
        outcome: Outcome by person.
        is_treated: Whether a person was assigned to the action, reached or not.
        features: Covariates known before the assignment, one row a person; None for the plain difference.
        alpha: Significance level; the interval has a coverage of 1 - alpha.

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
    # A person who alone determines a coefficient has leverage 1 and a residual of 0, and so would add no error.
    leverage = np.minimum(((design @ inverse) * design).sum(axis=1), _MOST_LEVERAGE)
    direction = design @ inverse[1]
    error = math.sqrt(float(np.sum(direction**2 * residual**2 / (1.0 - leverage))))
    return write_difference(float(coefficients[1]), error, values, arm, float(coefficients[0]), alpha)


def write_difference(
    effect: float, error: float, values: FloatArray, arm: BoolArray, without: float, alpha: float
) -> GroupDifference:
    """An effect with its interval and p-value, which agree with each other."""
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
    """The log-odds ratio of an outcome with the action against without, adjusted for covariates known before.

    Args:
        has_outcome: Whether a person had the outcome.
        is_treated: Whether a person was assigned to the action.
        features: Covariates known before the assignment, one row a person; no columns for the plain ratio.

    Returns:
        The log-odds ratio and its standard error (sandwich estimator).

    Raises:
        RefusedError: An arm is too small, or has too few people with the outcome or without it.
    """
    happened, arm = check_arms(np.asarray(has_outcome, dtype=np.float64), is_treated)
    counts = [int(happened[arm == one].sum()) for one in (True, False)]
    least = min(*counts, int(arm.sum()) - counts[0], int((~arm).sum()) - counts[1])
    if least < _FEWEST_OUTCOMES:
        raise RefusedError(
            f"No conclusion: {counts[0]} of {int(arm.sum())} people with the action had the outcome, and {counts[1]} "
            f"of {int((~arm).sum())} without; at least {_FEWEST_OUTCOMES} with and without it are needed in each.",
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
    """Check outcomes and arms, and return them as arrays.

    Raises:
        InputError: Lengths differ or an outcome is missing.
        RefusedError: An arm is too small.
    """
    values, arm = np.asarray(outcome, dtype=np.float64), np.asarray(is_treated, dtype=np.bool_)
    if values.shape != arm.shape or values.ndim != 1 or not np.isfinite(values).all():
        raise InputError(
            f"Found {values.size} outcomes for {arm.size} people, or a missing one.",
            hint="Give an outcome for everyone who was assigned: 0 for those who did nothing.",
        )
    treated = int(arm.sum())
    if min(treated, arm.size - treated) < FEWEST_IN_ARM:
        raise RefusedError(
            f"No conclusion: {treated} people with the action and {arm.size - treated} without; at least "
            f"{FEWEST_IN_ARM} of each are needed.",
            hint="Wait for more, or hold out more people next time.",
        )
    return values, arm


def _keep_varying(features: FloatArray, arm: BoolArray) -> FloatArray:
    """Centred covariates that vary within both arms; others would be estimated from noise alone."""
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
    """A score for each person whose mean is an unbiased estimate of the effect, whatever the predictions are.

    Args:
        outcome: Outcome by person.
        is_treated: Whether a person was assigned to the action.
        share_treated: Probability of assignment to the action.
        features: Covariates known before the assignment; None predicts the mean of the arm.
        seed: Seed of the folds.
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
    """The effect within each group of people, shrunk towards the overall mean by how noisy it is.

    Args:
        scores: Score by person: from `score_randomised` or from an adjusted comparison.
        groups: Group by person; groups of fewer than 20 are left out.
        alpha: Significance level; the intervals have a coverage of 1 - alpha.

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
