"""The product's own events as JSON: one object, a list of them, `{"events": [...]}`, or one object per line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from consumer_fusion.records.ids import make_id
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.documents import encode_line, list_lines
from consumer_fusion.surfaces.collect.segment_calls import is_missing


def cut_events(document: Any, source: str, received_us: int) -> list[str]:
    """The events of a request, one line each.

    Raises:
        CollectError: The body is neither an object nor a list, or there are too many events.
    """
    events = document.get("events", document) if isinstance(document, dict) else document
    if isinstance(events, dict):
        events = [{key: value for key, value in events.items() if key != "writeKey"}]
    if not isinstance(events, list):
        raise CollectError(
            400,
            "invalid_body",
            "The body is not an event. Send an object, a list, or an object with a list `events`.",
        )
    received_at = datetime.fromtimestamp(received_us / 1e6, UTC).isoformat()
    return list_lines(write_event(each, source, received_at) for each in events)


def write_event(event: Any, source: str, received_at: str) -> str:
    """One event as a line, with its time of arrival, an id, and a source within that of the key."""
    if not isinstance(event, dict):
        return encode_line(event)  # rejected when it is read
    written = {**event, "received_at": received_at}
    if is_missing(written.get("event_id")) and is_missing(written.get("id")):
        written["event_id"] = make_id()
    named = name_source(written.pop("source", None), source)
    if named != source:
        written["source"] = named
    return encode_line(written)


def name_source(named: object, source: str) -> str:
    """The source of an event that names one: prefixed with that of the key, so that no key writes as another source."""
    text = named.strip() if isinstance(named, str) else ""
    return source if text in ("", source) else f"{source}/{text}"
