"""The harness of the benchmarks: every task in a process of its own, rounds interleaved with a floor, medians.

A script declares its tasks as functions that return checksums, and calls `run_one_task` when it was started for one
of them. CPU-seconds are those of the process and its children after the imports; the peak of memory is that of the
whole process. All tasks of a group must agree in their checksums to 1e-9, or the run fails: a fast wrong answer is
no answer.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

AGREEMENT = 1e-9
"""How far checksums of two tasks may differ, relative to their size."""

FLOOR_SPREAD = 0.10
"""A round whose two floor runs differ by more than this is run again."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one task."""

    task: str
    cpu_seconds: float
    wall_seconds: float
    peak_gigabytes: float
    load_average: float
    checksums: Mapping[str, float]
    figures: Mapping[str, float]


@dataclass(slots=True)
class Summary:
    """The runs of one task over all rounds."""

    task: str
    runs: list[Measurement] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def wall_seconds(self) -> float:
        return statistics.median(run.wall_seconds for run in self.runs)

    @property
    def peak_gigabytes(self) -> float:
        return max(run.peak_gigabytes for run in self.runs)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    def to_json(self) -> dict[str, object]:
        return {
            "task": self.task,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "peak_gigabytes": round(self.peak_gigabytes, 3),
            "ratio_to_floor": round(self.ratio, 3),
            "ratios": [round(ratio, 3) for ratio in self.ratios],
            "load_average": round(statistics.median(run.load_average for run in self.runs), 2),
            "checksums": dict(self.runs[-1].checksums),
            "figures": dict(self.runs[-1].figures),
        }


@dataclass(frozen=True, slots=True)
class Target:
    """A bound that a figure has to keep."""

    name: str
    found: float
    at_most: float
    unit: str

    @property
    def is_met(self) -> bool:
        return self.found <= self.at_most

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name, "found": round(self.found, 4), "at_most": self.at_most, "unit": self.unit,
            "met": self.is_met,
        }  # fmt: skip


class Stopwatch:
    """CPU-seconds of this process with its children, and wall time, since it was made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = _read_cpu_seconds()

    def read(self) -> tuple[float, float]:
        return _read_cpu_seconds() - self._cpu, time.perf_counter() - self._wall


def _read_cpu_seconds() -> float:
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


def read_peak_gigabytes() -> float:
    """The most memory that this process ever held; from /proc, for getrusage counts the parent's before exec."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def run_one_task(
    tasks: Mapping[str, Callable[[Path], Callable[[], Mapping[str, float]]]], name: str, data: Path
) -> None:
    """In the process of a task: prepare (imports, connections), then run it against the clock and print the result.

    Args:
        tasks: By name: a function that prepares and returns what is to be timed.
        name: Which.
        data: The folder of the data.
    """
    timed = tasks[name](data)
    watch = Stopwatch()
    result = dict(timed())
    cpu, wall = watch.read()
    figures = {key: result.pop(key) for key in list(result) if key.startswith("figure_")}
    print(
        json.dumps(
            {
                "cpu_seconds": cpu,
                "wall_seconds": wall,
                "peak_gigabytes": read_peak_gigabytes(),
                "checksums": result,
                "figures": {key.removeprefix("figure_"): value for key, value in figures.items()},
            }
        )
    )


def start_task(script: Path, name: str, data: Path) -> Measurement:
    """Run one task in a fresh process."""
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, str(script), "--task", name, "--data", str(data)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The task '{name}' failed:\n{done.stderr}")
    return Measurement(task=name, load_average=load, **json.loads(done.stdout.splitlines()[-1]))


def run_rounds(
    script: Path,
    data: Path,
    tasks: Sequence[str],
    *,
    floor: str,
    rounds: int,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, Summary]:
    """Run all tasks in rounds: floor, tasks, floor; ratios are to the mean of the round's own two floor runs.

    A round whose floors differ by more than `FLOOR_SPREAD` is run again, at most twice in all; after that it
    counts as it is, because a busy machine would otherwise never finish.
    """
    summaries = {name: Summary(name) for name in (floor, *tasks)}
    again = 2
    done = 0
    while done < rounds:
        first = start_task(script, floor, data)
        runs = [start_task(script, name, data) for name in tasks]
        last = start_task(script, floor, data)
        base = (first.cpu_seconds + last.cpu_seconds) / 2
        spread = abs(first.cpu_seconds - last.cpu_seconds) / base
        if spread > FLOOR_SPREAD and again:
            again -= 1
            say(f"the floors of this round differ by {spread:.0%}; it is run again")
            continue
        done += 1
        say(f"round {done} of {rounds}: floor {base:.2f} CPU-seconds, its two runs differ by {spread:.0%}")
        for run in (first, *runs, last):
            summaries[run.task].runs.append(run)
            summaries[run.task].ratios.append(run.cpu_seconds / base)
    return summaries


def check_agreement(groups: Iterable[Sequence[Summary]]) -> list[str]:
    """What differs between tasks that compute the same; empty when all agree."""
    problems: list[str] = []
    for group in groups:
        runs = [run for summary in group for run in summary.runs]
        for run in runs[1:]:
            for name in runs[0].checksums.keys() & run.checksums.keys():
                expected, found = runs[0].checksums[name], run.checksums[name]
                if not math.isclose(expected, found, rel_tol=AGREEMENT):
                    problems.append(f"{name}: {runs[0].task} has {expected!r}, {run.task} has {found!r}")
    return problems


def write_table(summaries: Iterable[Summary], labels: Mapping[str, str]) -> str:
    """The summaries as lines of text."""
    lines = [f"{'task':<58} {'CPU s':>8} {'x floor':>8} {'wall s':>8} {'peak GB':>8}"]
    lines += [
        f"{labels.get(each.task, each.task):<58} {each.cpu_seconds:>8.2f} {each.ratio:>8.2f} "
        f"{each.wall_seconds:>8.2f} {each.peak_gigabytes:>8.2f}"
        for each in summaries
    ]
    return "\n".join(lines)


def write_targets(targets: Iterable[Target]) -> str:
    """The targets as lines of text."""
    return "\n".join(
        f"{'met   ' if each.is_met else 'MISSED'} {each.name}: {each.found:.4g} {each.unit} (at most {each.at_most:g})"
        for each in targets
    )


def describe_machine() -> dict[str, object]:
    """What the figures were taken on."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str] = {}
    for name in ("duckdb", "pyarrow", "numpy", "pandas", "polars"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _name_processor(), "cores": os.cpu_count(), "python": platform.python_version(), **versions,
    }  # fmt: skip


def _name_processor() -> str:
    """The model of the processor; where the system does not tell it, its architecture."""
    import platform

    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found[1] if found else platform.machine()
