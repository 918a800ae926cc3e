"""Sizing: a brand's own orders determine the size of its money and the half-lives of its consumers' events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from consumer_fusion.events.event_reader import EventSource, find_pairs_of, read_identity_map
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.events.rewriting import resize_events
from consumer_fusion.records.points import BRAND_REFERENCES, PointsTable
from consumer_fusion.score.fold.folding import refold
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.money_references import update_references
from consumer_fusion.score.fold.rhythms import FEWEST_GAPS, read_rhythms, update_rhythms
from consumer_fusion.score.model.last_seen_state import forget_standings
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def update_sizing(
    workspace: Workspace,
    session: Session,
    points: PointsTable,
    kind_ids: Mapping[str, int],
    landing: AffectedConsumers,
    fresh: EventSource | None = None,
    *,
    taken: pa.Table | None = None,
    with_all_brands: bool = False,
) -> PointsTable:
    """Update references and rhythms after new orders, resize stored money and fold again where they changed.

    Args:
        workspace: The workspace.
        session: The transaction of the change.
        points: The points table in force.
        kind_ids: Number of each key.
        landing: Receives the consumers whose states must be folded again.
        fresh: Events that are about to land (`score.update_references`).
        taken: Events that were removed.
        with_all_brands: Whether to update all brands.

    Returns:
        The points, with the current rhythms of the brands.
    """
    moved, orders = update_references(
        session, workspace.engine, workspace.folder, fresh, taken=taken, with_all_brands=with_all_brands
    )
    if moved.num_rows:
        consumers = resize_events(
            session,
            workspace.engine,
            workspace.folder,
            lambda relation: annotate_sql(points, kind_ids, relation),
            annotation_tables(points, kind_ids, session.read(BRAND_REFERENCES)),
            moved,
            workspace.now_us,
        )
        landing.refold_consumers |= consumers - {0}
        _forget_readings(workspace, session, set(moved["brand_id"].to_pylist()), fresh)
    # Fewer orders have too few gaps between them; a brand that had enough may have lost some.
    enough = {brand_id for brand_id, count in orders.items() if count > FEWEST_GAPS}
    looked_at = enough | (points.rhythms.keys() & orders.keys())
    if not looked_at:
        return points
    paced = update_rhythms(
        session, workspace.engine, workspace.folder, None if with_all_brands else looked_at, fresh
    )
    points = replace(points, rhythms=read_rhythms(session))
    known = [each for each in sorted(paced) if count_kept_states(session, each)]
    if known:
        following = [key for key, kind in points.kinds.items() if kind.follows_rhythm and kind.entries]
        refold(
            ScoreContext(session, workspace.engine, workspace.folder, points, kind_ids),
            kinds=following,
            brand_ids=known,
        )
        _forget_readings(workspace, session, known, fresh)
    return points


def _forget_readings(
    workspace: Workspace, session: Session, brand_ids: Collection[int], fresh: EventSource | None
) -> None:
    """Forget the last seen scores of brands whose measure changed: that is no change of a relationship.

    A pair with a new event in the same transaction is still compared, since that event may have moved its score.
    """

    def list_fresh_pairs() -> set[tuple[int, int]]:
        if fresh is None:
            return set()
        pairs = find_pairs_of(workspace.engine, fresh)
        canonical = read_identity_map(session)
        return {(canonical.get(consumer_id, consumer_id), brand_id) for consumer_id, brand_id in pairs}

    forget_standings(session, brand_ids, spared=list_fresh_pairs)
