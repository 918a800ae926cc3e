"""CloudEvents 1.0 over HTTP, binary, structured or batched, as one structured event per line."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.documents import encode_line, list_lines, parse_document
from consumer_fusion.surfaces.collect.own_events import name_source

_HEADER_PREFIX = b"ce-"
_REQUIRED = ("id", "source", "specversion", "type")


def is_binary(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request is in binary mode: attributes in the headers, and only the data in the body."""
    return b"ce-specversion" in headers or b"ce-id" in headers


def read_binary(headers: Mapping[bytes, bytes], body: bytes) -> tuple[dict[str, Any], bool]:
    """The event of a request in binary mode, and whether its data was strictly valid JSON."""
    event: dict[str, Any] = {
        name.removeprefix(_HEADER_PREFIX).decode("ascii", errors="replace"): unquote(value.decode("latin-1"))
        for name, value in headers.items()
        if name.startswith(_HEADER_PREFIX)
    }
    is_strict = True
    if body:
        try:
            event["data"], is_strict = parse_document(body)
        except CollectError:
            event["data"] = body.decode("utf-8", errors="replace")
    return event, is_strict


def cut_cloud_events(document: Any, source: str, received_us: int) -> list[str]:
    """The events of a request, one line each.

    A single event without its required attributes is refused, so that its sender learns of it; in a batch it becomes a
    rejected row, so that the others are stored.

    Raises:
        CollectError: There is no event, or there are too many.
    """
    received_at = datetime.fromtimestamp(received_us / 1e6, UTC).isoformat()
    if isinstance(document, list):
        return list_lines(_write_event(each, source, received_at) for each in document)
    missing = [name for name in _REQUIRED if not (isinstance(document, dict) and document.get(name))]
    if missing:
        raise CollectError(
            400, "invalid_event", f"The CloudEvent lacks {', '.join(missing)}. Send all required attributes."
        )
    return [_write_event(document, source, received_at)]


def _write_event(event: Any, source: str, received_at: str) -> str:
    if not isinstance(event, dict):
        return encode_line(event)  # rejected when it is read
    written = dict(event)
    written["source"] = name_source(event.get("source"), source)
    if not written.get("time"):
        written["time"] = received_at
    data = written.pop("data_base64", None)
    if isinstance(data, str) and "data" not in written:
        written["data"] = _decode_data(data)
    return encode_line(written)


def _decode_data(text: str) -> Any:
    """Decoded base64 data: as JSON where it is JSON, else the text unchanged."""
    try:
        return parse_document(base64.b64decode(text, validate=True))[0]
    except (binascii.Error, ValueError, CollectError):
        return text
