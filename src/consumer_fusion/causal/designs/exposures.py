"""Exposures: actions whose audience was not randomised; adjusted, bounded, and never called proof.

Cross-fitted doubly robust difference-in-differences (Sant'Anna and Zhao 2020, Journal of Econometrics 219, for the
effect on the people reached; augmented inverse probability weighting for everybody), with overlap trimming. Unmeasured
confounders may remain: `sensitivity` says how strong they would have to be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumer_fusion.causal.designs.audiences import (
    FEWEST_IN_ARM,
    GroupDifference,
    check_arms,
    write_difference,
)
from consumer_fusion.causal.designs.sensitivity import Sensitivity, bound_bias
from consumer_fusion.causal.filters.regressions import (
    BoolArray,
    FloatArray,
    IntArray,
    draw_folds,
    expand_features,
    predict_across_folds,
    predict_logistic,
    predict_ridge,
)
from consumer_fusion.errors import InputError, RefusedError

Estimand = Literal["exposed", "everyone"]

OVERLAP = (0.02, 0.98)
"""Bounds of the propensity: people reached almost surely, or almost surely not, have no counterparts."""

GOOD_BALANCE = 0.1
"""The usual threshold of a standardised mean difference above which two groups count as different."""

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class FeatureBalance:
    """The difference of two groups in a covariate known before, in standard deviations.

    Attributes:
        feature: Name of the covariate.
        before: The difference as the brand chose the groups.
        after: The difference after weighting and trimming.
    """

    feature: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class ExposureEffect:
    """The effect of an exposure that was not randomised.

    Attributes:
        naive: The plain difference after the action, which includes the influence of targeting.
        adjusted: The adjusted effect, for the people that overlap.
        estimand: The population: the people reached, or everybody.
        balance: Balance by covariate.
        sensitivity: Strength that a hidden confounder would need.
        kept: By person: whether they overlap.
        propensity: By person: the fitted probability of being reached.
        scores: By kept person: scores whose mean is the adjusted effect, for groups (`compare_groups`).
        trimmed_share: Share of people who were left out.
    """

    naive: GroupDifference
    adjusted: GroupDifference
    estimand: Estimand
    balance: tuple[FeatureBalance, ...]
    sensitivity: Sensitivity
    kept: BoolArray
    propensity: FloatArray
    scores: FloatArray
    trimmed_share: float

    @property
    def worst_balance(self) -> float:
        """The largest remaining standardised difference."""
        return max((abs(one.after) for one in self.balance), default=0.0)


@dataclass(frozen=True, slots=True)
class _Fit:
    """The estimate from the cross-fitted predictions of the people that overlap."""

    effect: float
    influence: FloatArray
    residual: FloatArray
    representer: FloatArray
    weight: FloatArray


def adjust_exposure(
    before: FloatArray,
    after: FloatArray,
    is_exposed: BoolArray,
    features: FloatArray,
    *,
    feature_names: Sequence[str],
    estimand: Estimand = "exposed",
    benchmarks: Mapping[str, Sequence[str]] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> ExposureEffect:
    """Compare the changes of people who were reached with those of similar people who were not.

    Args:
        before: Outcome in a period before, by person.
        after: Outcome in an equally long period after.
        is_exposed: Whether a person was reached.
        features: Covariates known before the exposure; include the outcome before.
        feature_names: Names of the columns.
        estimand: The effect on the people reached, or on everybody.
        benchmarks: Named sets of covariates that a hidden confounder is compared with; none if not given.
        alpha: Significance level; the intervals have a coverage of 1 - alpha.
        seed: Seed of the folds.

    Raises:
        InputError: Lengths differ or a value is missing.
        RefusedError: Too few people, or too few that overlap.
    """
    later, arm = check_arms(after, is_exposed)
    earlier, known = np.asarray(before, dtype=np.float64), np.asarray(features, dtype=np.float64)
    if earlier.shape != later.shape or known.shape != (later.size, len(feature_names)):
        raise InputError(
            f"Found {earlier.size} outcomes before, {later.size} after, features of shape {known.shape} and "
            f"{len(feature_names)} names.",
            hint="Give one row a person and one name a column.",
        )
    if not (np.isfinite(earlier).all() and np.isfinite(known).all()):
        raise InputError(
            "An outcome before or a feature is missing.",
            hint="Fill it in with 0 and add a feature that says so.",
        )
    expanded = expand_features(known)
    fold = draw_folds(arm, _FOLDS, seed)
    everyone = np.ones(arm.size, dtype=np.bool_)
    propensity = predict_across_folds(predict_logistic, expanded, arm.astype(np.float64), fold, everyone)
    kept = (propensity >= OVERLAP[0]) & (propensity <= OVERLAP[1])
    if min(int((arm & kept).sum()), int((~arm & kept).sum())) < FEWEST_IN_ARM:
        raise RefusedError(
            f"No conclusion: only {int((arm & kept).sum())} people who were reached and {int((~arm & kept).sum())} who "
            f"were not are similar enough to be compared; at least {FEWEST_IN_ARM} of each are needed.",
            hint="Hold out people at random next time: `fusion experiments draw` writes the list.",
        )
    change = (later - earlier)[kept]
    fit = _fit_change(expanded[kept], change, arm[kept], propensity[kept], fold[kept], estimand)
    error = float(fit.influence.std(ddof=1)) / math.sqrt(change.size)
    without = float(np.average(later[kept & arm])) - fit.effect
    adjusted = write_difference(fit.effect, error, change, arm[kept], without, alpha)
    naive = _compare_plainly(later, arm, alpha)
    strengths = {
        name: _measure_strength(known, feature_names, columns, change, arm, kept, fold, fit, estimand)
        for name, columns in (benchmarks or {}).items()
    }
    return ExposureEffect(
        naive=naive,
        adjusted=adjusted,
        estimand=estimand,
        balance=_weigh_balance(known, feature_names, arm, kept, fit.weight),
        sensitivity=bound_bias(
            adjusted,
            bound_scale=math.sqrt(float(np.mean(fit.residual**2)) * float(np.mean(fit.representer**2))),
            deviation=float(change.std()),
            strengths=strengths,
        ),
        kept=kept,
        propensity=propensity,
        scores=fit.effect + fit.influence,
        trimmed_share=1.0 - float(kept.mean()),
    )


def _fit_change(
    features: FloatArray,
    change: FloatArray,
    arm: BoolArray,
    propensity: FloatArray,
    fold: IntArray,
    estimand: Estimand,
) -> _Fit:
    treated = arm.astype(np.float64)
    without = predict_across_folds(predict_ridge, features, change, fold, ~arm)
    if estimand == "exposed":
        share = float(treated.mean())
        odds = (1.0 - treated) * propensity / (1.0 - propensity)
        residual = change - without
        weight = treated / share - odds / float(odds.mean())
        reached = float(np.mean(treated * residual) / share)
        unreached = float(np.mean(odds * residual) / odds.mean())
        influence = treated / share * (residual - reached) - odds / float(odds.mean()) * (
            residual - unreached
        )
        with_action = predict_across_folds(predict_ridge, features, change, fold, arm)
        left = change - np.where(arm, with_action, without)
        return _Fit(reached - unreached, influence, left, weight, np.where(arm, 1.0, odds))
    with_action = predict_across_folds(predict_ridge, features, change, fold, arm)
    weight = np.where(arm, 1.0 / propensity, -1.0 / (1.0 - propensity))
    left = change - np.where(arm, with_action, without)
    scores = with_action - without + weight * left
    effect = float(scores.mean())
    return _Fit(effect, scores - effect, left, weight, np.abs(weight))


def _compare_plainly(later: FloatArray, arm: BoolArray, alpha: float) -> GroupDifference:
    reached, others = later[arm], later[~arm]
    error = math.sqrt(float(reached.var(ddof=1) / reached.size + others.var(ddof=1) / others.size))
    without = float(others.mean())
    return write_difference(float(reached.mean()) - without, error, later, arm, without, alpha)


def _weigh_balance(
    features: FloatArray, names: Sequence[str], arm: BoolArray, kept: BoolArray, weight: FloatArray
) -> tuple[FeatureBalance, ...]:
    """Standardised mean differences, both over the standard deviation before weighting, so that they compare."""
    found = []
    for name, column in zip(names, features.T):
        spread = math.sqrt((float(column[arm].var()) + float(column[~arm].var())) / 2.0)
        scale = spread if spread > 0 else 1.0
        own, is_own = column[kept], arm[kept]
        after = np.average(own[is_own], weights=weight[is_own]) - np.average(
            own[~is_own], weights=weight[~is_own]
        )
        before = column[arm].mean() - column[~arm].mean()
        found.append(FeatureBalance(name, float(before) / scale, float(after) / scale))
    return tuple(found)


def _measure_strength(
    known: FloatArray,
    names: Sequence[str],
    left_out: Sequence[str],
    change: FloatArray,
    arm: BoolArray,
    kept: BoolArray,
    fold: IntArray,
    full: _Fit,
    estimand: Estimand,
) -> tuple[float, float]:
    """The explanatory power of some covariates beyond the others, for the outcome's residual and the weights."""
    columns = [place for place, name in enumerate(names) if name not in set(left_out)]
    reduced = expand_features(known[:, columns])
    everyone = np.ones(arm.size, dtype=np.bool_)
    propensity = predict_across_folds(predict_logistic, reduced, arm.astype(np.float64), fold, everyone)
    propensity = np.clip(propensity, *OVERLAP)
    fit = _fit_change(reduced[kept], change, arm[kept], propensity[kept], fold[kept], estimand)
    rest, rest_without = float(np.mean(full.residual**2)), float(np.mean(fit.residual**2))
    spread, spread_without = float(np.mean(full.representer**2)), float(np.mean(fit.representer**2))
    of_outcome = float(np.clip(1.0 - rest / rest_without, 0.0, 0.99))
    of_exposure = float(np.clip(1.0 - spread_without / spread, 0.0, 0.99))
    return of_outcome, of_exposure
