"""Renewal of snapshots: with many events, brands are read again once many pairs changed or an hour passed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.pair_state import CHANGED_PAIRS
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries.answers import resolve_as_of
from consumer_fusion.score.queries.brand_scores import read_brand_scores, summarise_scores
from consumer_fusion.score.states.brand_snapshots import (
    KEPT_MICROSECONDS,
    begin_snapshots,
    find_newest_change,
    make_snapshot,
    read_snapshot_heads,
    sweep_snapshots,
    write_snapshots,
)
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import RangeCondition, Session
from consumer_fusion.workspace import Workspace

MANY_EVENTS = 200_000
"""Number of events of a workspace from which its brands have snapshots."""
STATES_TOGETHER = 1_000_000
"""Approximate number of states of which the scores are computed together."""
CHANGED_SHARE = 0.05
"""Share of the pairs of a brand that may have changed before it is read again."""
FEW_CHANGES = 1_000
"""Number of changes for which a brand is not read again, however small it is."""


def take_snapshots(workspace: Workspace, brand_ids: Collection[int]) -> int:
    """Compute and store snapshots of brands as of the default time.

    Args:
        workspace: The workspace.
        brand_ids: Brands.

    Returns:
        Number of snapshots that are in use now.
    """
    as_of_us = resolve_as_of(workspace, None)
    force = put_points_in_force(workspace)
    begun = begin_snapshots(workspace.store, brand_ids)
    with workspace.store.reading() as session:
        newest = find_newest_change(session)
        read = read_brand_scores(force.open(workspace, session), as_of_us, brand_ids=brand_ids)
    return write_snapshots(
        workspace.store,
        [
            (
                make_snapshot(
                    brand_id, as_of_us, force.points.version, scores,
                    newest_change=newest, snapshot_id=begun[brand_id],
                ),
                summarise_scores(
                    scores["fusion_score"].to_numpy(), scores["confidence"].to_numpy(),
                    scores["symbiosis"].combine_chunks().indices.to_numpy(),
                ),
            )
            for brand_id, scores in read.items()
        ],
    )  # fmt: skip


def keep_snapshots(workspace: Workspace) -> int:
    """Take the snapshots that are due, in batches of brands, and return their number."""
    with workspace.store.reading() as session:
        due = list_due_brands(workspace, session)
        sizes = {brand_id: count_kept_states(session, brand_id) for brand_id in due}
    done = sum(take_snapshots(workspace, together) for together in group_brands(sizes))
    sweep_snapshots(workspace.store)
    return done


def is_snapshot_due(workspace: Workspace) -> bool:
    """Whether a snapshot is missing or too old."""
    with workspace.store.reading() as session:
        return bool(list_due_brands(workspace, session))


def list_due_brands(workspace: Workspace, session: Session) -> list[int]:
    """The brands whose snapshot is too old, and in a workspace with many events those without one."""
    heads = read_snapshot_heads(session)
    brands: Collection[int] = heads.keys()
    if has_many_events(session):
        known = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
        brands = known["entity_id"].to_pylist()
    if not brands:
        return []
    version = put_points_in_force(workspace).points.version
    as_of_us = resolve_as_of(workspace, None)
    return [each for each in brands if _is_due(session, heads.get(each), version, as_of_us)]


def _is_due(session: Session, head: Mapping[str, Any] | None, version: str, as_of_us: int) -> bool:
    if head is None or head["points_version"] != version:
        return True
    if abs(as_of_us - head["as_of_us"]) > KEPT_MICROSECONDS:
        return True
    where = {"brand_id": head["brand_id"], "sequence": RangeCondition(above=head["newest_change"])}
    most: float = max(FEW_CHANGES, CHANGED_SHARE * head["pairs"])
    return session.count(CHANGED_PAIRS, where) > most


def has_many_events(session: Session) -> bool:
    """Whether reading all pairs of the workspace takes long, because of its number of events."""
    first, last = (session.summarise(EVENTS, "sequence", function) for function in ("min", "max"))
    inbox = 0 if first is None or last is None else int(last - first) + 1
    return inbox + sum(each.row_count for each in list_segments(session)) >= MANY_EVENTS


def group_brands(sizes: Mapping[int, int]) -> list[list[int]]:
    """Batches of brands, the largest first, limited by the number of their states.

    Args:
        sizes: Number of states of each brand.
    """
    groups: list[list[int]] = []
    count = 0
    for brand_id, size in sorted(sizes.items(), key=lambda each: -each[1]):
        if not groups or count + size > STATES_TOGETHER:
            groups.append([])
            count = 0
        groups[-1].append(brand_id)
        count += size
    return groups
