"""Chores: what the server does beside answering: changed pairs are judged, notices posted, effects measured nightly."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from consumer_fusion.alerts import watching
from consumer_fusion.causal.effects.nightly import calibrate_nightly, is_calibration_due
from consumer_fusion.errors import FusionError
from consumer_fusion.server.allocator import release_memory
from consumer_fusion.server.worker_pool import Aside
from consumer_fusion.storage.segments import sweep_replaced
from consumer_fusion.workspace import Workspace

INTERVAL_SECONDS = 1.0
RELEASE_SECONDS = 20.0
TIDYING_SECONDS = 60.0
"""So often are the logs of changes emptied, and sealed files deleted that were replaced."""
NIGHTLY_INTERVAL_SECONDS = 300.0
"""So often is it looked whether the work of the night is due."""
_log = logging.getLogger("consumer_fusion.chores")


class Chores:
    """Threads that do the chores of one workspace; `start` before, `stop` after.

    Posting has a thread of its own, because a receiver may take its time.

    Args:
        workspace: The workspace.
        interval_seconds: How often.
    """

    def __init__(self, workspace: Workspace, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._workspace = workspace
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        often, seldom = self._interval_seconds, max(self._interval_seconds, NIGHTLY_INTERVAL_SECONDS)
        chores: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("watching", often, lambda: watching.watch_changes(self._workspace)),
            ("watching what fades", often, lambda: watching.watch_fading(self._workspace)),
            ("posting", often, lambda: watching.send_due(self._workspace)),
            ("giving memory back", RELEASE_SECONDS, release_memory),
            ("giving disk back", TIDYING_SECONDS, self._tidy),
            ("calibrating effects", seldom, self._calibrate),
        )
        for name, interval_seconds, chore in chores:
            arguments = (name, interval_seconds, chore)
            thread = threading.Thread(target=self._repeat, args=arguments, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End, after the round that runs."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=30.0)
        self._threads.clear()

    def _tidy(self) -> None:
        for store in (self._workspace.store, self._workspace.arrivals, self._workspace.visits):
            store.truncate_log()
        sweep_replaced(self._workspace.store, self._workspace.folder)

    def _calibrate(self) -> None:
        if is_calibration_due(self._workspace):
            # It computes for minutes, and with libraries that nothing else needs here.
            aside = Aside(self._workspace, idle_seconds=1.0)
            try:
                aside.run(calibrate_nightly)
            finally:
                aside.close()

    def _repeat(self, name: str, interval_seconds: float, chore: Callable[[], object]) -> None:
        while not self._stopping.wait(interval_seconds):
            try:
                chore()
            except FusionError as error:
                _log.warning("the chore %s is done later: %s", name, error.code)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again
                _log.error("the chore %s failed", name, exc_info=error)
