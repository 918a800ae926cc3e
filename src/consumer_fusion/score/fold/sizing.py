"""Sizing: a brand's own orders determine the size of its money and the half-lives of its consumers' events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from consumer_fusion.events.event_reader import (
    EventSelection,
    EventSource,
    find_pairs_of,
    open_events,
    read_identity_map,
)
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.events.rewriting import resize_events
from consumer_fusion.records.points import BRAND_REFERENCES, PointsTable
from consumer_fusion.score.fold.derivation import list_deriving_kinds
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
        landing: Receives the consumers whose derived events may have changed.
        fresh: Events that are about to land (`score.update_references`).
        taken: Events that were removed.
        with_all_brands: Whether to update all brands.

    Returns:
        The points, with the current rhythms of the brands.
    """
    moved, orders = update_references(
        session, workspace.engine, workspace.folder, fresh, taken=taken, with_all_brands=with_all_brands
    )
    resized: set[int] = set()
    sized = [key for key, kind in points.kinds.items() if kind.magnitude == "money"]
    if moved.num_rows:
        resized = resize_events(
            session,
            workspace.engine,
            workspace.folder,
            lambda relation: annotate_sql(points, kind_ids, relation),
            annotation_tables(points, kind_ids, session.read(BRAND_REFERENCES)),
            moved,
            [kind_ids[key] for key in sized],
            workspace.now_us,
        )
        parents = [kind_ids[key] for key in set(sized) & list_deriving_kinds(points)]
        if resized and parents and landing.consumers is not None:
            landing.consumers |= _find_consumers(workspace, session, parents, resized)
    # Fewer orders have too few gaps between them; a brand that had enough may have lost some.
    enough = {brand_id for brand_id, count in orders.items() if count > FEWEST_GAPS}
    looked_at = enough | (points.rhythms.keys() & orders.keys())
    paced: set[int] = set()
    if looked_at:
        paced = update_rhythms(
            session, workspace.engine, workspace.folder, None if with_all_brands else looked_at, fresh
        )
        points = replace(points, rhythms=read_rhythms(session))
    context = ScoreContext(session, workspace.engine, workspace.folder, points, kind_ids)
    following = [key for key, kind in points.kinds.items() if kind.follows_rhythm and kind.entries]
    for kinds, brand_ids in ((sized, resized - paced), (sorted({*sized, *following}), paced)):
        known = [each for each in sorted(brand_ids) if count_kept_states(session, each)]
        if known:
            refold(context, kinds=kinds, brand_ids=known)
            _forget_readings(workspace, session, known, fresh)
    return points


def _find_consumers(
    workspace: Workspace, session: Session, kind_ids: Collection[int], brand_ids: Collection[int]
) -> set[int]:
    """The canonical consumers with stored events of some kinds at some brands."""
    selection = EventSelection(brand_ids=brand_ids, kind_ids=kind_ids)
    columns = ("consumer_id", "brand_id", "kind_id")
    source = open_events(session, workspace.folder, selection, columns=columns)
    found = workspace.engine.read(
        f"select distinct consumer_id from {source.relation} e",
        step="find consumers with money from which events follow",
        tables=source.tables,
    )
    return set(found["consumer_id"].to_pylist())


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
