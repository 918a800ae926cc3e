"""Patience: how long what a page shows may lag behind while it is computed anew in the background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE_SECONDS = 60.0
LARGE_PATIENCE_SECONDS = 3600.0
"""What is made of very many pairs may lag behind for so long; it says of which moment it is."""
_is_uncached: ContextVar[bool] = ContextVar("is_uncached", default=False)


@contextmanager
def without_cache() -> Iterator[None]:
    """Within the `with` block nothing may lag behind but what is large: the page was told that there is news."""
    token = _is_uncached.set(True)
    try:
        yield
    finally:
        _is_uncached.reset(token)


def find_patience(*, is_large: bool = False) -> float:
    """For how many seconds something may be shown after it last held.

    Args:
        is_large: Whether it is made of very many pairs.
    """
    if is_large:
        return LARGE_PATIENCE_SECONDS
    return 0.0 if _is_uncached.get() else PATIENCE_SECONDS
