"""Whether memory stays flat in half an hour at full load: events arrive all the time, pages and API are read in turn.

    python benchmarks/soak.py --folder /somewhere --rate 300     builds the workspace once, serves it, measures
    python benchmarks/soak.py --minutes 2                        a trial, to find the rate of this machine

Full load is the highest rate at which the line of arrivals that wait to land does not grow: more is turned away with
429 in the end, less leaves the machine idle. Memory is that of the server with all processes below it, each shared
page counted once. Its slope is that of least squares over the second half, when caches are full.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from console_load import Reader, Server, build_workspace, find_percentile, send_events
from measuring import Target, describe_machine, write_targets
from process_memory import sample_memory

SAMPLE_SECONDS = 10.0
SLOPE_LIMIT_PERCENT = 0.5
"""How much of its mean memory may grow in a minute and still be called flat."""
WAITING_LIMIT_SECONDS = 10.0
"""How long the line of arrivals may be, in seconds at the rate at which they come."""
HEADING = (
    f"{'minute':>6} {'MB':>7} {'server':>7} {'aside':>6} {'waiting':>8} {'events':>11} {'files MB':>8} {'WAL MB':>6} "
    f"{'cores':>6} {'p50 ms':>8} {'p99 ms':>8} {'post p99':>8}"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one time; answers are those since the sample before."""

    seconds: float
    server_mb: float
    aside_mb: float
    waiting: int
    refused: int
    events: int
    files_mb: float
    logs_mb: float
    cores: float
    read_p50_ms: float
    read_p99_ms: float
    posted_p99_ms: float

    @property
    def memory_mb(self) -> float:
        return self.server_mb + self.aside_mb


# --- what is read of the server ---


def measure_files(home: Path) -> tuple[float, float]:
    """The size of all files of the workspace in MB, and that of the write-ahead logs among them."""
    total = logs = 0
    for path in home.rglob("*"):
        try:
            size = path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
        total += size
        logs += size if path.name.endswith("-wal") else 0
    return total / 1e6, logs / 1e6


def read_figures(server: Server) -> dict[str, float]:
    """The figures of `/metrics` that have no labels."""
    status, text = server.ask("GET", "/metrics")
    if status != 200:
        raise SystemExit(f"/metrics was answered with {status}")
    rows = (line.split() for line in text.splitlines() if line.startswith("fusion_") and "{" not in line)
    return {name: float(value) for name, value in rows}


def take_samples(
    server: Server, reader: Reader, acknowledged: list[float], arguments: argparse.Namespace
) -> Iterator[Sample]:
    """Read pages and API in turn, and note a sample every ten seconds."""
    began = before = time.perf_counter()
    busy, posted = server.read_cpu_seconds(), 0
    while before - began < arguments.minutes * 60:
        reader.ask_in_turn(SAMPLE_SECONDS, arguments.pause)
        answers = [ms for taken in reader.taken.values() for ms in taken]
        for taken in reader.taken.values():
            taken.clear()
        posts, posted = acknowledged[posted:], len(acknowledged)
        if not posts:
            raise SystemExit("No event was acknowledged in ten seconds.")
        figures, (files_mb, logs_mb) = read_figures(server), measure_files(server.home)
        memory = sample_memory(server.process.pid)
        now, cpu_seconds = time.perf_counter(), server.read_cpu_seconds()
        yield Sample(
            seconds=now - began,
            server_mb=memory.process_mb,
            aside_mb=memory.below_mb,
            waiting=int(figures["fusion_arrivals_waiting"]),
            refused=int(figures["fusion_arrivals_refused"]),
            events=int(figures["fusion_events_inbox"] + figures["fusion_events_sealed"]),
            files_mb=files_mb,
            logs_mb=logs_mb,
            cores=(cpu_seconds - busy) / (now - before),
            read_p50_ms=statistics.median(answers),
            read_p99_ms=find_percentile(answers, 0.99),
            posted_p99_ms=find_percentile(posts, 0.99),
        )
        before, busy = now, cpu_seconds


# --- what comes out of it ---


def fit_slope(samples: Sequence[Sample], figure: Callable[[Sample], float]) -> float:
    """How much a figure grows in a minute, by least squares."""
    return statistics.linear_regression(
        [each.seconds / 60 for each in samples], list(map(figure, samples))
    ).slope


def tell_sample(sample: Sample) -> str:
    return (
        f"{sample.seconds / 60:>6.1f} {sample.memory_mb:>7.0f} {sample.server_mb:>7.0f} {sample.aside_mb:>6.0f} "
        f"{sample.waiting:>8,} {sample.events:>11,} {sample.files_mb:>8.0f} {sample.logs_mb:>6.0f} "
        f"{sample.cores:>6.2f} {sample.read_p50_ms:>8.1f} {sample.read_p99_ms:>8.0f} {sample.posted_p99_ms:>8.0f}"
    )


def draw_curve(samples: Sequence[Sample], path: Path) -> bool:
    """The memory over time as a picture; nothing where the library of charts is missing."""
    try:
        import vl_convert
    except ImportError:
        return False
    rows = [
        {"minute": each.seconds / 60, "memory": megabytes, "of": name}
        for each in samples
        for name, megabytes in (("server", each.server_mb), ("with its worker process", each.memory_mb))
    ]
    chart = {
        "width": 720, "height": 300, "data": {"values": rows}, "mark": "line",
        "encoding": {
            "x": {"field": "minute", "type": "quantitative", "title": "minutes"},
            "y": {"field": "memory", "type": "quantitative", "title": "memory in MB"},
            "color": {"field": "of", "type": "nominal", "title": None},
        },
    }  # fmt: skip
    path.write_text(vl_convert.vegalite_to_svg(chart), encoding="utf-8")
    return True


def judge(samples: Sequence[Sample], rate: float) -> list[Target]:
    """The second half of the soak against its bounds."""
    half = [each for each in samples if each.seconds >= samples[-1].seconds / 2]
    mean = statistics.fmean(each.memory_mb for each in half)
    slope = fit_slope(half, lambda each: each.memory_mb)
    print(f"second half: {mean:,.0f} MB in the mean, {slope:+.2f} MB a minute, of them the server process "
          f"{fit_slope(half, lambda each: each.server_mb):+.2f}; files "
          f"{fit_slope(half, lambda each: each.files_mb):+.1f} MB a minute; "
          f"{fit_slope(half, lambda each: each.events) / 60:,.0f} events/s landed")  # fmt: skip
    return [
        Target("growth of memory a minute", 100 * slope / mean, SLOPE_LIMIT_PERCENT, "% of the mean"),
        Target("line of arrivals, median", statistics.median(each.waiting for each in half) / rate,
               WAITING_LIMIT_SECONDS, "s at this rate"),
        Target("events turned away", samples[-1].refused, 0, "events"),
    ]  # fmt: skip


def soak(folder: Path, arguments: argparse.Namespace) -> int:
    build_workspace(folder, arguments.pairs)
    print(f"{(folder / 'built.txt').read_text().strip()}\n{describe_machine()}")
    server, samples = Server(folder / "workspace"), []
    try:
        reader = Reader(server, arguments.pairs, 1)
        with send_events(server, arguments.rate, arguments.pairs, batch=arguments.batch) as acknowledged:
            print(f"{arguments.rate:g} events/s in batches of {arguments.batch}\n{HEADING}")
            for sample in take_samples(server, reader, acknowledged, arguments):
                samples.append(sample)
                if len(samples) % 6 == 1 or arguments.minutes < 5:
                    print(tell_sample(sample), flush=True)
    finally:
        server.end()
    (folder / "soak.json").write_text(
        json.dumps([asdict(each) for each in samples], indent=1), encoding="utf-8"
    )
    if draw_curve(samples, folder / "soak.svg"):
        print(f"the curve is {folder / 'soak.svg'}")
    targets = judge(samples, arguments.rate)
    print(write_targets(targets))
    return 0 if all(each.is_met for each in targets) else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the workspace is made once and kept")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two reads")
    parser.add_argument("--rate", type=float, default=1_000.0, help="events a second")
    parser.add_argument("--batch", type=int, default=100, help="events a request")
    arguments = parser.parse_args()
    if arguments.folder is not None:
        return soak(arguments.folder / f"pairs-{arguments.pairs}", arguments)
    with tempfile.TemporaryDirectory() as place:
        return soak(Path(place), arguments)


if __name__ == "__main__":
    sys.exit(main())
