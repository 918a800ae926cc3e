"""Lists of pairs, page by page: some rows of many scores, by a sort value, then the consumer and the brand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumer_fusion.score.queries import answers
from consumer_fusion.score.states.brand_snapshots import BrandSnapshot

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Key = tuple[float, int, int]
"""End of a page: the sort value, the consumer and the brand."""


@dataclass(frozen=True, slots=True)
class PairArrays:
    """Pairs and what they are sorted by.

    Attributes:
        consumer_id: Their consumers, in ascending order.
        brand_id: Their brands, those of a consumer in ascending order.
        score: Their Fusion Scores.
        change: Changes of the scores.
    """

    consumer_id: IntArray
    brand_id: IntArray
    score: FloatArray
    change: FloatArray

    def take(self, places: IntArray) -> PairArrays:
        """Some of the pairs, in that order."""
        return PairArrays(
            self.consumer_id[places], self.brand_id[places], self.score[places], self.change[places]
        )


_NO_PAIRS = PairArrays(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))


def list_pairs(snapshot: BrandSnapshot) -> PairArrays:
    """The pairs of a brand."""
    consumer_id, score, change = (
        snapshot.scores[name].to_numpy() for name in ("consumer_id", "fusion_score", "change_28_days")
    )
    # One number for all rows, without memory for each.
    brand_id = np.broadcast_to(np.int64(snapshot.brand_id), len(consumer_id))
    return PairArrays(consumer_id, brand_id, score, change)


def list_page(
    parts: Iterable[PairArrays], order: answers.Order | None, after: Key | None, limit: int
) -> tuple[PairArrays, Key | None]:
    """The pairs of one page.

    Args:
        parts: All pairs; a part at a time is sorted only as far as the page needs it.
        order: Sort order; None for that of the consumers and brands.
        after: End of the previous page.
        limit: Maximum number of pairs.

    Returns:
        The pairs, and the end of the page if there are more.
    """
    first = _join([_NO_PAIRS, *(_choose(part, order, after, limit + 1) for part in parts)])
    values = _list_values(first, order)
    places = np.lexsort((first.brand_id, first.consumer_id, values))
    page = first.take(places[:limit])
    if len(places) <= limit:
        return page, None
    last = places[limit - 1]
    return page, (float(values[last]), int(first.consumer_id[last]), int(first.brand_id[last]))


def _choose(part: PairArrays, order: answers.Order | None, after: Key | None, count: int) -> PairArrays:
    """The first pairs of a part after a page; of equal ones those that come first."""
    values = _list_values(part, order)
    places = np.arange(len(values))
    if after is not None:
        value, consumer, brand = after
        is_later = (part.consumer_id > consumer) | ((part.consumer_id == consumer) & (part.brand_id > brand))
        places = np.flatnonzero((values > value) | ((values == value) & is_later))
    return part.take(places[answers.find_first(values[places], count)])


def _list_values(pairs: PairArrays, order: answers.Order | None) -> FloatArray:
    return answers.order_values(order, pairs.score, pairs.change)


def _join(parts: list[PairArrays]) -> PairArrays:
    return PairArrays(
        np.concatenate([part.consumer_id for part in parts]),
        np.concatenate([part.brand_id for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.change for part in parts]),
    )
