"""The application: what is mounted where, and what begins and ends with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from consumer_fusion.web.collect import (
    CollectApplication,
    Collector,
    Counters,
    KeyVerifier,
    Limits,
    WorkspaceKeys,
)
from consumer_fusion.web.errors import write_problem
from consumer_fusion.workspace import Workspace


class Application(Starlette):
    """The pages and the read API, with the collect API before them, because events are many.

    Args:
        collect: What answers under `/v1/`.
        named: What Starlette takes.
    """

    def __init__(self, collect: CollectApplication, **named: Any) -> None:
        super().__init__(**named)
        self._collect = collect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/"):
            await self._collect(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_app(
    workspace: Workspace, *, verify_key: KeyVerifier | None = None, limits: Limits | None = None,
    routes: Sequence[BaseRoute] = (),
) -> Starlette:  # fmt: skip
    """The application of a workspace.

    Args:
        workspace: The workspace; it stays open as long as the application lives.
        verify_key: What a write key stands for; the keys of the workspace by default.
        limits: How much may wait.
        routes: What is mounted beside the collect API: the read API, the console.
    """
    keys = WorkspaceKeys(workspace)
    collector = Collector(workspace, limits=limits, counters=Counters(), after_landing=keys.note_uses)

    @asynccontextmanager
    async def live(_: Starlette) -> AsyncIterator[None]:
        collector.start()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(collector.stop)

    async def tell_health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def tell_readiness(_: Request) -> Response:
        return JSONResponse(
            {"ok": collector.is_alive, "waiting": collector.waiting_count},
            status_code=200 if collector.is_alive else 503,
        )

    app = Application(
        CollectApplication(collector, verify_key or keys),
        routes=[
            Route("/healthz", tell_health),
            Route("/readyz", tell_readiness),
            *routes,
        ],
        lifespan=live,
        exception_handlers={HTTPException: _tell_problem},
    )
    app.router.redirect_slashes = False
    app.state.workspace = workspace
    app.state.collector = collector
    return app


async def _tell_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return JSONResponse(
        write_problem(error.status_code, code, error.detail), error.status_code, error.headers
    )
