"""Looks: who looked at whom goes into the audit, gathered, so that looking does not wait for the disk."""

from __future__ import annotations

from collections import deque
from threading import Lock

from consumer_fusion import access
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.stores import Store

_WAIT_SECONDS = 5.0
_KEPT_LOOKS = 100_000


class LookLog:
    """Looks that are not on record yet.

    Args:
        store: Where the audit is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[AuditEntry] = deque()
        self._lock = Lock()

    def note(self, entry: AuditEntry) -> None:
        """Remember a look; it is on record after the next `write`."""
        if len(self._waiting) >= _KEPT_LOOKS:
            # Nobody may look without a record of it, so this one waits for the disk.
            self.write()
        self._waiting.append(entry)

    def write(self) -> int:
        """Put what was gathered on record, and return how many looks there were."""
        with self._lock:
            entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
            if not entries:
                return 0
            try:
                with self._store.writing(wait_seconds=_WAIT_SECONDS) as session:
                    return access.append_audit(session, entries)
            except BaseException:
                self._waiting.extendleft(reversed(entries))
                raise
