"""Shelves: what is costly to make is made once, kept while what it was made from stays, and made anew aside.

While events arrive, the newest moment changes every second. Who looks then sees what was made a moment ago, and it
is made anew in the background; whatever staff change themselves is seen at once.
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

Content = TypeVar("Content")
_log = logging.getLogger(__name__)
_is_insisting: ContextVar[bool] = ContextVar("is_insisting", default=False)


@contextmanager
def insisting() -> Iterator[None]:
    """Within the `with` block nothing may lag behind: whoever asks was told that there is something new."""
    token = _is_insisting.set(True)
    try:
        yield
    finally:
        _is_insisting.reset(token)


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


class Shelf(Generic[Content]):
    """Keeps the contents that were asked for last.

    Args:
        places: So many are kept.
        patience_s: So many seconds may one lag behind.
    """

    def __init__(self, places: int, patience_s: float = 60.0) -> None:
        self._places = places
        self._patience_s = patience_s
        self._kept: OrderedDict[Hashable, _Kept[Content]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, stamp: Stamp, make: Callable[[], Content]) -> Content:
        """The content of a key; made if it is not there or no longer holds.

        Args:
            key: What is wanted.
            stamp: What it would be made from now.
            make: Makes it.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if kept.stamp == stamp:
                    kept.checked_s = monotonic()
                    return kept.content
            making = self._making.setdefault(key, threading.Lock())
        may_lag = (
            kept is not None
            and not _is_insisting.get()
            and kept.stamp.fixed == stamp.fixed
            and monotonic() - kept.checked_s < self._patience_s
        )
        if kept is not None and may_lag:
            if making.acquire(blocking=False):
                context = copy_context()
                threading.Thread(
                    target=context.run, args=(self._make_aside, key, stamp, make, making), daemon=True
                ).start()
            return kept.content
        with making:
            with self._lock:
                kept = self._kept.get(key)
            if kept is not None and kept.stamp == stamp:
                return kept.content
            return self._put(key, stamp, make())

    def _make_aside(
        self, key: Hashable, stamp: Stamp, make: Callable[[], Content], making: threading.Lock
    ) -> None:
        try:
            self._put(key, stamp, make())
        except Exception:  # noqa: BLE001 - whoever looks next makes it themselves and meets the error
            _log.warning("could not be made anew aside", exc_info=True)
        finally:
            making.release()

    def _put(self, key: Hashable, stamp: Stamp, content: Content) -> Content:
        with self._lock:
            self._kept[key] = _Kept(content, stamp, monotonic())
            self._kept.move_to_end(key)
            while len(self._kept) > self._places:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)
        return content
