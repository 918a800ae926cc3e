"""Kill -9 at any moment: real processes write, import, seal and read; at the end nothing is lost and nothing doubled.

Writers hand in small batches of which a tenth was sent before, in random order over three years, and note the ids as
acknowledged only after the call returned. `fusion import` reads whole files, some into the inbox and some straight
into segments. A sealer moves the inbox into segments and looks after the workspace; a reader asks for scores. A random
one of them is killed every .3 to 3 seconds and started anew; whoever was killed sends the same batch or file again.

    python benchmarks/crash.py --kills 50
    python benchmarks/crash.py --kills 8 --writers 1 --pause 0.2 0.8 --json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import consumer_fusion as fusion
from consumer_fusion import inspection, pipeline
from consumer_fusion.events import compaction
from consumer_fusion.events.event_reader import open_events
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.pair_state import SUMS
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.decay import read_fold_kinds
from consumer_fusion.score.fold.fold_queries import fold_relation
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.states.kept_states import read_kept_states
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.storage.segments import list_segments, place_digests

TOLERANCE = 1e-12
"""How far a state may be from its full recomputation, relative to its size."""

CONSUMERS, BRANDS, YEARS = 300, 4, 3
KINDS = (
    "Order Completed", "Page Viewed", "Product Viewed", "Email Opened", "Complaint Made", "Complaint Published",
    "Service Failed", "Recovery", "NPS Answered", "Store Visited",
)  # fmt: skip
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LINES_PER_FILE = 3000
STOP_FILE = "stop"
SEAL_PAUSE_SECONDS = 0.3
PYTHON = (sys.executable,)


# --- the events: the same number always makes the same event ----------------------------------


def make_event(source: str, number: int) -> fusion.Event:
    """An event that depends on nothing but its source and number."""
    chance = random.Random(f"{source} {number}")
    consumer = chance.randrange(CONSUMERS)
    kind = chance.choice(KINDS)
    properties: dict[str, object] = {}
    if kind == "Recovery":
        properties["about_event_id"] = f"{source}-{max(number - chance.randrange(1, 30), 0)}"
    elif kind in ("Complaint Made", "Complaint Published", "Service Failed"):
        properties["severity"] = chance.randrange(1, 5) / 4
    elif kind == "NPS Answered":
        properties["rating"] = chance.randrange(11)
    # Some consumers share an e-mail address, so that merges happen in the middle of it all.
    has_email = consumer < CONSUMERS // 10 and chance.random() < 0.2
    return fusion.Event(
        event_id=f"{source}-{number}",
        source=source,
        occurred_at=NOW - timedelta(seconds=chance.randrange(YEARS * 365 * 86_400)),
        kind=kind,
        consumer=f"consumer-{consumer}",
        brand=f"brand-{chance.randrange(BRANDS)}",
        value=chance.randrange(100, 20_000) / 100 if kind == "Order Completed" else None,
        identifiers={"email": f"consumer-{consumer // 2}@example.org"} if has_email else {},
        properties=properties,
    )


def make_batch(source: str, batch: int) -> list[fusion.Event]:
    """A batch of a writer: new events, and one in ten that some batch before had."""
    chance = random.Random(f"{source} batch {batch}")
    first = batch * 40
    numbers = [first + place for place in range(chance.randrange(1, 41))]
    if first:
        # Whether an earlier number was ever sent does not matter: what is sent twice counts once.
        numbers += [chance.randrange(first) for _ in range(max(1, len(numbers) // 10))]
    chance.shuffle(numbers)
    return [make_event(source, number) for number in numbers]


def write_file(folder: Path, number: int) -> Path:
    """A file of the importer: a tenth of its lines stood in the file before."""
    path = folder / f"file-{number}.ndjson"
    if not path.exists():
        first = number * LINES_PER_FILE * 9 // 10
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("w", encoding="utf-8") as file:
            for event in (make_event("files", each) for each in range(first, first + LINES_PER_FILE)):
                line = {
                    "event_id": event.event_id, "source": event.source, "occurred_at": event.occurred_at.isoformat(),
                    "kind": event.kind, "consumer": event.consumer, "brand": event.brand, "value": event.value,
                    "identifiers": dict(event.identifiers), "properties": dict(event.properties),
                }  # fmt: skip
                file.write(json.dumps({name: value for name, value in line.items() if value}) + "\n")
        unfinished.rename(path)
    return path


# --- the processes that are killed ------------------------------------------------------------


def run_writer(folder: Path, source: str) -> None:
    """Send batch after batch; an id is acknowledged, on disk, once the call returned."""
    log = folder / f"{source}.acknowledged"
    batch = sum(1 for _ in read_acknowledged(log))
    while not (folder / STOP_FILE).exists():
        with fusion.open_workspace(folder / "workspace") as workspace:
            # A few batches an opening: both the opening and the going on are to be met by a kill.
            for _ in range(5):
                events = make_batch(source, batch)
                fusion.import_events(workspace, events)
                with log.open("ab") as file:
                    file.write(json.dumps([event.event_id for event in events]).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                batch += 1


def read_acknowledged(log: Path) -> Iterator[list[str]]:
    """The batches of a log; a line that the kill cut off was never acknowledged, and is cut off for good."""
    if not log.exists():
        return
    content = log.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(log, len(whole))
    for line in whole.splitlines():
        yield json.loads(line)


def run_sealer(folder: Path) -> None:
    """Seal whatever may be sealed, and now and then look after the workspace while others work."""
    turn = 0
    while not (folder / STOP_FILE).exists():
        with fusion.open_workspace(folder / "workspace") as workspace:
            if compaction.seal_inbox(workspace, is_forced=True):
                with (folder / "seals.log").open("a", encoding="ascii") as file:
                    file.write("sealed\n")
            turn += 1
            if turn % 5 == 0:
                bad = [
                    each for each in inspection.check_workspace(workspace, is_quick=True) if not each.is_ok
                ]
                assert not bad, f"the workspace is not whole while others write: {bad}"
        time.sleep(SEAL_PAUSE_SECONDS)


def run_reader(folder: Path) -> None:
    """Ask for scores and explanations, at moments before and after the newest event."""
    chance = random.Random()
    while not (folder / STOP_FILE).exists():
        with fusion.open_workspace(folder / "workspace") as workspace:
            rows = fusion.score_pairs(
                workspace, as_of=chance.choice([None, "latest", "now", NOW - timedelta(days=200)])
            )
            for row in chance.sample(range(rows.num_rows), min(3, rows.num_rows)):
                consumer, brand = rows["consumer"][row].as_py(), rows["brand"][row].as_py()
                fusion.explain_pair(workspace, consumer, brand)
        time.sleep(0.05)


# --- the one that kills -----------------------------------------------------------------------


@dataclass(slots=True)
class Worker:
    """A process that is started again whenever it was killed."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    file_number: int = 0
    kills: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        if self.name != "importer":
            return [*PYTHON, __file__, "--role", self.name, "--folder", str(self.folder)]
        path = write_file(self.folder, self.file_number)
        workspace = str(self.folder / "workspace")
        return [
            *PYTHON,
            "-m",
            "consumer_fusion",
            "import",
            str(path),
            "--format",
            "events",
            "--workspace",
            workspace,
        ]

    def start(self) -> None:
        # Every other file goes straight into segments, the others through the inbox.
        limit = "100" if self.file_number % 2 else "1000000"
        with self.error_path.open("ab") as errors:
            self.process = subprocess.Popen(
                self.command,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={
                    **os.environ,
                    "CONSUMER_FUSION_INBOX_IMPORT_LIMIT": limit,
                    "CONSUMER_FUSION_THREADS": "1",
                },
            )

    @property
    def error_path(self) -> Path:
        return self.folder / f"{self.name}.errors"

    def look_after(self) -> None:
        """Note what ended by itself, and start it again."""
        assert self.process is not None
        status = self.process.poll()
        if status is None:
            return
        if status == 0 and self.name == "importer":
            self.file_number += 1
        elif status != 0:
            words = self.error_path.read_text(encoding="utf-8", errors="replace").splitlines()
            self.failures.append(f"{self.name} ended with status {status}: {' | '.join(words[-4:])}")
        self.start()

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1
        self.start()


def run_and_kill(
    folder: Path, *, kills: int, writers: int, pause: tuple[float, float], seed: int
) -> list[Worker]:
    """Let all work and kill a random one again and again; then let them finish what they are at."""
    chance = random.Random(seed)
    names = [*(f"writer-{number}" for number in range(writers)), "importer", "sealer", "reader"]
    workers = [Worker(name, folder) for name in names]
    for worker in workers:
        worker.start()
    for _ in range(kills):
        end = time.monotonic() + chance.uniform(*pause)
        while time.monotonic() < end:
            time.sleep(0.05)
            for worker in workers:
                worker.look_after()
        chance.choice(workers).kill()
    (folder / STOP_FILE).touch()
    for worker in workers:
        assert worker.process is not None
        if worker.process.wait(timeout=300) != 0:
            worker.look_after()
            worker.process.wait(timeout=300)
        elif worker.name == "importer":
            worker.file_number += 1
    return workers


# --- what must hold in the end ----------------------------------------------------------------


def check_events(workspace: fusion.Workspace, acknowledged: set[tuple[str, str]]) -> dict[str, int]:
    """Count every event wherever it is kept."""
    with workspace.store.reading() as session:
        keys = session.read(ENTITIES, {"entity_type": "source"})
        sources = dict(zip(keys["entity_id"].to_pylist(), keys["entity_key"].to_pylist()))
        hot = session.read(EVENTS, columns=("source_id", "event_id"))
        files = [workspace.folder / each.path for each in list_segments(session)]
        sealings = len(set(session.read(SEGMENTS, columns=("sealed_us",))["sealed_us"].to_pylist()))
    found = Counter(zip(hot["source_id"].to_pylist(), hot["event_id"].to_pylist()))
    sealed = 0
    if files:
        rows = workspace.engine.read(
            f"select source_id, event_id from read_parquet({quote_paths(files)})", step="count sealed events"
        )
        sealed = rows.num_rows
        found.update(zip(rows["source_id"].to_pylist(), rows["event_id"].to_pylist()))
    named = {(sources[source], event_id): count for (source, event_id), count in found.items()}
    return {
        "stored": len(named),
        "stored_in_segments": sealed,
        "segment_files": len(files),
        "sealings_in_manifest": sealings,
        "lost": len(acknowledged - named.keys()),
        "doubled": sum(count > 1 for count in named.values()),
    }


def compare_states(workspace: fusion.Workspace) -> dict[str, float]:
    """Compare every state row with a fold of all events from nothing."""
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        kept = read_kept_states(session).to_pylist()
        source = open_events(session, workspace.folder)
        anew = fold_relation(
            workspace.engine, source, read_fold_kinds(session, force.points, force.kind_ids)
        ).to_pylist()
    names = ("consumer_id", "brand_id", "kind_id")
    expected = {tuple(row[name] for name in names): row for row in anew}
    largest, different = 0.0, 0
    for row in kept:
        other = expected.pop(tuple(row[name] for name in names), None)
        if other is None or other["event_count"] != row["event_count"]:
            different += 1
            continue
        for name in SUMS:
            size = max(abs(row[name]), abs(other[name]))
            largest = max(largest, abs(row[name] - other[name]) / size if size else 0.0)
    return {
        "state_rows": len(kept),
        "state_rows_different": different + len(expected),
        "largest_difference": largest,
    }


def compare_scores(workspace: fusion.Workspace, pairs: int) -> float:
    """Compare scores read from states with those that the plain Python of the model makes of the ledger."""
    rows = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    largest = 0.0
    for row in random.Random(1).sample(rows, min(pairs, len(rows))):
        explained = pair_answers.explain_pair(workspace, row["consumer"], row["brand"], as_of=NOW)
        largest = max(largest, abs(explained.explanation.reading.fusion_score - row["fusion_score"]))
    return largest


def send_again(workspace: fusion.Workspace, folder: Path, writers: list[str], files: int) -> int:
    """Send everything that was acknowledged once more and return how much of it was new."""
    accepted = 0
    for source in writers:
        batches = range(sum(1 for _ in read_acknowledged(folder / f"{source}.acknowledged")))
        events = (event for batch in batches for event in make_batch(source, batch))
        accepted += pipeline.import_events(workspace, events).accepted
    if files:
        paths = [write_file(folder, number) for number in range(files)]
        accepted += pipeline.import_files(workspace, paths, choose_reading(format="events")).accepted
    return accepted


def list_orphans(workspace: fusion.Workspace) -> list[str]:
    """Files that the manifest does not name, and folders of work that nobody is at, after a doctor two hours later."""
    with fusion.open_workspace(
        workspace.folder, clock=lambda: datetime.now(UTC) + timedelta(hours=2)
    ) as later:
        bad = [each.name for each in inspection.check_workspace(later) if not each.is_ok]
    with workspace.store.reading() as session:
        segments = [workspace.folder / each.path for each in list_segments(session)]
    # Each segment may have the digests of its ids beside it.
    named = {*segments, *map(place_digests, segments)}
    files = [
        path for path in (workspace.folder / "segments").rglob("*") if path.is_file() and path not in named
    ]
    working = list(workspace.staging_folder.glob("*"))
    spilled = [
        path for path in (workspace.folder / "spill").glob("*") if path.suffix != ".lock" and is_unused(path)
    ]
    return [*bad, *(str(path.relative_to(workspace.folder)) for path in (*files, *working, *spilled))]


def is_unused(folder: Path) -> bool:
    """Whether no living process holds a folder; this very process holds one, too."""
    claim = lock_folder(folder)
    if claim is not None:
        claim.release(with_folder=False)
    return claim is not None


def measure(
    folder: Path, *, kills: int, writers: int, pause: tuple[float, float], seed: int
) -> dict[str, object]:
    """Run it all and say what was found."""
    started = time.monotonic()
    fusion.create_workspace(folder / "workspace")
    workers = run_and_kill(folder, kills=kills, writers=writers, pause=pause, seed=seed)
    killing_seconds = time.monotonic() - started
    sources = [worker.name for worker in workers if worker.name.startswith("writer")]
    acknowledged = {
        (source, event_id)
        for source in sources
        for batch in read_acknowledged(folder / f"{source}.acknowledged")
        for event_id in batch
    }
    files = next(worker.file_number for worker in workers if worker.name == "importer")
    last = (files - 1) * LINES_PER_FILE * 9 // 10 + LINES_PER_FILE if files else 0
    acknowledged |= {("files", f"files-{number}") for number in range(last)}
    seals = folder / "seals.log"
    with fusion.open_workspace(folder / "workspace") as workspace:
        figures: dict[str, object] = {
            "kills": sum(worker.kills for worker in workers),
            "kills_of": {worker.name: worker.kills for worker in workers},
            "acknowledged": len(acknowledged),
            "files_imported": files,
            "sealings": len(seals.read_text(encoding="ascii").splitlines()) if seals.exists() else 0,
            **check_events(workspace, acknowledged),
            **compare_states(workspace),
            "largest_score_difference": compare_scores(workspace, 100),
            "accepted_when_sent_again": send_again(workspace, folder, sources, files),
            "left_over": list_orphans(workspace),
            "failures": [failure for worker in workers for failure in worker.failures],
            "seconds_of_killing": round(killing_seconds, 1),
        }
    figures["violations"] = list_violations(figures)
    return figures


def list_violations(figures: dict[str, object]) -> list[str]:
    """What must not be."""
    must_be_none = (
        "lost", "doubled", "state_rows_different", "accepted_when_sent_again", "left_over", "failures",
    )  # fmt: skip
    violations = [f"{name}: {figures[name]}" for name in must_be_none if figures[name]]
    if not figures["acknowledged"]:
        violations.append("nothing was acknowledged, so that nothing was tested")
    for name, limit in (("largest_difference", TOLERANCE), ("largest_score_difference", 1e-9)):
        found = figures[name]
        if not isinstance(found, float) or found > limit:
            violations.append(f"{name}: {found} (at most {limit})")
    return violations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument(
        "--pause", type=float, nargs=2, default=(0.3, 3.0), metavar="SECONDS", help="between kills"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="work in this new folder and leave it")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role:
        if given.role.startswith("writer"):
            run_writer(given.folder, given.role)
        else:
            {"sealer": run_sealer, "reader": run_reader}[given.role](given.folder)
        return
    with TemporaryDirectory(prefix="fusion-crash-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = measure(
            folder, kills=given.kills, writers=given.writers, pause=tuple(given.pause), seed=given.seed
        )
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name.replace('_', ' '):<28} {value}")
    sys.exit(1 if figures["violations"] else 0)


if __name__ == "__main__":
    main()
