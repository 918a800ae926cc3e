"""What a command costs before it does anything: CPU-seconds and peak memory of fresh processes, medians.

    python benchmarks/start.py [--rounds 5] [--threads 1]

Beside them stands the floor: Python alone, and Python with the libraries that the engine needs. The numbers depend on
the machine, so compare with the floor of the same round; each command has run once before, so that its byte code is
compiled. `--threads` sets the threads of numpy's library for linear algebra, whose start is part of the floor, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import Target, describe_machine, write_targets

FUSION = (sys.executable, "-m", "consumer_fusion")
PEOPLE = 100
EVENT = {"event_id": "e1", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Store Visited", "brand": "bakery"}
"""The first event of the tiny file; the others are of other consumers."""
EVENTS = 10
FLOOR = "numpy, pyarrow, duckdb"
SECONDS_LIMITS = {"fusion --help": 0.2, "fusion version": 0.35, "fusion score": 0.6}
MEMORY_LIMIT_MB = 120.0
"""The most memory of `fusion score` on a small workspace."""


def measure(words: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """CPU-seconds and megabytes of one process; fails where the process does."""
    process = os.fork()
    if not process:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.execvpe(words[0], words, environment)
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(words)}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="processes of each kind, at least 5")
    parser.add_argument("--threads", type=int, help="threads of numpy's library; its own choice otherwise")
    given = parser.parse_args()
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if given.threads:
        environment["OPENBLAS_NUM_THREADS"] = str(given.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        town, empty, used = folder / "town", folder / "empty", folder / "used"
        measure(
            [*FUSION, "demo", "--no-serve", "--people", str(PEOPLE), "--workspace", str(town)], environment
        )
        measure([*FUSION, "init", str(empty)], environment)
        events = folder / "events.jsonl"
        lines = [
            json.dumps({**EVENT, "event_id": f"e{number}", "consumer": f"c{number}"})
            for number in range(EVENTS)
        ]
        events.write_text("\n".join(lines) + "\n", encoding="utf-8")

        def empty_workspace() -> None:
            shutil.rmtree(used, ignore_errors=True)
            shutil.copytree(empty, used)

        at = ("--workspace", str(town))
        commands: dict[str, tuple[Sequence[str], Callable[[], None]]] = {
            "python -c pass": ((sys.executable, "-c", "pass"), lambda: None),
            FLOOR: (
                (sys.executable, "-c", "import numpy, pyarrow, duckdb"),
                lambda: None,
            ),
            "fusion --help": ((*FUSION, "--help"), lambda: None),
            "fusion version": ((*FUSION, "version"), lambda: None),
            "fusion score": ((*FUSION, "score", *at), lambda: None),
            "fusion explain": ((*FUSION, "explain", "pop-artist", "sweater-brand", *at), lambda: None),
            f"fusion import, {EVENTS} events": (
                (*FUSION, "import", str(events), "--format", "events", "--workspace", str(used)),
                empty_workspace,
            ),
        }
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(1 + max(5, given.rounds)):
            for name, (words, prepare) in commands.items():
                prepare()
                runs[name].append(measure(words, environment))
        print(describe_machine())
        print(f"{'':<26}{'CPU-s':>8}{'x floor':>8}{'MB':>8}")
        targets = []
        for name, measured in runs.items():
            counted = range(1, len(measured))  # the first compiles byte code
            seconds, megabytes = (
                statistics.median(measured[each][place] for each in counted) for place in (0, 1)
            )
            ratio = statistics.median(measured[each][0] / runs[FLOOR][each][0] for each in counted)
            print(f"{name:<26}{seconds:>8.2f}{ratio:>8.2f}{megabytes:>8.0f}")
            if name in SECONDS_LIMITS:
                targets.append(Target(name, seconds, SECONDS_LIMITS[name], "CPU-s"))
            if name == "fusion score":
                targets.append(Target(f"memory of {name}", megabytes, MEMORY_LIMIT_MB, "MB"))
        print(write_targets(targets))
        return 0 if all(each.is_met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
