"""Standing: where a score lies among the scores of its brand, from a kept histogram where the brand is large.

A histogram is of the moment of its last refresh; it is refreshed when the points changed or a day went by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from consumer_fusion.kit.moments import DAY_MICROSECONDS
from consumer_fusion.records.state import BRAND_HISTOGRAMS
from consumer_fusion.stores import Session

BINS_PER_POINT = 10
FRESH_MICROSECONDS = DAY_MICROSECONDS


def keep_histogram(
    session: Session, brand_id: int, scores: pa.ChunkedArray, as_of_us: int, points_version: str
) -> None:
    """Keep how the scores of a brand are spread, in place of what was kept before."""
    bins, counts = np.unique(
        np.floor(scores.to_numpy() * BINS_PER_POINT).astype(np.int64), return_counts=True
    )
    session.delete(BRAND_HISTOGRAMS, {"brand_id": brand_id})
    session.insert(
        BRAND_HISTOGRAMS,
        BRAND_HISTOGRAMS.column_names,
        (
            (brand_id, each, count, as_of_us, points_version)
            for each, count in zip(bins.tolist(), counts.tolist(), strict=True)
        ),
    )


def find_standing_moment(session: Session, brand_id: int) -> int | None:
    """The moment of the histogram that is kept of a brand; None where there is none."""
    rows = session.read(BRAND_HISTOGRAMS, {"brand_id": brand_id}, columns=("as_of_us",), limit=1)
    return int(rows["as_of_us"][0].as_py()) if rows.num_rows else None


def read_standing(
    session: Session, brand_id: int, scores: Sequence[float], as_of_us: int, points_version: str
) -> list[float] | None:
    """The percentiles of scores within their brand: the share of its pairs below, half of equals included.

    Returns:
        From 0 to 100, or None where no fresh histogram is kept.
    """
    rows = session.read(BRAND_HISTOGRAMS, {"brand_id": brand_id}, order_by=("bin",)).to_pylist()
    if not rows or any(
        row["points_version"] != points_version or abs(row["as_of_us"] - as_of_us) > FRESH_MICROSECONDS
        for row in rows[:1]
    ):
        return None
    bins = np.array([row["bin"] for row in rows])
    counts = np.array([row["pair_count"] for row in rows], dtype=float)
    below = np.concatenate([[0.0], np.cumsum(counts)])
    places = []
    for score in scores:
        own = int(np.floor(score * BINS_PER_POINT))
        first = int(np.searchsorted(bins, own))
        equal = counts[first] if first < len(bins) and bins[first] == own else 0.0
        places.append(float(100 * (below[first] + equal / 2) / below[-1]))
    return places
