"""The body of a request: read within bounds, unpacked within bounds, and parsed with patience.

Clients send JSON under any Content-Type, some of it with NaN. What cannot be JSON at all is refused as a whole.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from consumer_fusion.web.collect.collect_errors import CollectError

BODY_BYTES_LIMIT = 16 << 20
"""A body may have so many bytes, packed and unpacked. The largest batch that a published client sent had 3 MB."""
BODIES_BYTES_LIMIT = 96 << 20
"""All bodies in work may have so many bytes together."""
BODY_SECONDS_LIMIT = 30.0
_DRAINED_BYTES = 64 << 20
_GZIP_WINDOW = 31  # zlib's number for a gzip header with the largest window
_SURROGATES = re.compile("[\ud800-\udfff]")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

Receive = Callable[[], Awaitable[Any]]


class BodyBudget:
    """How many bytes of bodies are in work at this moment."""

    def __init__(self, limit: int = BODIES_BYTES_LIMIT) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> None:
        """Count bytes in.

        Raises:
            CollectError: There are too many already.
        """
        if self.used + size > self.limit:
            raise CollectError(
                429,
                "too_many_requests",
                "Too many requests are in work. Send it again later.",
                retry_after_s=1,
            )
        self.used += size


async def read_body(
    receive: Receive, headers: Mapping[bytes, bytes], budget: BodyBudget
) -> tuple[bytes, int]:
    """The body, unpacked.

    Returns:
        The body, and how many bytes were taken from the budget for it.

    Raises:
        CollectError: It is too large, too slow, or packed in an unknown or a damaged way.
    """
    packed, taken = await _receive_all(receive, budget)
    try:
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if encoding in (b"gzip", b"x-gzip"):
            body = unpack_gzip(packed)
            budget.take(len(body))
            return body, taken + len(body)
    except CollectError:
        budget.used -= taken
        raise
    if encoding not in (b"", b"identity"):
        budget.used -= taken
        raise CollectError(
            415, "unknown_encoding", "The body is packed in an unknown way. Use gzip or nothing."
        )
    return packed, taken


async def _receive_all(receive: Receive, budget: BodyBudget) -> tuple[bytes, int]:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_LIMIT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CollectError(400, "disconnected", "The sender went away.")
                chunk = message.get("body", b"")
                if chunk:
                    budget.take(len(chunk))
                    size += len(chunk)
                    chunks.append(chunk)
                if size > BODY_BYTES_LIMIT:
                    chunks.clear()
                    await _drain(receive, message)
                    raise _refuse_size()
                if not message.get("more_body", False):
                    return (chunks[0] if len(chunks) == 1 else b"".join(chunks)), size
    except TimeoutError:
        budget.used -= size
        raise CollectError(408, "too_slow", "The body came too slowly. Send it again.") from None
    except CollectError:
        budget.used -= size
        raise


async def _drain(receive: Receive, message: Any) -> None:
    """Let a sender finish, within bounds, so that it reads the answer instead of a broken connection."""
    drained = 0
    while message.get("more_body", False) and drained < _DRAINED_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))


def _refuse_size() -> CollectError:
    return CollectError(
        413, "too_large", f"The body has more than {BODY_BYTES_LIMIT >> 20} MiB. Send fewer events at a time."
    )


def unpack_gzip(packed: bytes, limit: int = BODY_BYTES_LIMIT) -> bytes:
    """Unpack gzip, of one or several members, and stop as soon as there is too much of it.

    Raises:
        CollectError: It is damaged, incomplete or too large.
    """
    parts: list[bytes] = []
    room = limit
    rest = packed
    try:
        while rest:
            unpacker = zlib.decompressobj(_GZIP_WINDOW)
            part = unpacker.decompress(rest, room + 1)
            room -= len(part)
            if room < 0:
                raise _refuse_size()
            if not unpacker.eof:
                raise zlib.error("incomplete")
            parts.append(part)
            rest = unpacker.unused_data.lstrip(b"\0")
    except zlib.error:
        raise CollectError(400, "invalid_gzip", "The body is not whole gzip. Send it again.") from None
    return b"".join(parts)


def parse_document(body: bytes) -> tuple[Any, bool]:
    """The JSON document of a body.

    Returns:
        The document, and whether it kept the rules of JSON.

    Raises:
        CollectError: It is no JSON, not even with patience.
    """
    try:
        return _decode(body), True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = body.decode("utf-8-sig", errors="replace")
        return _mend(json.loads(text, parse_constant=_forget_constant, strict=False)), False
    except (ValueError, RecursionError):
        raise CollectError(
            400, "invalid_json", "The body is not JSON. Send one JSON object, whatever the Content-Type."
        ) from None


def encode_line(document: Any) -> str:
    """The document as one line of JSON."""
    try:
        return _encode(document).decode()
    except UnicodeEncodeError:
        return _encode(_mend(document)).decode()


def _forget_constant(_: str) -> None:
    """NaN and the infinities say that there is no number."""


def _mend(value: Any) -> Any:
    """The value without what JSON cannot say: numbers beyond all bounds, and halves of characters."""
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
