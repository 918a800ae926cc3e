"""Throughput of the engine: the full fold (burst compression and five sums) against a bare GROUP BY and peers.

`python benchmarks/engine.py` generates 10 million events (`--big`: 100 million), runs every task in a process of
its own, in rounds with the floor, and prints CPU-seconds, the ratio to the floor of the same round, and whether the
targets were met. The checksums of all folds must agree to 1e-9, or the run fails.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from event_data import COLUMNS, choose_kinds, prepare_data
from measuring import (
    Summary,
    Target,
    check_agreement,
    describe_machine,
    run_one_task,
    run_rounds,
    write_table,
    write_targets,
)

from consumer_fusion.events.event_reader import FOLD_COLUMNS, EventSource
from consumer_fusion.score.fold.array_folding import KindArrays, fold_sealed_batches
from consumer_fusion.score.fold.fold_queries import fold_events
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.query_texts import read_query
from consumer_fusion.storage.duckdb import DuckDBEngine

Checksums = Mapping[str, float]
SUMS = ("x", "y", "q", "r", "u")
CHECKSUMS = ", ".join(f"sum({name}) as {name}" for name in ("event_count", *SUMS))
DAY_US = 86_400_000_000

LABELS = {
    "scan": "F1 column scan",
    "floor": "F2 floor: GROUP BY pair, SUM (arrival order)",
    "floor_sealed": "   the same on sealed segments",
    "fold_arrived": "ours, arrival order, 256 MB for the engine",
    "fold_arrived_sql": "ours, arrival order, portable SQL in DuckDB",
    "fold_sealed": "ours, sealed segments, in one go",
    "fold_sealed_sql": "ours, sealed segments, portable SQL in DuckDB",
    "fold_partitioned_sql": "   the same, bucket by bucket, 256 MB",
    "read_scores": "ours, scores of all pairs from their states",
    "fold_pandas": "pandas by hand",
    "fold_polars": "polars by hand",
}
FOLDS = ("fold_arrived", "fold_arrived_sql", "fold_sealed", "fold_sealed_sql", "fold_partitioned_sql", "fold_pandas",
         "fold_polars")  # fmt: skip


def _open_engine(data: Path, memory_limit_mb: int = 8192) -> DuckDBEngine:
    engine = DuckDBEngine(data / "spill", memory_limit_mb=memory_limit_mb)
    engine.read("select 1", step="open")
    return engine


def _arrivals(data: Path) -> str:
    return f"read_parquet('{data}/arrival-*.parquet')"


def _segments(data: Path) -> str:
    return f"read_parquet('{data}/segments/*/*.parquet')"


def _list_segments(data: Path) -> list[Path]:
    return sorted(data.glob("segments/bucket=*/*.parquet"))


def _first_row(table: pa.Table) -> Checksums:
    return {name: float(value) for name, value in table.to_pylist()[0].items()}


def _scan(data: Path) -> Callable[[], Checksums]:
    engine = _open_engine(data)
    listed = ", ".join(f"sum({name}) as {name}" for name in COLUMNS)
    return lambda: _first_row(engine.read(f"select {listed} from {_arrivals(data)}", step="scan"))


def _group_pairs(data: Path, relation: str) -> Callable[[], Checksums]:
    engine = _open_engine(data)
    query = f"""
        select count(*) as pairs, sum(total) as total
        from (select consumer_id, brand_id, sum(magnitude) as total from {relation} group by 1, 2) t
    """
    return lambda: _first_row(engine.read(query, step="floor"))


def _fold_in_sql(
    data: Path, query: str, relations: Iterable[str], memory_limit_mb: int
) -> Callable[[], Checksums]:
    engine = _open_engine(data, memory_limit_mb)
    kinds = pq.read_table(data / "fold_kinds.parquet")

    def run() -> Checksums:
        total: dict[str, float] = {}
        for relation in relations:
            text = read_query("fold", query).substitute(events=relation)
            part = _first_row(
                engine.read(
                    f"select count(*) as state_rows, {CHECKSUMS} from ({text}) f",
                    step="fold",
                    tables={"fold_kinds": kinds},
                )
            )
            total = {name: total.get(name, 0.0) + value for name, value in part.items()}
        return total

    return run


def _sum_states(tables: Iterable[pa.Table]) -> Checksums:
    """Consume states table by table, as the writer of the store does; a pair and kind may be cut at a border."""
    total = dict.fromkeys(("state_rows", "event_count", *SUMS), 0.0)
    last: tuple[Any, ...] | None = None
    for table in tables:
        if not table.num_rows:
            continue
        first, end = (
            tuple(table[name][row].as_py() for name in FOLD_COLUMNS[:3]) for row in (0, table.num_rows - 1)
        )
        total["state_rows"] += table.num_rows - (first == last)
        last = end
        for name in ("event_count", *SUMS):
            total[name] += float(table[name].to_numpy().sum())
    return total


def _fold_arrived(data: Path) -> Callable[[], Checksums]:
    engine = _open_engine(data, 256)
    kinds = pq.read_table(data / "fold_kinds.parquet")
    return lambda: _sum_states(fold_events(engine, EventSource(_arrivals(data)), kinds))


def _fold_sealed(data: Path) -> Callable[[], Checksums]:
    engine = _open_engine(data, 256)
    kinds = KindArrays.from_table(pq.read_table(data / "fold_kinds.parquet"))
    listed = ", ".join((*FOLD_COLUMNS, "same_day_count"))

    def fold() -> Iterable[pa.Table]:
        for path in _list_segments(data):
            batches = engine.stream(
                f"select {listed} from read_parquet('{path}')",
                step="read a segment",
                rows_per_batch=500_000,
            )
            yield from fold_sealed_batches(batches, kinds)

    return lambda: _sum_states(fold())


def _read_scores(data: Path) -> Callable[[], Checksums]:
    points = load_points()
    kind_ids = {key: number for number, key, *_ in choose_kinds()}
    states = pq.read_table(data / "states.parquet")

    def run() -> Checksums:
        scores = score_states(states, points, kind_ids)
        return {"score_rows": scores.num_rows, "score": float(scores["fusion_score"].to_numpy().sum())}

    return run


def _fold_with_pandas(data: Path) -> Callable[[], Checksums]:
    import numpy as np
    import pandas as pd

    def run() -> Checksums:
        frame = pd.concat(
            [pd.read_parquet(path) for path in sorted(data.glob("arrival-*.parquet"))], ignore_index=True
        )
        kinds = pd.read_parquet(data / "fold_kinds.parquet").set_index("kind_id").reindex(range(256))
        kind = frame["kind_id"].to_numpy()
        elapsed = frame["occurred_us"].to_numpy() - kinds["landmark_us"].to_numpy()[kind]
        weight = frame["trust"].to_numpy() * kinds["trust"].to_numpy()[kind]
        weight = weight * np.exp2(elapsed / kinds["half_life_us"].to_numpy()[kind])
        sized = weight * frame["magnitude"].to_numpy()
        terms = frame[["consumer_id", "brand_id", "kind_id", "day", "occurred_us"]].assign(
            event_count=1, x=sized, y=weight, q=sized * sized, r=weight * weight, u=weight * sized
        )
        summed = dict.fromkeys(("event_count", *SUMS), "sum") | {"occurred_us": "max"}
        days = terms.groupby(["consumer_id", "brand_id", "kind_id", "day"], sort=False).agg(summed)
        burst = np.log2(1 + days["event_count"]) / days["event_count"]
        for name in SUMS:
            days[name] *= burst if name in ("x", "y") else burst * burst
        states = days.groupby(["consumer_id", "brand_id", "kind_id"], sort=False).agg(summed)
        return {
            "state_rows": len(states),
            **{name: float(states[name].sum()) for name in ("event_count", *SUMS)},
        }

    return run


def _fold_with_polars(data: Path) -> Callable[[], Checksums]:
    import polars as pl

    def run() -> Checksums:
        weight = pl.col("trust") * pl.col("kind_trust") * (2.0 ** (
            (pl.col("occurred_us") - pl.col("landmark_us")) / pl.col("half_life_us")
        ))  # fmt: skip
        pair = ["consumer_id", "brand_id", "kind_id"]
        burst = ((1 + pl.col("event_count")).log(2) / pl.col("event_count")).alias("burst")
        days = (
            pl.scan_parquet(data / "arrival-*.parquet")
            .join(pl.scan_parquet(data / "fold_kinds.parquet").rename({"trust": "kind_trust"}), on="kind_id")
            .with_columns(weight.alias("w"))
            .with_columns((pl.col("w") * pl.col("magnitude")).alias("wm"))
            .group_by([*pair, "day"])
            .agg(
                pl.len().cast(pl.Int64).alias("event_count"),
                pl.col("wm").sum().alias("x"), pl.col("w").sum().alias("y"),
                (pl.col("wm") * pl.col("wm")).sum().alias("q"), (pl.col("w") * pl.col("w")).sum().alias("r"),
                (pl.col("w") * pl.col("wm")).sum().alias("u"), pl.col("occurred_us").max().alias("last"),
            )
        )  # fmt: skip
        states = (
            days.with_columns(burst)
            .with_columns(
                *(pl.col(name) * pl.col("burst") for name in ("x", "y")),
                *(pl.col(name) * pl.col("burst") * pl.col("burst") for name in ("q", "r", "u")),
            )
            .group_by(pair)
            .agg(*(pl.col(name).sum() for name in ("event_count", *SUMS)), pl.col("last").max())
        )
        row = (
            states.select(
                pl.len().alias("state_rows"), *(pl.col(name).sum() for name in ("event_count", *SUMS))
            )
            .collect(engine="streaming")
            .row(0, named=True)
        )
        return {name: float(value) for name, value in row.items()}

    return run


TASKS: dict[str, Callable[[Path], Callable[[], Checksums]]] = {
    "scan": _scan,
    "floor": lambda data: _group_pairs(data, _arrivals(data)),
    "floor_sealed": lambda data: _group_pairs(data, _segments(data)),
    "fold_arrived": _fold_arrived,
    "fold_arrived_sql": lambda data: _fold_in_sql(data, "fold_arrived", [_arrivals(data)], 8192),
    "fold_sealed": _fold_sealed,
    "fold_sealed_sql": lambda data: _fold_in_sql(data, "fold_sealed", [_segments(data)], 8192),
    "fold_partitioned_sql": lambda data: _fold_in_sql(
        data, "fold_sealed", [f"read_parquet('{path}')" for path in _list_segments(data)], 256
    ),
    "read_scores": _read_scores,
    "fold_pandas": _fold_with_pandas,
    "fold_polars": _fold_with_polars,
}  # fmt: skip


def prepare_states(data: Path) -> None:
    """Write the folded states that the score is read from."""
    path = data / "states.parquet"
    if path.exists():
        return
    engine = _open_engine(data, 4096)
    kinds = pq.read_table(data / "fold_kinds.parquet")
    text = read_query("fold", "fold_sealed").substitute(events=_segments(data))
    engine.write(
        f"select consumer_id, brand_id, kind_id, x, y, q, r, u from ({text}) f order by 1, 2, 3",
        path, step="fold", tables={"fold_kinds": kinds},
    )  # fmt: skip
    engine.close()


def list_targets(summaries: Mapping[str, Summary], event_count: int) -> list[Target]:
    """The bounds that this run has to keep."""
    sorted_floor = summaries["floor_sealed"]
    most_memory = 0.5 if event_count >= 100_000_000 else 0.8
    bounds = (
        ("full fold in arrival order", "fold_arrived", 4.0),
        ("  in portable SQL alone", "fold_arrived_sql", 5.5),
        ("full fold of sealed segments", "fold_sealed", 3.0),
        ("  in portable SQL alone", "fold_sealed_sql", 3.0),
        ("scores of all pairs", "read_scores", 1.0),
    )
    targets = [
        Target(label, summaries[task].ratio, bound, "x the floor")
        for label, task, bound in bounds
        if task in summaries
    ]
    memory = summaries["fold_arrived"].peak_gigabytes
    targets.append(Target("memory in arrival order", memory, most_memory, "GB"))
    if event_count >= 100_000_000:
        targets.append(Target("memory, bucket by bucket", summaries["fold_sealed"].peak_gigabytes, 0.5, "GB"))
    ratio = summaries["fold_sealed"].cpu_seconds / sorted_floor.cpu_seconds
    print(f"sealed fold: {ratio:.2f} x the floor on the sealed segments themselves", file=sys.stderr)
    return targets


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--big", action="store_true", help="100 million events, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--keep", type=Path, help="keep the generated files in this folder")
    parser.add_argument("--only", nargs="+", choices=list(TASKS), help="only these tasks, and the floors")
    parser.add_argument("--task", choices=list(TASKS), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        run_one_task(TASKS, arguments.task, arguments.data)
        return 0
    events = 100_000_000 if arguments.big else arguments.events
    rounds = arguments.rounds or (1 if arguments.big else 3)
    tasks = [name for name in TASKS if name != "floor"]
    if events > 10_000_000:
        small = ("fold_pandas", "fold_polars", "fold_arrived_sql", "read_scores")
        tasks = [name for name in tasks if name not in small]
    if arguments.only:
        wanted = {"floor_sealed", "fold_arrived", "fold_sealed", *arguments.only}
        tasks = [name for name in tasks if name in wanted]
    data = arguments.keep or Path(tempfile.mkdtemp(prefix="fusion-engine-"))

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        say(f"{events:,} events are generated and sealed")
        prepare_data(data, events)
        if "read_scores" in tasks:
            prepare_states(data)
        summaries = run_rounds(Path(__file__), data, tasks, floor="floor", rounds=rounds, say=say)
    finally:
        if arguments.keep is None:
            shutil.rmtree(data, ignore_errors=True)
    problems = check_agreement(
        [
            [summaries[name] for name in FOLDS if name in summaries],
            [summaries["floor"], summaries["floor_sealed"]],
        ]
    )
    targets = list_targets(summaries, events)
    if arguments.json:
        result = {
            "benchmark": "engine", "events": events, "rounds": rounds, "machine": describe_machine(),
            "tasks": [each.to_json() for each in summaries.values()],
            "targets": [each.to_json() for each in targets], "disagreements": problems,
        }  # fmt: skip
        print(json.dumps(result, indent=1))
    else:
        print(f"{events:,} events, {rounds} rounds, {describe_machine()}")
        print(write_table(summaries.values(), LABELS))
        print(write_targets(targets))
        print("\n".join(problems) or "All folds agree to 1e-9.")
    return 1 if problems or not all(each.is_met for each in targets) else 0


if __name__ == "__main__":
    sys.exit(main())
