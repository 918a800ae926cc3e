"""How costs grow with events, pairs, the events of one pair and brands: curves, and where one is too steep.

    python benchmarks/growth.py --folder /somewhere                     everything, once
    python benchmarks/growth.py --folder /somewhere --only pairs brands
    python benchmarks/growth.py --largest 1000000 --rounds 3            no size above a million

Every point is a process of its own: CPU-seconds after the imports, and the peak of its memory above that before the
task; for folds the peak of the whole process. A call shorter than a second is made again for a second, and the median
of those after the first counts. The slope is that of CPU between two neighbouring sizes, both as logarithms: 1 is
linear, 0 constant; beside it is what each event, pair or brand more has cost. Each line has the slope that is right for
it, a fold that of its floor; one `TOLERANCE` steeper is marked and makes the status 1. It is a reason to look: on a
busy machine CPU-seconds differ by a fifth, which is a slope of .17 between sizes that differ by 3.

The folder keeps what was built, the points of each part, with which a later run of other parts completes the picture,
and the picture, `growth.svg`.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import hot_pair
import numpy as np
import pyarrow as pa
from console_load import CONSUMERS_A_PAIR, count_brand_pairs
from event_data import prepare_data
from hot_pair import NOW, open_then
from measuring import Stopwatch, describe_machine, read_peak_gigabytes, start_task

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.events.event_reader import NEWEST_MARK
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.pair_state import STATE_COLUMNS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_microseconds
from consumer_fusion.score import snapshot_renewal
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.folding import prepare_landmarks
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.brand_scores import find_snapshot
from consumer_fusion.score.queries.score_queries import stream_states
from consumer_fusion.score.states.brand_snapshots import forget_snapshots
from consumer_fusion.score.states.kept_states import add_states
from consumer_fusion.workspace import Workspace

SIZES: Mapping[str, Sequence[int]] = {
    "events": (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000),
    "pairs": (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000),
    "pair": (100, 1_000, 10_000, 100_000, 1_000_000),
    "brands": (1, 10, 100, 1_000, 5_000),
}
TITLES = {
    "events": "events of a workspace", "pairs": "pairs of a workspace", "pair": "events of one pair",
    "brands": "brands, with the same number of pairs",
}  # fmt: skip
TOLERANCE = 0.15
SECONDS_OF_CALLS = 1.0
BRAND_PAIRS = 200_000
LANDED_EVENTS = 50
KINDS = ("Order Completed", "Page Viewed")
NOW_US = to_microseconds(NOW)
FIRST_CONSUMER, FIRST_BRAND = 1_000_001, 1_000
"""Numbers of consumers and brands, of one series."""
PAIRS_A_PIECE = 250_000

Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Task:
    """A line of a curve.

    Attributes:
        slope: The slope of CPU that is right at any size: 1 for linear, 0 for constant.
        prepare: Returns what is timed, and what has to be done before each time.
    """

    slope: int
    prepare: Callable[[Workspace], tuple[Call, Call]]


def do_nothing() -> None:
    """Between two calls that leave everything as it was."""


# --- workspaces of pairs, written as states ---


def build_workspace(home: Path, sizes: Sequence[int]) -> Path:
    """A workspace with a brand of each size, two states a pair, and no events; made once."""
    built = home / "built.txt"
    if built.exists():
        return home / "workspace"
    consumers = count_consumers(sizes)
    random = np.random.default_rng(7)
    with open_then(fusion.create_workspace(home / "workspace")) as workspace:
        force = put_points_in_force(workspace)
        kind_ids = [force.kind_ids[key] for key in KINDS]
        with workspace.store.writing() as session:
            named = ("entity_id", "entity_type", "entity_key")
            session.insert(
                ENTITIES,
                named,
                ((FIRST_BRAND + n, "brand", f"shop-{n + 1}") for n in range(len(sizes))),
            )
            session.insert(
                ENTITIES,
                named,
                ((FIRST_CONSUMER + n, "consumer", f"consumer-{n}") for n in range(consumers)),
            )
            newest_us = NOW_US - DAY_MICROSECONDS // 24
            prepare_landmarks(session, force.points, force.kind_ids, newest_us)
            session.write_mark(NEWEST_MARK, newest_us)
            add_states(session, invent_states(sizes, consumers, kind_ids, newest_us, random))
    built.write_text(f"{sum(sizes)} pairs\n", encoding="utf-8")
    return home / "workspace"


def count_consumers(sizes: Sequence[int]) -> int:
    """Number of consumers, none of whom is twice in a brand."""
    return max(int(sum(sizes) * CONSUMERS_A_PAIR), *sizes)


def find_consumer(brand: int, place: int | np.ndarray, consumers: int) -> int | np.ndarray:
    """The consumer at a place of a brand."""
    return ((brand + 1) * 7919 + place) % consumers


def invent_states(
    sizes: Sequence[int], consumers: int, kind_ids: Sequence[int], newest_us: int, random: np.random.Generator
) -> Iterator[pa.Table]:
    """States of all pairs, brand by brand, in pieces: one to nine events of equal weight and magnitude in each."""
    ends = np.cumsum(sizes)
    for first in range(0, sum(sizes), PAIRS_A_PIECE):
        pair = np.arange(first, min(first + PAIRS_A_PIECE, sum(sizes)))
        brand = np.searchsorted(ends, pair, "right")
        consumer = find_consumer(brand, pair - (ends - sizes)[brand], consumers)
        count = random.integers(1, 10, (len(pair), len(kind_ids)))
        weight, magnitude = random.random(count.shape), 0.5 + random.random(count.shape)
        columns = {
            "consumer_id": np.repeat(FIRST_CONSUMER + consumer, len(kind_ids)),
            "brand_id": np.repeat(FIRST_BRAND + brand, len(kind_ids)),
            "kind_id": np.tile(kind_ids, len(pair)),
            "event_count": count.ravel(),
            "x": (count * weight * magnitude).ravel(),
            "y": (count * weight).ravel(),
            "q": (count * (weight * magnitude) ** 2).ravel(),
            "r": (count * weight**2).ravel(),
            "u": (count * weight**2 * magnitude).ravel(),
            "last_occurred_us": newest_us - random.integers(0, DAY_MICROSECONDS, count.size),
        }
        yield pa.table({name: columns[name] for name in STATE_COLUMNS})


# --- the tasks ---


def read_all_scores(workspace: Workspace) -> tuple[Call, Call]:
    """The scores of all pairs from their states, a batch at a time."""
    force = put_points_in_force(workspace)

    def run() -> int:
        with workspace.store.reading() as session:
            context = force.open(workspace, session)
            return sum(
                score_states(states, force.points, force.kind_ids).num_rows
                for states in stream_states(context, NOW_US)
            )

    return run, do_nothing


def score_brand(workspace: Workspace) -> tuple[Call, Call]:
    """What `score --brand X --limit 20` does, for the largest brand, which has a fifth of the pairs."""
    return lambda: fusion.score_pairs(workspace, brand="shop-1", limit=20), do_nothing


def take_snapshot(workspace: Workspace) -> tuple[Call, Call]:
    """The snapshot of the largest brand."""
    return lambda: snapshot_renewal.take_snapshots(workspace, [FIRST_BRAND]), do_nothing


def read_snapshot(workspace: Workspace) -> tuple[Call, Call]:
    """The stored snapshot of the largest brand."""
    force = put_points_in_force(workspace)
    snapshot_renewal.take_snapshots(workspace, [FIRST_BRAND])

    def run() -> None:
        with workspace.store.reading() as session:
            if find_snapshot(force.open(workspace, session), FIRST_BRAND) is None:
                raise SystemExit("There is no snapshot.")

    return run, do_nothing


def summarise_brands(workspace: Workspace) -> tuple[Call, Call]:
    """What `brands` does."""
    return lambda: fusion.summarise_brands(workspace), do_nothing


def keep_snapshots(workspace: Workspace) -> tuple[Call, Call]:
    """The snapshots of all brands."""

    def forget() -> None:
        with workspace.store.writing() as session:
            forget_snapshots(session, None)

    return lambda: snapshot_renewal.keep_snapshots(workspace), forget


def look_whether_due(workspace: Workspace) -> tuple[Call, Call]:
    """Whether a snapshot is due, which the server asks every minute; none is."""
    snapshot_renewal.keep_snapshots(workspace)
    return lambda: snapshot_renewal.is_snapshot_due(workspace), do_nothing


def land_some(workspace: Workspace) -> tuple[Call, Call]:
    """One landing of 50 events of as many brands, which have snapshots."""
    snapshot_renewal.keep_snapshots(workspace)
    with workspace.store.reading() as session:
        brands = session.count(ENTITIES, {"entity_type": "brand"})
    consumers = count_consumers([BRAND_PAIRS // brands] * brands)
    random = np.random.default_rng()

    def arrive() -> None:
        lines = []
        for number in range(LANDED_EVENTS):
            brand = int(random.integers(brands))
            consumer = find_consumer(brand, int(random.integers(BRAND_PAIRS // brands)), consumers)
            lines.append(
                json.dumps({
                    "event_id": f"live-{time.time_ns()}-{number}", "occurred_at": NOW.isoformat(),
                    "consumer": f"consumer-{consumer}", "brand": f"shop-{brand + 1}", "kind": "Order Completed",
                    "value": 30.5, "currency": "EUR",
                })
            )  # fmt: skip
        with workspace.arrivals.writing() as session:
            append_arrivals(
                session, [Arrival("events", "live", None, "source", None, NOW_US, "\n".join(lines))]
            )

    def land() -> None:
        accepted = pipeline.land_arrivals(workspace).accepted
        if accepted != LANDED_EVENTS:
            raise SystemExit(f"{accepted} events were accepted.")

    return land, arrive


def score_pair(workspace: Workspace) -> tuple[Call, Call]:
    """The score of the pair, without its percentile."""
    return (
        lambda: fusion.score_pairs(
            workspace, consumer=hot_pair.CONSUMER, brand=hot_pair.BRAND, as_of=NOW, is_ranked=False
        ),
        do_nothing,
    )


FOLDS = {"floor": None, "floor_sealed": None, "fold_arrived": "floor", "fold_sealed": "floor_sealed"}
"""Each with its floor: a table of groups that outgrows the processor's cache makes both steeper than linear."""
TASKS: Mapping[str, Mapping[str, Task]] = {
    "pairs": {
        "scores of all": Task(1, read_all_scores),
        "score --brand --limit 20": Task(1, score_brand),
        "snapshot of a brand": Task(1, take_snapshot),
        "reading it": Task(1, read_snapshot),
    },
    "pair": {
        "explain newest 100": Task(1, lambda workspace: (hot_pair.explain(workspace), do_nothing)),
        "changes": Task(1, lambda workspace: (hot_pair.trace(workspace), do_nothing)),
        "score": Task(0, score_pair),
    },
    "brands": {
        "brands": Task(1, summarise_brands),
        "snapshots of all": Task(1, keep_snapshots),
        "whether one is due": Task(1, look_whether_due),
        "landing of 50": Task(0, land_some),
    },
}


def run_task(part: str, name: str, home: Path) -> dict[str, float]:
    """One task in this process: CPU-seconds of a call, and megabytes above those before the first."""
    # So that brands have snapshots, although their pairs have states without events.
    snapshot_renewal.MANY_EVENTS = 0
    with open_then(home) as workspace:
        put_points_in_force(workspace)
        fusion.score_pairs(workspace, consumer="consumer-1", as_of=NOW)  # imports, connections, the engine
        timed, between = TASKS[part][name].prepare(workspace)
        peak, taken = read_peak_gigabytes(), list[float]()

        def call() -> float:
            between()
            watch = Stopwatch()
            timed()
            return watch.read()[0]

        # The first call touches files and memory for the first time: it costs up to three times a later one.
        if (first := call()) >= SECONDS_OF_CALLS:
            taken.append(first)
        while sum(taken) < SECONDS_OF_CALLS and len(taken) < 100:
            taken.append(call())
        return {"cpu": statistics.median(taken), "megabytes": 1000 * (read_peak_gigabytes() - peak)}


# --- measuring ---


def start(part: str, name: str, home: Path) -> dict[str, float]:
    """One point in a process of its own."""
    if part == "events":
        found = start_task(Path(__file__).with_name("engine.py"), name, home)
        return {"cpu": found.cpu_seconds, "megabytes": 1000 * found.peak_gigabytes}
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, "--task", name, "--home", str(home)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The task '{name}' failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def prepare_size(part: str, folder: Path, size: int) -> Path:
    """The data of a size, made once."""
    home = folder / part / str(size)
    if part == "events":
        prepare_data(home, size)
        return home
    if part == "pair":
        return hot_pair.build_workspace(folder / part, size)
    sizes = count_brand_pairs(size) if part == "pairs" else [BRAND_PAIRS // size] * size
    return build_workspace(home, sizes)


def list_tasks(part: str) -> list[str]:
    """The tasks of a part."""
    return list(FOLDS if part == "events" else TASKS[part])


def find_right_slope(part: str, name: str, slopes: Mapping[str, float]) -> float:
    """The slope that is right for a task; any is for a floor.

    Args:
        part: The part.
        name: The task.
        slopes: What the tasks before had between the same sizes.
    """
    if part != "events":
        return TASKS[part][name].slope
    floor = FOLDS[name]
    return math.inf if floor is None else max(1.0, slopes[floor])


def measure_part(part: str, folder: Path, largest: int, rounds: int) -> list[dict[str, object]]:
    """All points of a part, printed size by size."""
    points: list[dict[str, object]] = []
    before: dict[str, float] = {}
    smaller = 0
    print(f"\n{TITLES[part]:>44} {'CPU ms':>11} {'us more each':>12} {'MB':>7} {'slope':>6}")
    for size in (each for each in SIZES[part] if each <= largest):
        home = prepare_size(part, folder, size)
        slopes: dict[str, float] = {}
        for name in list_tasks(part):
            runs = [start(part, name, home) for _ in range(rounds)]
            cpu, megabytes = (statistics.median(run[key] for run in runs) for key in ("cpu", "megabytes"))
            more = (cpu - before.get(name, 0.0)) / (size - smaller)
            told = ""
            if smaller:
                slopes[name] = math.log(cpu / before[name]) / math.log(size / smaller)
                right = find_right_slope(part, name, slopes)
                told = f"{slopes[name]:>6.2f}"
                if slopes[name] > right + TOLERANCE:
                    told += f"  steeper than {right:.2f}"
            before[name] = cpu
            points.append({
                "part": part, "task": name, "size": size, "cpu_ms": 1000 * cpu, "megabytes": megabytes,
                "slope": slopes.get(name), "is_steep": "steeper" in told,
            })  # fmt: skip
            print(
                f"{size:>15,} {name:<28} {1000 * cpu:>11,.2f} {1e6 * more:>12,.3f} {megabytes:>7,.0f} {told}",
                flush=True,
            )
        smaller = size
    return points


# --- the picture ---


def draw_curves(points: Sequence[Mapping[str, object]], path: Path) -> None:
    """The curves of all parts as one SVG, with logarithmic axes; a steep end is a ring."""
    import altair as alt

    panels = []
    for part, title in TITLES.items():
        own = [each for each in points if each["part"] == part]
        if not own:
            continue
        base = alt.Chart(alt.Data(values=own)).encode(
            x=alt.X(
                "size:Q", title=title, scale=alt.Scale(type="log"), axis=alt.Axis(format="~s", tickCount=5)
            ),
            y=alt.Y("cpu_ms:Q", title="CPU, ms", scale=alt.Scale(type="log"), axis=alt.Axis(tickCount=5)),
        )
        lines = base.mark_line(point=True).encode(
            color=alt.Color("task:N", title=None, sort=list_tasks(part))
        )
        steep = base.transform_filter("datum.is_steep").mark_point(size=160, color="black", strokeWidth=2)
        panels.append((lines + steep).properties(width=360, height=300))
    rows = [
        alt.hconcat(*panels[first : first + 2]).resolve_scale(color="independent")
        for first in range(0, len(panels), 2)
    ]
    alt.vconcat(*rows).resolve_scale(color="independent").save(path)


def main() -> int:
    """Measure, print, draw; the status is 1 where a line is steeper than it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--largest", type=int, default=max(SIZES["events"]), help="no size above this")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, help="where data is made once and kept, and the picture written"
    )
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        print(json.dumps(run_task(given.part, given.task, given.home)))
        sys.stdout.flush()
        os._exit(0)  # nothing is to be saved
    folder = given.folder or Path(tempfile.mkdtemp(prefix="fusion-growth-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(json.dumps(describe_machine()), f"load average {os.getloadavg()[0]:.1f}")
    steep = 0
    for part in given.only:
        points = measure_part(part, folder, given.largest, given.rounds)
        (folder / part / "points.json").write_text(json.dumps(points, indent=1), encoding="utf-8")
        steep += sum(bool(each["is_steep"]) for each in points)
    kept = sorted(folder.glob("*/points.json"))
    points = [each for path in kept for each in json.loads(path.read_text(encoding="utf-8"))]
    draw_curves(points, folder / "growth.svg")
    print(f"\n{folder / 'growth.svg'}; {steep} points steeper than they should be")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
