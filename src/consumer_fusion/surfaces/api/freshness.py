"""Freshness: a read that insists waits until arrivals have landed, by one landing at a time; no other read waits."""

from __future__ import annotations

from threading import Event, Lock, Thread
from time import monotonic

from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError
from consumer_fusion.events.inbox_queue import count_arrivals
from consumer_fusion.workspace import Workspace

LAG_SECONDS = 10.0
"""Time after the last landing from which a read starts one: as a rule another thread lands about once a second."""
PATIENCE_SECONDS = 5.0


class _Landing:
    """A landing that runs in a thread of its own, so that callers can stop waiting for it."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.is_done = Event()
        self.error: BaseException | None = None


class FreshnessBarrier:
    """Lands arrivals for a read that insists on all of them; see that no arrival waits for long.

    Args:
        workspace: Workspace.
        lag_seconds: Time after the last landing from which a read starts one.
        patience_seconds: Maximum time to wait for a landing, from its start.
    """

    def __init__(
        self,
        workspace: Workspace,
        lag_seconds: float = LAG_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._workspace = workspace
        self._lag_seconds = lag_seconds
        self._patience_seconds = patience_seconds
        self._lock = Lock()
        self._landed_until = float("-inf")
        self._running: _Landing | None = None

    def note_landing(self, moment: float) -> None:
        """Record that another thread landed everything that arrived before a time, on the clock of `time.monotonic`."""
        self._landed_until = max(self._landed_until, moment)

    def ensure_landed(self, *, is_forced: bool = False) -> None:
        """Land waiting arrivals, and wait for that only if they must be included.

        Args:
            is_forced: Whether everything acknowledged so far must be included.

        Raises:
            ConflictError: It must be included, and another writer takes too long.
        """
        asked = monotonic()
        if not is_forced:
            if asked - self._landed_until >= self._lag_seconds:
                self._join_landing(asked)
            return
        # A landing that began before this request may have missed something: then one more.
        for _ in range(2):
            landing = self._join_landing(asked)
            if landing is None:
                return
            if not landing.is_done.wait(max(0.0, landing.began + self._patience_seconds - monotonic())):
                raise ConflictError(
                    "Another writer is busy, so that recent arrivals cannot be counted yet.",
                    hint="Retry later, or without `fresh`.",
                )
            if landing.error is not None:
                raise landing.error

    def _join_landing(self, asked: float) -> _Landing | None:
        """The landing to wait for; None where everything relevant has landed."""
        with self._lock:
            if self._landed_until >= asked:
                return None
            if self._running is None or self._running.is_done.is_set():
                began = monotonic()
                with self._workspace.arrivals.reading() as session:
                    is_waiting = count_arrivals(session) > 0
                if not is_waiting:
                    self.note_landing(began)
                    return None
                self._running = _Landing(began)
                Thread(target=self._land, args=(self._running,), name="landing", daemon=True).start()
            return self._running

    def _land(self, landing: _Landing) -> None:
        try:
            pipeline.land_arrivals(self._workspace, wait_seconds=self._patience_seconds)
            self.note_landing(landing.began)
        except BaseException as error:  # noqa: BLE001 - raised in the request that waits
            landing.error = error
            self.note_landing(landing.began)  # not retried at every request
        finally:
            landing.is_done.set()
