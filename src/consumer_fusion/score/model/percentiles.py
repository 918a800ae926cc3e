"""Percentiles: the rank of a score among the scores of its brand, exact or from a stored summary.

The stored summary of a large brand is as of its last refresh; it is refreshed when the points changed or after
a day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumer_fusion.records.pair_state import BRAND_SPREADS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import Session

FRESH_MICROSECONDS = DAY_MICROSECONDS
PERCENTILE_BOUND = 0.1
"""Maximum error, in percentage points, of a percentile from the stored summary."""
_MARKS_KEPT = 2_000
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

    def summarise_sorted(self) -> ScoreDistribution:
        """A summary in few values that gives a percentile within `PERCENTILE_BOUND`.

        Each value represents itself and those just below it, together fewer than a thousandth of all pairs; a
        score shared by more pairs is kept as it is.
        """
        if not len(self.values):
            return self
        size = max(1, int(self.ends[-1]) // _MARKS_KEPT)
        group = (self.ends - 1) // size
        is_shared = np.diff(self.ends, prepend=0) >= size
        is_last = np.ones(len(self.values), bool)
        is_last[:-1] = (group[:-1] != group[1:]) | is_shared[:-1] | is_shared[1:]
        return ScoreDistribution(self.values[is_last], self.ends[is_last])


def compute_distribution(scores: npt.ArrayLike) -> ScoreDistribution:
    """The distribution of scores given in any order."""
    values, counts = np.unique(_round(scores), return_counts=True)
    return ScoreDistribution(values, np.cumsum(counts))


def store_distribution(
    session: Session, brand_id: int, scores: npt.ArrayLike, as_of_us: int, points_version: str
) -> None:
    """Store the distribution of a brand's scores, in place of the former one."""
    spread = compute_distribution(scores).summarise_sorted()
    session.delete(BRAND_SPREADS, {"brand_id": brand_id})
    session.insert(
        BRAND_SPREADS,
        BRAND_SPREADS.column_names,
        (
            (brand_id, value, end, as_of_us, points_version)
            for value, end in zip(spread.values.tolist(), spread.ends.tolist(), strict=True)
        ),
    )


def forget_spreads(session: Session, brand_ids: Collection[int]) -> None:
    """Delete the stored distributions of brands, so that they are computed again."""
    session.delete(BRAND_SPREADS, {"brand_id": sorted(brand_ids)})


def read_percentiles(
    session: Session, brand_id: int, scores: Sequence[float], as_of_us: int, points_version: str
) -> tuple[list[float], int] | None:
    """The percentiles of scores within their brand from the stored distribution, within `PERCENTILE_BOUND`.

    Returns:
        From 0 to 100, and the as-of time of the distribution; None where none is fresh.
    """
    rows = session.read(BRAND_SPREADS, {"brand_id": brand_id}, order_by=("value",))
    if not rows.num_rows or any(
        row["points_version"] != points_version or abs(row["as_of_us"] - as_of_us) > FRESH_MICROSECONDS
        for row in rows.slice(0, 1).to_pylist()
    ):
        return None
    kept = ScoreDistribution(rows["value"].to_numpy(), rows["pairs_up_to"].to_numpy())
    return kept.rank(scores).tolist(), rows["as_of_us"][0].as_py()


def _round(scores: npt.ArrayLike) -> Ints:
    rounded: Ints = np.rint(np.asarray(scores, np.float64) * _UNIT).astype(np.int64)
    return rounded
