"""The web application: mounts, start-up and shutdown."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from consumer_fusion.access.form_tokens import read_signing_key
from consumer_fusion.score.snapshot_renewal import is_snapshot_due, keep_snapshots
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.health import RequestMiddleware
from consumer_fusion.server.http_errors import write_problem
from consumer_fusion.server.many_pairs import digest_segments, is_many
from consumer_fusion.server.session_middleware import SessionGuard, SessionMiddleware
from consumer_fusion.surfaces.collect.application import CollectApplication
from consumer_fusion.surfaces.collect.collector import Collector, Limits
from consumer_fusion.surfaces.collect.counters import Counters
from consumer_fusion.surfaces.collect.source_keys import KeyVerifier, WorkspaceKeys
from consumer_fusion.surfaces.console.console_application import Console
from consumer_fusion.surfaces.console.queries import ConsoleQueries
from consumer_fusion.surfaces.console.sign_in_pages import StaffSessions, sign_in_routes
from consumer_fusion.surfaces.read_app import ReadApp
from consumer_fusion.workspace import DEMO_MARK, Workspace

SWITCH_SECONDS = 0.001
_TRANSPORT_SECURITY = (b"strict-transport-security", b"max-age=31536000")
_log = logging.getLogger("consumer_fusion.app")


class Application(Starlette):
    """The console and the read API, with the collect API in front, because events are the bulk of the requests.

    Args:
        collect: Application for paths under `/v1/`.
        named: Arguments of `Starlette`.
    """

    def __init__(self, collect: CollectApplication, **named: Any) -> None:
        super().__init__(**named)
        self._collect = collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["scheme"] == "https":
            send = _keep_secure(send)
        if scope["type"] == "http" and (scope["path"] == "/v1" or scope["path"].startswith("/v1/")):
            await self._collect(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _keep_secure(send: Send) -> Send:
    """Adds HTTP Strict Transport Security (RFC 6797): browsers then use only HTTPS for this site."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), _TRANSPORT_SECURITY]
        await send(message)

    return send_on


@dataclass(frozen=True, slots=True)
class Deployment:
    """Deployment settings of the application.

    Attributes:
        bound_address: Address that the server listens on; demo visitors are signed in only on loopback.
        is_plain_http_allowed: Whether staff may sign in from other machines without HTTPS.
    """

    bound_address: str = ""
    is_plain_http_allowed: bool = False


def build_app(
    workspace: Workspace, *, verify_key: KeyVerifier | None = None, limits: Limits | None = None,
    place: Deployment = Deployment(),
) -> Starlette:  # fmt: skip
    """The application of a workspace: collect API, read API and console in one process.

    Args:
        workspace: Workspace; must stay open as long as the application lives.
        verify_key: Function that verifies a write key; by default against the keys of the workspace.
        limits: Limits of the collect queue.
        place: Deployment.
    """
    keys, counters = WorkspaceKeys(workspace), Counters()
    audit_buffer = AuditBuffer(workspace.store, workspace.session_store)
    guard = SessionGuard(
        workspace.store,
        workspace.session_store,
        audit_buffer,
        read_signing_key(workspace.folder),
        lambda: workspace.now_us,
        is_demo=(workspace.folder / DEMO_MARK).exists(),
        bound_address=place.bound_address,
        is_plain_http_allowed=place.is_plain_http_allowed,
    )

    def note_landing(moment: float) -> None:
        keys.note_uses()
        side.request_context.barrier.note_landing(moment)

    collector = Collector(workspace, limits=limits, counters=counters, after_landing=note_landing)
    side = ReadApp(
        workspace, guard, list_problems=collector.list_problems, extra=lambda: _count_arrivals(collector)
    )
    queries = ConsoleQueries(
        workspace, side.request_context.cache, side.request_context.workers, side.request_context.brands
    )
    console = Console(workspace, StaffSessions(), queries)
    pages = Starlette(
        routes=[*sign_in_routes(), *console.make_routes()], exception_handlers={404: console.show_missing}
    )

    is_ending = threading.Event()

    @asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[None]:
        # Interval after which a background thread gives way to a request; the default is five times as long.
        sys.setswitchinterval(SWITCH_SECONDS)
        audit_buffer.start()
        collector.start()
        side.start()
        arguments = (workspace, side, queries, is_ending)
        threading.Thread(target=_warm, args=arguments, name="warm", daemon=True).start()
        try:
            yield
        finally:
            is_ending.set()
            await anyio.to_thread.run_sync(collector.stop)
            await anyio.to_thread.run_sync(side.stop)
            await anyio.to_thread.run_sync(audit_buffer.close)

    app = Application(
        CollectApplication(collector, verify_key or keys),
        routes=[
            *side.build_routes(),
            Mount(
                "/", app=SessionMiddleware(pages, guard, console.refuse_change, frozenset({"/preferences"}))
            ),
        ],
        lifespan=live,
        middleware=[Middleware(RequestMiddleware, measures=side.measures)],
        exception_handlers={HTTPException: _tell_problem},
    )
    app.router.redirect_slashes = False
    app.state.workspace = workspace
    app.state.collector = collector
    return app


def _warm(workspace: Workspace, side: ReadApp, queries: ConsoleQueries, is_ending: threading.Event) -> None:
    """Compute slow results in advance; one that fails hinders no other."""
    workers = side.request_context.workers

    def is_large() -> bool:
        with workspace.store.reading() as session:
            return is_many(session, None)

    def count() -> None:
        if is_large():
            queries.count_unscored()

    def digest() -> None:
        if is_large():
            workers.run_ahead(digest_segments)

    def keep() -> None:
        if is_snapshot_due(workspace):
            workers.run_ahead(keep_snapshots)

    for step in (count, digest, keep, queries.warm):  # first what a page waits for
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the request that needs it gets the error
            if is_ending.is_set():
                return
            _log.warning("slow results could not be computed in advance: %s", type(error).__name__)


def _count_arrivals(collector: Collector) -> Mapping[str, float]:
    counters = collector.counters
    return {
        "fusion_arrivals_waiting": collector.waiting_count,
        "fusion_arrivals_acknowledged": counters.received.total(),
        "fusion_arrivals_refused": counters.refused.total(),
        "fusion_arrivals_violations": counters.violations,
    }


async def _tell_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return JSONResponse(
        write_problem(error.status_code, code, error.detail), error.status_code, error.headers
    )
