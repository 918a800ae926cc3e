"""The reading side of the server as one piece: the read API behind the gate, its measures and the background jobs."""

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
    """What the application mounts to be read from; `start` before the first request, `stop` after the last.

    Attributes:
        workspace: The workspace.
        guard: Who may come in; its trail is started and closed by whoever made it.
        list_problems: What is wrong with keeping and reading what arrives, in words.
        extra: Further numbers for `/metrics`, by name.
        admit: Tells who asks.
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
        """`/api/v1`, `/healthz`, `/readyz` and `/metrics`."""
        return [
            Mount(API_PATH, app=SessionMiddleware(build_api(self.request_context), self.guard)),
            *build_operation(self.workspace, self.measures, list_problems=self.list_problems),
        ]

    def start(self) -> None:
        """Start the background jobs."""
        self.jobs.start()

    def stop(self) -> None:
        """Stop the background jobs and what else runs beside requests."""
        self.jobs.stop()
        self.request_context.close()
