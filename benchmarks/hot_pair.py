"""What one relationship with very many events costs: its explanation, page, history, changes and what-if.

    python benchmarks/hot_pair.py --folder /somewhere              100 to 1,000,000 events in one pair
    python benchmarks/hot_pair.py --folder /somewhere --sizes 100,10000 --rounds 1

Each size is a workspace of its own, filled by the product's own import: the pair among some thousand others. Each task
runs in a process of its own: CPU-seconds after the imports, and the peak of its memory above that before the task. The
page is that of the console, in process; before each load a new event of the pair arrives, so that no cache answers.

Each round has a floor and two peers. The floor is DuckDB: the pair's events are read from the same Parquet files, and
counted and summed by kind. The first peer is polars by hand: the decayed sums by kind, with days of many events
dampened, and the newest 100 events with their weights; no score, interval, facet or change, and no event that is not
sealed yet. The second is the ledger in plain Python, the reference of the tests, which explains every event, not 100;
above 10,000 events it is left out, for it takes hundreds of times the floor; `--ledger-events 1000000` has it compared
there, too. The run fails where its score, sums by kind or newest 100 contributions differ from ours by more than
1e-9, or where the others lack an event.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from console_load import MAPPING, seal_at_once
from measuring import AGREEMENT, Stopwatch, Target, describe_machine, read_peak_gigabytes, write_targets

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.alerts.subscriptions import list_subscriptions
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.alert import NOTICE_TYPES
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model import explanation
from consumer_fusion.score.model.explanation import Contribution
from consumer_fusion.score.model.pair_events import KindContribution
from consumer_fusion.score.queries.brand_visibility import find_brand_ids, find_consumer_ids
from consumer_fusion.score.queries.pair_answers import (
    LISTED_EVENTS,
    PairSnapshot,
    explain_pair,
    to_explanation,
)
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.workspace import DEMO_MARK, Workspace

CONSUMER, BRAND = "hot", "shop-1"
NOW = datetime(2026, 6, 15, 21, 0, tzinfo=UTC)
DAYS = 1_095
OTHERS = 500
LOADS = 40
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
LEDGER_EVENTS = 10_000
ANSWERS = "answers"
"""What a task returns besides its figures: answers by name, gathered after its time is taken."""
CPU_LIMIT_SECONDS, MEMORY_LIMIT_MB, PAGE_LIMIT_MS = 0.3, 200.0, 200.0


# --- the workspace ---


def build_workspace(folder: Path, events: int) -> Path:
    """A workspace with one pair of so many events, by the product's own import; made once."""
    home = folder / f"events-{events}"
    if (home / "built.txt").exists():
        return home / "workspace"
    home.mkdir(parents=True, exist_ok=True)
    rows, mapping = home / "rows.parquet", home / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    end = int(NOW.timestamp())
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                select 'e-' || n as id,
                    strftime(make_timestamp(({end} - (hash(n) % ({DAYS} * 86400))::bigint) * 1000000),
                        '%Y-%m-%dT%H:%M:%SZ') as at,
                    case when n < {events} then '{CONSUMER}' else 'consumer-' || n % {OTHERS} end as who,
                    case when n < {events} then '{BRAND}' else 'shop-' || n % 7 end as shop,
                    case when n % 1000 = 7 then 'Complaint Published' else
                        case hash(n + 2) % 10 when 0 then 'Order Completed' when 1 then 'Product Added'
                            when 2 then 'Email Opened' when 3 then 'Store Visited' when 4 then 'Order Refunded'
                            when 5 then 'Window Looked Into' else 'Page Viewed' end end as what,
                    case hash(n + 3) % 3 when 0 then 'shop' else 'web' end as channel,
                    (hash(n + 4) % 20000) / 100 as amount
                from (select range as n from range({events + 3 * OTHERS}))
            ) to '{rows}' (format parquet)"""
        )
    made = fusion.create_workspace(home / "workspace")
    # The visitor of a demo is let in without a password.
    (made / DEMO_MARK).write_text("made by a benchmark\n", encoding="utf-8")
    with seal_at_once(made), open_then(made) as workspace:
        acceptance = pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
    rows.unlink()
    (home / "built.txt").write_text(f"{acceptance.accepted} events\n", encoding="utf-8")
    return made


def open_then(home: Path) -> AbstractContextManager[Workspace]:
    """The workspace at the time of its newest event."""
    return fusion.open_workspace(home, clock=lambda: NOW)


# --- the tasks ---


def sum_kinds(workspace: Workspace) -> Callable[[], object]:
    """The floor: the pair's sealed events, counted and summed by kind."""
    pattern, consumer, brand = find_sealed(workspace)
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    query = f"""select kind_id, count(*), sum(magnitude * trust), max(occurred_us) from read_parquet('{pattern}')
                where consumer_id = {consumer} and brand_id = {brand} group by kind_id"""

    def run() -> dict[str, float]:
        return {"events": sum(count for _, count, *_ in connection.execute(query).fetchall())}

    return run


def explain_with_polars(workspace: Workspace) -> Callable[[], object]:
    """A peer: decayed sums by kind, and the newest events with their weights."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    pattern, consumer, brand = find_sealed(workspace)
    kinds = put_points_in_force(workspace).points.kinds
    half_lives = pl.DataFrame(
        {
            "kind": list(kinds),
            "half_life_us": [each.half_life_days * DAY_MICROSECONDS for each in kinds.values()],
        }
    )
    listed = ["event_id", "occurred_us", "day", "kind", "magnitude", "trust", "channel", "text", "properties"]

    def run() -> dict[str, float]:
        age_us = to_microseconds(NOW) - pl.col("occurred_us")
        events = (
            pl.scan_parquet(pattern)
            .filter(pl.col("consumer_id") == consumer, pl.col("brand_id") == brand)
            .select(listed)
            .collect()
            .join(half_lives, on="kind", how="left")
            .with_columns(weight=pl.col("trust") * 0.5 ** (age_us / pl.col("half_life_us")))
        )
        days = events.group_by("kind", "day").agg(
            count=pl.len(), weight=pl.col("weight").sum(),
            graded=(pl.col("weight") * pl.col("magnitude")).sum(),
        )  # fmt: skip
        dampened = (1 + pl.col("count")).log(2) / pl.col("count")
        sums = days.group_by("kind").agg(
            pl.col("count").sum(), (pl.col("weight") * dampened).sum(), (pl.col("graded") * dampened).sum()
        )
        newest = events.sort("occurred_us", "event_id", descending=[True, False]).head(100)
        json.dumps({"kinds": sums.to_dicts(), "events": newest.to_dicts()})
        return {"events": len(events)}

    return run


def explain_ledger(workspace: Workspace) -> Callable[[], object]:
    """A peer: every event read with its texts, and weighed one after the other in Python."""
    pair = read_pair(workspace)

    def run() -> dict[str, float]:
        explained = explanation.explain_pair(pair.entries, pair.as_of_us, pair.points)
        return {"score": explained.reading.fusion_score, ANSWERS: lambda: sum_ledger(explained.contributions)}

    return run


def sum_ledger(contributions: Sequence[Contribution]) -> dict[str, float]:
    """The contributions by kind and facet, and those of the newest 100 events."""
    listed = {each.event_id: each.occurred_at for each in contributions}
    newest = set(sorted(listed, key=lambda event: (-listed[event], event))[:LISTED_EVENTS])
    return add_up(contributions, [each for each in contributions if each.event_id in newest])


def add_up(
    parts: Iterable[Contribution | KindContribution], newest: Iterable[Contribution]
) -> dict[str, float]:
    """Contributions by kind, facet and direction, and by event and facet."""
    sums: defaultdict[str, float] = defaultdict(float)
    for part in parts:
        sums[f"{part.kind}, {part.facet}, {part.direction}"] += part.contribution
    for each in newest:
        sums[f"{each.event_id}, {each.facet}"] += each.contribution
    return dict(sums)


def find_sealed(workspace: Workspace) -> tuple[str, int, int]:
    """The files in which the pair's sealed events are, and the numbers of consumer and brand."""
    with workspace.store.reading() as session:
        (consumer,) = find_consumer_ids(session, CONSUMER, None) or ()
        (brand,) = find_brand_ids(session, BRAND) or ()
    folder = workspace.folder / "segments" / f"bucket={consumer % BUCKET_COUNT:02}"
    return f"{folder}/*.parquet", consumer, brand


def explain(workspace: Workspace) -> Callable[[], object]:
    """The score with the 100 newest events, as the command's JSON."""

    def run() -> dict[str, float]:
        pair = read_pair(workspace)
        to_explanation(pair, order="newest").model_dump_json()
        return {
            "score": pair.reading.fusion_score,
            ANSWERS: lambda: add_up(pair.list_kinds(), list_parts(pair)),
        }

    return run


def list_parts(pair: PairSnapshot) -> list[Contribution]:
    """The contributions of the newest 100 events."""
    return [part for each in pair.list_newest().events for part in each.contributions]


def explain_largest(workspace: Workspace) -> Callable[[], object]:
    """The score with the 100 largest contributions."""
    return lambda: to_explanation(read_pair(workspace)).model_dump_json()


def replay(workspace: Workspace) -> Callable[[], object]:
    """The history of 180 days."""
    return lambda: fusion.replay_pair(read_pair(workspace), 180)


def trace(workspace: Workspace) -> Callable[[], object]:
    """All changes, as the charts need them."""
    return lambda: read_pair(workspace).trace()


def leave_out(workspace: Workspace) -> Callable[[], object]:
    """The score without one of the events."""
    return lambda: fusion.score_without(read_pair(workspace), "e-77")


def evaluate(workspace: Workspace) -> Callable[[], object]:
    """The alert rules, after a new order."""
    with workspace.store.reading() as session:
        is_watched = bool(list_subscriptions(session))
    if not is_watched:
        alert_evaluation.subscribe(workspace, url="http://127.0.0.1:9/", types=NOTICE_TYPES, is_internal=True)
    add_order(workspace, 0)
    return lambda: alert_evaluation.evaluate_changes(workspace)


FLOOR = "floor"
PEERS = {"polars": explain_with_polars, "ledger": explain_ledger}
TASKS = {
    "explain newest": explain, "explain largest": explain_largest, "history": replay, "changes": trace,
    "what-if": leave_out, "alerts": evaluate,
}  # fmt: skip


def read_pair(workspace: Workspace) -> PairSnapshot:
    """The pair, read from the files."""
    return explain_pair(workspace, CONSUMER, BRAND, as_of=NOW)


def add_order(workspace: Workspace, number: int) -> None:
    """A new order of the pair, at the workspace's now."""
    event = fusion.Event(
        event_id=f"new-{time.time_ns()}-{number}",
        source="shops",
        occurred_at=NOW - timedelta(seconds=1),
        kind="Order Completed",
        consumer=CONSUMER,
        brand=BRAND,
        value=20.0,
        currency="EUR",
    )
    fusion.import_events(workspace, [event])


def run_task(name: str, home: Path) -> dict[str, Any]:
    """One task in this process: CPU-seconds, and megabytes above those before it."""
    with open_then(home) as workspace:
        put_points_in_force(workspace)
        fusion.score_pairs(workspace, consumer="consumer-1", as_of=NOW)  # imports, connections, the engine
        timed = {FLOOR: sum_kinds, **PEERS, **TASKS}[name](workspace)
        before, watch = read_peak_gigabytes(), Stopwatch()
        found = timed()
        cpu, wall = watch.read()
        told = found if isinstance(found, dict) else {}
        run = {"cpu": cpu, "wall": wall, "megabytes": 1000 * (read_peak_gigabytes() - before), **told}
        return {key: value() if callable(value) else value for key, value in run.items()}


def run_page(home: Path) -> dict[str, float]:
    """The console's page of the pair, again and again, each time after a new event."""
    from starlette.testclient import TestClient

    from consumer_fusion.surfaces.web import Deployment, build_app

    walls, cpus = [], []
    with open_then(home) as workspace:
        app = build_app(workspace, place=Deployment(bound_address="127.0.0.1"))
        browser = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000))
        browser.get("/sign-in")
        path = f"/relationship?consumer={CONSUMER}&brand={BRAND}"
        for number in range(LOADS + 3):
            add_order(workspace, number)
            watch = Stopwatch()
            answer = browser.get(path)
            cpu, wall = watch.read()
            if answer.status_code != 200 or "Fusion Score" not in answer.text:
                raise SystemExit(f"The page answered {answer.status_code}.")
            if number >= 3:
                walls.append(1000 * wall)
                cpus.append(1000 * cpu)
    return {
        "p50_ms": statistics.median(walls),
        "p99_ms": sorted(walls)[math.ceil(0.99 * len(walls)) - 1],
        "cpu_ms": statistics.median(cpus),
        "cpu_p99_ms": sorted(cpus)[math.ceil(0.99 * len(cpus)) - 1],
        "megabytes": 1000 * read_peak_gigabytes(),
    }


def start(name: str, home: Path) -> dict[str, Any]:
    """One task in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--task", name, "--home", str(home)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The task '{name}' failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


# --- the report ---


def compare(ours: Mapping[str, Any], ledger: Mapping[str, Any]) -> None:
    """Stop where our answers differ from those of the ledger."""
    found, expected = ({"score": each["score"], **each[ANSWERS]} for each in (ours, ledger))
    if found.keys() != expected.keys():
        raise SystemExit(f"Ours or the ledger alone has {sorted(found.keys() ^ expected.keys())[:5]}.")
    for name, value in expected.items():
        if not math.isclose(found[name], value, rel_tol=AGREEMENT, abs_tol=AGREEMENT):
            raise SystemExit(f"{name}: ours is {found[name]!r}, the ledger's {value!r}.")


def measure_size(home: Path, events: int, rounds: int, ledger_events: int) -> dict[str, dict[str, float]]:
    """All tasks of a size, the medians of the rounds; ratios are to the floor of the same round."""
    names = [FLOOR, *(name for name in PEERS if name != "ledger" or events <= ledger_events), *TASKS, "page"]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        told = {name: start(name, home) for name in names}
        for name in (FLOOR, "polars"):
            if told[name]["events"] != events:
                raise SystemExit(f"'{name}' has found {told[name]['events']:,} of {events:,} events.")
        if "ledger" in told:
            compare(told["explain newest"], told["ledger"])
        for name, run in told.items():
            run.pop(ANSWERS, None)
            if "cpu" in run:
                run["ratio"] = run["cpu"] / told[FLOOR]["cpu"]
            runs[name].append(run)
    return {
        name: {key: statistics.median(run[key] for run in found) for key in found[0]}
        for name, found in runs.items()
    }


def write_rows(events: int, found: Mapping[str, Mapping[str, float]]) -> str:
    """Two rows: CPU milliseconds and megabytes of each task, then the page; and CPU by that of the floor."""
    columns = [found.get(name) for name in (FLOOR, *PEERS, *TASKS)]
    cells = [
        f"{1000 * each['cpu']:>7.0f} {each['megabytes']:>5.0f}" if each else f"{'-':>13}" for each in columns
    ]
    ratios = [f"{each['ratio']:>7.2f}      " if each else " " * 13 for each in columns]
    page = found["page"]
    return (
        f"{events:>9,} {' '.join(cells)} {page['p50_ms']:>8.0f} {page['p99_ms']:>8.0f} {page['cpu_ms']:>8.0f}\n"
        f"{'x floor':>9} {' '.join(ratios)}"
    )


def main() -> int:
    """Measure each size; the status is 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--ledger-events", type=int, default=LEDGER_EVENTS, help="the most events of the ledger"
    )
    parser.add_argument("--task")
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(run_page(given.home) if given.task == "page" else run_task(given.task, given.home)))
        sys.stdout.flush()
        os._exit(0)  # background threads of the server may be in a query, and nothing is to be saved
    folder = given.folder or Path(tempfile.mkdtemp(prefix="hot-pair-"))
    found: dict[int, dict[str, dict[str, float]]] = {}
    names = (FLOOR, *PEERS, *TASKS)
    print(json.dumps(describe_machine()))
    print(
        f"{'events':>9} {' '.join(f'{name:>13}' for name in names)} {'page p50':>8} {'p99 ms':>8} {'CPU ms':>8}"
    )
    print(f"{'':>9} {' '.join(f'{head:>13}' for head in ['CPU ms    MB'] * len(names))}")
    for events in map(int, given.sizes.split(",")):
        found[events] = measure_size(
            build_workspace(folder, events), events, given.rounds, given.ledger_events
        )
        print(write_rows(events, found[events]), flush=True)
    largest = found[max(found)]
    targets = [
        Target("explain the newest 100 events", largest["explain newest"]["cpu"], CPU_LIMIT_SECONDS, "CPU-s"),
        Target("its memory", largest["explain newest"]["megabytes"], MEMORY_LIMIT_MB, "MB"),
        Target("page, p99", largest["page"]["p99_ms"], PAGE_LIMIT_MS, "ms"),
    ]
    print(write_targets(targets))
    return 0 if all(each.is_met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
