"""Memory of a long-lived process: unused memory is returned to the operating system."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa

_ARENA_LIMIT = 2
_MAPPED_BYTES = 256 << 10
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h of the GNU C library


def limit_arenas() -> None:
    """Limit the number of malloc arenas, because each arena keeps its peak memory; Arrow uses them, too.

    Large arrays stay outside the arenas. By itself the library raises the size from which it does so to that of the
    largest array that was freed (32 MB at most), and small objects then lie between the gaps of such arrays.

    Must be called before many threads exist.
    """
    # The pool that Arrow uses by default keeps three times what is allocated while events arrive.
    pa.set_memory_pool(pa.system_memory_pool())
    library = _find_library()
    if library is not None:
        library.mallopt(_M_ARENA_MAX, _ARENA_LIMIT)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def release_memory() -> None:
    """Return unused allocator memory to the system; called after large reads, not after every request."""
    pa.default_memory_pool().release_unused()
    library = _find_library()
    if library is not None:
        library.malloc_trim(0)


def _find_library() -> ctypes.CDLL | None:
    """The GNU C library; None with other C libraries, which retain less memory."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
