"""The read side of the server: the authenticated read API, operation endpoints, metrics and background jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Mount

from consumer_fusion.server.authentication import admit_caller
from consumer_fusion.server.background_jobs import BackgroundJobs
from consumer_fusion.server.health import Extra, ServerMetrics, build_operation
from consumer_fusion.server.session_middleware import SessionGuard, SessionMiddleware
from consumer_fusion.surfaces.api.api_authentication import Authenticator
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import API_PATH, build_api
from consumer_fusion.workspace import Workspace


@dataclass(slots=True)
class ReadApp:
    """The read side of the server; call `start` before the first request and `stop` after the last.

    Attributes:
        workspace: Workspace.
        guard: Session guard; its audit buffer is started and closed by its creator.
        list_problems: Function that returns the current problems with storing and reading arrivals, as text.
        extra: Additional metrics for `/metrics`, by name.
        admit: Authenticator of callers.
    """

    workspace: Workspace
    guard: SessionGuard
    list_problems: Callable[[], list[str]] = list
    extra: Extra | None = None
    admit: Authenticator = admit_caller
    measures: ServerMetrics = field(init=False)
    request_context: RequestContext = field(init=False)
    jobs: BackgroundJobs = field(init=False)

    def __post_init__(self) -> None:
        self.measures = ServerMetrics(self.workspace, self.extra)
        self.request_context = RequestContext(self.workspace, self.guard.audit_buffer, self.admit)
        self.jobs = BackgroundJobs(self.workspace)

    def build_routes(self) -> list[BaseRoute]:
        """The routes of `/api/v1`, `/healthz`, `/readyz` and `/metrics`."""
        return [
            Mount(API_PATH, app=SessionMiddleware(build_api(self.request_context), self.guard)),
            *build_operation(self.workspace, self.measures, list_problems=self.list_problems),
        ]

    def start(self) -> None:
        """Start the background jobs."""
        self.jobs.start()

    def stop(self) -> None:
        """Stop the background jobs and the worker processes."""
        self.jobs.stop()
        self.request_context.close()
