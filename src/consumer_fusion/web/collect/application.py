"""The collect API as one ASGI application: which path is which, who may send, and how it is answered.

Published clients decide what is here: success is always 200 with a JSON object; an error has `code` and `message`;
no answer is ever a redirect, because clients turn a redirected POST into a GET; a path may end in a slash; the
Content-Type says nothing. See the tests in `tests/web/collect/`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from consumer_fusion.records.arrival import Arrival, ArrivalFormat, TrustRule
from consumer_fusion.web.collect.activities import cut_activities
from consumer_fusion.web.collect.bodies import BodyBudget, encode_line, parse_document, read_body
from consumer_fusion.web.collect.chatwoot import check_signature, cut_deliveries
from consumer_fusion.web.collect.cloud_event_modes import cut_cloud_events, is_binary, read_binary
from consumer_fusion.web.collect.collect_errors import CollectError
from consumer_fusion.web.collect.collector import Collector
from consumer_fusion.web.collect.counters import Refusal
from consumer_fusion.web.collect.own_events import cut_events, parse_events
from consumer_fusion.web.collect.segment_calls import CALLS, cut_calls, parse_calls
from consumer_fusion.web.collect.source_keys import (
    KeyVerifier,
    SourceKey,
    cache_keys,
    read_body_key,
    read_header_key,
)
from consumer_fusion.web.errors import write_problem

_log = logging.getLogger("consumer_fusion.collect")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]

_SUCCESS = b'{"success": true}'
# Any page of a brand may send: the key says whose events they are, and no cookie is looked at.
_CORS = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT = [
    *_CORS,
    (b"access-control-allow-methods", b"POST, OPTIONS"),
    (b"access-control-allow-headers", b"authorization, content-type, content-encoding, x-retry-count"),
    (b"access-control-max-age", b"86400"),
]


class CollectApplication:
    """Everything under `/v1/`."""

    def __init__(self, collector: Collector, verify_key: KeyVerifier) -> None:
        self.collector = collector
        self.counters = collector.counters
        self._verify_key = cache_keys(verify_key)
        self._budget = BodyBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers: Headers = dict(scope["headers"])
        path = scope["path"].rstrip("/")
        try:
            if scope["method"] == "OPTIONS":
                await _respond(send, 200, _SUCCESS, _PREFLIGHT)
                return
            status, body = await self._answer(scope["method"], path, headers, scope, receive)
            self.counters.requests[status] += 1
            await _respond(send, status, body, _CORS)
        except CollectError as refusal:
            await self._refuse(refusal, path, send)
        except Exception as error:  # noqa: BLE001 - a sender must learn that nothing was kept, and nothing more
            _log.exception("request failed: %s", type(error).__name__)
            await self._refuse(
                CollectError(500, "internal_error", "The request could not be dealt with. Send it again."),
                path, send,
            )  # fmt: skip

    async def _answer(
        self, method: str, path: str, headers: Headers, scope: Scope, receive: Receive
    ) -> tuple[int, bytes]:
        name = path.removeprefix("/v1/")
        part, _, rest = name.partition("/")
        if method == "GET" and part == "projects" and rest.endswith("/settings"):
            return 200, _write_settings(rest.removesuffix("/settings"), headers, scope)
        is_known = part == "chatwoot" or (not rest and (part in CALLS or part in _OTHER_PARTS))
        if not is_known:
            raise CollectError(
                404, "not_found", "There is nothing to send to here. See docs/how-to/send-events.md."
            )
        if method != "POST":
            raise CollectError(405, "method_not_allowed", "Send events with POST.")
        if part == "chatwoot":
            return await self._take_delivery(rest, headers, receive)
        return await self._take_events(part, headers, receive)

    async def _take_events(self, part: str, headers: Headers, receive: Receive) -> tuple[int, bytes]:
        key_text = read_header_key(headers)
        key = self._find_key(key_text) if key_text is not None else None
        body, taken = await read_body(receive, headers, self._budget)
        try:
            received_us = self.collector.workspace.now_us
            if part == "cloudevents" and is_binary(headers):
                document, is_strict = read_binary(headers, body)
            elif part == "events":
                document, is_strict = parse_events(body)
            elif part in CALLS:
                document, is_strict = parse_calls(body, CALLS[part])
            else:
                document, is_strict = parse_document(body)
            self.counters.violations += not is_strict
            if key is None:
                key = self._find_key(read_body_key(document) or "")
            rule = key.trust_rule
            form: ArrivalFormat
            match part:
                case "cloudevents":
                    form, lines = "cloudevents", cut_cloud_events(document, key.source, received_us)
                case "events":
                    form, lines = "events", cut_events(document, key.source, received_us)
                case "activities":
                    form, rule = "events", "public"
                    lines = cut_activities(document, key.source, key.brand, received_us)
                case _:
                    form, lines = "segment", cut_calls(document, CALLS[part], received_us)
            await self._keep(form, lines, key, rule, received_us)
        finally:
            self._budget.used -= taken
        return 200, _SUCCESS

    async def _take_delivery(self, key_text: str, headers: Headers, receive: Receive) -> tuple[int, bytes]:
        # Chatwoot can be told an address only, so that the key is a part of it.
        key = self._find_key(key_text or read_header_key(headers) or "")
        body, taken = await read_body(receive, headers, self._budget)
        try:
            received_us = self.collector.workspace.now_us
            if key.signing_secret:
                check_signature(headers, body, key.signing_secret, received_us)
            document, is_strict = parse_document(body)
            self.counters.violations += not is_strict
            lines = cut_deliveries(document, key.source, received_us)
            await self._keep("events", lines, key, key.trust_rule, received_us)
        finally:
            self._budget.used -= taken
        return 200, _SUCCESS

    def _find_key(self, text: str) -> SourceKey:
        key = self._verify_key(text) if text else None
        if key is None:
            self._note_refusal("wrong_key", text)
            raise CollectError(
                401, "wrong_key", "The write key is missing, wrong or revoked. Send a write key of a source."
            )
        return key

    async def _keep(
        self, form: ArrivalFormat, lines: Sequence[str], key: SourceKey, rule: TrustRule, received_us: int
    ) -> None:
        await self.collector.keep(
            [Arrival(form, key.source, key.brand, rule, key.trust, received_us, line) for line in lines]
        )
        self.counters.received[form] += len(lines)

    def _note_refusal(self, code: str, key_text: str) -> None:
        # A write key that is wrong may be another secret by mistake: no more than its ending is kept.
        self.counters.refusals.append(
            Refusal(self.collector.workspace.now_us, "/v1", code, key_text[-4:] if len(key_text) > 8 else "")
        )

    async def _refuse(self, refusal: CollectError, path: str, send: Send) -> None:
        self.counters.requests[refusal.status] += 1
        self.counters.refused[refusal.code] += 1
        headers = list(_CORS)
        if refusal.retry_after_s is not None:
            headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
        if refusal.status == 405:
            headers.append((b"allow", b"POST, OPTIONS"))
        problem = write_problem(refusal.status, refusal.code, refusal.message)
        await _respond(send, refusal.status, encode_line(problem).encode(), headers)


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
    """What Segment's browser client asks for before it sends: where to, and with which key."""
    host = headers.get(b"host", b"").decode("latin-1")
    integration = {"apiKey": key_text, "apiHost": f"{host}/v1", "protocol": scope.get("scheme", "http")}
    return encode_line({"integrations": {"Segment.io": integration}}).encode()
