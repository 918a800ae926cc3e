"""Shelves: what is costly to make is made once, kept while what it was made from stays, and made anew aside.

While events arrive, the newest moment changes every second. Who looks then sees what was made a moment ago, and it
is made anew in the background; whatever staff change themselves is seen at once. What is very costly is made anew
less often, and says of which moment it is.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from consumer_fusion.server.cache import KeyLocks

Content = TypeVar("Content")
_log = logging.getLogger(__name__)
COSTLY_PATIENCE_S = 3600.0
"""So many seconds may something very costly lag behind."""
REST_FACTOR = 20.0
"""Something very costly rests for so many times as long as it took to make."""
_is_uncached: ContextVar[bool] = ContextVar("is_uncached", default=False)


@contextmanager
def without_cache() -> Iterator[None]:
    """Within the `with` block nothing may lag behind but what is very costly: whoever asks heard that there is news."""
    token = _is_uncached.set(True)
    try:
        yield
    finally:
        _is_uncached.reset(token)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What something was made from.

    Attributes:
        fixed: What it must have been made from to be shown at all: the points, the merges, changes by staff.
        moving: What may lag behind for a while: how many events there are.
    """

    fixed: Hashable
    moving: Hashable = None


@dataclass(slots=True)
class _Kept(Generic[Content]):
    content: Content
    stamp: Stamp
    checked_s: float
    made_s: float
    cost_s: float


class PageCache(Generic[Content]):
    """Keeps the contents that were asked for last.

    Args:
        places: So many are kept.
        patience_s: So many seconds may one lag behind.
    """

    def __init__(self, places: int, patience_s: float = 60.0) -> None:
        self._places = places
        self._patience_s = patience_s
        self._kept: OrderedDict[Hashable, _Kept[Content]] = OrderedDict()
        self._making = KeyLocks()
        self._lock = threading.Lock()

    def take(
        self, key: Hashable, stamp: Stamp, make: Callable[[], Content], *, is_costly: bool = False
    ) -> Content:
        """The content of a key; made if it is not there or no longer holds.

        Args:
            key: What is wanted.
            stamp: What it would be made from now.
            make: Makes it.
            is_costly: Whether it is made of so much that it may lag behind for long.
        """
        kept = self._look(key, stamp)
        if kept is not None and self._may_be_shown(kept, stamp, is_costly=is_costly):
            if self._is_due(kept, stamp, is_costly=is_costly):
                self._start_making(key, stamp, make)
            return kept.content
        with self._making.hold(key):
            kept = self._look(key, stamp)
            if kept is not None and kept.stamp == stamp:
                return kept.content
            return self._put(key, stamp, make)

    def find(self, key: Hashable, stamp: Stamp, make: Callable[[], Content]) -> Content | None:
        """The content of a key that is costly; None where it must be made first, which begins aside."""
        kept = self._look(key, stamp)
        is_shown = kept is not None and self._may_be_shown(kept, stamp, is_costly=True)
        if kept is None or not is_shown or self._is_due(kept, stamp, is_costly=True):
            self._start_making(key, stamp, make)
        return kept.content if kept is not None and is_shown else None

    def _look(self, key: Hashable, stamp: Stamp) -> _Kept[Content] | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if kept.stamp == stamp:
                    kept.checked_s = monotonic()
            return kept

    def _may_be_shown(self, kept: _Kept[Content], stamp: Stamp, *, is_costly: bool) -> bool:
        if kept.stamp == stamp:
            return True
        if kept.stamp.fixed != stamp.fixed:
            return False
        if is_costly:
            return monotonic() - kept.made_s < COSTLY_PATIENCE_S
        return not _is_uncached.get() and monotonic() - kept.checked_s < self._patience_s

    def _is_due(self, kept: _Kept[Content], stamp: Stamp, *, is_costly: bool) -> bool:
        rests_s = REST_FACTOR * kept.cost_s if is_costly else 0.0
        return kept.stamp != stamp and monotonic() - kept.made_s >= rests_s

    def _start_making(self, key: Hashable, stamp: Stamp, make: Callable[[], Content]) -> None:
        if self._making.try_acquire(key):
            context = copy_context()
            threading.Thread(
                target=context.run, args=(self._make_aside, key, stamp, make), daemon=True
            ).start()

    def _make_aside(self, key: Hashable, stamp: Stamp, make: Callable[[], Content]) -> None:
        try:
            self._put(key, stamp, make)
        except Exception:  # noqa: BLE001 - whoever looks next makes it themselves and meets the error
            _log.warning("could not be made anew aside", exc_info=True)
        finally:
            self._making.release(key)

    def _put(self, key: Hashable, stamp: Stamp, make: Callable[[], Content]) -> Content:
        began_s = monotonic()
        content = make()
        made_s = monotonic()
        with self._lock:
            self._kept[key] = _Kept(content, stamp, made_s, made_s, made_s - began_s)
            self._kept.move_to_end(key)
            while len(self._kept) > self._places:
                self._kept.popitem(last=False)
        return content
