"""Stored events: entities, the inbox and its queue, deduplication, segments, and reading events."""

__all__ = [
    "activity_counts",
    "attachment",
    "compaction",
    "corrections",
    "deduplication",
    "entities",
    "event_reader",
    "inbox",
    "inbox_queue",
    "landing",
    "rewriting",
    "sealed_ids",
]
