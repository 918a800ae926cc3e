"""Calls of the Segment HTTP API, split into one line per event; they are interpreted later, as when read from a file.

The context, integrations and times of a batch apply to each of its calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.documents import (
    EVENTS_LIMIT,
    MEMBERS_LIMIT,
    PIECE_MEMBERS_LIMIT,
    encode_line,
    is_beyond,
    list_lines,
    parse_document,
    refuse_count,
)

CALLS: Mapping[str, str] = MappingProxyType({
    "track": "track", "identify": "identify", "page": "page", "screen": "screen", "group": "group", "alias": "alias",
    "batch": "batch", "import": "batch",
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch",
})  # fmt: skip
"""Call type by the last part of the path."""

CLOCK_TOLERANCE_US = 10_000_000
"""Smaller differences of a sender's clock are not corrected, so that a time such as midnight is unchanged."""

_NOT_KEPT = ("writeKey", "batch", "_metadata")
# RudderStack sets the kind of sending program here; of these only an app is a channel.
_PROGRAM_CHANNELS: Mapping[str, str | None] = MappingProxyType(
    {"server": None, "sources": None, "mobile": "app"}
)


class _Batch(msgspec.Struct):
    """A batch, parsed only as far as needed to split it."""

    batch: list[msgspec.Raw]
    context: msgspec.Raw | None = None
    integrations: msgspec.Raw | None = None
    sentAt: msgspec.Raw | None = None  # noqa: N815 - Segment's name
    timestamp: msgspec.Raw | None = None
    writeKey: str | None = None  # noqa: N815 - Segment's name


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_call = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_value = msgspec.json.Decoder().decode


def parse_calls(body: bytes, call: str) -> tuple[Any, bool]:
    """The document of a request, and whether it was strictly valid JSON.

    Raises:
        CollectError: It is not JSON, or it is too large.
    """
    try:
        body.decode()  # checks the encoding of the unparsed values
        if call == "batch" and not is_beyond(body, MEMBERS_LIMIT):
            return _read_batch(_decode_batch(body)), True
        if call != "batch" and not is_beyond(body, PIECE_MEMBERS_LIMIT):
            document: dict[str, Any] = _decode_call(body)
            if "batch" not in document:  # a batch may come to any path
                return {**document, "writeKey": _read(document.get("writeKey"))}, True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    return parse_document(body)


def _read_batch(batch: _Batch) -> dict[str, Any]:
    if len(batch.batch) > EVENTS_LIMIT:
        raise refuse_count()
    around = {name: getattr(batch, name) for name in ("context", "integrations", "sentAt", "timestamp")}
    return {
        "batch": [_read_call(each) for each in batch.batch],
        "writeKey": batch.writeKey,
        **{
            name: _read(value) for name, value in around.items() if value is not None and not is_beyond(value)
        },
    }


def _read_call(call: msgspec.Raw) -> Any:
    """A call whose values stay unparsed."""
    if is_beyond(call):
        return bytes(call).decode()
    try:
        return _decode_call(call)
    except msgspec.ValidationError:
        return _decode_value(call)


def cut_calls(document: Any, call: str, received_us: int) -> list[str]:
    """The events of a request, one line each.

    Args:
        document: Parsed body.
        call: Call type given by the path.
        received_us: Time of arrival, in microseconds since the epoch.

    Raises:
        CollectError: The body is not an object, a batch has no list of calls, or it has too many.
    """
    if not isinstance(document, dict):
        raise CollectError(400, "invalid_body", "The body is not a JSON object. Send one call or one batch.")
    batch = document.get("batch")
    received_at = datetime.fromtimestamp(received_us / 1e6, UTC).isoformat()
    clock = _SenderClock(received_us)
    if isinstance(batch, list):
        around = {
            key: document[key] for key in ("context", "integrations") if isinstance(document.get(key), dict)
        }
        times = {key: document[key] for key in ("sentAt", "timestamp") if document.get(key) is not None}
        return list_lines(_write_call(each, around, times, None, received_at, clock) for each in batch)
    if call == "batch":
        raise CollectError(400, "invalid_batch", "The batch has no list `batch`. Send its calls in one.")
    return [_write_call(document, {}, {}, call, received_at, clock)]


class _SenderClock:
    """Detects whether the clock of a sender is so far off that its times must be corrected."""

    def __init__(self, received_us: int) -> None:
        self._received_us = received_us
        self._known: dict[str, bool] = {}

    def is_off(self, sent_at: object) -> bool:
        """Whether the sending time differs from the time of arrival by more than a transmission takes."""
        if not isinstance(sent_at, str):
            return False
        if sent_at not in self._known:
            try:
                sent = datetime.fromisoformat(sent_at)
                sent_us = to_microseconds(sent if sent.tzinfo else sent.replace(tzinfo=UTC))
                self._known[sent_at] = abs(self._received_us - sent_us) > CLOCK_TOLERANCE_US
            except (ValueError, OverflowError):
                self._known[sent_at] = False
        return self._known[sent_at]


def _write_call(
    call: Any, around: Mapping[str, Any], times: Mapping[str, Any], call_type: str | None, received_at: str,
    clock: _SenderClock,
) -> str:  # fmt: skip
    if not isinstance(call, dict):
        return encode_line(call)  # rejected when it is read
    event = dict(call)
    for key in _NOT_KEPT:
        event.pop(key, None)
    if call_type is not None:
        event["type"] = call_type
    for key, shared in around.items():
        own = _read(event.get(key))
        event[key] = {**shared, **own} if isinstance(own, dict) else shared
    sent_at = (_read(event.pop("sentAt")) if "sentAt" in event else None) or times.get("sentAt")
    if "timestamp" in times and all(
        _read(event.get(key)) is None for key in ("timestamp", "originalTimestamp")
    ):
        event["timestamp"] = times["timestamp"]
    # The reader corrects by the difference of these two; without `sentAt` the times are unchanged.
    event["receivedAt"] = received_at
    if sent_at is not None and clock.is_off(sent_at):
        event["sentAt"] = sent_at
    if is_missing(_read(event.get("messageId"))):
        event["messageId"] = make_id()
    if "channel" in event:
        channel = _read(event["channel"])
        event["channel"] = _PROGRAM_CHANNELS.get(channel, channel) if isinstance(channel, str) else None
    return encode_line(event)


def _read(value: Any) -> Any:
    """A value of a call, parsed if necessary."""
    return _decode_value(value) if isinstance(value, msgspec.Raw) else value


def is_missing(event_id: object) -> bool:
    """Whether an id is empty or missing; one is then generated, so that the event is not taken for a duplicate."""
    if isinstance(event_id, str):
        return not event_id.strip()
    return not isinstance(event_id, int) or isinstance(event_id, bool)
