"""The collect API as an ASGI application: routing, authentication and responses.

Published clients determine the details: success is always 200 with a JSON object; an error has `code` and `message`;
no response is a redirect, because clients turn a redirected POST into a GET; a path may end in a slash; the
Content-Type is ignored. See the tests in `tests/surfaces/collect/`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.events.inbox_queue import ROW_CHARACTERS, ROW_EVENTS
from consumer_fusion.records.arrival import Arrival, ArrivalFormat, TrustRule
from consumer_fusion.server.http_errors import write_problem
from consumer_fusion.surfaces.collect.activities import cut_activities
from consumer_fusion.surfaces.collect.bodies import BodyBudget, BodyExecutor, is_lengthy, read_body
from consumer_fusion.surfaces.collect.chatwoot import check_signature, cut_deliveries
from consumer_fusion.surfaces.collect.cloud_event_modes import cut_cloud_events, is_binary, read_binary
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.collector import Collector
from consumer_fusion.surfaces.collect.counters import RefusedRequest
from consumer_fusion.surfaces.collect.documents import encode_line, parse_document, parse_events
from consumer_fusion.surfaces.collect.key_authentication import KeyAuthenticator
from consumer_fusion.surfaces.collect.own_events import cut_events
from consumer_fusion.surfaces.collect.segment_calls import CALLS, cut_calls, parse_calls
from consumer_fusion.surfaces.collect.source_keys import (
    KeyVerifier,
    SourceKey,
    find_body_keys,
    read_body_key,
    read_header_key,
)

_log = logging.getLogger("consumer_fusion.collect")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

_SUCCESS = b'{"success": true}'
# Any page of a brand may send: the key identifies the source, and cookies are ignored.
_CORS = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT = [
    *_CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-retry-count"),
    (b"access-control-max-age", b"86400"),
]


class CollectApplication:
    """The application for all paths under `/v1/`."""

    def __init__(self, collector: Collector, verify_key: KeyVerifier) -> None:
        self.collector = collector
        self.counters = collector.counters
        self._desk = KeyAuthenticator(verify_key)
        self._budget = BodyBudget()
        self._side_work = BodyExecutor()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers: Headers = dict(scope["headers"])
        path = scope["path"].rstrip("/")
        try:
            if scope["method"] == "OPTIONS":
                await _respond(send, 200, _SUCCESS, _PREFLIGHT)
                return
            body = await self._answer(scope["method"], path, headers, scope, receive)
            self.counters.requests[200] += 1
            await _respond(send, 200, body, _CORS)
        except CollectError as refusal:
            await self._refuse(refusal, headers, send)
        except Exception as error:  # noqa: BLE001 - the sender learns only that nothing was stored
            _log.exception("request failed: %s", type(error).__name__)
            await self._refuse(
                CollectError(500, "internal_error", "The request could not be processed. Send it again."),
                headers, send,
            )  # fmt: skip

    async def _answer(
        self, method: str, path: str, headers: Headers, scope: Scope, receive: Receive
    ) -> bytes:
        name = path.removeprefix("/v1/")
        part, _, rest = name.partition("/")
        if method == "GET" and part == "projects" and rest.endswith("/settings"):
            return _write_settings(rest.removesuffix("/settings"), headers, scope)
        is_known = part == "chatwoot" or (not rest and (part in CALLS or part in _OTHER_PARTS))
        if not is_known:
            raise CollectError(404, "not_found", "This path does not exist. See docs/how-to/send-events.md.")
        if method != "POST":
            raise CollectError(405, "method_not_allowed", "Send events with POST.")
        address = scope["client"][0] if scope.get("client") else ""
        if part == "chatwoot":
            return await self._take_delivery(rest, headers, address, receive)
        return await self._take_events(part, headers, address, receive)

    async def _take_events(self, part: str, headers: Headers, address: str, receive: Receive) -> bytes:
        key_text = read_header_key(headers)
        key = None if key_text is None else self._find_key([key_text], address)[1]
        with self._budget.open_share(key=key_text, address=address) as share:
            body = await read_body(receive, headers, share, self._side_work, is_keyless=key is None)
            if key is None:
                key_text, key = self._find_key(find_body_keys(body), address)
            else:
                key_text = None
            cut = await self._side_work.run(
                len(body),
                lambda: _cut_events(part, headers, body, key, key_text, self.collector.workspace.now_us),
            )
            await self._keep(cut)
        return _SUCCESS

    async def _take_delivery(self, key_text: str, headers: Headers, address: str, receive: Receive) -> bytes:
        # Chatwoot can be configured with a URL only, so the key is part of it.
        key_text, key = self._find_key([key_text or read_header_key(headers) or ""], address)
        with self._budget.open_share(key=key_text) as share:
            body = await read_body(receive, headers, share, self._side_work, is_keyless=False)
            cut = await self._side_work.run(
                len(body), lambda: _cut_delivery(headers, body, key, self.collector.workspace.now_us)
            )
            await self._keep(cut)
        return _SUCCESS

    def _find_key(self, texts: Sequence[str], address: str) -> tuple[str, SourceKey]:
        """The first text that is a valid key, and the key."""
        for text in texts:
            key = self._desk.find_key(text, address)
            if key is not None:
                return text, key
        self._note_refusal("wrong_key", texts[0] if texts else "")
        raise _refuse_key()

    async def _keep(self, cut: _SplitBody) -> None:
        self.counters.violations += not cut.is_strict
        count = await self.collector.keep(cut.arrivals)
        self.counters.received[cut.form] += count

    def _note_refusal(self, code: str, key_text: str) -> None:
        # A wrong write key may be another secret by mistake: only its ending is stored.
        self.counters.refusals.append(
            RefusedRequest(
                self.collector.workspace.now_us, "/v1", code, key_text[-4:] if len(key_text) > 8 else ""
            )
        )

    async def _refuse(self, refusal: CollectError, asked: Headers, send: Send) -> None:
        self.counters.requests[refusal.status] += 1
        self.counters.refused[refusal.code] += 1
        headers = list(_CORS)
        if refusal.retry_after_s is not None:
            headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
        if refusal.status == 405:
            headers.append((b"allow", b"POST, OPTIONS"))
        if refusal.code in _UNREAD and is_lengthy(asked):
            headers.append((b"connection", b"close"))
        problem = write_problem(refusal.status, refusal.code, refusal.message)
        await _respond(send, refusal.status, encode_line(problem).encode(), headers)


@dataclass(frozen=True, slots=True)
class _SplitBody:
    """The events of a body.

    Attributes:
        form: Format of the events.
        arrivals: Events.
        is_strict: Whether the body was strictly valid JSON.
    """

    form: ArrivalFormat
    arrivals: Sequence[Arrival]
    is_strict: bool


def _cut_events(
    part: str, headers: Headers, body: bytes, key: SourceKey, body_key: str | None, received_us: int
) -> _SplitBody:
    """Parse a body and split it into events.

    Args:
        part: Last part of the path.
        headers: Headers of the request.
        body: Body.
        key: Verified key.
        body_key: Text of the key, where it was found in the body before parsing.
        received_us: Time of arrival, in microseconds since the epoch.
    """
    if part == "cloudevents" and is_binary(headers):
        document, is_strict = read_binary(headers, body)
    elif part == "events":
        document, is_strict = parse_events(body)
    elif part in CALLS:
        document, is_strict = parse_calls(body, CALLS[part])
    else:
        document, is_strict = parse_document(body)
    if body_key is not None and read_body_key(document) != body_key:
        raise _refuse_key()  # it was found elsewhere in the body
    rule: TrustRule = key.trust_rule
    form: ArrivalFormat = "events"
    match part:
        case "cloudevents":
            form, lines = "cloudevents", cut_cloud_events(document, key.source, received_us)
        case "events":
            lines = cut_events(document, key.source, received_us)
        case "activities":
            rule, lines = "public", cut_activities(document, key.source, key.brand, received_us)
        case _:
            form, lines = "segment", cut_calls(document, CALLS[part], received_us)
    return _SplitBody(form, _make_arrivals(form, lines, key, rule, received_us), is_strict)


def _cut_delivery(headers: Headers, body: bytes, key: SourceKey, received_us: int) -> _SplitBody:
    if key.signing_secret:
        check_signature(headers, body, key.signing_secret, received_us)
    document, is_strict = parse_document(body)
    lines = cut_deliveries(document, key.source, received_us)
    return _SplitBody("events", _make_arrivals("events", lines, key, key.trust_rule, received_us), is_strict)


def _make_arrivals(
    form: ArrivalFormat, lines: Sequence[str], key: SourceKey, rule: TrustRule, received_us: int
) -> list[Arrival]:
    """The events of a request, in pieces that a row of the file of arrivals may have."""
    pieces: list[list[str]] = []
    characters = 0
    for line in lines:
        if not pieces or len(pieces[-1]) >= ROW_EVENTS or characters >= ROW_CHARACTERS:
            pieces.append([])
            characters = 0
        pieces[-1].append(line)
        characters += len(line)
    return [
        Arrival(form, key.source, key.brand, rule, key.trust, received_us, "\n".join(piece))
        for piece in pieces
    ]


def _refuse_key() -> CollectError:
    return CollectError(
        401, "wrong_key", "The write key is missing, wrong or revoked. Send a write key of a source."
    )


_UNREAD = ("wrong_key", "too_many_wrong_keys", "too_large")
"""Refusals of requests whose body may still be in transit."""
_OTHER_PARTS = ("cloudevents", "events", "activities")


async def _respond(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _write_settings(key_text: str, headers: Headers, scope: Scope) -> bytes:
    """The settings that Segment's browser client requests before it sends: host and key."""
    host = headers.get(b"host", b"").decode("latin-1")
    integration = {"apiKey": key_text, "apiHost": f"{host}/v1", "protocol": scope.get("scheme", "http")}
    return encode_line({"integrations": {"Segment.io": integration}}).encode()
