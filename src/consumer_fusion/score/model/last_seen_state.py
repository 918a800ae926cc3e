"""Last seen states of watched pairs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.alert import NOTICE_STANDINGS, LastSeenState
from consumer_fusion.storage.store import Session, Where

Pair = tuple[int, int]


def read_standings(
    session: Session, pairs: Collection[Pair], points_version: str
) -> dict[Pair, LastSeenState]:
    """The last seen states of pairs, as far as they are known and were read with the same points."""
    keys = pa.table(
        {
            "consumer_id": pa.array([consumer for consumer, _ in pairs], pa.int64()),
            "brand_id": pa.array([brand for _, brand in pairs], pa.int64()),
        }
    )
    return {
        (row["consumer_id"], row["brand_id"]): LastSeenState(row["fusion_score"], row["symbiosis"])
        for row in session.read_matching(NOTICE_STANDINGS, keys).to_pylist()
        if row["points_version"] == points_version
    }


def list_standings(session: Session, points_version: str) -> pa.Table:
    """The last seen states of all pairs, as far as they were read with the same points.

    Returns:
        consumer_id, brand_id, fusion_score, symbiosis.
    """
    return session.read(
        NOTICE_STANDINGS, {"points_version": points_version},
        columns=("consumer_id", "brand_id", "fusion_score", "symbiosis"),
    )  # fmt: skip


def forget_standings(
    session: Session,
    brand_ids: Collection[int] | None = None,
    *,
    spared: Callable[[], Collection[Pair]] = tuple,
) -> int:
    """Delete the last seen states of pairs of some brands, or of all, and return their number.

    Args:
        session: A writing session.
        brand_ids: The brands; None for all.
        spared: Returns the pairs to keep; called only where there are states of these brands.
    """
    if brand_ids is None:
        return session.delete(NOTICE_STANDINGS)
    where: Where = {"brand_id": sorted(brand_ids)}
    known = session.read(NOTICE_STANDINGS, where, columns=("consumer_id", "brand_id"))
    if not known.num_rows:
        return 0
    kept = set(spared())
    is_kept = [(row["consumer_id"], row["brand_id"]) in kept for row in known.to_pylist()]
    return session.delete_matching(NOTICE_STANDINGS, known.filter(pc.invert(pa.array(is_kept, pa.bool_()))))


def keep_standings(
    session: Session, standings: Mapping[Pair, LastSeenState], points_version: str, seen_us: int
) -> None:
    """Store the states of pairs, for the next comparison."""
    session.replace(
        NOTICE_STANDINGS,
        NOTICE_STANDINGS.column_names,
        [
            (*pair, each.fusion_score, each.symbiosis, points_version, seen_us)
            for pair, each in standings.items()
        ],
    )
