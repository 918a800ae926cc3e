"""Number of events by day and channel."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import EventSelection, open_events
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Activity:
    """The events of a brand, or of all brands.

    Attributes:
        days: Table of `day`, `channel` and `event_count`.
        event_count: Number of events.
        oldest_event_us: Time of the oldest event; None without events.
        newest_event_us: Time of the newest event; None without events.
        newest_received_us: Time of the last arrival; None without events.
    """

    days: pa.Table
    event_count: int
    oldest_event_us: int | None
    newest_event_us: int | None
    newest_received_us: int | None


def count_activity(workspace: Workspace, brand: str | None = None) -> Activity:
    """Count the events of a brand.

    Args:
        workspace: The workspace.
        brand: Key of the brand; None for all brands.
    """
    with workspace.store.reading() as session:
        brand_ids = None if brand is None else list(find_keys(session, "brand", [brand]).values())
        source = open_events(
            session,
            workspace.folder,
            EventSelection(brand_ids=brand_ids),
            columns=("consumer_id", "brand_id", "kind_id", "day", "occurred_us", "received_us", "channel"),
        )
        rows = workspace.engine.read(
            "select day, channel, count(*) as event_count, min(occurred_us) as oldest_us, "
            "max(occurred_us) as newest_us, max(received_us) as received_us "
            f"from {source.relation} e group by day, channel order by 1, 2",
            step="count activity by channel",
            tables=source.tables,
        )
    return Activity(
        rows.select(["day", "channel", "event_count"]),
        pc.sum(rows["event_count"]).as_py() or 0,
        pc.min(rows["oldest_us"]).as_py(),
        pc.max(rows["newest_us"]).as_py(),
        pc.max(rows["received_us"]).as_py(),
    )
