"""Imbalance: covariates that differ between two arms by more than chance explains, so that they were not randomised."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHOSEN = 0.001
"""Below this p-value for a covariate, the arms count as not randomised, whatever is claimed."""
WORTH_NAMING = 0.05
"""Below this p-value the covariate is named."""


def find_imbalances(
    features: NDArray[np.float64], names: Sequence[str], is_treated: NDArray[np.bool_], most_p: float
) -> list[str]:
    """The names of the covariates that differ between the arms, the largest difference first.

    Args:
        features: One row a person, one column for each covariate.
        names: Names of the columns.
        is_treated: By person.
        most_p: The largest p-value of a difference, corrected for the number of covariates (Bonferroni).
    """
    found = []
    for name, column in zip(names, features.T, strict=True):
        one, other = column[is_treated], column[~is_treated]
        error = math.sqrt(float(one.var() / one.size + other.var() / other.size))
        if error > 0:
            size = abs(float(one.mean() - other.mean())) / error
            if math.erfc(size / math.sqrt(2.0)) * features.shape[1] < most_p:
                found.append((size, name))
    return [name for _, name in sorted(found, key=lambda one: -one[0])]
