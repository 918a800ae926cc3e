"""Shrinkage: estimates each of many small effects of one kind from all of them, with intervals that need no prior.

Estimates of one group (action type and metric) are shrunk towards their mean by how noisy each is. The intervals
are the robust empirical-Bayes ones of Armstrong, Kolesar and Plagborg-Moller (2022, Econometrica 90: 2567-2602):
they hold on average over a group whatever the effects' distribution is, where those of a normal prior do not.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.errors import InputError

FloatArray = NDArray[np.float64]

FEWEST_IN_GROUP = 5
"""Fewer effects say nothing about how effects of their kind vary; they are not shrunk."""

_SECOND_MOMENT_STEP = 1e-3
"""Critical values are computed at second moments this far apart, relative: the error is far below what is shown."""


@dataclass(frozen=True, slots=True)
class ShrinkageEstimate:
    """One effect, estimated together with the others of its group.

    Attributes:
        group: The group, as given.
        group_size: Number of its effects.
        group_mean: Their mean, weighted by precision.
        group_deviation: Standard deviation of the true effects in the group.
        raw: The measured value.
        mean: The shrunk estimate.
        low: Lower end of the robust interval.
        high: Upper end of the robust interval.
        weight: Share of the measured distance from the group's mean that was kept; 1 where nothing was shrunk.
        sign_probability: Probability that the true effect has the sign of `mean`, if the effects are about normal.
        is_shrunk: Whether the group was large enough to learn from.
    """

    group: Hashable
    group_size: int
    group_mean: float
    group_deviation: float
    raw: float
    mean: float
    low: float
    high: float
    weight: float
    sign_probability: float
    is_shrunk: bool


@dataclass(frozen=True, slots=True)
class _GroupPrior:
    """The prior of a group: its mean, the variance of that mean and the variance of its effects."""

    mean: float
    mean_variance: float
    variance: float


def shrink_effects(
    estimates: Sequence[float] | FloatArray,
    standard_errors: Sequence[float] | FloatArray,
    groups: Sequence[Hashable],
    *,
    alpha: float = 0.05,
) -> tuple[ShrinkageEstimate, ...]:
    """Shrink effects towards the mean of their group.

    Args:
        estimates: On one scale within a group, logarithms for relative effects.
        standard_errors: Above 0; for a calibrated interval its half-width / 1.96.
        groups: The group of each estimate: (action type, metric).
        alpha: The intervals miss this share of a group's effects at most, on average.

    Returns:
        One for each estimate, in the order given.

    Raises:
        InputError: The lengths differ, or an estimate or standard error is no number or not above 0.
    """
    values, errors = np.asarray(estimates, dtype=np.float64), np.asarray(standard_errors, dtype=np.float64)
    if not values.shape == errors.shape == (len(groups),):
        raise InputError(
            f"Found {values.size} estimates, {errors.size} standard errors and {len(groups)} groups.",
            hint="Give one of each for every effect.",
        )
    if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors > 0).all()):
        raise InputError(
            "An estimate or standard error is not a number, or a standard error is not above 0.",
            hint="Leave out effects without a conclusion.",
        )
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    found: dict[int, ShrinkageEstimate] = {}
    for group, members in places.items():
        law = _learn_group(values[members], errors[members])
        for place in members:
            one = (float(values[place]), float(errors[place]))
            if len(members) < FEWEST_IN_GROUP:
                found[place] = _keep_raw(group, len(members), law, *one, alpha)
            else:
                found[place] = _shrink_one(group, len(members), law, *one, alpha)
    return tuple(found[place] for place in range(values.size))


def _learn_group(values: FloatArray, errors: FloatArray) -> _GroupPrior:
    """Mean weighted by precision, and variance by moments, with a floor above what noise alone would give."""
    variances = errors**2
    weights = 1.0 / (variances + np.median(variances) / 4.0)
    total = float(weights.sum())
    mean = float(weights @ values) / total
    moment = float(weights @ ((values - mean) ** 2 - variances)) / total
    # The floor of the paper's section 3.2: the mean of the positive part of a moment that is only noise.
    floor = 2.0 * float(weights**2 @ variances**2) / (total * float(weights @ variances))
    variance = max(moment, floor)
    return _GroupPrior(mean, float(weights**2 @ (variances + variance)) / total**2, variance)


def _shrink_one(
    group: Hashable, size: int, law: _GroupPrior, value: float, error: float, alpha: float
) -> ShrinkageEstimate:
    weight = law.variance / (law.variance + error**2)
    mean = law.mean + weight * (value - law.mean)
    # The mean is estimated too: its own variance adds to the bias that the critical value allows for.
    second_moment = ((1.0 - weight) / weight) ** 2 * (law.variance + law.mean_variance) / error**2
    half = find_critical_value(second_moment, alpha) * weight * error
    return ShrinkageEstimate(
        group=group,
        group_size=size,
        group_mean=law.mean,
        group_deviation=math.sqrt(law.variance),
        raw=value,
        mean=mean,
        low=mean - half,
        high=mean + half,
        weight=weight,
        sign_probability=_normal(abs(mean) / (math.sqrt(weight) * error)),
        is_shrunk=True,
    )


def _keep_raw(
    group: Hashable, size: int, law: _GroupPrior, value: float, error: float, alpha: float
) -> ShrinkageEstimate:
    half = find_critical_value(0.0, alpha) * error
    return ShrinkageEstimate(
        group=group,
        group_size=size,
        group_mean=law.mean,
        group_deviation=math.nan,
        raw=value,
        mean=value,
        low=value - half,
        high=value + half,
        weight=1.0,
        sign_probability=_normal(abs(value) / error),
        is_shrunk=False,
    )


def find_critical_value(second_moment: float, alpha: float = 0.05) -> float:
    """The critical value `cva` of Armstrong, Kolesar and Plagborg-Moller (2022), for a known second moment of bias.

    The smallest c such that |Z + b| > c has a probability of at most alpha for a standard normal Z and any
    distribution of the bias b with E[b^2] equal to the second moment.

    Args:
        second_moment: Second moment of the bias in standard errors of the shrunk estimate; 0 gives the usual normal
            quantile.
        alpha: Largest probability of a miss, between 0 and 1.
    """
    if not 0.0 < alpha < 1.0 or not second_moment >= 0.0:
        raise InputError(
            f"Found a second moment of {second_moment!r} and an alpha of {alpha!r}.",
            hint="Give a second moment of at least 0, and an alpha between 0 and 1.",
        )
    if second_moment < 1e-12:
        return _solve_critical_value(0.0, alpha)
    step = math.log1p(_SECOND_MOMENT_STEP)
    # Rounded up, so that an interval is never too short.
    return _solve_critical_value(math.exp(math.ceil(math.log(second_moment) / step) * step), alpha)


@lru_cache(maxsize=65_536)
def _solve_critical_value(second_moment: float, alpha: float) -> float:
    low = 0.0
    # By Chebyshev's inequality no critical value is larger than this.
    high = math.sqrt((1.0 + second_moment) / alpha)
    for _ in range(60):
        middle = (low + high) / 2.0
        if _find_largest_miss(second_moment, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def _find_largest_miss(second_moment: float, critical: float) -> float:
    """The least concave majorant, at the second moment, of the miss probability as a function of b^2."""
    if critical**2 > 3.0:
        touch = _find_touching_bias(critical)
        if second_moment < touch**2:
            at_zero = _miss(0.0, critical)
            return at_zero + (_miss(touch, critical) - at_zero) * second_moment / touch**2
    return _miss(math.sqrt(second_moment), critical)


def _find_touching_bias(critical: float) -> float:
    """The bias where the line from b = 0 touches the miss probability as a function of b^2."""
    low, high = 0.05, critical + 6.0
    at_zero = _miss(0.0, critical)
    for _ in range(50):
        bias = (low + high) / 2.0
        slope = _density(bias - critical) - _density(bias + critical)
        if _miss(bias, critical) - at_zero - bias * slope / 2.0 < 0.0:
            low = bias
        else:
            high = bias
    return high


def adjust_p_values(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """The q-values of Benjamini and Yekutieli (2001), for a list of significant effects.

    A list cut at q keeps the false discovery rate below q, however its tests depend on each other. Only such lists
    need it: a shrunk effect that is read by itself is already corrected.

    Args:
        p_values: One for each measured effect, significant or not.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.size == 0:
        return given
    order = np.argsort(given, kind="stable")
    ranks = np.arange(1, given.size + 1)
    stretched = given[order] * given.size * float(np.sum(1.0 / ranks)) / ranks
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.minimum.accumulate(stretched[::-1])[::-1], 1.0)
    return adjusted


def _miss(bias: float, critical: float) -> float:
    """The probability of |Z + bias| > critical."""
    return _normal(-critical - bias) + _normal(bias - critical)


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2.0))


def _density(value: float) -> float:
    return math.exp(-value * value / 2.0) / math.sqrt(2.0 * math.pi)
