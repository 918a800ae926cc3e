"""Snapshots: the scores of many pairs at one moment, by numbers, ranked and in order, to be shown page by page."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion import score
from consumer_fusion.kit.moments import DAY_MICROSECONDS
from consumer_fusion.points_in_force import POINTS_MARK, put_points_in_force
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.identity import MERGES
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.stores import Session
from consumer_fusion.workspace import Workspace

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Key = tuple[float, int, int]
"""Where a page ended: the value that is ordered by, the consumer, the brand."""
_SAME_SCORE = 1e-3
"""Between two moments a score fades a little; the pair did not move."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The scores of pairs at one moment.

    Attributes:
        as_of_us: The moment.
        rows: consumer_id, brand_id and the columns of a score.
        percentiles: Of each row within its brand.
        change: Since so many days before, where that was asked for.
    """

    as_of_us: int
    rows: pa.Table
    percentiles: FloatArray
    change: FloatArray | None = None
    _orders: dict[str, IntArray] = field(default_factory=dict, repr=False)

    @property
    def weight(self) -> int:
        """How many rows it keeps in memory."""
        return int(self.rows.num_rows) + 1_000

    def list_page(self, order: str | None, after: Key | None, limit: int) -> tuple[IntArray, Key | None]:
        """The places of the rows of one page.

        Args:
            order: lowest, highest, falling, rising, moving (either way) or None, by the numbers of consumer and brand.
            after: Where the page before ended.
            limit: At most so many rows.

        Returns:
            The places, and where the page ends if there are more.
        """
        places, values = self._sort(order), self._value(order)
        start = 0 if after is None else self._find_start(places, values, after)
        page = places[start : start + limit]
        if start + limit >= len(places) or not len(page):
            return page, None
        last = int(page[-1])
        return page, (float(values[last]), self._number("consumer_id", last), self._number("brand_id", last))

    def rank(self, consumer_id: int, value: float) -> float | None:
        """Where the score of a consumer lies among all pairs of the one brand that this is of; None without any.

        A pair that is not in it, or moved since, is placed by its score.
        """
        if not self.rows.num_rows:
            return None
        scores: FloatArray = self.rows["fusion_score"].to_numpy()
        places = self._sort(None)
        found = int(np.searchsorted(self.rows["consumer_id"].to_numpy(), consumer_id, sorter=places))
        if found < len(places) and self._number("consumer_id", int(places[found])) == consumer_id:
            if abs(scores[places[found]] - value) < _SAME_SCORE:
                return float(self.percentiles[places[found]])
        ordered = scores[self._sort("lowest")]
        below, up_to = np.searchsorted(ordered, value, "left"), np.searchsorted(ordered, value, "right")
        return float(100 * (below + (up_to - below) / 2) / len(ordered))

    def _number(self, name: str, place: int) -> int:
        return int(self.rows[name][place].as_py())

    def _value(self, order: str | None) -> FloatArray:
        scores: FloatArray = self.rows["fusion_score"].to_numpy()
        if order in (None, "lowest"):
            return scores if order else np.zeros(len(scores))
        if order == "highest":
            return -scores
        assert self.change is not None
        if order == "falling":
            return self.change
        return -self.change if order == "rising" else -np.abs(self.change)

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
) -> Snapshot:  # fmt: skip
    """Read the scores of pairs.

    Args:
        workspace: The workspace.
        as_of_us: The moment.
        consumers: Only of these, after merges.
        brand_ids: Only of these.
        change_days: Compare with so many days before.
        is_ranked: Whether all pairs of these brands are read, so that a place among them can be told.
    """
    rows = _read_scores(workspace, as_of_us, consumers, brand_ids)
    ranked = rank_scores(rows) if is_ranked else np.full(rows.num_rows, np.nan)
    if change_days is None:
        return Snapshot(as_of_us, rows, ranked)
    earlier = _read_scores(workspace, as_of_us - change_days * DAY_MICROSECONDS, consumers, brand_ids)
    return Snapshot(as_of_us, rows, ranked, _compare(workspace, rows, earlier))


def rank_scores(rows: pa.Table) -> FloatArray:
    """Percentiles within the brand: the share of its pairs below, half of equals included."""
    brands, scores = rows["brand_id"].to_numpy(), rows["fusion_score"].to_numpy()
    percentiles = np.empty(len(scores))
    order = np.argsort(brands, kind="stable")
    edges = np.flatnonzero(np.diff(brands[order])) + 1
    for places in np.split(order, edges) if len(order) else ():
        own = scores[places]
        ordered = np.sort(own)
        below, up_to = np.searchsorted(ordered, own, "left"), np.searchsorted(ordered, own, "right")
        percentiles[places] = 100 * (below + (up_to - below) / 2) / len(own)
    return percentiles


def read_version(session: Session) -> Hashable:
    """What scores follow from, in a few numbers: as long as they stay, only time changes a score."""
    return (
        session.summarise(EVENTS, "sequence", "max"),
        session.summarise(DERIVED_EVENTS, "sequence", "max"),
        session.count(DERIVED_EVENTS),
        session.read_mark(score.FOLDED_MARK),
        session.read_mark(score.NEWEST_MARK),
        session.read_mark(POINTS_MARK),
        session.summarise(SEGMENTS, "sealed_us", "max"),
        session.summarise(MERGES, "made_us", "max"),
        session.summarise(MERGES, "undone_us", "max"),
    )


def _read_scores(
    workspace: Workspace, as_of_us: int, consumers: Collection[int] | None, brand_ids: Collection[int] | None
) -> pa.Table:
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        states = score.read_states(
            session, workspace.engine, workspace.folder, force.points, force.kind_ids, as_of_us,
            consumers=consumers, brand_ids=brand_ids,
        )  # fmt: skip
    return score.score_states(workspace.engine, states, force.points, force.kind_ids).combine_chunks()


def _compare(workspace: Workspace, rows: pa.Table, earlier: pa.Table) -> FloatArray:
    numbered = rows.select(["consumer_id", "brand_id", "fusion_score"]).append_column(
        "place", pa.array(np.arange(rows.num_rows), pa.int64())
    )
    changes = workspace.engine.read(
        """
        select n.fusion_score - coalesce(e.fusion_score, 50) as change from newer n
        left join earlier e on e.consumer_id = n.consumer_id and e.brand_id = n.brand_id order by n.place
        """,
        step="compare with an earlier moment",
        tables={"newer": numbered, "earlier": earlier.select(["consumer_id", "brand_id", "fusion_score"])},
    )
    change: FloatArray = changes["change"].to_numpy()
    return change
