"""Ingest: where an event enters. Files and streams become checked rows, accepted or set aside with a reason."""

from __future__ import annotations

from consumer_fusion.ingest.formats import Reading, choose_reading, find_files, read_reading, write_reading
from consumer_fusion.ingest.staging import CANONICAL_SCHEMA, Staging, stage_batches, stage_events, stage_files

__all__ = [
    "CANONICAL_SCHEMA",
    "Reading",
    "Staging",
    "choose_reading",
    "find_files",
    "read_reading",
    "stage_batches",
    "stage_events",
    "stage_files",
    "write_reading",
]
