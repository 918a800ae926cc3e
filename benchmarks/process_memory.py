"""The memory of a process with all processes below it, as the system tells it: shared pages are counted once.

The system's own measure of that (PSS) divides a shared page among all processes of the machine that have it, so that
libraries would cost less the more benchmarks run.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

SAMPLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Memory in MB of a process, and of those below it together."""

    process_mb: float
    below_mb: float

    @property
    def total_mb(self) -> float:
        return self.process_mb + self.below_mb

    def __str__(self) -> str:
        return f"{self.total_mb:,.0f} MB ({self.process_mb:,.0f} and {self.below_mb:,.0f} in processes below)"


class MemoryWatch:
    """Notes the most memory of a process tree, looking every two seconds within a `with` block.

    Args:
        pid: The topmost process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest = sample_memory(pid)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def highest(self) -> MemorySample:
        """The sample with the highest total so far."""
        return self._highest

    def _watch(self) -> None:
        while not self._is_over.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        self._highest = max(self._highest, sample_memory(self._pid), key=lambda each: each.total_mb)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if error is None:
            self._look()


def sample_memory(pid: int) -> MemorySample:
    """The memory of a process tree now: what each process has alone, and what it shares once."""
    private_mb, shared_mb = _read_memory_mb(pid)
    below = []
    for each in _list_descendants(pid):
        try:
            below.append(_read_memory_mb(each))
        except OSError:
            continue  # it has ended
    beyond_mb = max(max((shared for _, shared in below), default=0.0) - shared_mb, 0.0)
    return MemorySample(private_mb + shared_mb, sum(private for private, _ in below) + beyond_mb)


def _list_descendants(pid: int) -> list[int]:
    """The processes below one, at any depth."""
    found = []
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in each.read_text(encoding="ascii").split()]
        except OSError:
            continue  # the thread has ended
        found += [*children, *(below for child in children for below in _list_descendants(child))]
    return found


def _read_memory_mb(pid: int) -> tuple[float, float]:
    """What a process has alone, and what others have too: libraries, mostly."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    found = {name: int(rest.split()[0]) / 1024 for name, _, rest in (
        line.partition(":") for line in rollup.splitlines()[1:]
    )}  # fmt: skip
    private, shared = (found[f"{name}_Clean"] + found[f"{name}_Dirty"] for name in ("Private", "Shared"))
    return private, shared
