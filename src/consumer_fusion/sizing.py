"""Sizing money: references follow the events on record, and money on record follows its reference."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from consumer_fusion import ingest, score
from consumer_fusion.records.points import BRAND_REFERENCES, PointsTable
from consumer_fusion.settlement import Landing
from consumer_fusion.stores import Session
from consumer_fusion.workspace import Workspace


def size_money(
    workspace: Workspace, session: Session, points: PointsTable, kind_ids: Mapping[str, int], landing: Landing,
    fresh: score.EventSource | None = None, *, taken: pa.Table | None = None, is_whole: bool = False,
) -> None:  # fmt: skip
    """Renew the references that new events move, and size money on record anew where they did.

    Args:
        workspace: The workspace.
        session: The transaction of the change.
        points: The points table in force.
        kind_ids: The number of each key.
        landing: Is told whose states must be folded anew.
        fresh: Events that are about to land (`score.renew_references`).
        taken: Events that were taken out of the record.
        is_whole: Look at all brands.
    """
    moved = score.renew_references(
        session, workspace.engine, workspace.folder, fresh, taken=taken, is_whole=is_whole
    )
    if not moved.num_rows:
        return
    consumers = ingest.resize_events(
        session,
        workspace.engine,
        workspace.folder,
        lambda relation: score.annotate_sql(points, kind_ids, relation),
        score.annotation_tables(points, kind_ids, session.read(BRAND_REFERENCES)),
        moved,
        workspace.now_us,
    )
    landing.refold_consumers |= consumers - {0}
