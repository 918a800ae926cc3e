"""Freshness: what arrived is read before something is answered, but by one reader at a time and not all the time."""

from __future__ import annotations

from threading import Lock
from time import monotonic

from consumer_fusion import ingest, pipeline
from consumer_fusion.errors import ConflictError, StoreError
from consumer_fusion.workspace import Workspace

LAG_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0


class ArrivalGate:
    """Lands what arrived before it is asked about.

    An answer may lack what was acknowledged less than `LAG_SECONDS` before it was asked for, and nothing else: so
    nobody waits for the thread that lands arrivals about once a second, as long as it keeps up.

    Args:
        workspace: The workspace.
        lag_seconds: So long may what arrived be missing.
    """

    def __init__(self, workspace: Workspace, lag_seconds: float = LAG_SECONDS) -> None:
        self._workspace = workspace
        self._lag_seconds = lag_seconds
        self._lock = Lock()
        self._landed_until = float("-inf")

    def note_landing(self, moment: float) -> None:
        """Somebody else landed all that came before a moment, on the clock of `time.monotonic`."""
        self._landed_until = max(self._landed_until, moment)

    def ensure_landed(self, *, is_forced: bool = False) -> None:
        """Land what waits, unless that was done just now; where somebody writes for long, go on with what there is.

        Args:
            is_forced: Whether everything that was acknowledged by now must be counted.
        """
        asked = monotonic()
        if not is_forced and asked - self._landed_until < self._lag_seconds:
            return
        with self._lock:
            # Whoever held the lock began after this was asked, or they may have missed something.
            if self._landed_until >= asked:
                return
            began = monotonic()
            with self._workspace.arrivals.reading() as session:
                is_waiting = ingest.count_arrivals(session) > 0
            if is_waiting:
                try:
                    pipeline.land_arrivals(self._workspace, wait_seconds=_PATIENCE_SECONDS)
                except (ConflictError, StoreError):
                    if is_forced:
                        raise
            self.note_landing(began)
