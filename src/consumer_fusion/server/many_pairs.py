"""Reads of many pairs: the functions that run in a worker process, and the threshold for using it.

They take a workspace and arguments that can be pickled, and return compact tables and arrays.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events import sealed_ids
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import read_brand_scores
from consumer_fusion.score.queries.score_queries import read_states
from consumer_fusion.score.snapshot_renewal import group_brands, has_many_events, take_snapshots
from consumer_fusion.score.states.brand_snapshots import BrandSnapshot, find_newest_change, make_snapshot
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MANY_STATES = 10_000
"""Number of state rows from which pairs are read in a worker process; fewer take less than a fifth of a second."""


def is_many(session: Session, brand_ids: Collection[int] | None) -> bool:
    """Whether some brands, or the workspace, are large enough that their pairs are read in a worker process."""
    if brand_ids is None:
        return has_many_events(session)
    return sum(count_kept_states(session, each) for each in brand_ids) >= MANY_STATES


def read_pairs(
    workspace: Workspace,
    as_of_us: int,
    consumers: Collection[int] | None,
    brand_ids: Collection[int] | None,
    change_days: int | None,
) -> tuple[pa.Table, FloatArray | None]:
    """The scores of pairs by id, and their changes.

    Args:
        workspace: Workspace.
        as_of_us: As-of time, in microseconds since the epoch.
        consumers: Consumers, after merges; None for all.
        brand_ids: Brands; None for all.
        change_days: Number of days over which the change is computed; None for no change.
    """
    rows = _read_scores(workspace, as_of_us, consumers, brand_ids)
    if change_days is None:
        return rows, None
    earlier = _read_scores(workspace, as_of_us - change_days * DAY_MICROSECONDS, consumers, brand_ids)
    return rows, _compare(workspace, rows, earlier)


def read_brand(workspace: Workspace, brand_id: int, as_of_us: int) -> BrandSnapshot:
    """The scores of all pairs of a brand as of a time, computed from their states."""
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        newest = find_newest_change(session)
        read = read_brand_scores(force.open(workspace, session), as_of_us, brand_ids=[brand_id])
    return make_snapshot(brand_id, as_of_us, force.points.version, read[brand_id], newest_change=newest)


def store_brand(workspace: Workspace, brand_id: int) -> None:
    """Take and store the snapshot of a brand."""
    take_snapshots(workspace, [brand_id])


def summarise_brands(workspace: Workspace, as_of_us: int) -> pa.Table:
    """One row per brand, as in `answers.summarise_brands`; in batches of brands, which needs less memory."""
    with workspace.store.reading() as session:
        if not is_many(session, None):
            return answers.summarise_brands(workspace, as_of=from_microseconds(as_of_us))
        brands = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
        sizes = {each: count_kept_states(session, each) for each in brands["entity_id"].to_pylist()}
    parts = [
        answers.summarise_brands(workspace, as_of=from_microseconds(as_of_us), brand_ids=together)
        for together in group_brands(sizes)
    ]
    return pa.concat_tables(parts).sort_by([("pairs", "descending"), ("brand", "ascending")])


def digest_segments(workspace: Workspace) -> None:
    """Compute the index of known event ids in segments before the first arrival needs it."""
    with workspace.store.reading() as session:
        # Within the session, so that no segment is deleted while it is read.
        sealed_ids.digest_segments(workspace.engine, workspace.folder, list_segments(session))


def _read_scores(
    workspace: Workspace, as_of_us: int, consumers: Collection[int] | None, brand_ids: Collection[int] | None
) -> pa.Table:
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        states = read_states(
            force.open(workspace, session),
            as_of_us,
            consumers=consumers,
            brand_ids=brand_ids,
        )
    return score_states(states, force.points, force.kind_ids).combine_chunks()


def _compare(workspace: Workspace, rows: pa.Table, earlier: pa.Table) -> FloatArray:
    numbered = rows.select(["consumer_id", "brand_id", "fusion_score"]).append_column(
        "place", pa.array(np.arange(rows.num_rows), pa.int64())
    )
    changes = workspace.engine.read(
        """
        select n.fusion_score - coalesce(e.fusion_score, 50) as change from newer n
        left join earlier e on e.consumer_id = n.consumer_id and e.brand_id = n.brand_id order by n.place
        """,
        step="compare with an earlier time",
        tables={"newer": numbered, "earlier": earlier.select(["consumer_id", "brand_id", "fusion_score"])},
    )
    change: FloatArray = changes["change"].to_numpy()
    return change
