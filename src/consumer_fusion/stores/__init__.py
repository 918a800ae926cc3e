"""Where events become durable: the hot store and the sealed segments. Only this package speaks to a database."""

from __future__ import annotations

from consumer_fusion.stores.base import Between, Row, Session, Store, Value, Where
from consumer_fusion.stores.claims import Claim, claim_folder, sweep_claims
from consumer_fusion.stores.segments import (
    UNATTRIBUTED_BUCKET,
    add_segments,
    finish_file,
    forget_events,
    list_segments,
    place_digests,
    place_segment,
    remember_events,
    remove_segments,
    sweep_files,
    sync_folder,
)
from consumer_fusion.stores.sqlite import ARRIVAL_TABLES, STORE_TABLES, SQLiteStore

__all__ = [
    "ARRIVAL_TABLES",
    "STORE_TABLES",
    "UNATTRIBUTED_BUCKET",
    "Between",
    "Claim",
    "Row",
    "SQLiteStore",
    "Session",
    "Store",
    "Value",
    "Where",
    "add_segments",
    "claim_folder",
    "finish_file",
    "forget_events",
    "list_segments",
    "place_segment",
    "remember_events",
    "remove_segments",
    "sweep_claims",
    "sweep_files",
    "sync_folder",
]
    "place_digests",
