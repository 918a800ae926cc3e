"""Generated events for the benchmarks of the engine: the same for the same seed, at any size.

Pairs follow Zipf(0.75) over one fifth as many pairs as there are events, three years, 24 kinds, 2 % late, whole
numbers as ids. Written in the order of arrival, and as the product's own sealed segments.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.events.inbox import write_segments
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.decay import build_fold_kinds
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.storage.duckdb import DuckDBEngine

FIRST_DAY = 19_358  # 2023-01-01
DAYS = 1096
KIND_COUNT = 24
BRANDS = 1000
FIRST_BRAND = 1_000_000_001  # numbers of consumers and brands are of one series
CHUNK = 5_000_000
LATE_SHARE = 0.02
COLUMNS = ("consumer_id", "brand_id", "kind_id", "day", "occurred_us", "magnitude", "trust")


def choose_kinds() -> list[tuple[int, str, float, float]]:
    """The kinds of the generated events: number, key, half-life in days, trust; from the shipped points."""
    # Numbered as a new workspace numbers them: in the order of the table.
    kinds = [
        (number, kind.key, kind.half_life_days, kind.trust)
        for number, kind in enumerate(load_points().kinds.values(), start=1)
        if kind.entries and kind.mends is None
    ]
    return kinds[:: max(1, len(kinds) // KIND_COUNT)][:KIND_COUNT]


def generate_chunk(
    random: np.random.Generator, count: int, pair_count: int, share: tuple[float, float]
) -> pa.Table:
    """Events that arrive in one part of the three years.

    Args:
        random: Where chance comes from.
        count: How many events.
        pair_count: How many pairs there are in all.
        share: Beginning and end of the part, between 0 and 1.
    """
    # The inverse of the Zipf distribution: its sum up to rank r grows as r^(1 - 0.75).
    rank = (pair_count * random.random(count) ** 4).astype(np.int64)
    pair = (rank * 7919 + 12_345) % pair_count
    start, end = (int((FIRST_DAY + DAYS * each) * DAY_MICROSECONDS) for each in share)
    arrived = np.sort(random.integers(start, end, count))
    late = random.random(count) < LATE_SHARE
    occurred = np.where(late, arrived - random.integers(0, 30 * DAY_MICROSECONDS, count), arrived)
    odds = np.arange(1, KIND_COUNT + 1) ** -0.8
    place = random.choice(KIND_COUNT, count, p=odds / odds.sum())
    kind = np.array([number for number, *_ in choose_kinds()], np.int64)[place]
    magnitude = np.where(place < 3, np.clip(np.log2(1 + random.lognormal(0, 0.8, count)), 0.25, 3.0), 1.0)
    trust = np.where(random.random(count) < 0.1, 0.5, 1.0)
    return pa.table(
        {
            "consumer_id": pair // 2 + 1,
            "brand_id": FIRST_BRAND + (rank % (BRANDS // 2)) * 2 + pair % 2,
            "kind_id": kind,
            "day": occurred // DAY_MICROSECONDS,
            "occurred_us": occurred,
            "magnitude": magnitude,
            "trust": trust,
        }
    )


def write_arrivals(folder: Path, event_count: int, seed: int) -> list[Path]:
    """Write events in the order of arrival, and return the files."""
    random = np.random.default_rng(seed)
    pair_count = event_count // 5
    paths: list[Path] = []
    done = 0
    while done < event_count:
        count = min(CHUNK, event_count - done)
        chunk = generate_chunk(random, count, pair_count, (done / event_count, (done + count) / event_count))
        paths.append(folder / f"arrival-{len(paths):03d}.parquet")
        pq.write_table(chunk, paths[-1], compression="zstd", row_group_size=122_880)
        done += count
    return paths


def write_fold_kinds(folder: Path) -> None:
    """Write the kinds with their half-lives; landmarks are at the end of the three years."""
    landmark = (FIRST_DAY + DAYS) * DAY_MICROSECONDS
    rows = [(number, half_life, landmark, trust, 0) for number, _key, half_life, trust in choose_kinds()]
    pq.write_table(build_fold_kinds(rows), folder / "fold_kinds.parquet")


def seal_arrivals(folder: Path, memory_limit_mb: int) -> list[Segment]:
    """Write the arrivals as sealed segments, by the product's own function."""
    engine = DuckDBEngine(folder / "spill", memory_limit_mb=memory_limit_mb)
    keys = pa.table(
        {
            "kind_id": pa.array([number for number, *_ in choose_kinds()], pa.int64()),
            "kind": pa.array([key for _, key, *_ in choose_kinds()], pa.string()),
        }
    )
    engine.write(
        "select * from keys",
        folder / "keys.parquet",
        step="keep the keys of the kinds",
        tables={"keys": keys},
    )
    events = f"""(
        select 1 as source_id, cast(a.file_row_number as varchar) || '-' || right(a.filename, 11) as event_id,
               a.occurred_us, 'second' as precision, a.occurred_us as received_us, a.day, a.consumer_id, a.brand_id,
               k.kind, a.kind_id, cast(null as varchar) as channel, cast(null as double) as value,
               cast(null as varchar) as currency, cast(null as varchar) as text, a.trust, a.magnitude,
               cast(null as varchar) as properties
        from read_parquet('{folder}/arrival-*.parquet', filename = true, file_row_number = true) a
        join read_parquet('{folder}/keys.parquet') k on k.kind_id = a.kind_id
    )"""
    segments = write_segments(engine, folder, events, {})
    engine.close()
    return segments


def prepare_data(folder: Path, event_count: int, *, seed: int = 7, memory_limit_mb: int = 4096) -> None:
    """Write all files unless they are there already."""
    note = folder / "data.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8"))["events"] == event_count:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_arrivals(folder, event_count, seed)
    write_fold_kinds(folder)
    segments = seal_arrivals(folder, memory_limit_mb)
    note.write_text(
        json.dumps({"events": event_count, "segments": [asdict(each) for each in segments]}), encoding="utf-8"
    )
