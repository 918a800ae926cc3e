"""Maximum staleness of cached results while they are recomputed in the background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE_SECONDS = 60.0
LARGE_PATIENCE_SECONDS = 3600.0
"""Maximum staleness of results over very many pairs, whose pages show the as-of time."""
_is_uncached: ContextVar[bool] = ContextVar("is_uncached", default=False)


@contextmanager
def without_cache() -> Iterator[None]:
    """Accept no stale results within the `with` block, except large ones: the page was notified of new events."""
    token = _is_uncached.set(True)
    try:
        yield
    finally:
        _is_uncached.reset(token)


def find_patience(*, is_large: bool = False) -> float:
    """Maximum staleness of a result, in seconds.

    Args:
        is_large: Whether it is computed over very many pairs.
    """
    if is_large:
        return LARGE_PATIENCE_SECONDS
    return 0.0 if _is_uncached.get() else PATIENCE_SECONDS
