"""Where events become durable: the hot store and the sealed segments. Only this package speaks to a database."""

from __future__ import annotations

from consumer_fusion.stores.base import Between, Row, Session, Store, Value, Where
from consumer_fusion.stores.claims import Claim, claim_folder, sweep_claims
from consumer_fusion.stores.segments import (
    UNATTRIBUTED_BUCKET,
    add_segments,
    find_unseen,
    finish_file,
    forget_events,
    list_segments,
    place_digests,
    place_segment,
    remember_events,
    remove_segments,
    sweep_files,
    sweep_replaced,
    sync_folder,
)
from consumer_fusion.stores.sqlite import (
    ARRIVAL_SCHEMA,
    STORE_SCHEMA,
    STORE_TABLES,
    VISIT_SCHEMA,
    Schema,
    SQLiteStore,
)

__all__ = [
    "ARRIVAL_SCHEMA",
    "STORE_SCHEMA",
    "STORE_TABLES",
    "UNATTRIBUTED_BUCKET",
    "VISIT_SCHEMA",
    "Between",
    "Claim",
    "Row",
    "SQLiteStore",
    "Schema",
    "Session",
    "Store",
    "Value",
    "Where",
    "add_segments",
    "claim_folder",
    "find_unseen",
    "finish_file",
    "forget_events",
    "list_segments",
    "place_digests",
    "place_segment",
    "remember_events",
    "remove_segments",
    "sweep_claims",
    "sweep_files",
    "sweep_replaced",
    "sync_folder",
]
