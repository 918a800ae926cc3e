"""Ingest: where an event enters. Files and streams become checked rows, accepted or set aside with a reason."""

from __future__ import annotations

from consumer_fusion.ingest.acceptance import (
    ensure_keys,
    find_duplicates,
    find_keys,
    land_in_inbox,
    name_entities,
    write_keys,
    write_segments,
)
from consumer_fusion.ingest.formats import Reading, choose_reading, find_files, read_reading, write_reading
from consumer_fusion.ingest.rewriting import rewrite_events
from consumer_fusion.ingest.sealing import seal_events
from consumer_fusion.ingest.staging import CANONICAL_SCHEMA, Staging, stage_batches, stage_events, stage_files

__all__ = [
    "CANONICAL_SCHEMA",
    "Reading",
    "Staging",
    "choose_reading",
    "ensure_keys",
    "find_duplicates",
    "find_files",
    "find_keys",
    "land_in_inbox",
    "name_entities",
    "read_reading",
    "rewrite_events",
    "seal_events",
    "stage_batches",
    "stage_events",
    "stage_files",
    "write_keys",
    "write_reading",
    "write_segments",
]
