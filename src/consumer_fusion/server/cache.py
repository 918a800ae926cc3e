"""The cache: what was computed from the store and still holds, bounded, and computed by one thread at a time."""

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

T = TypeVar("T")
BYTES_LIMIT = 384 << 20
REST_FACTOR = 20.0
"""What is computed in the background rests for so many times as long as it took, however fast events arrive."""
_SAMPLE = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """What a value follows from.

    Attributes:
        fixed: Where this is another, the value is never given: a change of the rules counts at once.
        moving: Where only this is another, the value may be given for a while: more events arrived, time went by.
    """

    fixed: Hashable
    moving: Hashable = None


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


@dataclass(slots=True)
class _CacheEntry:
    value: Any
    version: Version
    held: float
    made: float
    seconds: float
    size: int


class Cache:
    """Keeps values by key; `close` in the end.

    Args:
        bytes_limit: About so much memory is taken; what was not asked for the longest goes first.
    """

    def __init__(self, bytes_limit: int = BYTES_LIMIT) -> None:
        self._bytes_limit = bytes_limit
        self._kept: OrderedDict[Hashable, _CacheEntry] = OrderedDict()
        self._size = 0
        self._locks = KeyLocks()
        self._guard = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._is_closed = False

    def recall(
        self, key: Hashable, version: Version, compute: Callable[[], T], *, patience_seconds: float = 0.0
    ) -> T:
        """The value of a key: as it is kept while it holds, else computed.

        Args:
            key: What is asked for.
            version: What the value would follow from now.
            compute: Computes it.
            patience_seconds: A value may be given for so long after it last held, while it is computed anew in the
                background.
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
        """The same for what takes long; None where nothing can be given yet, and the computing has begun."""
        kept = self._look(key, version)
        is_given = kept is not None and _may_be_given(kept, version, patience_seconds)
        self._refresh(key, version, compute, kept if is_given else None)
        return kept.value if kept is not None and is_given else None

    def put(self, key: Hashable, version: Version, value: object, *, seconds: float = 0.0) -> None:
        """Keep a value that was computed together with others.

        Args:
            key: What may be asked for.
            version: What it follows from.
            value: The value.
            seconds: How long it took.
        """
        now, size = monotonic(), estimate_bytes(value)
        with self._guard:
            before = self._kept.pop(key, None)
            self._size += size - (0 if before is None else before.size)
            self._kept[key] = _CacheEntry(value, version, now, now, seconds, size)
            while self._size > self._bytes_limit and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].size

    def run_later(self, key: Hashable, task: Callable[[], object]) -> None:
        """Run something in the background, unless it runs already; what fails is tried again by whoever asks next."""
        if self._is_closed or not self._locks.try_acquire(key):
            return
        context = copy_context()

        def run() -> None:
            try:
                context.run(task)
            except Exception as error:  # noqa: BLE001 - whoever asks next computes it and meets the error
                is_told = not isinstance(error, FusionError)  # such as that the server is stopping
                _log.warning(
                    "could not be computed in the background: %s", type(error).__name__, exc_info=is_told
                )
            finally:
                self._locks.release(key)
                with self._guard:
                    self._threads.discard(thread)

        # A thread each: what waits for the process of large reads must hold up nothing else.
        thread = threading.Thread(target=run, name="cache", daemon=True)
        with self._guard:
            self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """End what is computed in the background."""
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
                if kept.version == version:
                    kept.held = monotonic()
            return kept

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
    """About how much memory a value takes; of a long sequence, some of its members speak for all."""
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
