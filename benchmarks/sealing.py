"""What sealing and compaction cost, and how long a landing waits for them.

For each size: a new workspace with large segments, as after imports of years, and an inbox with that many events of a
past day. The product's sealing runs in a process of its own, as in the server, while this process lands one event after
the other and notes how long it waited for the write turn. Figures are medians of the rounds.

The floor of each round is the bare work, in a process of its own: DuckDB writes the same events, which it has in
memory, sorted into one Parquet file for each of the parts. The peer is what is written by hand: the rows are read from
the inbox's table and deleted there, and Arrow writes one sorted Parquet file for each part, all in one transaction. It
lets nobody else write meanwhile, keeps no digests, never merges the small files of many nights, and leaves rows twice
where it is killed before the end.

    python benchmarks/sealing.py
    python benchmarks/sealing.py --events 150000 --sealed 1000000 --json
    python benchmarks/sealing.py --simulate        # two years of a stream, and imports of the same years, by numbers
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Queue

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measuring import Stopwatch, Target, describe_machine, write_targets

from consumer_fusion.events import compaction
from consumer_fusion.events.event_reader import FOLDED_MARK
from consumer_fusion.events.inbox import INBOX_COLUMNS, land_in_inbox, write_segments
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_day
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.segments import add_segments, list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import STORE_FILE, Workspace, create_workspace, open_workspace

CONSUMERS, BRANDS = 200_000, 50
PAUSE_SECONDS = 0.05


def invent_columns(count: int, last_day: int, random: np.random.Generator) -> dict[str, list[object]]:
    """Events of a day in the order of arrival, a fiftieth of them late, with random ids and small properties."""
    moment = last_day * DAY_MICROSECONDS + np.arange(count) * (DAY_MICROSECONDS // max(count, 1))
    moment -= np.where(random.random(count) < 0.02, random.integers(1, 30, count), 0) * DAY_MICROSECONDS
    columns: dict[str, list[object]] = {
        "source_id": [1] * count,
        "event_id": [random.bytes(16).hex() for _ in range(count)],
        "occurred_us": moment.tolist(),
        "precision": ["second"] * count,
        "received_us": [last_day * DAY_MICROSECONDS] * count,
        "day": (moment // DAY_MICROSECONDS).tolist(),
        "consumer_id": (1 + (CONSUMERS * random.random(count) ** 4).astype(np.int64)).tolist(),
        "brand_id": (1_000_001 + random.integers(0, BRANDS, count)).tolist(),
        "kind": ["Order Completed"] * count,
        "kind_id": [3] * count,
        "channel": ["web"] * count,
        "value": [12.5] * count,
        "currency": ["EUR"] * count,
        "text": [None] * count,
        "trust": [1.0] * count,
        "magnitude": [1.0] * count,
        "properties": [
            f'{{"sku": "a-{number}", "quantity": 2, "category": "bread"}}' for number in range(count)
        ],
    }
    return {name: columns[name] for name in INBOX_COLUMNS}


def fill_workspace(workspace: Workspace, event_count: int, sealed_count: int) -> None:
    """Large segments, and an inbox of folded events of a past day."""
    random = np.random.default_rng(event_count)
    last_day = to_day(workspace.now_us) - workspace.settings.seal_after_days - 1
    if sealed_count:
        listed = ", ".join(INBOX_COLUMNS)
        relation = f"""(select {listed} from (
            select 1 as source_id, cast(uuid() as varchar) as event_id, (day * {DAY_MICROSECONDS}) as occurred_us,
                'second' as precision, 0 as received_us, day, cast(1 + i % {CONSUMERS} as bigint) as consumer_id,
                cast(1000001 + i % {BRANDS} as bigint) as brand_id, 'Order Completed' as kind,
                cast(3 as bigint) as kind_id, 'web' as channel, 12.5 as value, 'EUR' as currency,
                cast(null as varchar) as text, 1.0 as trust, 1.0 as magnitude, '{{"quantity": 2}}' as properties
            from (select i, cast({last_day - 1000} + (i * 7919) % 900 as bigint) as day from range({sealed_count}) r(i))
        ))"""
        made = write_segments(workspace.engine, workspace.folder, relation, {})
        with workspace.store.writing() as session:
            add_segments(session, made, workspace.now_us)
    for first in range(0, event_count, 50_000):
        columns = invent_columns(min(50_000, event_count - first), last_day, random)
        with workspace.store.writing() as session:
            land_in_inbox(session, columns)
            session.write_mark(FOLDED_MARK, int(session.summarise(EVENTS, "sequence", "max") or 0))


def seal_alone(folder: Path, told: Queue[dict[str, float]]) -> None:
    """Seal in this process, and tell what it took; the process has done nothing else."""
    rewritten: list[int] = []
    turns: list[tuple[float, float]] = []
    take = getattr(compaction, "_take_turn", None)

    @contextmanager
    def take_and_note(workspace: Workspace) -> Iterator[Session]:
        with workspace.store.writing(is_rearranging=True) as session:
            began, began_cpu = time.monotonic(), time.thread_time()
            yield session
        turns.append((time.monotonic() - began, time.thread_time() - began_cpu))
        time.sleep(turns[-1][0])

    if take is not None:
        compaction._take_turn = take_and_note
    merge = getattr(compaction, "merge_segments", None)

    def note(*given: object) -> Segment:
        made = merge(*given)  # type: ignore[misc]
        rewritten.append(made.row_count)
        return made

    if merge is not None:
        compaction.merge_segments = note  # type: ignore[attr-defined]
    with open_workspace(folder) as workspace:
        workspace.engine.read("select 1", step="start the engine")
        before_bytes = read_memory("VmRSS")
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.monotonic()
        moved = seal(workspace)
        after = resource.getrusage(resource.RUSAGE_SELF)
    told.put(
        {
            "moved": moved,
            "seconds": round(time.monotonic() - began, 1),
            "cpu_us_an_event": round(
                (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / max(moved, 1) * 1e6, 1
            ),
            "memory_mb_on_top": round((read_memory("VmHWM") - before_bytes) / 1e6),
            "memory_bytes_an_event": round((read_memory("VmHWM") - before_bytes) / max(moved, 1)),
            "turns": len(turns),
            "turn_p50_ms": round(float(np.median([wall for wall, _ in turns])) * 1e3) if turns else 0,
            "longest_turn_ms": round(max((wall for wall, _ in turns), default=0.0) * 1e3),
            "longest_turn_cpu_ms": round(max((cpu for _, cpu in turns), default=0.0) * 1e3),
            "merges": len(rewritten),
            "largest_merge_rows": max(rewritten, default=0),
            "rewritten_an_event": round(sum(rewritten) / max(moved, 1), 2),
        }
    )


def write_floor(folder: Path, told: Queue[dict[str, float]]) -> None:
    """The bare work in this process: events in memory, sorted and written as one file for each part."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.register("inbox", read_inbox(sqlite3.connect(folder / STORE_FILE)))
    (folder / "floor").mkdir()
    watch = Stopwatch()
    for bucket in range(BUCKET_COUNT):
        connection.execute(
            f"copy (select * from inbox where consumer_id % {BUCKET_COUNT} = {bucket} "
            "order by consumer_id, brand_id, kind_id, occurred_us) "
            f"to '{folder / 'floor' / f'{bucket}.parquet'}' (format parquet, compression zstd)"
        )
    told.put(tell_cost(watch, count_rows(folder / "floor")))


def seal_by_hand(folder: Path, told: Queue[dict[str, float]]) -> None:
    """The peer in this process: rows of the inbox into files, and deleted, in one transaction."""
    connection = sqlite3.connect(folder / STORE_FILE, isolation_level=None)
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")
    (folder / "peer").mkdir()
    watch = Stopwatch()
    connection.execute("begin immediate")
    table = read_inbox(connection).sort_by(
        [(name, "ascending") for name in ("consumer_id", "brand_id", "kind_id", "occurred_us")]
    )
    parts = table["consumer_id"].to_numpy() % BUCKET_COUNT
    for bucket in range(BUCKET_COUNT):
        part = table.filter(pa.array(parts == bucket))
        pq.write_table(part, folder / "peer" / f"{bucket}.parquet", compression="zstd")
    connection.execute("delete from events")
    connection.execute("commit")
    told.put(tell_cost(watch, count_rows(folder / "peer")))


def read_inbox(connection: sqlite3.Connection) -> pa.Table:
    """All rows of the inbox."""
    rows = connection.execute(f"select {', '.join(INBOX_COLUMNS)} from events").fetchall()
    return pa.table(dict(zip(INBOX_COLUMNS, zip(*rows, strict=True), strict=True)))


def tell_cost(watch: Stopwatch, moved: int) -> dict[str, float]:
    """What a floor or peer has taken."""
    cpu, wall = watch.read()
    return {"moved": moved, "seconds": round(wall, 1), "cpu_us_an_event": round(cpu / max(moved, 1) * 1e6, 1)}


def count_rows(folder: Path) -> int:
    """The rows of the files."""
    return sum(pq.read_metadata(each).num_rows for each in folder.glob("*.parquet"))


def read_memory(name: str) -> int:
    """A figure of this process's memory, in bytes; `getrusage` tells of the parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


def seal(workspace: Workspace) -> int:
    """Seal as the product does."""
    return compaction.seal_inbox(workspace, is_forced=True)


def start(
    task: Callable[[Path, Queue[dict[str, float]]], None], folder: Path
) -> tuple[BaseProcess, Queue[dict[str, float]]]:
    """A task in a process of its own, and what it will tell."""
    context = multiprocessing.get_context("spawn")
    told: Queue[dict[str, float]] = context.Queue()  # type: ignore[assignment]
    process = context.Process(target=task, args=(folder, told))
    process.start()
    return process, told


def measure_by_hand(folder: Path) -> dict[str, float]:
    """What floor and peer take for the inbox of a store, of which the peer gets a copy."""
    copied = folder.with_name(f"{folder.name}-by-hand")
    copied.mkdir()
    shutil.copy(folder / STORE_FILE, copied)
    figures: dict[str, float] = {}
    for name, task in (("floor", write_floor), ("peer", seal_by_hand)):
        process, told = start(task, copied)
        figures |= {f"{name}_{key}": value for key, value in told.get(timeout=3600).items()}
        process.join()
    return figures


def measure(folder: Path, event_count: int, sealed_count: int) -> dict[str, float]:
    """Seal one inbox while single events land; floor and peer before it."""
    create_workspace(folder)
    random = np.random.default_rng(1)
    with open_workspace(folder) as workspace:
        fill_workspace(workspace, event_count, sealed_count)
        workspace.store.truncate_log()
        by_hand = measure_by_hand(folder)
        today = to_day(workspace.now_us)
        waits: list[float] = []
        is_done = threading.Event()

        def land() -> None:
            while not is_done.wait(PAUSE_SECONDS):
                columns = invent_columns(1, today, random)
                began = time.monotonic()
                with workspace.store.writing() as session:
                    waits.append(time.monotonic() - began)
                    land_in_inbox(session, columns)

        thread = threading.Thread(target=land)
        process, told = start(seal_alone, folder)
        thread.start()
        figures = told.get(timeout=3600)
        process.join()
        is_done.set()
        thread.join()
        with workspace.store.reading() as session:
            files = Counter(each.bucket for each in list_segments(session))
            assert session.count(EVENTS) == len(waits), "every event that landed meanwhile is in the inbox"
    moved = {figures["moved"], by_hand.pop("floor_moved"), by_hand.pop("peer_moved")}
    assert moved == {event_count}, f"all have moved all events, not {moved}"
    ours = figures["cpu_us_an_event"]
    return {
        "events": event_count,
        **figures,
        **by_hand,
        "cpu_x_floor": round(ours / by_hand["floor_cpu_us_an_event"], 2),
        "cpu_x_peer": round(ours / by_hand["peer_cpu_us_an_event"], 2),
        "landings": len(waits),
        "longest_wait_ms": round(max(waits) * 1e3),
        "wait_p50_ms": round(float(np.median(waits)) * 1e3),
        "wait_p99_ms": round(float(np.quantile(waits, 0.99)) * 1e3),
        "most_files_of_a_bucket": max(files.values(), default=0),
    }


# --- the rule, by numbers ---------------------------------------------------------------------


def simulate(batches: list[list[tuple[int, int, int]]]) -> dict[str, float]:
    """Compact one bucket after each batch of new files, given by rows, first and last day; nothing is written."""
    files: list[Segment] = []
    written = merged = largest = most = merges = 0
    share = 0.0
    for batch in batches:
        for rows, first, last in batch:
            files.append(Segment(f"{len(files) + written:020}", "", 0, rows, first, last, ""))
            written += rows
        while group := compaction.choose_group(files):
            rows = sum(each.row_count for each in group)
            days = (min(each.min_day for each in group), max(each.max_day for each in group))
            files = [each for each in files if each not in group]
            files.append(Segment(f"{merged:020}", "", 0, rows, *days, ""))
            merged, largest, merges = merged + rows, max(largest, rows), merges + 1
            if written > compaction.FULL_ROWS:
                share = max(share, rows / (written * BUCKET_COUNT))
        most = max(most, len(files))
    return {
        "events_of_the_bucket": written,
        "files_in_the_end": len(files),
        "most_files": most,
        "merges": merges,
        "rewritten_an_event": round(merged / written, 2),
        "largest_merge_rows": largest,
        "largest_merge_share_of_all_events": round(share, 4),
    }


def simulate_all() -> dict[str, dict[str, float]]:
    """One of sixteen buckets: streams of two years, sealed every night, and twenty imports of the same years."""

    def stream(events_a_second: float) -> list[list[tuple[int, int, int]]]:
        a_day = int(events_a_second * 86_400 / BUCKET_COUNT)
        piece = compaction.BATCH_ROWS // BUCKET_COUNT
        return [
            [(min(piece, a_day - first), day, day)]
            for day in range(730)
            for first in range(0, a_day, piece)
        ]  # fmt: skip

    imports = [[(5_000_000 // BUCKET_COUNT, 0, 1095)] for _ in range(20)]
    return {
        "two years of 50 events a second": simulate(stream(50)),
        "two years of 1.6 events a second (100 M)": simulate(stream(1.6)),
        "20 imports of 5 M events of the same three years": simulate(imports),
    }


def judge(rounds: list[dict[str, float]]) -> list[Target]:
    """The rounds of the largest inbox against their bounds, which each has to keep."""
    return [
        Target("longest wait of a landing", max(each["longest_wait_ms"] for each in rounds), 200, "ms"),
        Target("memory of sealing on top", max(each["memory_mb_on_top"] for each in rounds), 200, "MB"),
    ]


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, nargs="+", default=[150_000, 300_000, 600_000])
    parser.add_argument("--sealed", type=int, default=5_000_000, help="events in segments before")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    targets: list[Target] = []
    figures: dict[str, object] = {"machine": str(describe_machine())}
    if given.simulate:
        figures |= simulate_all()
    else:
        for count in sorted(given.events):
            rounds = []
            for number in range(given.rounds):
                with tempfile.TemporaryDirectory(prefix="fusion-sealing-") as folder:
                    rounds.append(measure(Path(folder) / make_id(), count, given.sealed))
                print(
                    f"{count:,} events, round {number + 1} of {given.rounds}: {rounds[-1]['seconds']:g} s",
                    file=sys.stderr,
                )
            medians = {name: round(statistics.median(each[name] for each in rounds), 2) for name in rounds[0]}
            figures[f"{count:,} events"], targets = medians, judge(rounds)
    if given.json:
        print(json.dumps(figures | {"targets": [each.to_json() for each in targets]}, indent=2))
        return 0 if all(each.is_met for each in targets) else 1
    for name, values in figures.items():
        print(name)
        for key, value in values.items() if isinstance(values, dict) else (("", values),):
            print(
                f"  {key.replace('_', ' '):<36} {value:,.10g}"
                if isinstance(value, (int, float))
                else f"  {value}"
            )
    if targets:
        print(write_targets(targets))
    return 0 if all(each.is_met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
