"""Deferred writes of requests: views for the audit log, and the last use of sessions and tokens.

A thread writes them about once a second, because neither pages nor sign-ins may wait while an import writes. Changes
are not deferred: they are audited in their own transaction. If the machine crashes, buffered entries are lost: about a
second of views and sign-ins, or all since an import locked the store; never a change.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from time import monotonic

from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.sessions import touch_sessions
from consumer_fusion.access.tokens import note_token_uses
from consumer_fusion.errors import StoreError
from consumer_fusion.records.audit import Actor, AuditEntry
from consumer_fusion.storage.store import Store

MAX_WAITING_LOOKS = 100_000
_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_MINUTE_US = 60_000_000
_REFUSALS_SECONDS = 60.0
"""Interval between writes of refusals, so that nobody floods the audit log with them."""


class AuditBuffer:
    """Buffers deferred writes, and writes them from a thread of its own.

    Args:
        store: Store.
        session_store: Session store.
        pause_seconds: Interval between writes.
    """

    def __init__(self, store: Store, session_store: Store, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._store = store
        self._visits = session_store
        self._pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._looks: list[AuditEntry] = []
        self._sessions: dict[str, int] = {}
        self._tokens: dict[str, int] = {}
        self._counted = monotonic()
        self._refusals: Counter[tuple[Actor, str, int]] = Counter()
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="trail", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._is_closing.set()
        if self._thread is not None:
            self._thread.join()
        self.flush(is_last=True)

    def note_looks(self, entries: Iterable[AuditEntry]) -> None:
        """Buffer audit entries: views, sign-ins, failed sign-ins and sign-outs.

        Raises:
            StoreError: The buffer is full, so nothing that must be audited may be shown.
        """
        with self._lock:
            if len(self._looks) >= MAX_WAITING_LOOKS:
                raise StoreError(
                    "The audit log cannot be written, so nothing that must be audited is shown.",
                    hint="Wait until the running import is done, and check that the disk has free space.",
                )
            self._looks.extend(entries)

    def note_refusal(self, actor: Actor, route: str, now_us: int) -> None:
        """Buffer a refusal for the audit log: one row for each route and minute, with the number of attempts."""
        with self._lock:
            self._refusals[actor, route, now_us // _MINUTE_US * _MINUTE_US] += 1

    def note_session(self, digest: str, now_us: int) -> None:
        """Record the use of a session."""
        with self._lock:
            self._sessions[digest] = now_us

    def note_token(self, token_id: str, now_us: int) -> None:
        """Record the use of a token."""
        with self._lock:
            self._tokens[token_id] = now_us

    def flush(self, *, is_last: bool = False) -> None:
        """Write the buffer now.

        Args:
            is_last: Whether to write the refusals of the current minute too.

        Raises:
            StoreError: It could not be written; the entries stay in the buffer.
        """
        with self._writing:
            with self._lock:
                looks, self._looks = self._looks, []
                sessions, self._sessions = self._sessions, {}
                tokens, self._tokens = self._tokens, {}
                looks += self._take_refusals(is_last=is_last)
            try:
                if sessions:
                    with self._visits.writing(wait_seconds=_PATIENCE_SECONDS) as session:
                        touch_sessions(session, sessions)
                    sessions = {}
                if looks or tokens:
                    with self._store.writing(wait_seconds=_PATIENCE_SECONDS) as session:
                        append_audit(session, looks)
                        note_token_uses(session, tokens)
            except StoreError:
                with self._lock:
                    self._looks = looks + self._looks
                    self._sessions = {**sessions, **self._sessions}
                    self._tokens = {**tokens, **self._tokens}
                raise

    def _take_refusals(self, *, is_last: bool) -> list[AuditEntry]:
        if not is_last and monotonic() - self._counted < _REFUSALS_SECONDS:
            return []
        self._counted = monotonic()
        taken = sorted(self._refusals.items(), key=lambda each: each[0][2])
        self._refusals.clear()
        return [
            AuditEntry(actor, "access denied", minute_us, route, detail={"times": count})
            for (actor, route, minute_us), count in taken
        ]

    def _run(self) -> None:
        while not self._is_closing.wait(self._pause_seconds):
            try:
                self.flush()
            except StoreError:
                # The entries stay buffered and are retried; when there are too many, `note_looks` raises.
                continue
