"""Unlikeness: what differs between two arms more than chance makes it, so that chance did not divide them alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHOSEN = 0.001
"""Below this p for something known, chance did not divide the people, whatever is claimed."""
WORTH_NAMING = 0.05
"""Below this p it is named."""


def find_unlike(
    features: NDArray[np.float64], names: Sequence[str], is_treated: NDArray[np.bool_], most_p: float
) -> list[str]:
    """The names of what differs between the arms, those that differ most first.

    Args:
        features: One row a person, one column for each thing known.
        names: Of the columns.
        is_treated: By person.
        most_p: The largest p, corrected for how many things there are, of what counts as unlike.
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
