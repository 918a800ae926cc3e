"""Parent events: the stored events from which others are derived, read for derivation."""

from __future__ import annotations

import json
from collections.abc import Collection

from consumer_fusion.events.event_reader import EventSelection, open_events
from consumer_fusion.records.derived_event import ParentEvent
from consumer_fusion.records.perception import UNSCORED_MESSAGE_KINDS
from consumer_fusion.score.fold.derivation import RECOVERY_KIND, list_deriving_kinds
from consumer_fusion.score.score_context import ScoreContext


def read_parents(
    context: ScoreContext,
    *,
    consumers: Collection[int] | None = None,
) -> list[ParentEvent]:
    """The events from which others are derived or to which such a rule refers, and messages, oldest first."""
    kinds = ", ".join(f"'{kind}'" for kind in sorted({RECOVERY_KIND, *UNSCORED_MESSAGE_KINDS}))
    keys = {number: key for key, number in context.kind_ids.items()}
    wanted = ", ".join(str(context.kind_ids[key]) for key in sorted(list_deriving_kinds(context.points)))
    columns = (
        "source_id",
        "event_id",
        "occurred_us",
        "consumer_id",
        "brand_id",
        "kind",
        "kind_id",
        "magnitude",
        "trust",
        "properties",
        "parent_event_id",
    )
    source = open_events(
        context.session, context.folder, EventSelection(consumers=consumers), columns=columns
    )
    rows = context.engine.read(
        f"""
        select * from {source.relation} e
        where parent_event_id is null and (kind_id in ({wanted}) or kind in ({kinds}))
        order by occurred_us, source_id, event_id
        """,
        step="read events from which others follow",
        tables=source.tables,
    )
    return [
        ParentEvent(
            source_id=row["source_id"],
            event_id=row["event_id"],
            occurred_us=row["occurred_us"],
            consumer_id=row["consumer_id"],
            brand_id=row["brand_id"],
            kind=row["kind"],
            kind_key=keys.get(row["kind_id"], ""),
            magnitude=row["magnitude"],
            trust=row["trust"],
            properties=json.loads(row["properties"]) if row["properties"] else {},
        )
        for row in rows.to_pylist()
    ]
