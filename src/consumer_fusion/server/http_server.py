"""The HTTP server, with limits on time and size for slow senders and slow readers.

The server library limits neither the time nor the size of what precedes a body, so a few slow senders could occupy
all connections, and one endless header all memory. Here every part of a request is limited.
"""

from __future__ import annotations

import asyncio
import gc
import resource
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from consumer_fusion.server.allocator import limit_arenas

HEAD_SECONDS = 10.0
"""Maximum time to receive the head of the next request, or on a new connection the first byte."""
REQUEST_SECONDS = 60.0
"""Maximum time to receive the rest of a request. The collect API has a shorter limit of its own, with a response."""
READER_SECONDS = 30.0
"""Maximum time that a client may not read before its connection is closed."""
HEAD_BYTES = 65_536
MOST_CONNECTIONS = 4_000
"""Maximum number of connections; further ones are answered with 503."""
CLOSING_SECONDS = 10
_YOUNG_OBJECTS = 20_000
"""New objects after which Python looks for cycles. Requests leave none, and with the default of 700 it costs 5%."""
_FILES_BESIDE = 256  # files of the workspace and of libraries


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with limits on waiting and sending."""

    _awaited_seconds: float | None = None
    """Time limit of what is awaited; None between two requests and while one is answered."""
    _is_newly_awaited = False
    _deadline: asyncio.TimerHandle | None = None
    _reader_deadline: asyncio.TimerHandle | None = None
    _is_in_head = False
    _is_refused = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._await(HEAD_SECONDS)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request; a head that is too large is refused."""
        super().data_received(data)
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431, "The head of the request is too large.")
        if self._is_newly_awaited:
            # Once for each piece: mostly it is a whole request, which needs no timer.
            self._set_timer()

    def on_message_begin(self) -> None:
        """Limit the time for the head."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._await(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Limit the time for the body; a request that does not have exactly one host is refused (RFC 9112, 3.2)."""
        self._is_in_head = False
        host_count = [name for name, _ in self.headers].count(b"host")
        if host_count > 1 or (not host_count and self.parser.get_http_version() == "1.1"):
            self._is_refused = True
            self._refuse(400, "The request must have exactly one Host header.")
            return
        self._await(REQUEST_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Receive a part of a body, unless the request was refused."""
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Await nothing: the request is complete."""
        self._await(None)
        if not self._is_refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the timer for a slow reader."""
        super().pause_writing()
        if self._reader_deadline is None:
            self._reader_deadline = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer for a slow reader."""
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
            self._reader_deadline = None
        if self.flow is not None:
            super().resume_writing()

    def _await(self, seconds: float | None) -> None:
        self._awaited_seconds, self._is_newly_awaited = seconds, True

    def _set_timer(self) -> None:
        """Start or stop the timer as the parser found since the last piece."""
        self._is_newly_awaited = False
        self._stop_waiting()
        if self._awaited_seconds is not None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self._awaited_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if self._is_in_head:
            self._refuse(408, "The request arrived too slowly.")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        # While an earlier response is being sent, no error response can be written.
        is_free = getattr(self.cycle, "response_complete", True)
        if is_free and not self.transport.is_closing():
            body = message.encode()
            self.transport.write(
                b"HTTP/1.1 %d \r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%s" % (status, len(body), body)
            )
        self._is_in_head = False
        self._stop_waiting()
        self.transport.close()


def make_server(app: Any, **options: Any) -> uvicorn.Server:
    """The server of an application.

    Args:
        app: Application.
        options: Further options of `uvicorn.Config`.
    """
    limit_arenas()
    gc.set_threshold(_YOUNG_OBJECTS)
    bounds: dict[str, Any] = {
        "http": BoundedProtocol,
        "ws": "none",
        "limit_concurrency": _allow_connections(),
        "timeout_graceful_shutdown": CLOSING_SECONDS,
        "access_log": False,  # a request line may hold a key
        "log_config": None,
        "server_header": False,
    }
    return uvicorn.Server(uvicorn.Config(app, **{**bounds, **options}))


def _allow_connections() -> int:
    """Raise the limit of open files as far as allowed, and return the number of connections that this leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (
        MOST_CONNECTIONS
        if soft == resource.RLIM_INFINITY
        else max(16, min(MOST_CONNECTIONS, soft - _FILES_BESIDE))
    )
