"""Request bodies: received and decompressed within limits, and counted against a budget of bytes in progress.

Limits are low until a key is verified, because anyone can cause work before that.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from consumer_fusion.surfaces.collect.collect_errors import CollectError

BODY_BYTES_LIMIT = 16 << 20
"""Maximum size of a body, compressed and decompressed. The largest batch that a published client sent had 3 MB."""
KEYLESS_BYTES_LIMIT = 512 << 10
"""The same where the key is in the body. The largest such batch that a published client sent had 500,667 bytes."""
SMALL_BYTES = 64 << 10
"""Bodies up to this size are processed at once; larger ones in a thread, so that the loop stays free for others."""
GZIP_MEMBERS_LIMIT = 64
BODIES_BYTES_LIMIT = 96 << 20
"""Maximum size of all bodies in progress together."""
KEY_BYTES_LIMIT = BODIES_BYTES_LIMIT // 2
"""Maximum for one key, so that no key takes up the whole budget."""
KEYLESS_BODIES_LIMIT = 16 << 20
"""Maximum for all senders without a verified key."""
ADDRESS_BYTES_LIMIT = KEYLESS_BODIES_LIMIT // 2
"""Maximum for one address without a verified key."""
LINGERING_BYTES_LIMIT = 4 << 20
"""Bytes still received of a body that is refused unread, so that its sender can read the response."""
BODY_SECONDS_LIMIT = 30.0
_DRAINED_BYTES = 64 << 20
_GZIP_WINDOW = 31  # zlib's number for a gzip header with the largest window
_GZIP_PIECE = 64 << 10
_LARGE_AT_ONCE = 2

_PADDING = re.compile(rb"\0*")

Result = TypeVar("Result")
Receive = Callable[[], Awaitable[Any]]


class BodyBudget:
    """Budget of body bytes in progress, by key and by address.

    Args:
        limit: Maximum number of bytes.
    """

    def __init__(self, limit: int = BODIES_BYTES_LIMIT) -> None:
        self.limit = limit
        self._used: dict[str, int] = {}

    @property
    def used(self) -> int:
        """Number of bytes in progress."""
        return self._used.get("", 0)

    def open_share(self, *, key: str | None = None, address: str = "") -> BodyReservation:
        """Share of the budget for one body, released at the end of the `with` block.

        Args:
            key: Verified key of the sender; None without one.
            address: Address of the sender, used where there is no key.
        """
        if key is not None:
            bounds = {"": self.limit, f"key {key}": KEY_BYTES_LIMIT}
        else:
            bounds = {
                "": self.limit,
                "no key": KEYLESS_BODIES_LIMIT,
                f"address {address}": ADDRESS_BYTES_LIMIT,
            }
        return BodyReservation(self._used, bounds)


class BodyReservation:
    """Share of the budget of one body, released at the end of the `with` block.

    Args:
        used: Bytes in progress, by owner.
        bounds: Maximum for each owner of this body.
    """

    def __init__(self, used: dict[str, int], bounds: Mapping[str, int]) -> None:
        self._used = used
        self._bounds = bounds
        self._size = 0

    def __enter__(self) -> BodyReservation:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def take(self, size: int) -> None:
        """Add bytes to the share.

        Raises:
            CollectError: A limit is exceeded.
        """
        for name, bound in self._bounds.items():
            if self._used.get(name, 0) + size > bound:
                raise CollectError(
                    429, "too_many_requests", "Too many requests are in progress. Send it again later.",
                    retry_after_s=1,
                )  # fmt: skip
        self._size += size
        for name in self._bounds:
            self._used[name] = self._used.get(name, 0) + size

    def give_back(self) -> None:
        """Release the whole share."""
        if not self._size:
            return
        for name in self._bounds:
            self._used[name] -= self._size
            if not self._used[name]:
                del self._used[name]
        self._size = 0


class BodyExecutor:
    """Processes large bodies in threads, few at a time, so that the event loop stays free."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def run(self, size: int, function: Callable[[], Result]) -> Result:
        """Call a function, in a thread if the body is large."""
        if size <= SMALL_BYTES:
            return function()
        async with self._turn:
            return await asyncio.to_thread(function)


async def read_body(
    receive: Receive,
    headers: Mapping[bytes, bytes],
    share: BodyReservation,
    body_executor: BodyExecutor,
    *,
    is_keyless: bool,
) -> bytes:
    """Receive and decompress the body.

    Args:
        receive: ASGI receive function.
        headers: Headers of the request.
        share: Share of the budget.
        body_executor: Executor that decompresses large bodies.
        is_keyless: Whether no key has been verified yet.

    Raises:
        CollectError: The body is too large, too slow, damaged, or in an unknown encoding.
    """
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise CollectError(415, "unknown_encoding", "The content encoding is unknown. Use gzip or none.")
    try:
        packed = await _receive_all(receive, share, KEYLESS_BYTES_LIMIT if is_keyless else BODY_BYTES_LIMIT)
        if encoding in (b"", b"identity"):
            return packed
        body = _unpack_small(packed)
        if body is None:
            limit = KEYLESS_BYTES_LIMIT if is_keyless else BODY_BYTES_LIMIT
            body = await body_executor.run(BODY_BYTES_LIMIT, lambda: unpack_gzip(packed, limit))
    except _TooLargeError:
        raise _refuse_size(is_keyless=is_keyless) from None
    share.take(len(body))
    return body


def is_lengthy(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body is longer than is received to its end after a refusal, or of unknown length."""
    length = headers.get(b"content-length", b"")
    if not length:
        return b"transfer-encoding" in headers
    return len(length) > 12 or int(length) > LINGERING_BYTES_LIMIT


class _TooLargeError(Exception):
    """The body is larger than the limit."""


async def _receive_all(receive: Receive, share: BodyReservation, limit: int) -> bytes:
    # Mostly the first piece is the whole body, and a timer would cost as much as parsing it. The server limits the
    # time until the first piece.
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) <= limit:
            share.take(len(body))
            return body
    try:
        async with asyncio.timeout(BODY_SECONDS_LIMIT):
            return await _receive_rest(message, receive, share, limit)
    except TimeoutError:
        raise CollectError(408, "too_slow", "The body arrived too slowly. Send it again.") from None


async def _receive_rest(message: Any, receive: Receive, share: BodyReservation, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise CollectError(400, "disconnected", "The sender disconnected.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            chunks.clear()
            if limit == BODY_BYTES_LIMIT:
                await _drain(receive, message)
            raise _TooLargeError
        if chunk:
            share.take(len(chunk))
            chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


async def _drain(receive: Receive, message: Any) -> None:
    """Receive the rest of a body, within limits, so that the sender reads the response and not a broken connection."""
    drained = 0
    while message.get("more_body", False) and drained < _DRAINED_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))


def _refuse_size(*, is_keyless: bool) -> CollectError:
    if is_keyless:
        return CollectError(
            413, "too_large",
            f"A body of more than {KEYLESS_BYTES_LIMIT >> 10} KiB needs its write key in the header. Send the key as "
            "the user name of HTTP Basic authentication.",
        )  # fmt: skip
    return CollectError(
        413, "too_large", f"The body has more than {BODY_BYTES_LIMIT >> 20} MiB. Send fewer events at a time."
    )


def _unpack_small(packed: bytes) -> bytes | None:
    """A small body, decompressed; None where it is not small."""
    try:
        return unpack_gzip(packed, SMALL_BYTES) if len(packed) <= SMALL_BYTES else None
    except _TooLargeError:
        return None


def unpack_gzip(packed: bytes, limit: int) -> bytes:
    """Decompress gzip of one or more members, and stop as soon as the limit is exceeded.

    Raises:
        CollectError: The data is damaged or incomplete, or has too many members.
    """
    parts: list[bytes] = []
    room, members, place = limit, 0, 0
    try:
        while place < len(packed):
            members += 1
            if members > GZIP_MEMBERS_LIMIT:
                raise CollectError(
                    400, "invalid_gzip",
                    f"The body has more than {GZIP_MEMBERS_LIMIT} gzip members. Send a single one.",
                )  # fmt: skip
            unpacker = zlib.decompressobj(_GZIP_WINDOW)
            # In pieces, because the data after the end of a member is copied each time.
            while not unpacker.eof:
                piece = packed[place : place + _GZIP_PIECE]
                if not piece:
                    raise zlib.error("incomplete")
                part = unpacker.decompress(piece, room + 1)
                room -= len(part)
                if room < 0:
                    raise _TooLargeError
                parts.append(part)
                place += len(piece) - len(unpacker.unused_data)
            place = _skip_padding(packed, place)
    except zlib.error:
        raise CollectError(
            400, "invalid_gzip", "The gzip data is damaged or incomplete. Send it again."
        ) from None
    return b"".join(parts)


def _skip_padding(packed: bytes, place: int) -> int:
    found = _PADDING.match(packed, place)
    return place if found is None else found.end()
