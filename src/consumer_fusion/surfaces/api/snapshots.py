"""Snapshots: the scores of many pairs at one as-of time, by id, ranked and sorted, for paging."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from consumer_fusion.score.queries import answers
from consumer_fusion.server.many_pairs import FloatArray, IntArray, read_pairs
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.workspace import Workspace

Key = tuple[float, int, int]
"""End of a page: the sort value, the consumer and the brand."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The scores of pairs at one as-of time.

    Attributes:
        as_of_us: As-of time, in microseconds since the epoch.
        rows: consumer_id, brand_id and the columns of a score.
        percentiles: Percentile of each row within its brand.
        change: Change over a number of days, where requested.
    """

    as_of_us: int
    rows: pa.Table
    percentiles: FloatArray
    change: FloatArray | None = None
    _orders: dict[str, IntArray] = field(default_factory=dict, repr=False)

    def list_page(self, order: str | None, after: Key | None, limit: int) -> tuple[IntArray, Key | None]:
        """The indices of the rows of one page.

        Args:
            order: lowest, highest, falling, rising, moving (both directions), or None for the order of the ids.
            after: End of the previous page.
            limit: Maximum number of rows.

        Returns:
            The indices, and the end of the page if there are more rows.
        """
        places, values = self._sort(order), self._value(order)
        start = 0 if after is None else self._find_start(places, values, after)
        page = places[start : start + limit]
        if start + limit >= len(places) or not len(page):
            return page, None
        last = int(page[-1])
        return page, (float(values[last]), self._number("consumer_id", last), self._number("brand_id", last))

    def _number(self, name: str, place: int) -> int:
        return int(self.rows[name][place].as_py())

    def _value(self, order: str | None) -> FloatArray:
        return answers.order_values(order, self.rows["fusion_score"].to_numpy(), self.change)

    def _sort(self, order: str | None) -> IntArray:
        name = order or ""
        if name not in self._orders:
            keys = (self.rows["brand_id"].to_numpy(), self.rows["consumer_id"].to_numpy(), self._value(order))
            self._orders[name] = np.lexsort(keys)
        return self._orders[name]

    def _find_start(self, places: IntArray, values: FloatArray, after: Key) -> int:
        ordered = values[places]
        first = int(np.searchsorted(ordered, after[0], "left"))
        last = int(np.searchsorted(ordered, after[0], "right"))
        ties = places[first:last]
        consumers = self.rows["consumer_id"].to_numpy()[ties]
        brands = self.rows["brand_id"].to_numpy()[ties]
        seen = (consumers < after[1]) | ((consumers == after[1]) & (brands <= after[2]))
        return first + int(np.sum(seen))


def take_snapshot(
    workspace: Workspace, as_of_us: int, *, consumers: Collection[int] | None = None,
    brand_ids: Collection[int] | None = None, change_days: int | None = None, is_ranked: bool = True,
    workers: WorkerPool | None = None,
) -> Snapshot:  # fmt: skip
    """Read the scores of pairs.

    Args:
        workspace: Workspace.
        as_of_us: As-of time, in microseconds since the epoch.
        consumers: Consumers, after merges; None for all.
        brand_ids: Brands; None for all.
        change_days: Number of days over which the change is computed; None for no change.
        is_ranked: Whether all pairs of these brands are read, so that percentiles can be computed.
        workers: Worker processes that read many pairs; None reads in this process.
    """
    wanted = (as_of_us, consumers, brand_ids, change_days)
    rows, change = workers.run(read_pairs, *wanted) if workers else read_pairs(workspace, *wanted)
    ranked = rank_scores(rows) if is_ranked else np.full(rows.num_rows, np.nan)
    return Snapshot(as_of_us, rows, ranked, change)


def rank_scores(rows: pa.Table) -> FloatArray:
    """The percentile of each row within its brand."""
    brands, scores = rows["brand_id"].to_numpy(), rows["fusion_score"].to_numpy()
    return answers.rank_within_brands(brands, scores, brands, scores)
