"""Freshness: what arrived is read before something is answered, but by one reader at a time and not all the time."""

from __future__ import annotations

from threading import Lock
from time import monotonic

from consumer_fusion import ingest, pipeline
from consumer_fusion.errors import ConflictError, StoreError
from consumer_fusion.workspace import Workspace

INTERVAL_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0


class ArrivalGate:
    """Lands what arrived before it is asked about.

    Args:
        workspace: The workspace.
        interval_seconds: Within so long after a landing an answer may do without the next; the thread that lands
            arrivals comes by as often.
    """

    def __init__(self, workspace: Workspace, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._workspace = workspace
        self._interval_seconds = interval_seconds
        self._lock = Lock()
        self._landed = float("-inf")

    def note_landing(self) -> None:
        """Somebody else landed what there was just now."""
        self._landed = monotonic()

    def ensure_landed(self, *, is_forced: bool = False) -> None:
        """Land what waits, unless that was done just now; where somebody writes for long, go on with what there is.

        Args:
            is_forced: Whether also what came since the last landing must be counted.
        """
        if not is_forced and monotonic() - self._landed < self._interval_seconds:
            return
        asked = monotonic()
        with self._lock:
            # Whoever held the lock began before this was asked only if it was done before.
            if self._landed > asked and not is_forced:
                return
            with self._workspace.arrivals.reading() as session:
                is_waiting = ingest.count_arrivals(session) > 0
            if is_waiting:
                try:
                    pipeline.land_arrivals(self._workspace, wait_seconds=_PATIENCE_SECONDS)
                except (ConflictError, StoreError):
                    if is_forced:
                        raise
            self._landed = monotonic()
