"""Sensitivity: how strong an unmeasured confounder would have to be to explain an effect away.

The bound of Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022, "Long story short"), and the E-value of
VanderWeele and Ding (2017, Annals of Internal Medicine 167).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from consumer_fusion.causal.designs.audiences import GroupDifference


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The strength that an unmeasured confounder would need to have.

    Attributes:
        robustness: Share of the remaining variation, of both the exposure and the outcome, that it would have to
            explain to bring the effect to 0.
        robustness_interval: The same to bring 0 into the interval; 0 where it is there already.
        e_value: Factor by which it would have to multiply both the chance of being reached and that of the outcome.
        e_value_interval: The same for the end of the interval that is nearer to 0; 1 where it contains 0.
        bound_scale: The largest bias of a confounder with shares (a, b) is bound_scale x sqrt(a b / (1 - b)).
        benchmarks: By name of measured covariates: the shares of outcome and exposure that they explain, and the
            largest bias of a hidden confounder of that strength.
    """

    robustness: float
    robustness_interval: float
    e_value: float
    e_value_interval: float
    bound_scale: float
    benchmarks: Mapping[str, tuple[float, float, float]]


def bound_bias(
    adjusted: GroupDifference,
    *,
    bound_scale: float,
    deviation: float,
    strengths: Mapping[str, tuple[float, float]],
) -> Sensitivity:
    """Compute the strength a hidden confounder would need, and the bias of one as strong as measured covariates.

    Args:
        adjusted: The adjusted effect.
        bound_scale: Root of the mean squared residual of the outcome times that of the weights.
        deviation: Standard deviation of the outcome.
        strengths: By name of measured covariates: the shares that they explain of the outcome and of the exposure.
    """
    nearer = min(abs(adjusted.low), abs(adjusted.high)) if adjusted.low * adjusted.high > 0 else 0.0
    unit = deviation if deviation > 0 else math.inf
    return Sensitivity(
        robustness=find_robustness(adjusted.effect, bound_scale),
        robustness_interval=find_robustness(nearer, bound_scale),
        e_value=find_e_value(adjusted.effect / unit),
        e_value_interval=find_e_value(nearer / unit),
        bound_scale=bound_scale,
        benchmarks={
            name: (one, other, bound_scale * math.sqrt(one * other / (1.0 - other)))
            for name, (one, other) in strengths.items()
        },
    )


def find_robustness(effect: float, bound_scale: float) -> float:
    """The share r, of both outcome and exposure, with bound_scale x r / sqrt(1 - r) = |effect|."""
    if bound_scale <= 0.0:
        return 0.0
    square = (effect / bound_scale) ** 2
    return (math.sqrt(square**2 + 4.0 * square) - square) / 2.0


def find_e_value(standardised_effect: float) -> float:
    """The E-value of a difference in standard deviations, by the usual approximation RR = exp(0.91 d)."""
    ratio = math.exp(0.91 * min(abs(standardised_effect), 10.0))
    return ratio + math.sqrt(ratio * (ratio - 1.0))
