"""Locks by key: one thread at a time works on a key, and a lock lasts only as long as somebody needs it."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Used:
    lock: threading.Lock = field(default_factory=threading.Lock)
    holders: int = 0


class KeyLocks:
    """A lock for each key. Its length is how many keys are locked or waited for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._used: dict[Hashable, _Used] = {}

    def __len__(self) -> int:
        """How many keys are locked or waited for."""
        return len(self._used)

    @contextmanager
    def hold(self, key: Hashable) -> Iterator[None]:
        """Hold the lock of a key within the `with` block."""
        self._acquire(key, is_blocking=True)
        try:
            yield
        finally:
            self.release(key)

    def try_acquire(self, key: Hashable) -> bool:
        """Acquire the lock of a key unless it is held; any thread may release it."""
        return self._acquire(key, is_blocking=False)

    def release(self, key: Hashable) -> None:
        """Release the lock of a key."""
        used = self._used[key]
        used.lock.release()
        self._leave(key, used)

    def _acquire(self, key: Hashable, *, is_blocking: bool) -> bool:
        with self._guard:
            used = self._used.setdefault(key, _Used())
            used.holders += 1
        is_held = False
        try:
            is_held = used.lock.acquire(blocking=is_blocking)
        finally:
            if not is_held:
                self._leave(key, used)
        return is_held

    def _leave(self, key: Hashable, used: _Used) -> None:
        with self._guard:
            used.holders -= 1
            if not used.holders:
                del self._used[key]
