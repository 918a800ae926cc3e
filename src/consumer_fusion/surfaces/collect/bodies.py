"""The bytes of a body: received within bounds, unpacked within bounds, and counted among those that are in work.

Whoever has shown no key yet is let send little: what is done before a key is known is done for anybody.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from consumer_fusion.surfaces.collect.collect_errors import CollectError

BODY_BYTES_LIMIT = 16 << 20
"""A body may have so many bytes, packed and unpacked. The largest batch that a published client sent had 3 MB."""
KEYLESS_BYTES_LIMIT = 512 << 10
"""The same where the key is in the body. The largest batch that a published client sent so had 500,667 bytes."""
SMALL_BYTES = 64 << 10
"""A body of no more is dealt with at once; a larger one in a thread, so that others are answered meanwhile."""
GZIP_MEMBERS_LIMIT = 64
BODIES_BYTES_LIMIT = 96 << 20
"""All bodies in work may have so many bytes together."""
KEY_BYTES_LIMIT = BODIES_BYTES_LIMIT // 2
"""Those of one key may have so many, so that no key takes the room of all others."""
KEYLESS_BODIES_LIMIT = 16 << 20
"""Those of everybody who has shown no key."""
ADDRESS_BYTES_LIMIT = KEYLESS_BODIES_LIMIT // 2
"""Those of one address that has shown no key."""
LINGERING_BYTES_LIMIT = 4 << 20
"""So much is still received of a body that is refused unread, so that its sender reads the answer."""
BODY_SECONDS_LIMIT = 30.0
_DRAINED_BYTES = 64 << 20
_GZIP_WINDOW = 31  # zlib's number for a gzip header with the largest window
_GZIP_PIECE = 64 << 10
_LARGE_AT_ONCE = 2

_PADDING = re.compile(rb"\0*")

Result = TypeVar("Result")
Receive = Callable[[], Awaitable[Any]]


class BodyBudget:
    """How many bytes of bodies are in work at this moment, and whose.

    Args:
        limit: All together may have so many.
    """

    def __init__(self, limit: int = BODIES_BYTES_LIMIT) -> None:
        self.limit = limit
        self._used: Counter[str] = Counter()

    @property
    def used(self) -> int:
        """The bytes in work."""
        return self._used[""]

    @contextmanager
    def open_share(self, *, key: str | None = None, address: str = "") -> Iterator[BodyReservation]:
        """What one body takes of the budget, given back at the end of the `with` block.

        Args:
            key: The key that its sender has shown; None where none was.
            address: Where it comes from, which counts where there is no key.
        """
        bounds = {"": self.limit}
        if key is not None:
            bounds[f"key {key}"] = KEY_BYTES_LIMIT
        else:
            bounds |= {"no key": KEYLESS_BODIES_LIMIT, f"address {address}": ADDRESS_BYTES_LIMIT}
        share = BodyReservation(self._used, bounds)
        try:
            yield share
        finally:
            share.give_back()


class BodyReservation:
    """What one body takes of the budget.

    Args:
        used: The bytes in work, by whose they are.
        bounds: The same at most, of each whose this body is.
    """

    def __init__(self, used: Counter[str], bounds: Mapping[str, int]) -> None:
        self._used = used
        self._bounds = bounds
        self._size = 0

    def take(self, size: int) -> None:
        """Count bytes in.

        Raises:
            CollectError: There are too many already.
        """
        if any(self._used[name] + size > bound for name, bound in self._bounds.items()):
            raise CollectError(
                429, "too_many_requests", "Too many requests are in work. Send it again later.",
                retry_after_s=1,
            )  # fmt: skip
        self._size += size
        for name in self._bounds:
            self._used[name] += size

    def give_back(self) -> None:
        """Count all of them out."""
        for name in self._bounds:
            self._used[name] -= self._size
            if not self._used[name]:
                del self._used[name]
        self._size = 0


class BodyExecutor:
    """What a large body takes is done in threads, few at a time, so that the loop is free for others."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def run(self, size: int, function: Callable[[], Result]) -> Result:
        """Call a function, in a thread where it has to do with a large body."""
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
    """The body, unpacked.

    Args:
        receive: Where it comes from.
        headers: Of its request.
        share: Counts its bytes.
        body_executor: Where it is unpacked if it is large.
        is_keyless: Whether its sender has shown no key yet.

    Raises:
        CollectError: It is too large, too slow, or packed in an unknown or a damaged way.
    """
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise CollectError(
            415, "unknown_encoding", "The body is packed in an unknown way. Use gzip or nothing."
        )
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
    """Whether a request has a body that nobody waits for the end of, or does not say how long it is."""
    length = headers.get(b"content-length", b"")
    if not length:
        return b"transfer-encoding" in headers
    return len(length) > 12 or int(length) > LINGERING_BYTES_LIMIT


class _TooLargeError(Exception):
    """There is more of a body than it may have."""


async def _receive_all(receive: Receive, share: BodyReservation, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_LIMIT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CollectError(400, "disconnected", "The sender went away.")
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
                    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
    except TimeoutError:
        raise CollectError(408, "too_slow", "The body came too slowly. Send it again.") from None


async def _drain(receive: Receive, message: Any) -> None:
    """Let a sender finish, within bounds, so that it reads the answer instead of a broken connection."""
    drained = 0
    while message.get("more_body", False) and drained < _DRAINED_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))


def _refuse_size(*, is_keyless: bool) -> CollectError:
    if is_keyless:
        return CollectError(
            413, "too_large",
            f"A body of more than {KEYLESS_BYTES_LIMIT >> 10} KiB needs its write key in the header. Send the key as "
            "the name of HTTP Basic authentication.",
        )  # fmt: skip
    return CollectError(
        413, "too_large", f"The body has more than {BODY_BYTES_LIMIT >> 20} MiB. Send fewer events at a time."
    )


def _unpack_small(packed: bytes) -> bytes | None:
    """A small body, unpacked; None where it is not small."""
    try:
        return unpack_gzip(packed, SMALL_BYTES) if len(packed) <= SMALL_BYTES else None
    except _TooLargeError:
        return None


def unpack_gzip(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, of one or several members, and stop as soon as there is too much of it.

    Raises:
        CollectError: It is damaged or incomplete, or has too many members.
    """
    parts: list[bytes] = []
    room, members, place = limit, 0, 0
    try:
        while place < len(packed):
            members += 1
            if members > GZIP_MEMBERS_LIMIT:
                raise CollectError(
                    400, "invalid_gzip",
                    f"The body has more than {GZIP_MEMBERS_LIMIT} members of gzip. Pack it as one.",
                )  # fmt: skip
            unpacker = zlib.decompressobj(_GZIP_WINDOW)
            # In pieces, because what lies behind the end of a member is copied each time.
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
        raise CollectError(400, "invalid_gzip", "The body is not whole gzip. Send it again.") from None
    return b"".join(parts)


def _skip_padding(packed: bytes, place: int) -> int:
    found = _PADDING.match(packed, place)
    return place if found is None else found.end()
