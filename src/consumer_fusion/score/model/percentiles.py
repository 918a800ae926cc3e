"""Percentiles: the rank of a score among the scores of its brand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_UNIT = 10**6
"""Scores that agree to the sixth decimal are equal: computed alone and among all, a pair's differ in the last bits."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScoreDistribution:
    """Distribution of the scores of a brand.

    Attributes:
        values: Scores in millionths of a point, in ascending order.
        ends: Number of pairs with that score or a lower one.
    """

    values: Ints
    ends: Ints

    def rank(self, scores: npt.ArrayLike) -> Floats:
        """The percentile of each score: the share of the brand's pairs below, half of equals included, in percent."""
        wanted = _round(scores)
        percentiles = np.full(len(wanted), np.nan)
        if not len(self.values):
            return percentiles
        # Searching in ascending order makes better use of the processor's cache.
        order = np.argsort(wanted, kind="stable")
        found = np.searchsorted(self.values, wanted[order], "left")
        below = np.concatenate([[0], self.ends])[found]
        up_to = np.append(self.ends, self.ends[-1])[found]
        is_equal = np.append(self.values, -1)[found] == wanted[order]
        percentiles[order] = 100 * np.where(is_equal, (below + up_to) / 2, below) / self.ends[-1]
        return percentiles


def compute_distribution(scores: npt.ArrayLike) -> ScoreDistribution:
    """The distribution of scores given in any order."""
    values, counts = np.unique(_round(scores), return_counts=True)
    return ScoreDistribution(values, np.cumsum(counts))


def _round(scores: npt.ArrayLike) -> Ints:
    rounded: Ints = np.rint(np.asarray(scores, np.float64) * _UNIT).astype(np.int64)
    return rounded
