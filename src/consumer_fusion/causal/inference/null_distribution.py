"""Null distributions: how often an error without any effect reaches a multiple of its calibrated standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.causal.series.series import Floats

KNOTS = 160
"""Number of points of a stored distribution."""
LEAST_TAIL = 1e-6
"""The smallest p-value that is reported."""


@dataclass(frozen=True, slots=True)
class NullDistribution:
    """The share of placebo errors at or beyond a size: strictly falling from 1 to almost 0.

    Between its knots the logarithm of the share is a straight line; beyond the last one it falls as a power,
    as the largest errors of the placebos do. Being strictly falling, it gives each size one p-value and each
    level one bound, so that a p-value and an interval cannot contradict each other.

    Attributes:
        sizes: Sizes, rising from 0.
        shares: Log shares at or beyond them, falling from 0.
        power: Exponent of the tail: share ~ size ** -power.
    """

    sizes: Floats
    shares: Floats
    power: float

    def measure_tail(self, size: float) -> float:
        """The share of placebo errors at or beyond a size."""
        if not np.isfinite(size):
            return LEAST_TAIL
        if size >= self.sizes[-1]:
            log_share = self.shares[-1] - self.power * np.log(size / self.sizes[-1])
        else:
            log_share = float(np.interp(size, self.sizes, self.shares))
        return float(max(np.exp(log_share), LEAST_TAIL))

    def find_bound(self, alpha: float) -> float:
        """The size that a share `alpha` of placebo errors is at or beyond."""
        target = np.log(alpha)
        if target <= self.shares[-1]:
            return float(self.sizes[-1] * np.exp((self.shares[-1] - target) / self.power))
        return float(np.interp(-target, -self.shares, self.sizes))


def build_null_distribution(sizes: Floats, weights: Floats, windows: float) -> NullDistribution:
    """The null distribution of weighted sizes.

    Args:
        sizes: Calibrated absolute errors.
        weights: Weight of each.
        windows: Number of windows that do not overlap; one more at the far end guards against a small number.
    """
    order = np.argsort(sizes)
    sizes, weights = sizes[order], weights[order] / weights.sum()
    # Mid-ranks: half of a point's own weight lies beyond it.
    beyond = np.cumsum(weights[::-1])[::-1] - 0.5 * weights
    beyond = (beyond + 1.0 / (windows + 1.0)) / (1.0 + 1.0 / (windows + 1.0))
    lowest = max(float(beyond[-1]), 1.0 / (windows + 1.0))
    levels = np.unique(
        np.concatenate([np.geomspace(1.0, max(lowest, 1e-5), KNOTS), np.linspace(0.02, 1.0, KNOTS // 4)])
    )[::-1][1:]
    at = np.interp(-np.log(levels), -np.log(beyond), sizes)
    knots, first = np.unique(np.concatenate([[0.0], at]), return_index=True)
    shares = np.log(np.concatenate([[1.0], levels])[first])
    top = sizes >= at[np.argmin(np.abs(levels - 0.03))]
    base = float(sizes[top][0]) if top.any() else 1.0
    excess = np.log(np.maximum(sizes[top], 1e-12) / max(base, 1e-12))
    mean_excess = float((excess * weights[top]).sum() / weights[top].sum()) if top.any() else 0.0
    return NullDistribution(knots, shares, float(np.clip(1.0 / max(mean_excess, 1e-3), 2.0, 12.0)))


def mix_distributions(first: NullDistribution, second: NullDistribution, share: float) -> NullDistribution:
    """The mixture of two distributions, with the weight `share` for the second."""
    if share <= 0.0:
        return first
    if share >= 1.0:
        return second
    sizes = np.unique(np.concatenate([first.sizes, second.sizes]))
    tails = [
        (1.0 - share) * first.measure_tail(float(size)) + share * second.measure_tail(float(size))
        for size in sizes
    ]
    return NullDistribution(sizes, np.log(np.array(tails)), min(first.power, second.power))
