"""How long people and programs wait for scores and pages at a million pairs, while events arrive; and how much memory.

    python benchmarks/console_load.py --folder /somewhere      builds the workspace once, serves it, measures
    python benchmarks/console_load.py --folder ... --busy      the same with another job on each core
    python benchmarks/console_load.py --demo                   memory of the demo's server, after its pages were seen

`fusion serve` runs in a process of its own. One reader asks for everything in turn, a no-op route among it, first while
nothing arrives and then while events are posted at a steady rate. Each round starts the server anew; what is told are
the medians of the rounds, memory is the most of any, each shared page counted once. Reader, sender and server share the
machine, so that the ratio to the no-op route travels better than the milliseconds.

The peer is another process with the same HTTP server, which answers with the sums by kind of a pair: one look into the
store for the numbers of consumer and brand, and one DuckDB query over the Parquet files of the consumer's part. It sees
no event that is not sealed yet, so nothing that arrives meanwhile; it knows no tokens or merged consumers, no decay and
no place in the brand. Compare it with "API: score of a pair".
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from measuring import Target, describe_machine, write_targets
from process_memory import MemoryWatch, sample_memory

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.access.accounts import call_as, create_account, find_account_by_email
from consumer_fusion.access.keys import create_write_key
from consumer_fusion.access.tokens import create_token
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.server.http_server import make_server
from consumer_fusion.settings import BUCKET_COUNT, SETTINGS_FILE
from consumer_fusion.workspace import DEMO_MARK, STORE_FILE

CONSUMERS_A_PAIR = 0.4
BRANDS = 100
EVENTS_A_PAIR = 2.4
MAPPING = """
[source]
name = "shops"

[fields]
event_id = "id"
occurred_at = "at"
consumer = "who"
brand = "shop"
channel = "channel"
value = "amount"
currency = { constant = "EUR" }

[kind]
column = "what"
"""
NOOP = "no-op"
PEER = "peer: sums of a pair by DuckDB"
OWNER = "owner@example.org"
PAIR_LIMIT_MS, PAGE_LIMIT_MS = 20.0, 200.0
BUSY_PAIR_LIMIT_MS, BUSY_PAGE_LIMIT_MS = 50.0, 400.0
FIRST_LIMIT_MS, MEMORY_LIMIT_MB, DEMO_LIMIT_MB = 500.0, 450.0, 300.0


# --- the workspace ---


def count_brand_pairs(pairs: int) -> list[int]:
    """How many pairs each brand has: the largest has a fifth, and so on by Zipf's law."""
    total = sum(1 / rank for rank in range(1, BRANDS + 1))
    return [max(1, int(pairs / rank / total)) for rank in range(1, BRANDS + 1)]


def build_workspace(folder: Path, pairs: int) -> None:
    """A workspace with so many pairs, by the product's own import; made once."""
    if (folder / "built.txt").exists():
        return
    consumers = int(pairs * CONSUMERS_A_PAIR)
    sizes = count_brand_pairs(pairs)
    listed = ", ".join(f"({number}, {size})" for number, size in enumerate(sizes, start=1))
    folder.mkdir(parents=True, exist_ok=True)
    rows, mapping = folder / "rows.parquet", folder / "mapping.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    now = int(time.time())
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'")
        connection.execute(
            f"""copy (
                with pairs as (
                    select row_number() over () - 1 as pair, brand, (brand * 7919 + place) % {consumers} as who
                    from (select b.brand, unnest(range(b.size)) as place from (values {listed}) b(brand, size)) p
                ),
                events as (
                    select range as n, case when range < {sum(sizes)} then range
                                            else hash(range) % {sum(sizes)} end as pair
                    from range({int(sum(sizes) * EVENTS_A_PAIR)})
                )
                select 'e-' || n as id,
                    strftime(make_timestamp(({now} - 3600 - (hash(n) % (400 * 86400))::bigint) * 1000000),
                        '%Y-%m-%dT%H:%M:%SZ') as at,
                    'consumer-' || who as who, 'shop-' || brand as shop,
                    case hash(n + 2) % 10 when 0 then 'Order Completed' when 1 then 'Product Added'
                        when 2 then 'Email Opened' when 3 then 'Store Visited' when 4 then 'Order Refunded'
                        when 5 then 'Complaint Published' else 'Page Viewed' end as what,
                    case hash(n + 3) % 3 when 0 then 'shop' else 'web' end as channel,
                    (hash(n + 4) % 20000) / 100 as amount
                from events e join pairs p on p.pair = e.pair
            ) to '{rows}' (format parquet)"""
        )
    home = fusion.create_workspace(folder / "workspace")
    # The visitor of a demo is let in without a password; nothing else of the server knows of it.
    (home / DEMO_MARK).write_text("made by a benchmark\n", encoding="utf-8")
    with seal_at_once(home), fusion.open_workspace(home) as workspace:
        acceptance = pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
    rows.unlink()
    (folder / "built.txt").write_text(f"{sum(sizes)} pairs, {acceptance.accepted} events\n", encoding="utf-8")


@contextmanager
def seal_at_once(home: Path) -> Iterator[None]:
    """Imports go straight to Parquet files, however small they are: peers read those."""
    path = home / SETTINGS_FILE
    usual = path.read_text(encoding="utf-8")
    path.write_text(f"inbox_import_limit = 0\n{usual}", encoding="utf-8")
    yield
    path.write_text(usual, encoding="utf-8")


# --- the servers ---


def find_port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def serve_peer(home: Path, port: int) -> None:
    """Answer with the sums of a pair, by hand."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    store = sqlite3.connect(f"file:{home / STORE_FILE}?mode=ro", uri=True, check_same_thread=False)
    engine = duckdb.connect()
    engine.execute("set threads = 1")

    def find_number(role: str, key: str) -> int:
        query = "select entity_id from entities where entity_type = ? and entity_key = ?"
        (number,) = store.execute(query, (role, key)).fetchone()
        return int(number)

    async def answer(request: Request) -> JSONResponse:
        consumer, brand = (find_number(role, request.query_params[role]) for role in ("consumer", "brand"))
        files = home / "segments" / f"bucket={consumer % BUCKET_COUNT:02}" / "*.parquet"
        rows = engine.execute(
            f"""select kind, count(*), sum(magnitude * trust), sum(value), max(occurred_us)
                from read_parquet('{files}') where consumer_id = ? and brand_id = ? group by kind""",
            [consumer, brand],
        ).fetchall()
        names = ("kind", "events", "size", "value", "last_us")
        return JSONResponse([dict(zip(names, row, strict=True)) for row in rows])

    make_server(Starlette(routes=[Route("/sums", answer)]), host="127.0.0.1", port=port).run()


class Peer:
    """The peer in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.port = find_port()
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve-peer", str(self.port), "--folder", str(home)]
        )
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise SystemExit("The peer did not start.") from None
                time.sleep(0.05)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, path: str) -> tuple[int, str]:
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        return response.status, response.read().decode()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


class Server:
    """`fusion serve` on a workspace, a token to read with and a key to send with."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with fusion.open_workspace(home) as workspace, workspace.store.writing() as session:
            owner = find_account_by_email(session, OWNER) or create_account(
                session, email=OWNER, role="owner", brands=None, actor=COMMAND_LINE, now_us=workspace.now_us
            )
            self.token = create_token(
                session, call_as(owner), purpose="benchmark", brands=None, now_us=workspace.now_us
            ).secret
            self.key = create_write_key(
                session, source="live", kind="server", brand="shop-1",
                now_us=workspace.now_us,
            ).secret  # fmt: skip
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "consumer_fusion",
                "serve",
                "--port",
                "0",
                "--json",
                "--workspace",
                str(home),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        told = ""
        assert self.process.stdout is not None
        while not told.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("The server ended before it listened.")
            told += line
        self.port = int(json.loads(told)["address"].rpartition(":")[2])
        self.connect()
        while self.ask("GET", "/readyz")[0] != 200:
            time.sleep(0.05)
        self.start_seconds = time.perf_counter() - started
        self.cookie = self.sign_in()

    def connect(self) -> http.client.HTTPConnection:
        self.connection = http.client.HTTPConnection("localhost", self.port, timeout=120)
        return self.connection

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
        for _ in range(100):
            try:
                self.connection.request(
                    method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}
                )
                response = self.connection.getresponse()
                return response.status, response.read().decode()
            except (ConnectionError, http.client.HTTPException):
                self.connection.close()
                time.sleep(0.05)
        raise SystemExit("The server does not answer.")

    def sign_in(self) -> str:
        """The cookie of the demo's visitor, who is let in on the same machine."""
        self.connection.request("GET", "/sign-in")
        response = self.connection.getresponse()
        response.read()
        cookies = [value.partition(";")[0] for value in response.headers.get_all("set-cookie") or ()]
        if not any(each.startswith("fusion_session=") for each in cookies):
            raise SystemExit("The visitor was not let in.")
        return "; ".join(cookies)

    def read_cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)


# --- what is asked for ---


class Reader:
    """Asks for things in turn and notes how long each took; the peer among them, where there is one."""

    def __init__(self, server: Server, pairs: int, seed: int, peer: Peer | None = None) -> None:
        self.server, self.peer = server, peer
        self.consumers = int(pairs * CONSUMERS_A_PAIR)
        self.sizes = count_brand_pairs(pairs)
        self.random = random.Random(seed)
        self.bearer = {"Authorization": f"Bearer {server.token}"}
        self.tasks: dict[str, Callable[[], tuple[str, dict[str, str]]]] = {
            NOOP: lambda: ("/healthz", {}),
            "API: score of a pair": lambda: (f"/api/v1/score?{self.choose_pair()}", self.bearer),
            "API: explain a pair": lambda: (f"/api/v1/explain?{self.choose_pair()}", self.bearer),
            "page: relationship": lambda: self.page(f"/relationship?{self.choose_pair()}"),
            "page: overview": lambda: self.page("/brand?brand=shop-1"),
            "page: overview, another brand": lambda: self.page(
                f"/brand?brand=shop-{self.random.randint(2, 9)}"
            ),
            "page: consumers": lambda: self.page("/consumers?brand=shop-1"),
            "page: one consumer": lambda: self.page(f"/consumer?{self.choose_pair().partition('&')[0]}"),
            "page: brands": lambda: self.page("/brands"),
            "page: points": lambda: self.page("/points"),
        }
        if peer is not None:
            self.tasks[PEER] = lambda: (f"/sums?{self.choose_pair()}", {})
        self.taken: dict[str, list[float]] = {name: [] for name in self.tasks}
        self.waits: list[str] = []
        self.unplaced = 0

    def page(self, path: str) -> tuple[str, dict[str, str]]:
        return path, {"Cookie": self.server.cookie}

    def choose_pair(self) -> str:
        """A pair with events, each as likely."""
        brand = self.random.choices(range(1, len(self.sizes) + 1), self.sizes)[0]
        who = (brand * 7919 + self.random.randrange(self.sizes[brand - 1])) % self.consumers
        return f"consumer=consumer-{who}&brand=shop-{brand}"

    def ask_once(self, name: str) -> None:
        path, headers = self.tasks[name]()
        begin = time.perf_counter()
        if name == PEER and self.peer is not None:
            status, body = self.peer.ask(path)
        else:
            status, body = self.server.ask("GET", path, None, **headers)
        if status == 202:
            self.waits.append(name)
        # The page says that it is being read; a browser asks again.
        while status == 202:
            time.sleep(0.1)
            status, body = self.server.ask("GET", path, None, **headers)
        self.taken[name].append((time.perf_counter() - begin) * 1e3)
        if status != 200:
            raise SystemExit(f"{path} was answered with {status}: {body[:500]}")
        if name == PEER and body == "[]":
            raise SystemExit(f"The peer has found no event for {path}.")
        if name == "API: score of a pair":
            self.unplaced += json.loads(body)["percentile"] is None

    def ask_in_turn(self, seconds: float, pause_seconds: float) -> None:
        """Every task in turn; what is asked of single pairs and the no-op ten times as often as pages."""
        end = time.perf_counter() + seconds
        often = [name for name in self.tasks if not name.startswith("page:") or name == "page: relationship"]
        seldom = [name for name in self.tasks if name not in often]
        turn = 0
        while time.perf_counter() < end:
            for name in often:
                self.ask_once(name)
                time.sleep(pause_seconds)
            if turn % 3 == 0:
                self.ask_once(seldom[turn // 3 % len(seldom)])
            turn += 1


@contextmanager
def send_events(server: Server, rate: float, pairs: int, *, batch: int = 1) -> Iterator[list[float]]:
    """Post events at a steady rate while the block runs; yields how long the answers took, in milliseconds."""
    is_over, taken = threading.Event(), []
    consumers, sizes, chance = int(pairs * CONSUMERS_A_PAIR), count_brand_pairs(pairs), random.Random(3)
    authorization = base64.b64encode(f"{server.key}:".encode()).decode()

    def make_event(number: int) -> dict[str, object]:
        brand = chance.choices(range(1, len(sizes) + 1), sizes)[0]
        who = (brand * 7919 + chance.randrange(sizes[brand - 1])) % consumers
        return {
            "event_id": f"live-{time.time_ns()}-{number}", "occurred_at": datetime.now(UTC).isoformat(),
            "consumer": f"consumer-{who}", "brand": f"shop-{brand}", "kind": "Order Completed", "value": 30.5,
            "currency": "EUR", "channel": "web",
        }  # fmt: skip

    def post() -> None:
        connection = http.client.HTTPConnection("localhost", server.port, timeout=120)
        due, number = time.perf_counter(), 0
        while not is_over.is_set():
            body = json.dumps([make_event(number + each) for each in range(batch)])
            begin = time.perf_counter()
            connection.request(
                "POST", "/v1/events", body,
                {"Authorization": f"Basic {authorization}", "Content-Type": "application/json"},
            )  # fmt: skip
            response = connection.getresponse()
            told = response.read()
            taken.append((time.perf_counter() - begin) * 1e3)
            if response.status not in (200, 429):
                raise SystemExit(f"An event was answered with {response.status}: {told[:300]!r}")
            number += batch
            due += batch / rate
            time.sleep(max(0.0, due - time.perf_counter()))

    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        is_over.set()
        thread.join(timeout=130)


# --- what is measured ---


def find_percentile(values: list[float], share: float) -> float:
    order = sorted(values)
    return order[min(len(order) - 1, int(len(order) * share))]


def take_figures(reader: Reader, first: dict[str, float]) -> dict[str, dict[str, float]]:
    """The figures of one phase of a round."""
    floor = statistics.median(reader.taken[NOOP])
    return {
        name: {
            "asked": len(taken), "first_ms": first.get(name, taken[0]), "p50_ms": statistics.median(taken),
            "p99_ms": find_percentile(taken, 0.99), "most_ms": max(taken),
            "ratio": statistics.median(taken) / floor,
        }
        for name, taken in reader.taken.items()
        if taken
    }  # fmt: skip


def find_medians(rounds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The medians of the rounds in which something was asked."""
    found: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(name for each in rounds for name in each):
        runs = [each[name] for each in rounds if name in each]
        found[name] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return found


def tell(title: str, figures: dict[str, dict[str, float]]) -> None:
    """Print one phase."""
    print(f"\n{title}")
    print(
        f"{'':34} {'asked':>6} {'first ms':>9} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8} {'p50 x no-op':>12}"
    )
    for name, each in figures.items():
        print(f"{name:34} {each['asked']:>6.0f} {each['first_ms']:>9.1f} {each['p50_ms']:>8.1f} "
              f"{each['p99_ms']:>8.1f} {each['most_ms']:>8.1f} {each['ratio']:>12.1f}")  # fmt: skip


def tell_state(reader: Reader, server: Server, watch: MemoryWatch) -> None:
    """Print what a phase of one round has met, and the memory then."""
    if reader.waits:
        print(f"  being read when asked for, and asked for again: {', '.join(reader.waits)}")
    print(f"  {reader.unplaced} scores of pairs without their place in the brand yet")
    print(f"  memory {sample_memory(server.process.pid)} now, {watch.highest} at its highest; "
          f"load average {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip


def measure_round(home: Path, number: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start the server, and measure it while nothing arrives and while events do."""
    server, peer = Server(home), Peer(home)
    print(f"round {number + 1} of {arguments.rounds}: ready after {server.start_seconds:.1f} s, "
          f"{sample_memory(server.process.pid)}")  # fmt: skip
    found: dict[str, Any] = {"start_seconds": server.start_seconds}
    try:
        with MemoryWatch(server.process.pid) as watch:
            reader = Reader(server, arguments.pairs, 2 * number + 1, peer)
            for name in reader.tasks:
                reader.ask_once(name)
            first = {name: taken.pop() for name, taken in reader.taken.items()}
            reader.ask_in_turn(arguments.seconds, arguments.pause)
            found["quiet"] = take_figures(reader, first)
            tell_state(reader, server, watch)
            reader = Reader(server, arguments.pairs, 2 * number + 2, peer)
            with send_events(server, arguments.rate, arguments.pairs, batch=arguments.batch) as acknowledged:
                time.sleep(3.0)
                before, begin = server.read_cpu_seconds(), time.perf_counter()
                reader.ask_in_turn(arguments.seconds * 2, arguments.pause)
                busy = (server.read_cpu_seconds() - before) / (time.perf_counter() - begin)
            found["arriving"] = take_figures(reader, {})
            tell_state(reader, server, watch)
            print(f"  server {busy:.2f} cores; acknowledged p50 {statistics.median(acknowledged):.1f} ms, "
                  f"p99 {find_percentile(acknowledged, 0.99):.1f} ms")  # fmt: skip
        found["peak_mb"] = watch.highest.total_mb
    finally:
        server.end()
        peer.end()
    return found


def measure_large(folder: Path, arguments: argparse.Namespace) -> int:
    began = time.perf_counter()
    build_workspace(folder, arguments.pairs)
    print(f"{(folder / 'built.txt').read_text().strip()}; built in {time.perf_counter() - began:.0f} s")
    print(describe_machine())
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range((os.cpu_count() or 1) * arguments.busy)
    ]
    try:
        rounds = [
            measure_round(folder / "workspace", number, arguments) for number in range(arguments.rounds)
        ]
    finally:
        for other in others:
            other.kill()
    quiet, live = (find_medians([each[phase] for each in rounds]) for phase in ("quiet", "arriving"))
    tell("nothing arrives", quiet)
    tell(f"while {arguments.rate:g} events/s arrive, {arguments.batch} a request", live)
    peak = max(each["peak_mb"] for each in rounds)
    result = {
        "machine": describe_machine(), "rounds": arguments.rounds, "quiet": quiet, "arriving": live, "peak_mb": peak,
        "start_seconds": statistics.median(each["start_seconds"] for each in rounds),
    }  # fmt: skip
    targets = [
        Target(
            "page: overview, first after a start", quiet["page: overview"]["first_ms"], FIRST_LIMIT_MS, "ms"
        ),
        Target("memory of the server and its worker process", peak, MEMORY_LIMIT_MB, "MB"),
    ]
    pair_limit, page_limit = (
        (BUSY_PAIR_LIMIT_MS, BUSY_PAGE_LIMIT_MS) if arguments.busy else (PAIR_LIMIT_MS, PAGE_LIMIT_MS)
    )
    for phase, figures in (("quiet", quiet), ("arriving", live)):
        for name, each in figures.items():
            limit = pair_limit if name == "API: score of a pair" else page_limit
            if name == "API: score of a pair" or name.startswith("page:"):
                targets.append(Target(f"{name}, {phase}, p99", each["p99_ms"], limit, "ms"))
    print("\n" + write_targets(targets))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0 if all(each.is_met for each in targets) else 1


def measure_demo() -> int:
    """The memory of the demo's server: after its start, after its pages, and while events arrive."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "workspace"
        subprocess.run(
            [sys.executable, "-m", "consumer_fusion", "demo", "--no-serve", "--json", "--workspace", str(home)],
            check=True, capture_output=True,
        )  # fmt: skip
        server = Server(home)
        print(f"ready after {server.start_seconds:.1f} s, {sample_memory(server.process.pid)}")
        page = {"Cookie": server.cookie}
        pair = "consumer=pop-artist&brand=sweater-brand"
        paths = ["/brands", "/points", "/identities", "/rejected", "/keys", "/audit", f"/relationship?{pair}"]
        paths += [f"/{name}?brand={brand}" for name in ("brand", "consumers")
                  for brand in ("sweater-brand", "salmon-restaurant")]  # fmt: skip
        for name in ("distribution", "movers", "kinds", "both-sides", "activity"):
            paths.append(f"/brand/figure?name={name}&brand=sweater-brand")
        try:
            with MemoryWatch(server.process.pid) as watch:
                for _ in range(3):
                    for path in paths:
                        while (answer := server.ask("GET", path, None, **page))[0] == 202:
                            time.sleep(0.2)  # it is being read
                        status, body = answer
                        if status != 200:
                            raise SystemExit(f"{path} was answered with {status}: {body[:300]}")
                print(f"after its pages: {sample_memory(server.process.pid)}")
                with send_events(server, 200, 2_000, batch=10):
                    for _ in range(20):
                        server.ask("GET", "/brand?brand=sweater-brand", None, **page)
                        time.sleep(0.5)
                peak = watch.highest.total_mb
                print(f"after events: {sample_memory(server.process.pid)}, {watch.highest} at its highest")
        finally:
            server.end()
    target = Target("memory of the demo's server", peak, DEMO_LIMIT_MB, "MB")
    print(write_targets([target]))
    return 0 if target.is_met else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the workspace is made once and kept")
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of a round; twice as long while events arrive"
    )
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two requests")
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument("--batch", type=int, default=1, help="events a request")
    parser.add_argument("--busy", action="store_true", help="another job on each core")
    parser.add_argument("--demo", action="store_true", help="measure the memory of the demo's server instead")
    parser.add_argument("--json", type=Path, help="write the result there")
    parser.add_argument("--serve-peer", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_peer:
        serve_peer(arguments.folder, arguments.serve_peer)
        return 0
    if arguments.demo:
        return measure_demo()
    if arguments.folder is not None:
        return measure_large(arguments.folder / f"pairs-{arguments.pairs}", arguments)
    with tempfile.TemporaryDirectory() as place:
        return measure_large(Path(place), arguments)


if __name__ == "__main__":
    sys.exit(main())
