"""Memory of a process that lives long: what nobody needs any more goes back to the machine."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa

_ARENA_LIMIT = 2
_M_ARENA_MAX = -8  # malloc.h of the GNU C library


def limit_arenas() -> None:
    """Let threads share the heaps that they take memory from; each would keep the most that it ever needed.

    To be called before there are many threads.
    """
    library = _find_library()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, _ARENA_LIMIT)


def release_memory() -> None:
    """Give back what the allocators keep for later; after something large was read, not after every request."""
    pa.default_memory_pool().release_unused()
    library = _find_library()
    if library is not None:
        library.malloc_trim(0)


def _find_library() -> ctypes.CDLL | None:
    """The GNU C library; None where there is another, which keeps less."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
