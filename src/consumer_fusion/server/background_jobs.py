"""Background jobs: periodic jobs that capabilities declare in their modules `jobs`, run while the server runs."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence

from consumer_fusion.errors import FusionError
from consumer_fusion.operations import Job, find_jobs
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.workspace import Workspace

_log = logging.getLogger("consumer_fusion.jobs")


class BackgroundJobs:
    """Runs the jobs of one workspace, each in its own thread; call `start` before and `stop` after.

    Args:
        workspace: Workspace.
        jobs: Jobs; by default those of all capabilities.
        longest_pause_seconds: Maximum pause between two runs of a job, whatever it declares.
    """

    def __init__(
        self,
        workspace: Workspace,
        jobs: Sequence[Job] | None = None,
        *,
        longest_pause_seconds: float = math.inf,
    ) -> None:
        self._workspace = workspace
        self._jobs = find_jobs() if jobs is None else jobs
        self._longest_pause_seconds = longest_pause_seconds
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        self._stopping.clear()
        for job in self._jobs:
            thread = threading.Thread(target=self._repeat, args=(job,), name=job.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the threads, after the current runs."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30.0)
        self._threads.clear()

    def _repeat(self, job: Job) -> None:
        while not self._stopping.wait(min(job.every_seconds, self._longest_pause_seconds)):
            try:
                self._do(job)
            except FusionError as error:
                _log.warning("the job '%s' is postponed: %s", job.name, error.code)
            except Exception as error:  # noqa: BLE001 - the next run tries again
                _log.error("the job '%s' failed", job.name, exc_info=error)

    def _do(self, job: Job) -> None:
        if job.is_due is not None and not job.is_due(self._workspace):
            return
        if not job.is_in_worker:
            job.run(self._workspace)
            return
        worker = WorkerPool(self._workspace)
        try:
            worker.run(job.run)
        finally:
            worker.close()
