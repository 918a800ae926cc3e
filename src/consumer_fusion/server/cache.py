"""A bounded cache of values computed from the store; each is computed by one thread at a time."""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, fields, is_dataclass
from time import monotonic
from typing import Any, TypeVar

from consumer_fusion.errors import FusionError
from consumer_fusion.records.points import PointsTable

T = TypeVar("T")
BYTES_LIMIT = 128 << 20
REST_FACTOR = 20.0
"""Pause after a background computation, as a multiple of its duration, however fast events arrive."""
UNUSED_SECONDS = 300.0
UNUSED_FACTOR = 1_000.0
"""An unused value is evicted after the first, or after the second times the duration of its computation if longer."""
_SWEEP_SECONDS = 10.0
_SAMPLE = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """Version of the data that a value depends on.

    Attributes:
        fixed: Part whose change invalidates a value at once, such as the scoring rules.
        moving: Part whose change makes a value stale but still usable for a while, such as new events or passing time.
    """

    fixed: Hashable
    moving: Hashable = None


@dataclass(slots=True)
class _KeyLock:
    lock: threading.Lock = field(default_factory=threading.Lock)
    holders: int = 0


class KeyLocks:
    """A lock for each key; its length is the number of keys that are locked or waited for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._used: dict[Hashable, _KeyLock] = {}

    def __len__(self) -> int:
        """Number of keys that are locked or waited for."""
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
            used = self._used.setdefault(key, _KeyLock())
            used.holders += 1
        is_held = False
        try:
            is_held = used.lock.acquire(blocking=is_blocking)
        finally:
            if not is_held:
                self._leave(key, used)
        return is_held

    def _leave(self, key: Hashable, used: _KeyLock) -> None:
        with self._guard:
            used.holders -= 1
            if not used.holders:
                del self._used[key]


@dataclass(slots=True)
class _CacheEntry:
    value: Any
    version: Version
    held: float
    made: float
    used: float
    seconds: float
    size: int

    def is_unused(self, now: float) -> bool:
        return now - self.used > max(UNUSED_SECONDS, UNUSED_FACTOR * self.seconds)


class Cache:
    """Caches values by key; call `close` at the end.

    Args:
        bytes_limit: Approximate maximum memory; the least recently used values are evicted first.
    """

    def __init__(self, bytes_limit: int = BYTES_LIMIT) -> None:
        self._bytes_limit = bytes_limit
        self._kept: OrderedDict[Hashable, _CacheEntry] = OrderedDict()
        self._size = 0
        self._swept = monotonic()
        self._locks = KeyLocks()
        self._guard = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._is_closed = False

    def recall(
        self, key: Hashable, version: Version, compute: Callable[[], T], *, patience_seconds: float = 0.0
    ) -> T:
        """The cached value of a key while it is valid, else a newly computed one.

        Args:
            key: Cache key.
            version: Current version of the data.
            compute: Function that computes the value.
            patience_seconds: Maximum staleness of a returned value, which is then recomputed in the background.
        """
        kept = self._look(key, version)
        if kept is not None and _may_be_given(kept, version, patience_seconds):
            self._refresh(key, version, compute, kept)
            return kept.value  # type: ignore[no-any-return]
        with self._locks.hold(key):
            kept = self._look(key, version)
            if kept is not None and _may_be_given(kept, version, patience_seconds):
                return kept.value  # type: ignore[no-any-return]
            return self._compute(key, version, compute)

    def find(
        self, key: Hashable, version: Version, compute: Callable[[], T], *, patience_seconds: float
    ) -> T | None:
        """Like `recall` for slow computations; None where no value exists yet, which is computed in the background."""
        kept = self._look(key, version)
        is_given = kept is not None and _may_be_given(kept, version, patience_seconds)
        self._refresh(key, version, compute, kept if is_given else None)
        return kept.value if kept is not None and is_given else None

    def peek(self, key: Hashable) -> object | None:
        """The cached value of a key, whatever its version."""
        with self._guard:
            kept = self._kept.get(key)
        return None if kept is None else kept.value

    def put(self, key: Hashable, version: Version, value: object, *, seconds: float = 0.0) -> None:
        """Store a value that was computed together with others.

        Args:
            key: Cache key.
            version: Version of the data that it was computed from.
            value: Value.
            seconds: Duration of the computation.
        """
        now, size = monotonic(), estimate_bytes(value)
        with self._guard:
            before = self._kept.pop(key, None)
            self._size += size - (0 if before is None else before.size)
            self._kept[key] = _CacheEntry(value, version, now, now, now, seconds, size)
            self._sweep(now)
            while self._size > self._bytes_limit and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].size

    def run_later(self, key: Hashable, task: Callable[[], object]) -> None:
        """Run a task in the background, unless it is running already; a failed task is retried on the next request."""
        if self._is_closed or not self._locks.try_acquire(key):
            return
        context = copy_context()

        def run() -> None:
            try:
                context.run(task)
            except Exception as error:  # noqa: BLE001 - the next request computes it and gets the error
                is_unexpected = not isinstance(error, FusionError)  # such as that the server is stopping
                _log.warning(
                    "could not be computed in the background: %s",
                    type(error).__name__,
                    exc_info=is_unexpected,
                )
            finally:
                self._locks.release(key)
                with self._guard:
                    self._threads.discard(thread)

        # A thread each: waiting for the worker process must not block other tasks.
        thread = threading.Thread(target=run, name="cache", daemon=True)
        with self._guard:
            self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait for the background tasks to end."""
        self._is_closed = True
        with self._guard:
            running = list(self._threads)
        for thread in running:
            thread.join(timeout=30.0)

    def _look(self, key: Hashable, version: Version) -> _CacheEntry | None:
        with self._guard:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                kept.used = monotonic()
                if kept.version == version:
                    kept.held = kept.used
            return kept

    def _sweep(self, now: float) -> None:
        """Evict the values that are unused: while events arrive, those of pairs are never valid again."""
        if now - self._swept < _SWEEP_SECONDS:
            return
        self._swept = now
        for key in [key for key, each in self._kept.items() if each.is_unused(now)]:
            self._size -= self._kept.pop(key).size

    def _refresh(
        self, key: Hashable, version: Version, compute: Callable[[], T], kept: _CacheEntry | None
    ) -> None:
        if kept is not None and (
            kept.version == version or monotonic() - kept.made < REST_FACTOR * kept.seconds
        ):
            return
        self.run_later(key, lambda: self._compute(key, version, compute))

    def _compute(self, key: Hashable, version: Version, compute: Callable[[], T]) -> T:
        began = monotonic()
        value = compute()
        self.put(key, version, value, seconds=monotonic() - began)
        return value


def _may_be_given(kept: _CacheEntry, version: Version, patience_seconds: float) -> bool:
    if kept.version == version:
        return True
    return kept.version.fixed == version.fixed and monotonic() - kept.held < patience_seconds


def estimate_bytes(value: object) -> int:
    """Approximate memory of a value; that of a long sequence is estimated from a sample of its members."""
    if isinstance(value, PointsTable):
        return 50  # all values share those in force
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size + 200
    if isinstance(value, str):
        return len(value) + 50
    if isinstance(value, Mapping):
        return estimate_bytes([*value.keys(), *value.values()]) + 100
    if isinstance(value, Sequence):
        sample = value[:: math.ceil(len(value) / _SAMPLE)] if value else ()
        return 100 + (sum(map(estimate_bytes, sample)) * len(value) // len(sample) if sample else 0)
    if is_dataclass(value):
        return 100 + sum(estimate_bytes(getattr(value, each.name)) for each in fields(value))
    return 50
