"""Operation endpoints: liveness, readiness and metrics (Prometheus); and the request log."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter

import structlog
from anyio.to_thread import run_sync
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer_fusion.alerts.deliveries import count_deliveries
from consumer_fusion.errors import FusionError
from consumer_fusion.events.inbox_queue import count_arrivals
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import REJECTIONS
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.workspace import Workspace

Extra = Callable[[], Mapping[str, float]]
"""Additional metrics provided by a part of the server, by name."""
LEAST_FREE_BYTES = 64 << 20
_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_log = structlog.get_logger("consumer_fusion.requests")


class ServerMetrics:
    """Metrics of the running server; none of them names a consumer or a brand.

    Args:
        workspace: Workspace.
        extra: Additional metrics, read at each scrape.
    """

    def __init__(self, workspace: Workspace, extra: Extra | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.requests = Counter(
            "fusion_requests", "Number of requests.", ("route", "method", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "fusion_request_seconds", "Duration of requests.", ("route",), buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        ProcessCollector(registry=self.registry)
        self.registry.register(_WorkspaceCollector(workspace, extra))


def build_operation(
    workspace: Workspace, measures: ServerMetrics, *, list_problems: Callable[[], list[str]]
) -> list[BaseRoute]:
    """The routes `/healthz`, `/readyz` and `/metrics`.

    Args:
        workspace: Workspace.
        measures: Metrics of `/metrics`.
        list_problems: Function that returns the current problems with storing and reading arrivals, as text.
    """

    async def tell_health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    async def tell_readiness(_: Request) -> Response:
        problems = await run_sync(find_problems, workspace, list_problems)
        return JSONResponse({"ok": not problems, "problems": problems}, 503 if problems else 200)

    async def tell_measures(_: Request) -> Response:
        body = await run_sync(generate_latest, measures.registry)
        return PlainTextResponse(body, media_type="text/plain; version=0.0.4; charset=utf-8")

    return [
        Route("/healthz", tell_health),
        Route("/readyz", tell_readiness),
        Route("/metrics", tell_measures),
    ]


def find_problems(workspace: Workspace, list_problems: Callable[[], list[str]]) -> list[str]:
    """Reasons why the server should currently get no requests; empty when it is ready."""
    problems = list_problems()
    try:
        for store in (workspace.store, workspace.arrivals):
            with store.reading() as session:
                session.read_mark("store_version")
    except FusionError as error:
        problems.append(f"the store cannot be read ({error.code})")
    if shutil.disk_usage(workspace.folder).free < LEAST_FREE_BYTES:
        problems.append(f"the disk has less than {LEAST_FREE_BYTES >> 20} MB left")
    return problems


class RequestMiddleware:
    """Measures and logs requests by route, never by their parameters, and gives each an id.

    Args:
        app: Application.
        measures: Metrics to update.
        unlogged: Paths whose requests are measured elsewhere and not logged, because there are thousands per second.
    """

    def __init__(self, app: ASGIApp, measures: ServerMetrics, unlogged: tuple[str, ...] = ("/v1/",)) -> None:
        self._app = app
        self._measures = measures
        self._unlogged = unlogged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._unlogged):
            await self._app(scope, receive, send)
            return
        started, status, request_id = perf_counter(), 500, make_id()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, note_status)
            finally:
                seconds = perf_counter() - started
                route = name_route(scope)
                self._measures.requests.labels(route, scope["method"], str(status)).inc()
                self._measures.seconds.labels(route).observe(seconds)
                _log.info(
                    "request", method=scope["method"], route=route, status=status,
                    milliseconds=round(seconds * 1e3, 1),
                )  # fmt: skip


def name_route(scope: Scope) -> str:
    """The template of the matched route, such as `/brands/{brand}`; `other` where none matched."""
    template = getattr(scope.get("route"), "path", None)
    if not isinstance(template, str):
        return "other"
    root = scope.get("root_path", "")
    return template if template.startswith(root) else f"{root}{template}"


class _WorkspaceCollector(Collector):
    """Reads the metrics of a workspace at each scrape."""

    def __init__(self, workspace: Workspace, extra: Extra | None) -> None:
        self._workspace = workspace
        self._extra = extra

    def collect(self) -> Iterator[Metric]:
        with self._workspace.arrivals.reading() as session:
            waiting = count_arrivals(session)
        with self._workspace.store.reading() as session:
            sealed = session.summarise(SEGMENTS, "row_count", "sum") or 0
            numbers: dict[str, float] = {
                "fusion_arrivals_waiting": waiting,
                "fusion_events_inbox": session.count(EVENTS),
                "fusion_events_sealed": sealed,
                "fusion_rejections": session.count(REJECTIONS),
                **{f"fusion_deliveries_{name}": count for name, count in count_deliveries(session).items()},
            }
        numbers["fusion_disk_free_bytes"] = shutil.disk_usage(self._workspace.folder).free
        numbers.update(self._extra() if self._extra else {})
        for name, value in numbers.items():
            yield GaugeMetricFamily(name, name.removeprefix("fusion_").replace("_", " "), value=value)
