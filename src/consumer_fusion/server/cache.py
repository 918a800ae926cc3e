"""Memory: what was computed for one request and still holds for the next, bounded, and computed once at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")
DRIFT_SECONDS = 10.0
"""Scores fade as time goes by; after so long what was computed for now is computed anew."""
REST_FACTOR = 20.0
"""What takes long to compute is not computed all the time: it rests for so many times as long as that took."""


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


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    version: Hashable
    made: float
    weight: int
    seconds: float


class Cache:
    """Keeps computed values by key.

    Args:
        weight_limit: What is kept weighs at most so much; what was not asked for the longest goes first.
    """

    def __init__(self, weight_limit: int) -> None:
        self._weight_limit = weight_limit
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._locks = KeyLocks()
        self._refreshing: set[Hashable] = set()
        self._guard = RLock()
        self._refresher = ThreadPoolExecutor(1, thread_name_prefix="refresh")

    def recall(
        self, key: Hashable, version: Hashable, compute: Callable[[], T], *, weigh: Callable[[T], int],
        patience_seconds: float = 0.0, is_fixed: bool = False,
    ) -> T:  # fmt: skip
        """The value of a key: as it is kept while it holds, else computed.

        Args:
            key: What is asked for.
            version: What it depends on; a value of another version no longer holds.
            compute: Computes it.
            weigh: How much a value weighs.
            patience_seconds: A value that no longer holds may be given for so long while it is computed anew in
                the background.
            is_fixed: Whether it is of a given moment, so that time does not change it.
        """
        kept = self._find(key)
        if kept is not None:
            age = monotonic() - kept.made
            if kept.version == version and (is_fixed or age <= DRIFT_SECONDS):
                return kept.value  # type: ignore[no-any-return]
            if age <= patience_seconds:
                if age > REST_FACTOR * kept.seconds:
                    self._refresh_later(key, version, compute, weigh)
                return kept.value  # type: ignore[no-any-return]
        asked = monotonic()
        with self._locks.hold(key):
            kept = self._find(key)
            if kept is not None and kept.made >= asked and kept.version == version:
                return kept.value  # type: ignore[no-any-return]
            return self._compute(key, version, compute, weigh)

    def close(self) -> None:
        """End what is computed in the background."""
        self._refresher.shutdown(wait=True, cancel_futures=True)

    def _compute(
        self, key: Hashable, version: Hashable, compute: Callable[[], T], weigh: Callable[[T], int]
    ) -> T:
        began = monotonic()
        value = compute()
        made = monotonic()
        with self._guard:
            self._kept[key] = _Kept(value, version, made, weigh(value), made - began)
            self._kept.move_to_end(key)
            total = sum(each.weight for each in self._kept.values())
            while total > self._weight_limit and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                total -= dropped.weight
        return value

    def _refresh_later(
        self, key: Hashable, version: Hashable, compute: Callable[[], T], weigh: Callable[[T], int]
    ) -> None:
        with self._guard:
            if key in self._refreshing:
                return
            self._refreshing.add(key)

        def refresh() -> None:
            try:
                self._compute(key, version, compute, weigh)
            finally:
                with self._guard:
                    self._refreshing.discard(key)

        self._refresher.submit(refresh)

    def _find(self, key: Hashable) -> _Kept | None:
        with self._guard:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept
