"""Received JSON: parsed leniently, but never so much of it in one piece that other requests have to wait.

Clients send JSON under any Content-Type, some of it with NaN. A body that is not JSON at all is refused as a whole.
Parsing one piece cannot be interrupted, so a body is split into its events before any of it is parsed, and a piece
with more members than any event may have is not parsed at all.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from consumer_fusion.surfaces.collect.collect_errors import CollectError

EVENTS_LIMIT = 50_000
"""Maximum number of events per request."""
LINES_CHARACTERS_LIMIT = 64 << 20
"""Maximum number of characters of its events, after shared fields are copied into each."""
MEMBERS_LIMIT = 1_500_000
"""Maximum number of commas and colons in a body."""
PIECE_MEMBERS_LIMIT = 400_000
"""Maximum number in a piece parsed at once; a larger piece is too long for an event (`ingest/validation.py`)."""
PATIENT_MEMBERS_LIMIT = 200_000
"""Maximum number in invalid JSON, because lenient parsing is slower."""
BROKEN_LINES_LIMIT = 1_000
"""Maximum number of invalid lines in a body; with more it is not taken for JSON lines."""
_DECODED_BYTES = 1 << 20
_BREAKS_AS_BLANKS = bytes.maketrans(b"\r\n", b"  ")
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _BeyondError(Exception):
    """A piece has more members than may be parsed at once."""


class _Envelope(msgspec.Struct):
    """An object around a list of events that are not parsed yet."""

    events: list[msgspec.Raw]
    writeKey: str | None = None  # noqa: N815 - Segment's name


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def parse_document(body: bytes) -> tuple[Any, bool]:
    """The JSON document of a body.

    Returns:
        The document, and whether it was strictly valid JSON.

    Raises:
        CollectError: It is not JSON even when parsed leniently, or it is too large.
    """
    _check_members(body, MEMBERS_LIMIT)
    try:
        return _parse_strictly(body), True
    except _BeyondError:
        raise _refuse_members(PIECE_MEMBERS_LIMIT) from None
    except _UNREADABLE:
        return parse_patiently(body), False


def parse_events(body: bytes) -> tuple[Any, bool]:
    """The product's own events of a body: a document, `{"events": [...]}`, or one event per line.

    Returns:
        The document, and whether it was strictly valid JSON.

    Raises:
        CollectError: It is not JSON, neither as a whole nor line by line, or it is too large.
    """
    _check_members(body, MEMBERS_LIMIT)
    try:
        return _parse_enveloped(body), True
    except (*_UNREADABLE, _BeyondError):
        pass
    first, _, rest = body.strip().partition(b"\n")
    if rest:
        try:
            head = parse_document(first)
        except CollectError:  # it may be one document over several lines
            return parse_patiently(body), False
        return _parse_lines(head, rest)
    return parse_patiently(body), False


def _parse_lines(head: tuple[Any, bool], rest: bytes) -> tuple[list[Any], bool]:
    if rest.count(b"\n") + 2 > EVENTS_LIMIT:
        raise refuse_count()
    events, is_strict, broken = [head[0]], head[1], 0
    for line in filter(None, map(bytes.strip, rest.split(b"\n"))):
        if is_beyond(line):
            events.append(line.decode("utf-8", errors="replace"))
            continue
        try:
            events.append(_parse_strictly(line))
            continue
        except _UNREADABLE:
            is_strict = False
        try:
            if not line.startswith(b"{"):
                raise _refuse_json()
            events.append(parse_patiently(line))
        except CollectError:
            broken += 1
            if broken > BROKEN_LINES_LIMIT:
                raise CollectError(
                    400, "invalid_json",
                    f"More than {BROKEN_LINES_LIMIT:,} lines are not JSON. Send one JSON object per line.",
                ) from None  # fmt: skip
            events.append(line.decode("utf-8", errors="replace"))
    return events, is_strict


def _parse_enveloped(body: bytes) -> Any:
    if b'"events"' in body:
        try:
            envelope = _decode_envelope(body)
        except msgspec.ValidationError:  # an event that contains the word, or an object of another type
            return _parse_strictly(body)
        body.decode()  # checks the encoding of the rest of the envelope
        return {"events": parse_items(envelope.events), "writeKey": envelope.writeKey}
    return _parse_strictly(body)


def _parse_strictly(body: bytes) -> Any:
    """A document; the items of a list are parsed one by one.

    Raises:
        _BeyondError: It has more members than may be parsed at once.
        MsgspecError: It is not strictly valid JSON.
    """
    if body[:64].lstrip().startswith(b"["):
        return parse_items(_decode_items(body))
    if is_beyond(body):
        raise _BeyondError
    return _decode(body)


def parse_items(items: Sequence[msgspec.Raw]) -> list[Any]:
    """The parsed items of a list; one that is longer than an event may be is left as text, to be rejected.

    Raises:
        CollectError: There are too many.
        MsgspecError: One is not strictly valid JSON.
    """
    if len(items) > EVENTS_LIMIT:
        raise refuse_count()
    return [
        bytes(item).decode("utf-8", errors="replace") if is_beyond(item) else _decode(item) for item in items
    ]


def is_beyond(piece: bytes, limit: int = PIECE_MEMBERS_LIMIT) -> bool:
    """Whether a piece may have more members than are parsed at once; commas in texts are counted too."""
    if memoryview(piece).nbytes <= limit:
        return False
    whole = bytes(piece)
    return whole.count(b",") + whole.count(b":") > limit


def parse_patiently(body: bytes) -> Any:
    """A document that contains NaN, control characters or lone surrogates.

    Raises:
        CollectError: It is not JSON either way, or too large for lenient parsing.
    """
    _check_members(body, PATIENT_MEMBERS_LIMIT)
    try:
        # In pieces, because decoding with replacement is slow and cannot be interrupted.
        pieces = (body[place : place + _DECODED_BYTES] for place in range(0, len(body), _DECODED_BYTES))
        text = "".join(codecs.iterdecode(pieces, "utf-8-sig", errors="replace"))
        return _mend(json.loads(text, parse_constant=_forget_constant, strict=False))
    except (ValueError, RecursionError):
        raise _refuse_json() from None


def list_lines(lines: Iterable[str]) -> list[str]:
    """The events of a request, one line each.

    Raises:
        CollectError: They are too many or, with shared fields copied into each, too long.
    """
    listed: list[str] = []
    characters = 0
    for line in lines:
        characters += len(line)
        listed.append(line)
        if len(listed) > EVENTS_LIMIT:
            raise refuse_count()
        if characters > LINES_CHARACTERS_LIMIT:
            raise CollectError(
                413, "too_large",
                f"The events have more than {LINES_CHARACTERS_LIMIT >> 20} MiB including copied shared fields. "
                "Send fewer at a time.",
            )  # fmt: skip
    return listed


def encode_line(document: Any) -> str:
    """The document as one line of JSON."""
    try:
        line = _encode(document)
    except UnicodeEncodeError:
        line = _encode(_mend(document))
    if b"\n" in line or b"\r" in line:  # between the members of an unparsed value; texts have none
        line = line.translate(_BREAKS_AS_BLANKS)
    return line.decode()


def refuse_count() -> CollectError:
    """The error for too many events."""
    return CollectError(413, "too_many_events", f"More than {EVENTS_LIMIT:,} events. Send fewer at a time.")


def _refuse_json() -> CollectError:
    return CollectError(
        400, "invalid_json", "The body is not JSON. Send one JSON object; the Content-Type is ignored."
    )


def _check_members(body: bytes, limit: int) -> None:
    if is_beyond(body, limit):
        raise _refuse_members(limit)


def _refuse_members(limit: int) -> CollectError:
    return CollectError(
        413, "too_many_members", f"The body has more than {limit:,} members. Send fewer events at a time."
    )


def _forget_constant(_: str) -> None:
    """NaN and the infinities become null."""


def _mend(value: Any) -> Any:
    """The value without what JSON cannot represent: infinite numbers and lone surrogates."""
    if isinstance(value, dict):
        return {_mend_text(key): _mend(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_mend(each) for each in value]
    if isinstance(value, str):
        return _mend_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _mend_text(text: str) -> str:
    return _SURROGATES.sub("\ufffd", text) if not text.isascii() else text
