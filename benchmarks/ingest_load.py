"""The load of events that arrive: how many are acknowledged a second, how long that takes, and what it costs.

    python benchmarks/ingest_load.py                 single events and batches of 100, beside their floor and a peer
    python benchmarks/ingest_load.py --kills 10      the server is killed with SIGKILL during load, so many times

All events are orders of one consumer and brand at one time. That is a hard case: a landing looks at the brand's orders
so far again. Server and load generator are two processes on one machine and share its cores, so that the CPU time of
the server an event is the figure that travels, and its ratio to the floor: a no-op answered by the same HTTP server,
and a bare append and fdatasync for each group of events that waits together. Rates and latencies hold for this machine
and its load at the time. "Landed" is the CPU time an event until the last one has landed; memory is the most of any
round, of the server with all its processes.

The peer is an endpoint by hand on the same HTTP server: it parses the JSON, and inserts what waits together into SQLite
in one transaction, as durable as ours before it answers. It refuses a message id that it has, as ours does when events
land; its ids come in order, the best that an index can meet. It knows no keys, limits or other formats, keeps no event
that it cannot read, and does nothing with those that it has: no kinds, points or states. So "acknowledge" is the
comparison to be made with it, and "landed" what the rest costs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
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
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measuring import Target, describe_machine, write_targets
from process_memory import MemoryWatch

CONNECTIONS = 64
BATCH = 100
KEY = "a key"
AUTHORIZATION = base64.b64encode(f"{KEY}:".encode()).decode()
DIGITS = 12


# --- the server ---


def serve(folder: Path, port: int, mode: str) -> None:
    """One server process: `noop` reads and answers, `keep` makes durable, `live` also reads what is durable.

    `peer` inserts into SQLite by hand.
    """
    import consumer_fusion as fusion
    from consumer_fusion.server.http_server import make_server
    from consumer_fusion.surfaces.collect.collector import Limits
    from consumer_fusion.surfaces.collect.source_keys import SourceKey
    from consumer_fusion.surfaces.web import build_app

    async def answer_at_once(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"17")]})
        await send({"type": "http.response.body", "body": b'{"success": true}'})

    if mode == "noop":
        make_server(answer_at_once, host="127.0.0.1", port=port).run()
        return
    if mode == "peer":
        make_server(build_peer(folder), host="127.0.0.1", port=port).run()
        return
    never = {"landing_seconds": 1e9, "landing_events": 1 << 60}
    with fusion.open_workspace(folder) as workspace:
        limits = Limits(waiting_events=1 << 40, closing_seconds=0.0, **(never if mode == "keep" else {}))
        app = build_app(workspace, verify_key=lambda _: SourceKey("shop", "bakery"), limits=limits)
        make_server(app, host="127.0.0.1", port=port).run()


def build_peer(folder: Path):
    """An endpoint by hand, whose events are in SQLite when it answers."""
    import msgspec
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    connection = sqlite3.connect(folder / "peer.db", isolation_level=None, check_same_thread=False)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute(
        "create table events (message_id text primary key, type text, event text, user_id text, at text, body text)"
    )
    waiting: list[tuple[list[tuple[str, ...]], asyncio.Future[None]]] = []
    writer: asyncio.Task[None] | None = None

    def insert(rows: list[tuple[str, ...]]) -> None:
        connection.execute("begin immediate")
        connection.executemany("insert or ignore into events values (?, ?, ?, ?, ?, ?)", rows)
        connection.execute("commit")

    async def write_waiting() -> None:
        while waiting:
            group = waiting[:]
            waiting.clear()
            await asyncio.to_thread(insert, [row for rows, _ in group for row in rows])
            for _, written in group:
                written.set_result(None)

    async def collect(request):
        nonlocal writer
        parsed = msgspec.json.decode(await request.body())
        rows = [
            (
                each["messageId"], each["type"], each.get("event"), each["userId"], each["timestamp"],
                msgspec.json.encode(each),
            )
            for each in parsed.get("batch", [parsed])
        ]  # fmt: skip
        written = asyncio.get_running_loop().create_future()
        waiting.append((rows, written))
        if writer is None or writer.done():
            writer = asyncio.create_task(write_waiting())
        await written
        return Response(b'{"success": true}', media_type="application/json")

    return Starlette(routes=[Route(path, collect, methods=["POST"]) for path in ("/v1/track", "/v1/batch")])


class Server:
    def __init__(self, folder: Path, mode: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.mode = folder, mode
        self.start()

    def start(self) -> None:
        arguments = ["--serve", self.mode, "--folder", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen([sys.executable, __file__, *arguments])
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server did not start")

    def read_cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


# --- the load ---


def make_event(event_id: str) -> str:
    # The size of what a web shop sends: about 600 bytes.
    return json.dumps({
        "type": "track", "event": "Order Completed", "userId": "ann-of-the-hill", "messageId": event_id,
        "timestamp": "2026-06-05T20:00:00.000Z",
        "context": {"library": {"name": "analytics-python", "version": "2.4.0"}, "page": {"path": "/checkout"}},
        "properties": {
            "order_id": "o-1", "revenue": 25.5, "currency": "EUR", "shipping": 4.9, "coupon": "HILL10",
            "products": [{"product_id": "p1", "name": "A sweater", "price": 20.5, "quantity": 1, "category": "Wool"}],
        },
    })  # fmt: skip


class Requests:
    """Requests whose events have ids of their own, made by joining pieces."""

    def __init__(self, events_a_request: int, prefix: str) -> None:
        self.events_a_request = events_a_request
        mark = "#" * DIGITS
        if events_a_request == 1:
            path, body = "/v1/track", make_event(prefix + mark)
        else:
            events = ", ".join(make_event(prefix + mark) for _ in range(events_a_request))
            path, body = "/v1/batch", f'{{"batch": [{events}]}}'
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {AUTHORIZATION}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._pieces = [piece.encode() for piece in (head + body).split(mark)]
        self._next = 0

    def make(self) -> tuple[int, bytes]:
        """The number of the first event of the next request, and the request."""
        first = self._next
        self._next += self.events_a_request
        parts: list[bytes] = []
        for number, piece in enumerate(self._pieces[:-1], start=first):
            parts += [piece, b"%0*d" % (DIGITS, number)]
        return first, b"".join([*parts, self._pieces[-1]])


class Sender(asyncio.Protocol):
    """One connection: a request, its answer, the next request; what was not acknowledged is sent again."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.pending: tuple[int, bytes] | None = None
        self.received = b""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.closed = asyncio.get_running_loop().create_future()
        self.received = b""
        self.send()

    def send(self) -> None:
        if self.load.is_over:
            self.transport.close()
            return
        self.pending = self.pending or self.load.requests.make()
        self.sent = time.perf_counter()
        self.transport.write(self.pending[1])

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        self.received = b""
        if head[9:12] == b"200":
            self.load.acknowledge(self.pending[0], time.perf_counter() - self.sent)
            self.pending = None
        else:
            self.load.refused[head[9:12].decode()] += 1
            if head[9:12] == b"429":
                asyncio.get_running_loop().call_later(0.2, self.send)
                return
        self.send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class Load:
    def __init__(self, requests: Requests, warmup_seconds: float) -> None:
        self.requests = requests
        self.begin = time.perf_counter() + warmup_seconds
        self.latencies: list[float] = []
        self.acknowledged: list[int] = []
        self.refused: Counter[str] = Counter()
        self.is_over = False

    def acknowledge(self, first: int, seconds: float) -> None:
        self.acknowledged.append(first)
        if time.perf_counter() >= self.begin:
            self.latencies.append(seconds)


async def drive(load: Load, port: int, seconds: float, *, connections: int, insist: bool) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, setattr, load, "is_over", True)
    loop.add_signal_handler(signal.SIGTERM, setattr, load, "is_over", True)

    async def keep_sending() -> None:
        sender = Sender(load)
        while not load.is_over:
            try:
                await loop.create_connection(lambda: sender, "127.0.0.1", port)
                await sender.closed
            except OSError:
                if not insist:
                    raise
                await asyncio.sleep(0.02)

    await asyncio.gather(*(keep_sending() for _ in range(connections)))


def send_load(arguments: argparse.Namespace) -> None:
    import uvloop

    load = Load(Requests(arguments.events, arguments.prefix), arguments.warmup)
    uvloop.run(
        drive(
            load,
            arguments.port,
            arguments.seconds,
            connections=arguments.connections,
            insist=arguments.insist,
        )
    )
    told: dict[str, object] = {
        "refused": dict(load.refused), "requests": len(load.latencies), "all_requests": len(load.acknowledged),
    }  # fmt: skip
    if arguments.insist:
        told["acknowledged"] = load.acknowledged
    else:
        order = sorted(load.latencies)
        told["p50_ms"] = order[len(order) // 2] * 1e3
        told["p99_ms"] = order[int(len(order) * 0.99)] * 1e3
    arguments.result.write_text(json.dumps(told))


def start_load(
    port: int, events: int, prefix: str, seconds: float, warmup: float, result: Path, *more: str
) -> subprocess.Popen:
    arguments = [
        "--send", "--port", str(port), "--events", str(events), "--prefix", prefix, "--seconds", str(seconds),
        "--warmup", str(warmup), "--result", str(result), *more,
    ]  # fmt: skip
    return subprocess.Popen([sys.executable, __file__, *arguments])


def end_load(sender: subprocess.Popen, result: Path) -> dict[str, Any]:
    if sender.wait() != 0:
        raise RuntimeError("the load generator failed")
    return json.loads(result.read_text())


# --- what is measured ---


def measure(folder: Path, mode: str, events: int, seconds: float, warmup: float) -> dict[str, float]:
    server = Server(folder, mode)
    started_cpu = server.read_cpu_seconds()
    result = folder.with_name("result.json")
    with MemoryWatch(server.process.pid) as watch:
        sender = start_load(
            server.port, events, f"{mode}-{time.time_ns()}-", warmup + seconds, warmup, result
        )
        time.sleep(warmup + 0.3)  # the generator needs a moment to start
        before, begin = server.read_cpu_seconds(), time.perf_counter()
        time.sleep(seconds - 0.6)
        cpu, wall = server.read_cpu_seconds() - before, time.perf_counter() - begin
        told = end_load(sender, result)
        landed = None
        if mode == "live":
            wait_until_landed(folder)
            landed = (server.read_cpu_seconds() - started_cpu) / (told["all_requests"] * events) * 1e6
    server.end()
    if mode == "peer":
        check_kept(folder / "peer.db", told["all_requests"] * events)
    rate = told["requests"] * events / seconds
    return {
        "events_a_second": rate, "p50_ms": told["p50_ms"], "p99_ms": told["p99_ms"],
        "cpu_us_an_event": cpu / wall / rate * 1e6, "landed_us_an_event": landed, "peak_mb": watch.highest.total_mb,
        "refused": sum(told["refused"].values()),
    }  # fmt: skip


def wait_until_landed(folder: Path) -> None:
    import consumer_fusion as fusion
    from consumer_fusion.events.inbox_queue import count_arrivals

    with fusion.open_workspace(folder) as workspace:
        while True:
            with workspace.arrivals.reading() as session:
                if not count_arrivals(session):
                    return
            time.sleep(0.5)


def check_kept(path: Path, acknowledged: int) -> None:
    """Stop where the peer has fewer events than it acknowledged: a fast loss is no answer."""
    kept = sqlite3.connect(path).execute("select count(*) from events").fetchone()[0]
    if kept < acknowledged:
        raise SystemExit(f"The peer acknowledged {acknowledged:,} events and has {kept:,}.")


def measure_append(folder: Path, events: int, seconds: float) -> dict[str, float]:
    """Append what all connections send at once, and make it durable."""
    group = make_event("#" * DIGITS).encode() * events * CONNECTIONS
    latencies = []
    with (folder / "appended").open("wb", buffering=0) as file:
        end, cpu = time.perf_counter() + seconds, time.process_time()
        while time.perf_counter() < end:
            begin = time.perf_counter()
            file.write(group)
            os.fdatasync(file.fileno())
            latencies.append(time.perf_counter() - begin)
        cpu = time.process_time() - cpu
    order = sorted(latencies)
    count = len(order) * events * CONNECTIONS
    return {
        "events_a_second": count / seconds, "p50_ms": order[len(order) // 2] * 1e3,
        "p99_ms": order[int(len(order) * 0.99)] * 1e3, "cpu_us_an_event": cpu / count * 1e6,
    }  # fmt: skip


def judge(medians: Mapping[str, Mapping[str, float]]) -> list[Target]:
    """The medians against their bounds: CPU of an event until acknowledged, and until landed, and the memory."""
    targets = []
    for way, acknowledged_us, landed_us in (("single", 100, 150), (f"batch of {BATCH}", 8, 16)):
        kept, live = medians[f"acknowledge, {way}"], medians[f"acknowledge and read, {way}"]
        targets += [
            Target(f"acknowledge, {way}", kept["cpu_us_an_event"], acknowledged_us, "CPU us an event"),
            Target(f"landed, {way}", live["landed_us_an_event"], landed_us, "CPU us an event"),
            Target(f"memory of the server, {way}", live["peak_mb"], 450, "MB"),
        ]
    return targets


def run_load(rounds: int, seconds: float) -> int:
    import consumer_fusion as fusion

    floors = {1: ("no-op, single", "append, single"), BATCH: ("no-op, batch of 100", "append, batch of 100")}
    tasks = [
        *((floors[events][0], "noop", events) for events in floors),
        ("acknowledge, single", "keep", 1), ("acknowledge, batch of 100", "keep", BATCH),
        ("acknowledge and read, single", "live", 1), ("acknowledge and read, batch of 100", "live", BATCH),
        ("peer: SQLite by hand, single", "peer", 1), ("peer: SQLite by hand, batch of 100", "peer", BATCH),
    ]  # fmt: skip
    found: dict[str, list[dict[str, float]]] = {}
    for number in range(rounds):
        for events, (_, name) in floors.items():
            with tempfile.TemporaryDirectory() as place:
                found.setdefault(name, []).append(measure_append(Path(place), events, 2.0))
        for name, mode, events in tasks:
            with tempfile.TemporaryDirectory() as place:
                folder = fusion.create_workspace(Path(place) / "workspace")
                found.setdefault(name, []).append(measure(folder, mode, events, seconds, 1.5))
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
    print(
        f"{describe_machine()}, load average {os.getloadavg()[0]:.1f}, {CONNECTIONS} connections, {rounds} rounds"
    )
    columns = {
        "events_a_second": "events/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms", "cpu_us_an_event": "CPU us/event",
        "ratio": "x floor", "landed_us_an_event": "landed us/event", "peak_mb": "peak MB", "refused": "refused",
    }  # fmt: skip
    print(f"{'':36} " + " ".join(f"{title:>15}" for title in columns.values()))
    medians = {
        name: {
            column: statistics.median(run[column] for run in runs)
            for column in columns
            if runs[0].get(column) is not None
        }
        for name, runs in found.items()
    }
    for name, _, events in tasks:
        floor = sum(medians[part]["cpu_us_an_event"] for part in floors[events])
        medians[name]["ratio"] = medians[name]["cpu_us_an_event"] / floor
    for name, cells in medians.items():
        listed = (f"{cells[column]:,.1f}" if column in cells else "" for column in columns)
        print(f"{name:36} " + " ".join(f"{cell:>15}" for cell in listed))
    for name, runs in found.items():
        if "peak_mb" in runs[0]:
            medians[name]["peak_mb"] = max(run["peak_mb"] for run in runs)
    targets = judge(medians)
    print(write_targets(targets))
    return 0 if all(each.is_met for each in targets) else 1


def run_kills(kills: int) -> int:
    import pyarrow.parquet as pq

    import consumer_fusion as fusion
    from consumer_fusion import pipeline
    from consumer_fusion.events.inbox_queue import count_arrivals
    from consumer_fusion.records.event import EVENTS
    from consumer_fusion.storage.segments import list_segments

    chance, met = random.Random(7), Counter()
    # One event a request over many connections, and many over one: so few that all is read between some kills.
    sizes, connections = {"k": 1, "b": BATCH}, {"k": 32, "b": 1}
    with tempfile.TemporaryDirectory() as place:
        folder = fusion.create_workspace(Path(place) / "workspace")
        server = Server(folder, "live")
        results = {prefix: folder.with_name(f"result-{prefix}.json") for prefix in sizes}
        senders = {
            prefix: start_load(
                server.port,
                size,
                prefix,
                1e6,
                0.0,
                results[prefix],
                "--insist",
                "--connections",
                str(connections[prefix]),
            )
            for prefix, size in sizes.items()
        }
        for _ in range(kills):
            time.sleep(chance.uniform(0.5, 6.0))
            server.process.kill()
            server.process.wait()
            reading = folder / "staging" / "arrivals"
            met["landing"] += (reading / "staged" / "landing").exists()
            met["checking"] += reading.exists() and not (reading / "staged" / "landing").exists()
            server.start()
        time.sleep(2.0)
        for sender in senders.values():
            sender.send_signal(signal.SIGTERM)
        acknowledged = {
            f"{prefix}{first + place:0{DIGITS}d}"
            for prefix, sender in senders.items()
            for first in end_load(sender, results[prefix])["acknowledged"]
            for place in range(sizes[prefix])
        }
        server.end()
        with fusion.open_workspace(folder) as workspace:
            waiting = 1
            while waiting:  # not "until nothing is new": what a crash let be read twice is not new
                pipeline.land_arrivals(workspace)
                with workspace.arrivals.reading() as session:
                    waiting = count_arrivals(session)
            with workspace.store.reading() as session:
                counts = Counter(session.read(EVENTS, columns=("event_id",))["event_id"].to_pylist())
                for segment in list_segments(session):  # where events go that are no longer of these days
                    counts.update(
                        pq.read_table(folder / segment.path, columns=["event_id"])["event_id"].to_pylist()
                    )
    lost = [event_id for event_id in acknowledged if not counts[event_id]]
    doubled = [event_id for event_id, count in counts.items() if count > 1]
    print(f"{kills} kills, {met['checking']} while arrivals were checked, {met['landing']} while they landed; "
          f"{len(acknowledged):,} acknowledged, {len(counts):,} on record, {len(lost)} lost, "
          f"{len(doubled)} doubled")  # fmt: skip
    return 1 if lost or doubled else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--result", type=Path, default=Path(), help=argparse.SUPPRESS)
    for name in ("--serve", "--prefix"):
        parser.add_argument(name, default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--events", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--warmup", type=float, default=0.0, help=argparse.SUPPRESS)
    for name in ("--send", "--insist"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.folder, arguments.port, arguments.serve)
    elif arguments.send:
        send_load(arguments)
    elif arguments.kills:
        return run_kills(arguments.kills)
    else:
        return run_load(arguments.rounds, arguments.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
