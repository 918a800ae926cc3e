"""Measures the shape of the code and the cost of its common paths, so that two states of it can be compared.

    python scripts/measure_house.py                 a table
    python scripts/measure_house.py --json          the same for programs
    python scripts/measure_house.py --only source   only what is read from the source, within seconds

It knows the name of the package, the `fusion` command and HTTP, and no module of the package, so that it measures
the same before and after modules are moved or renamed. It measures the tree that it lies in. Linux only.

What the figures mean:

* A *part* is a package or a module that stands directly in `consumer_fusion`. A *code line* is neither blank nor only
  a comment.
* A *shape of a score* is a dict literal, class, tuple, list, set or call that names at least four of `SCORE_FIELDS`.
* *Imported* is what `sys.modules` of a fresh server holds after one request; *entered* is what ran during it.
* *Walked* is all that ran, in any thread, from a POST until its score was on the page, on a warm server. A *step* is
  a pair of parts of which the first called the second. A *return* is a step to a part that was first entered before
  the part that calls it. A call that passes through a library belongs to the nearest caller of ours.
* *Landing* is the CPU time of the server and its children within a few seconds of a POST, less that of as many idle
  seconds. *Files* are distinct paths, folders too, that appeared in the workspace or the temporary folder meanwhile.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import json
import os
import runpy
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = SOURCE / "consumer_fusion"
BRAND = "sweater-brand"
COLLECT_PATH, PAGE_PATH = "/v1/events", "/relationship"
SCORE_FIELDS = frozenset(
    {
        "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer", "confidence", "percentile",
        "symbiosis",
    }
)  # fmt: skip
LEAST_FIELDS = 4
MOST_NAMES = 12
WINDOW_SECONDS = 3.0
Figures = dict[str, float | int | str]


# --- what is read from the source ---------------------------------------------------------------


def measure_source() -> Figures:
    """Sizes, doors, and how often a score is shaped."""
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(PACKAGE.rglob("*.py"))}
    doors = {file: count_names(text) for file, text in texts.items() if file.name == "__init__.py"}
    longest = max(doors, key=lambda file: doors[file])
    shapes = {file: count_shapes(text) for file, text in texts.items()}
    parts = {file.relative_to(PACKAGE).parts[0] for file in texts} - {"__init__.py", "__main__.py"}
    return {
        "files": len(texts),
        "lines": sum(len(text.splitlines()) for text in texts.values()),
        "code lines": sum(count_code_lines(text) for text in texts.values()),
        "parts": len(parts),
        "longest door (names)": doors[longest],
        "longest door (package)": name_module(longest),
        f"doors over {MOST_NAMES} names": sum(count > MOST_NAMES for count in doors.values()),
        "fmt: skip": sum(text.count("fmt: skip") for text in texts.values()),
        "shapes of a score": sum(shapes.values()),
        "modules that shape a score": sum(count > 0 for count in shapes.values()),
    }


def count_code_lines(text: str) -> int:
    """Lines that are neither blank nor only a comment."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def count_names(text: str) -> int:
    """How many names `__all__` holds; without one, how many public names are imported from the package."""
    tree = ast.parse(text)
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            assert isinstance(node, ast.Assign)
            return len(ast.literal_eval(node.value))
    imported = [
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"
    ]
    return sum(not name.name.startswith("_") for node in imported for name in node.names)


def count_shapes(text: str) -> int:
    """How many literals, classes and calls name at least `LEAST_FIELDS` fields of a pair's score."""
    nodes = ast.walk(ast.parse(text))
    return sum(len(SCORE_FIELDS.intersection(list_names(node))) >= LEAST_FIELDS for node in nodes)


def list_names(node: ast.AST) -> Iterator[str]:
    """The names that a literal, class or call holds directly."""
    if isinstance(node, ast.Dict):
        yield from read_texts(node.keys)
    elif isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                yield each.target.id
    elif isinstance(node, ast.Call):
        yield from (keyword.arg for keyword in node.keywords if keyword.arg)
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        for item in node.elts:
            # A column of a table is a call or a tuple that begins with its name.
            inside = item.args if isinstance(item, ast.Call) else getattr(item, "elts", [])
            yield from read_texts([item, *inside[:1]])


def read_texts(nodes: Iterable[ast.AST | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def name_module(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


# --- what runs inside the server ----------------------------------------------------------------


class Probe:
    """Notes which modules run, and which part calls which, while `is_on`."""

    def __init__(self) -> None:
        self.is_on = False
        self.entered: dict[str, None] = {}
        self.parts: dict[str, None] = {}
        self.steps: dict[tuple[str, str], None] = {}
        self._prefix = f"{PACKAGE}{os.sep}"

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """What `sys.setprofile` calls."""
        file = frame.f_code.co_filename
        if not self.is_on or event != "call" or not file.startswith(self._prefix):
            return
        part = self._find_part(file)
        self.entered[file] = None
        self.parts.setdefault(part)
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(self._prefix):
            caller = caller.f_back
        if caller is not None and (calling := self._find_part(caller.f_code.co_filename)) != part:
            self.steps.setdefault((calling, part))

    def _find_part(self, file: str) -> str:
        return file[len(self._prefix) :].partition(os.sep)[0].removesuffix(".py")

    def answer(self, command: str) -> Mapping[str, object]:
        """Do what the measuring process asks, and say what there is."""
        if command == "record":
            self.entered, self.parts, self.steps = {}, {}, {}
        self.is_on = command == "record"
        files = [str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())]
        return {
            "cpu_seconds": time.process_time(),
            "imported": sorted({file for file in files if file.startswith(self._prefix)}),
            "entered": sorted(self.entered),
            "parts": list(self.parts),
            "steps": list(self.steps),
        }


def run_probed(is_profiled: bool, arguments: list[str]) -> None:
    """Run a `fusion` command in this process; questions come over standard input, one a line."""
    probe = Probe()

    def answer_questions() -> None:
        for line in sys.stdin:
            print(json.dumps(probe.answer(line.strip())), flush=True)

    threading.Thread(target=answer_questions, daemon=True).start()
    if is_profiled:
        threading.setprofile(probe.profile)
        sys.setprofile(probe.profile)
    sys.argv = ["fusion", *arguments]
    runpy.run_module("consumer_fusion", run_name="__main__", alter_sys=True)


# --- what is asked of it from outside -----------------------------------------------------------


class Server:
    """`fusion serve` on a workspace of a demo, whose visitor is signed in."""

    def __init__(self, folder: Path, key: str, process: subprocess.Popen[str], address: str) -> None:
        self._folder = folder
        self._key = key
        self._process = process
        self._client = httpx.Client(base_url=address, timeout=60.0, follow_redirects=True)
        self._sent = 0

    def post(self, count: int) -> str:
        """Send a batch of orders, each of a consumer of its own, and return the key of the last one."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._sent += count
        keys = [f"measured-{number}" for number in range(self._sent - count, self._sent)]
        events = [
            {"event_id": f"order-{key}", "occurred_at": now, "consumer": key, "brand": BRAND,
             "kind": "Order Completed", "value": 30, "currency": "EUR"}
            for key in keys
        ]  # fmt: skip
        answer = self._client.post(COLLECT_PATH, json=events, auth=(self._key, ""))
        answer.raise_for_status()
        return keys[-1]

    def show(self, consumer: str) -> None:
        """Read the page of a relationship; it fails where the consumer is not known yet."""
        answer = self._client.get(PAGE_PATH, params={"consumer": consumer, "brand": BRAND})
        answer.raise_for_status()

    def ask(self, command: str) -> dict[str, Any]:
        """What the probe in the server says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        answer["cpu_seconds"] += sum_child_seconds(self._process.pid)
        return answer

    def measure_landing(self, count: int) -> tuple[float, int]:
        """The CPU seconds and the files that landing a batch takes."""
        idle = self.ask("cpu")["cpu_seconds"]
        time.sleep(WINDOW_SECONDS)
        before = self.ask("cpu")["cpu_seconds"]
        with watch_files(self._folder) as made:
            last = self.post(count)
            time.sleep(WINDOW_SECONDS)
        after = self.ask("cpu")["cpu_seconds"]
        self.show(last)
        return (after - before) - (before - idle), len(made)


@contextmanager
def serve(folder: Path, key: str, *, is_profiled: bool = False) -> Iterator[Server]:
    """A fresh server, ready and at rest."""
    process = subprocess.Popen(
        [
            *(sys.executable, __file__, "--probed", "profiled" if is_profiled else "plain"),
            *("serve", "--port", "0", "--json", "--workspace", str(folder)),
        ],
        env=make_environment(folder), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        told = ""
        while not told.rstrip().endswith("}"):
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise SystemExit("The server ended before it listened.")
            told += line
        server = Server(folder, key, process, json.loads(told)["address"])
        time.sleep(WINDOW_SECONDS)  # what is read ahead at the start
        yield server
    finally:
        process.terminate()
        process.wait(timeout=60)


def make_environment(folder: Path) -> dict[str, str]:
    """Temporary files are made where they are seen; compiled modules are kept, as where the product is installed."""
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    named = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return named | {"PYTHONPATH": str(SOURCE), "TMPDIR": str(temporary)}


def sum_child_seconds(pid: int) -> float:
    """The CPU seconds of the living children of a process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    ticks = 0
    for child in listed.stdout.split():
        try:
            fields = Path(f"/proc/{child}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def watch_files(folder: Path) -> Iterator[set[str]]:
    """The paths that appear in a folder and below it, by the system's own account (inotify)."""
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = system.inotify_init1(os.O_NONBLOCK)
    created, moved_to = 0x100, 0x80
    watched: dict[int, Path] = {}
    made: set[str] = set()
    is_over = threading.Event()

    def watch(place: Path, *, is_new: bool) -> None:
        watched[system.inotify_add_watch(descriptor, os.fsencode(place), created | moved_to)] = place
        for each in list_folder(place):
            if is_new:
                made.add(str(each))
            if each.is_dir():
                watch(each, is_new=is_new)

    def read() -> None:
        try:
            data = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return
        place = 0
        while place < len(data):
            number, _, _, size = struct.unpack_from("iIII", data, place)
            name = data[place + 16 : place + 16 + size].rstrip(b"\0")
            place += 16 + size
            path = watched[number] / os.fsdecode(name)
            if str(path) not in made:
                made.add(str(path))
                if path.is_dir():
                    watch(path, is_new=True)

    def read_on() -> None:
        while not is_over.wait(0.001):
            read()

    watch(folder, is_new=False)
    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        yield made
    finally:
        is_over.set()
        reader.join()
        read()
        os.close(descriptor)


def list_folder(place: Path) -> list[Path]:
    try:
        return list(place.iterdir())
    except OSError:  # it is gone already
        return []


def run_fusion(folder: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of a `fusion` command."""
    done = subprocess.run(
        [sys.executable, "-m", "consumer_fusion", *arguments, "--json"],
        env=make_environment(folder), capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure_command(repeats: int) -> Figures:
    """What `fusion version` takes."""
    seconds, most = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats + 1):
            process = subprocess.Popen(
                [sys.executable, "-m", "consumer_fusion", "version"],
                env=make_environment(Path(folder)), stdout=subprocess.DEVNULL,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds.append(usage.ru_utime + usage.ru_stime)
            most = max(most, usage.ru_maxrss / 1024)
    # The first run compiles what has changed.
    return {"CPU seconds": round(statistics.median(seconds[1:]), 2), "memory (MB)": round(most)}


def measure_server(people: int, repeats: int) -> dict[str, Figures]:
    """What a server imports, runs and takes for one request, and from a POST to the page."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "town"
        folder.mkdir()
        run_fusion(folder, "demo", "--no-serve", "--people", str(people), "--workspace", str(folder))
        key = run_fusion(
            folder, "keys", "create", "--source", "measuring", "--kind", "server", "--brand", BRAND,
            "--workspace", str(folder),
        )["key"]  # fmt: skip

        def request(act: Callable[[Server], object]) -> Figures:
            with serve(folder, key, is_profiled=True) as server:
                server.ask("record")
                act(server)
                time.sleep(WINDOW_SECONDS)
                told = server.ask("stop")
            return {
                "modules imported": len(told["imported"]),
                "lines imported": count_lines(told["imported"]),
                "modules entered": len(told["entered"]),
                "lines entered": count_lines(told["entered"]),
            }

        found = {
            "POST of 100 events": request(lambda server: server.post(100)),
            "page of a relationship": request(lambda server: server.show("pop-artist")),
        }
        with serve(folder, key, is_profiled=True) as server:
            found["POST to page"] = measure_walk(server)
        with serve(folder, key) as server:
            for count in (100, 1):
                server.measure_landing(count)
                landings = [server.measure_landing(count) for _ in range(repeats)]
                found[f"landing {count}"] = {
                    "CPU seconds": round(statistics.median(seconds for seconds, _ in landings), 3),
                    "files and folders made": round(statistics.median(files for _, files in landings)),
                }
        return found


def measure_walk(server: Server) -> Figures:
    """What is walked from a POST to its score on the page, once everything is warm."""
    for command in ("warm", "record"):
        server.ask(command)
        consumer = server.post(1)
        time.sleep(WINDOW_SECONDS)
        server.show(consumer)
        told = server.ask("stop")
    order = {part: number for number, part in enumerate(told["parts"])}
    return {
        "parts": len(order),
        "steps": len(told["steps"]),
        "returns": sum(order[part] < order.get(calling, -1) for calling, part in told["steps"]),
        "modules entered": len(told["entered"]),
        "lines entered": count_lines(told["entered"]),
        "the parts": " > ".join(order),
    }


def count_lines(files: list[str]) -> int:
    return sum(len(Path(file).read_text(encoding="utf-8").splitlines()) for file in files)


def main() -> None:
    """Measure, and print."""
    if sys.argv[1:2] == ["--probed"]:
        run_probed(sys.argv[2] == "profiled", sys.argv[3:])
        return
    parser = argparse.ArgumentParser(
        description="Measure the shape of the code and what its common paths cost."
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--only", choices=("source", "command", "server"), help="measure only this")
    parser.add_argument("--people", type=int, default=500, help="how many people live in the demo's town")
    parser.add_argument("--repeats", type=int, default=5, help="how often what takes time is repeated")
    given = parser.parse_args()
    found: dict[str, Figures] = {}
    if given.only in (None, "source"):
        found["source"] = measure_source()
    if given.only in (None, "command"):
        found["fusion version"] = measure_command(given.repeats)
    if given.only in (None, "server"):
        found |= measure_server(given.people, given.repeats)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for what, figures in found.items():
        print(f"\n{what}")
        for name, value in figures.items():
            print(f"  {name:<28} {value:,}" if isinstance(value, (int, float)) else f"  {name:<28} {value}")


if __name__ == "__main__":
    main()
