"""Freshness: what arrived is read before something is answered, but by one reader at a time and not all the time."""

from __future__ import annotations

from threading import Event, Lock, Thread
from time import monotonic

from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError, StoreError
from consumer_fusion.events.inbox_queue import count_arrivals
from consumer_fusion.workspace import Workspace

LAG_SECONDS = 3.0
PATIENCE_SECONDS = 5.0


class _Landing:
    """A landing that runs in a thread of its own, so that whoever waits for it can stop waiting."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.is_done = Event()
        self.error: BaseException | None = None


class FreshnessBarrier:
    """Lands what arrived before it is asked about.

    An answer may lack what was acknowledged less than `LAG_SECONDS` before it was asked for, and nothing else: so
    nobody waits for the thread that lands arrivals about once a second, as long as it keeps up. While an import
    writes for minutes nothing can be landed: then a question waits for `PATIENCE_SECONDS` once, and those that follow
    not at all.

    Args:
        workspace: The workspace.
        lag_seconds: So long may what arrived be missing.
        patience_seconds: So long a landing is waited for, from its beginning.
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
        """Somebody else landed all that came before a moment, on the clock of `time.monotonic`."""
        self._landed_until = max(self._landed_until, moment)

    def ensure_landed(self, *, is_forced: bool = False) -> None:
        """Land what waits, unless that was done just now; where somebody writes for long, go on with what there is.

        Args:
            is_forced: Whether everything that was acknowledged by now must be counted.

        Raises:
            ConflictError: It must, and somebody writes for too long.
        """
        asked = monotonic()
        if not is_forced and asked - self._landed_until < self._lag_seconds:
            return
        # A landing that began before this was asked may have missed something: then one more.
        for _ in range(2):
            landing = self._join_landing(asked)
            if landing is None:
                return
            if not landing.is_done.wait(max(0.0, landing.began + self._patience_seconds - monotonic())):
                if is_forced:
                    raise ConflictError(
                        "Somebody writes for so long that what arrived cannot be counted yet.",
                        hint="Ask again later, or without `fresh`.",
                    )
                return
            if landing.error is not None:
                if is_forced or not isinstance(landing.error, (ConflictError, StoreError)):
                    raise landing.error
                self.note_landing(landing.began)  # not tried again at every question
                return

    def _join_landing(self, asked: float) -> _Landing | None:
        """The landing that is to be waited for; None where all that was asked about has landed."""
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
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            landing.error = error
        finally:
            landing.is_done.set()
