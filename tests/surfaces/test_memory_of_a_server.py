"""Memory of a server: what a large read has freed goes back to the system, whatever was kept meanwhile."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

KEPT_BETWEEN_ARRAYS = """
import resource
import numpy as np
from pathlib import Path
from consumer_fusion.server.allocator import limit_arenas

def read_resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

limit_arenas()
np.ones(3_000_000)  # 24 MB, freed at once: from here on the C library knows how large arrays get
before, arrays, kept = read_resident_mb(), [], []
for _ in range(20):
    arrays.append(np.ones(500_000))
    kept.append(bytes(100_000))
del arrays
print(read_resident_mb() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries retain less memory")
def test_arrays_that_are_freed_leave_no_gaps_between_what_is_kept() -> None:
    told = subprocess.run(
        [sys.executable, "-c", KEPT_BETWEEN_ARRAYS], capture_output=True, text=True, check=True
    )
    assert float(told.stdout) < 20, "20 arrays of 4 MB were freed, 2 MB of small objects were kept"
