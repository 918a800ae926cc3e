"""What new events cost on a large state, and how fast one pair is read.

`python benchmarks/incremental.py` builds a workspace whose state has more than ten million rows (pair and kind), and
then takes the product's own way: events are accepted into the inbox in one transaction and folded in the next. After
that single pairs are read and explained. `--events` makes it smaller for a quick look.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from event_data import DAYS, FIRST_DAY, choose_kinds, prepare_data
from measuring import Stopwatch, Target, describe_machine, read_peak_gigabytes, write_targets

from consumer_fusion.events.event_reader import NEWEST_MARK
from consumer_fusion.events.inbox import land_in_inbox
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.fold.folding import fold_new_events, fold_segments
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.queries.score_queries import read_reading
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import add_states, read_kept_states
from consumer_fusion.storage.segments import add_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace, create_workspace, open_workspace

END_US = (FIRST_DAY + DAYS) * DAY_MICROSECONDS
LATE_DAYS = 365


class CountingSession:
    """A session that counts the rows of states that are added to."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.touched = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def add(self, table: Any, columns: Any, rows: Any, **options: Any) -> None:
        listed = list(rows)
        self.touched += len(listed)
        self._session.add(table, columns, listed, **options)


@contextmanager
def build_workspace(
    folder: Path, event_count: int, figures: dict[str, float]
) -> Iterator[tuple[Workspace, EffectivePoints]]:
    """A workspace with so many sealed and folded events; loading is timed too."""
    data = folder / f"data-{event_count}"
    prepare_data(data, event_count)
    home = folder / f"workspace-{event_count}"
    create_workspace(home)
    (data / "segments").rename(home / "segments")
    segments = [
        Segment(**each) for each in json.loads((data / "data.json").read_text(encoding="utf-8"))["segments"]
    ]
    with open_workspace(home) as workspace:
        force = put_points_in_force(workspace)
        for number, key, *_ in choose_kinds():
            assert force.kind_ids[key] == number, "the generated kinds are not numbered as the workspace does"
        watch = Stopwatch()
        with workspace.store.writing() as session:
            deltas = fold_segments(
                ScoreContext(session, workspace.engine, home, force.points, force.kind_ids),
                segments,
                newest_us=END_US - 1,
            )
            figures["state_rows"] = add_states(session, deltas)
            add_segments(session, segments, workspace.now_us)
            session.write_mark(NEWEST_MARK, END_US - 1)
        figures["load_cpu_seconds"], figures["load_wall_seconds"] = watch.read()
        yield workspace, force


def choose_pairs(
    workspace: Workspace, count: int, random: np.random.Generator, *, is_by_event: bool = True
) -> pa.Table:
    """So many pairs, drawn from all events (pairs with more events come more often), or each as likely."""
    relation = "" if is_by_event else "(select distinct consumer_id, brand_id from"
    closing = "" if is_by_event else ") pairs"
    return workspace.engine.read(
        f"""
        select consumer_id, brand_id from {relation} read_parquet('{workspace.folder}/segments/*/*.parquet') {closing}
        using sample reservoir({count} rows) repeatable ({int(random.integers(1, 1000))})
        """,
        step="choose pairs",
    )


def invent_events(
    pairs: pa.Table, occurred_us: np.ndarray, force: EffectivePoints, prefix: str, random: np.random.Generator
) -> pa.Table:
    """Rows for the inbox."""
    count = pairs.num_rows
    kinds = [(number, key) for number, key, *_ in choose_kinds()]
    chosen = random.integers(0, len(kinds), count)
    constants = {
        "source_id": 1, "precision": "second", "channel": None, "value": None, "currency": None, "text": None,
        "trust": 1.0, "magnitude": 1.0, "properties": None,
    }  # fmt: skip
    columns: dict[str, Sequence[object]] = {name: [value] * count for name, value in constants.items()}
    columns |= {
        "event_id": [f"{prefix}-{number}" for number in range(count)],
        "occurred_us": occurred_us.tolist(),
        "received_us": occurred_us.tolist(),
        "day": (occurred_us // DAY_MICROSECONDS).tolist(),
        "consumer_id": pairs["consumer_id"].to_pylist(),
        "brand_id": pairs["brand_id"].to_pylist(),
        "kind": [kinds[each][1] for each in chosen],
        "kind_id": [kinds[each][0] for each in chosen],
    }
    return pa.table(columns)


def accept_and_fold(workspace: Workspace, force: EffectivePoints, events: pa.Table) -> dict[str, float]:
    """Take events in and fold them, as the product does; both are timed."""
    accepting = Stopwatch()
    with workspace.store.writing() as session:
        land_in_inbox(session, events.to_pydict())
        newest = max(int(session.read_mark(NEWEST_MARK) or 0), max(events["occurred_us"].to_pylist()))
        session.write_mark(NEWEST_MARK, newest)
    accept_cpu, accept_wall = accepting.read()
    folding = Stopwatch()
    with workspace.store.writing() as session:
        counting = CountingSession(session)
        while fold_new_events(
            force.open(workspace, counting),  # type: ignore[arg-type]
        ):
            pass
    fold_cpu, fold_wall = folding.read()
    return {
        "events": events.num_rows, "accept_cpu_seconds": accept_cpu, "accept_wall_seconds": accept_wall,
        "fold_cpu_seconds": fold_cpu, "fold_wall_seconds": fold_wall, "touched_state_rows": counting.touched,
    }  # fmt: skip


def time_calls(call: Callable[[int], object], count: int) -> dict[str, float]:
    """Percentiles of so many calls, in milliseconds; of wall time, and of this thread's CPU time.

    The second is what the call itself takes: on a busy machine the first holds other programs' turns too.
    """
    taken, busy = [], []
    for number in range(count):
        start, start_busy = time.perf_counter(), time.thread_time()
        call(number)
        busy.append((time.thread_time() - start_busy) * 1000)
        taken.append((time.perf_counter() - start) * 1000)
    return {
        "calls": count, "p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99)),
        "p50_cpu_ms": float(np.percentile(busy, 50)), "p99_cpu_ms": float(np.percentile(busy, 99)),
        "load_average": os.getloadavg()[0],
    }  # fmt: skip


def name_parties(workspace: Workspace, pairs: list[tuple[int, int]]) -> None:
    """Give the pairs' parties keys, so that the product can be asked for them by name."""
    with workspace.store.writing() as session:
        for kind, numbers in (("consumer", {c for c, _ in pairs}), ("brand", {b for _, b in pairs})):
            session.insert(
                ENTITIES,
                ("entity_id", "entity_type", "entity_key"),
                [(each, kind, f"{kind}-{each}") for each in sorted(numbers)],
            )


def read_single_pairs(
    workspace: Workspace, force: EffectivePoints, pairs: list[tuple[int, int]]
) -> dict[str, dict[str, float]]:
    """Read pairs one after the other: the rows of the state, the score, and the product's whole answers."""
    points, kind_ids = force.points, force.kind_ids
    as_of_us = END_US + 5 * DAY_MICROSECONDS
    as_of = datetime.fromtimestamp(as_of_us / 1e6, UTC)

    def read_rows(number: int) -> object:
        consumer, brand = pairs[number % len(pairs)]
        with workspace.store.reading() as session:
            return read_kept_states(session, consumers=[consumer], brand_ids=[brand])

    def read_score(number: int) -> object:
        consumer, brand = pairs[number % len(pairs)]
        with workspace.store.reading() as session:
            return read_reading(
                ScoreContext(session, workspace.engine, workspace.folder, points, kind_ids),
                as_of_us,
                consumer,
                brand,
            )

    def answer(number: int) -> object:
        consumer, brand = pairs[number % len(pairs)]
        return answers.score_pairs(
            workspace, consumer=f"consumer-{consumer}", brand=f"brand-{brand}", as_of=as_of
        )

    def explain(number: int) -> object:
        consumer, brand = pairs[number % len(pairs)]
        return pair_answers.explain_pair(workspace, f"consumer-{consumer}", f"brand-{brand}", as_of=as_of)

    answer(0)
    return {
        "state rows of a pair": time_calls(read_rows, 5000),
        "state and tail to a score": time_calls(read_score, 2000),
        "answers.score_pairs for one pair": time_calls(answer, 100),
        "pair_answers.explain_pair": time_calls(explain, 100),
    }


def measure_bulk(folder: Path, figures: dict[str, Any]) -> None:
    """Five million sealed events into an empty state."""
    bulk: dict[str, float] = {}
    with build_workspace(folder, 5_000_000, bulk):
        figures["bulk fold of 5,000,000"] = bulk


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=18_000_000)
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--no-bulk", action="store_true", help="leave the bulk fold of five million out")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fusion-incremental-"))
    random = np.random.default_rng(11)
    figures: dict[str, Any] = {}

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        say(f"{arguments.events:,} events are generated, sealed and folded")
        state: dict[str, float] = {}
        with build_workspace(folder, arguments.events, state) as (workspace, force):
            figures["state"] = state
            for count, name in ((30_000, "30,000 new events"), (10, "10 new events")):
                say(name)
                occurred = END_US + random.integers(0, DAY_MICROSECONDS, count)
                events = invent_events(choose_pairs(workspace, count, random), occurred, force, name, random)
                figures[name] = accept_and_fold(workspace, force, events)
            say("10,000 late events")
            occurred = END_US - random.integers(0, LATE_DAYS * DAY_MICROSECONDS, 10_000)
            events = invent_events(choose_pairs(workspace, 10_000, random), occurred, force, "late", random)
            figures["10,000 late events"] = accept_and_fold(workspace, force, events)
            say("single pairs")
            rows = choose_pairs(workspace, 2000, random, is_by_event=False)
            pairs = list(dict.fromkeys(zip(rows["consumer_id"].to_pylist(), rows["brand_id"].to_pylist())))
            name_parties(workspace, pairs)
            figures |= read_single_pairs(workspace, force, pairs)
        if not arguments.no_bulk:
            say("5,000,000 events are generated, sealed and folded")
            measure_bulk(folder, figures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    targets = [
        Target("point read of a pair's state, p99", figures["state rows of a pair"]["p99_ms"], 5, "ms"),
        Target("point read of a pair's score, p99", figures["state and tail to a score"]["p99_ms"], 5, "ms"),
        Target("10 new events touch", figures["10 new events"]["touched_state_rows"], 10, "state rows"),
        Target("10,000 late events folded", figures["10,000 late events"]["fold_wall_seconds"], 2, "seconds"),
        Target("one pair explained, p50", figures["pair_answers.explain_pair"]["p50_ms"], 50, "ms"),
    ]
    if not arguments.no_bulk:
        bulk = figures["bulk fold of 5,000,000"]
        targets.append(Target("5,000,000 events folded", bulk["load_wall_seconds"], 15, "seconds"))
    if arguments.json:
        result = {
            "benchmark": "incremental", "machine": describe_machine(), "peak_gigabytes": read_peak_gigabytes(),
            "figures": figures, "targets": [each.to_json() for each in targets],
        }  # fmt: skip
        print(json.dumps(result, indent=1))
    else:
        print(describe_machine())
        for name, each in figures.items():
            print(f"{name}: " + ", ".join(f"{key} {value:,.4g}" for key, value in each.items()))
        print(write_targets(targets))
    return 0 if all(each.is_met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
