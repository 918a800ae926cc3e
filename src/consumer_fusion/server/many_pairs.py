"""Reads of many pairs: the functions that run in a worker process, and the threshold for using it.

They take a workspace and arguments that can be pickled, and return compact tables and arrays.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from consumer_fusion.events import sealed_ids
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import FALLING_DAYS, read_brand_scores
from consumer_fusion.score.snapshot_renewal import group_brands, has_many_events, take_snapshots
from consumer_fusion.score.states.brand_snapshots import BrandSnapshot, find_newest_change, make_snapshot
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

MANY_STATES = 10_000
"""Number of state rows from which pairs are read in a worker process; fewer take less than a fifth of a second."""


def is_many(session: Session, brand_ids: Collection[int] | None) -> bool:
    """Whether some brands, or the workspace, are large enough that their pairs are read in a worker process."""
    if brand_ids is None:
        return has_many_events(session)
    return sum(count_kept_states(session, each) for each in brand_ids) >= MANY_STATES


def read_brands(
    workspace: Workspace, brand_ids: Collection[int], as_of_us: int, change_days: int | None = FALLING_DAYS
) -> list[BrandSnapshot]:
    """The scores of all pairs of brands, computed from their states; in batches of brands, which needs less memory.

    Args:
        workspace: Workspace.
        brand_ids: Brands.
        as_of_us: As-of time, in microseconds since the epoch.
        change_days: Number of days over which changes are computed; None where they are not needed.

    Returns:
        A snapshot of each brand, in their order.
    """
    force = put_points_in_force(workspace)
    found: dict[int, BrandSnapshot] = {}
    with workspace.store.reading() as session:
        newest = find_newest_change(session)
        context = force.open(workspace, session)
        sizes = {each: count_kept_states(session, each) for each in brand_ids}
        for together in group_brands(sizes):
            read = read_brand_scores(context, as_of_us, brand_ids=together, change_days=change_days)
            for each, scores in read.items():
                found[each] = make_snapshot(
                    each, as_of_us, force.points.version, scores, newest_change=newest
                )
    return [found[each] for each in brand_ids]


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
