"""Ingest: where an event enters. Files and streams become checked rows, accepted or set aside with a reason."""

from __future__ import annotations

from consumer_fusion.ingest.acceptance import (
    declare_keys,
    ensure_keys,
    find_keys,
    find_nearest_key,
    land_in_inbox,
    name_entities,
    write_keys,
    write_segments,
)
from consumer_fusion.ingest.arrivals import (
    Sending,
    append_arrivals,
    count_arrivals,
    find_oldest_arrival,
    forget_arrivals,
    group_arrivals,
    read_arrivals,
)
from consumer_fusion.ingest.attachment import (
    LISTED_KINDS_OF_A_BRAND,
    Attachment,
    attach_event,
    list_unattributed,
    take_unattributed,
)
from consumer_fusion.ingest.batches import CANONICAL_SCHEMA, write_batches
from consumer_fusion.ingest.corrections import (
    forget_returned,
    keep_corrections,
    list_changed,
    list_corrections,
    list_undone,
    name_parties,
    note_applied,
    note_undone,
    write_former,
    write_texts,
)
from consumer_fusion.ingest.duplicates import Duplicates, find_duplicates, let_in
from consumer_fusion.ingest.formats import Reading, choose_reading, find_files, read_reading, write_reading
from consumer_fusion.ingest.imports import (
    abandon_imports,
    begin_import,
    begin_stream,
    enter_arrivals,
    finish_import,
)
from consumer_fusion.ingest.rejections import (
    Retry,
    count_rejections,
    drop_rejections,
    list_pending,
    list_rejections,
    prepare_retries,
    store_rejections,
)
from consumer_fusion.ingest.rewriting import rewrite_events, take_events
from consumer_fusion.ingest.sealed_ids import digest_segments, find_wrong_digests
from consumer_fusion.ingest.sealing import count_sealable, seal_events
from consumer_fusion.ingest.staging import (
    Staging,
    check_first_rows,
    set_aside_lines,
    stage_batches,
    stage_events,
    stage_files,
)

__all__ = [
    "LISTED_KINDS_OF_A_BRAND",
    "CANONICAL_SCHEMA",
    "Attachment",
    "Duplicates",
    "Reading",
    "Retry",
    "Sending",
    "Staging",
    "abandon_imports",
    "append_arrivals",
    "attach_event",
    "begin_import",
    "begin_stream",
    "check_first_rows",
    "choose_reading",
    "count_arrivals",
    "count_rejections",
    "count_sealable",
    "digest_segments",
    "drop_rejections",
    "declare_keys",
    "ensure_keys",
    "enter_arrivals",
    "find_duplicates",
    "find_files",
    "find_keys",
    "find_nearest_key",
    "find_wrong_digests",
    "find_oldest_arrival",
    "finish_import",
    "forget_arrivals",
    "group_arrivals",
    "land_in_inbox",
    "list_pending",
    "list_rejections",
    "list_unattributed",
    "name_entities",
    "prepare_retries",
    "read_arrivals",
    "read_reading",
    "rewrite_events",
    "seal_events",
    "set_aside_lines",
    "stage_batches",
    "stage_events",
    "stage_files",
    "store_rejections",
    "take_unattributed",
    "write_batches",
    "write_keys",
    "write_reading",
    "let_in",
    "note_applied",
    "note_undone",
    "forget_returned",
    "keep_corrections",
    "list_changed",
    "list_corrections",
    "list_undone",
    "name_parties",
    "write_former",
    "write_texts",
    "take_events",
    "write_segments",
]
