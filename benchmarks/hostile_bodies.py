"""Bodies made to cost much: what each of them costs the server, and for how long it answers nobody else.

    python benchmarks/hostile_bodies.py              every body, without a key, with a wrong one, with a right one
    python benchmarks/hostile_bodies.py --only gzip  those whose name holds the word

The server runs in a process of its own. While a body is sent and answered, another process asks `/healthz` every two
milliseconds. CPU-seconds are those of the server's process until the answer; where a body is refused, nothing is left
to be done afterwards. The standstill is the most CPU time that the server spent while somebody waited for `/healthz`,
and no more than that wait: what others on the machine take is no part of it. The wait itself is printed beside it.

Targets: a request without a key costs at most 5 ms of the server's CPU; no request with one stops it for more than
250 ms.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

KEYLESS_MS = 5.0
STANDSTILL_MS = 250.0
ROUNDS = 3
PROBE_SECONDS = 0.002
EVENT = {"kind": "Order Completed", "occurred_at": "2026-06-05T20:00:00Z", "consumer": "ann", "value": 20}


@dataclass(frozen=True, slots=True)
class Hostile:
    """A body that is made to cost much.

    Attributes:
        name: What it is.
        path: What it is sent to.
        make: Makes it.
        is_packed: Whether it is sent as gzip.
    """

    name: str
    path: str
    make: Callable[[], bytes]
    is_packed: bool = False


def make_keys(count: int, first: bytes = b"") -> bytes:
    """An object of so many keys."""
    return b"{" + first + b",".join(b'"%d":1' % number for number in range(count)) + b"}"


def nest(depth: int) -> bytes:
    return b"[" * depth


def lend(context: int, calls: int) -> bytes:
    """A batch whose context is given to each of its calls."""
    call = b'{"type":"track","event":"Order Completed","userId":"ann"}'
    return b'{"context":{"note":"%s"},"batch":[%s]}' % (b"x" * context, b",".join([call] * calls))


def mention(text: int, brands: int) -> bytes:
    """A post whose text is given to each of the brands that it mentions."""
    tags = [{"type": "Mention", "name": f"@brand-{number}"} for number in range(brands)]
    about = {"type": "Note", "content": "x" * text, "tag": tags}
    return json.dumps({"type": "Create", "actor": "ann", "object": about}).encode()


HOSTILE_BODIES = (
    Hostile(
        "gzip of a million lines that are no JSON",
        "/v1/events",
        lambda: gzip.compress(b"1\n" + b"x\n" * 1_000_000),
        is_packed=True,
    ),
    Hostile(
        "gzip of eight million lines that are no JSON",
        "/v1/events",
        lambda: gzip.compress(b"1\n" + b"x\n" * 8_000_000),
        is_packed=True,
    ),
    Hostile("100,000 lines that are no JSON", "/v1/events", lambda: b"1\n" + b"x\n" * 100_000),
    Hostile("49,000 lines that are no JSON", "/v1/events", lambda: b"1\n" + b"x\n" * 49_000),
    Hostile("49,000 lines of NaN", "/v1/events", lambda: b'{"value":NaN}\n' * 49_000),
    Hostile("sixteen million ends of lines", "/v1/events", lambda: b"1\n" + b"\n" * (15 << 20) + b"2"),
    Hostile(
        "120,000 empty members of gzip", "/v1/batch", lambda: gzip.compress(b"") * 120_000, is_packed=True
    ),
    Hostile(
        "800,000 empty members of gzip", "/v1/batch", lambda: gzip.compress(b"") * 800_000, is_packed=True
    ),
    Hostile(
        "gzip of 200 MiB of one character",
        "/v1/batch",
        lambda: gzip.compress(b"0" * (200 << 20)),
        is_packed=True,
    ),
    Hostile(
        "gzip of 15 MiB of one character",
        "/v1/batch",
        lambda: gzip.compress(b"0" * (15 << 20)),
        is_packed=True,
    ),
    Hostile(
        "gzip with fifteen million zeros behind it",
        "/v1/batch",
        lambda: gzip.compress(b"{}") + b"\0" * 15_000_000,
        is_packed=True,
    ),
    Hostile("a list of three million NaN", "/v1/events", lambda: b"[" + b"NaN," * 3_000_000 + b"NaN]"),
    Hostile("a list of 190,000 NaN", "/v1/events", lambda: b"[" + b"NaN," * 190_000 + b"NaN]"),
    Hostile("a list of 1,400,000 numbers", "/v1/events", lambda: b"[" + b"1," * 1_400_000 + b"1]"),
    Hostile("an object of a million keys", "/v1/events", lambda: make_keys(1_000_000)),
    Hostile("an object of 190,000 keys", "/v1/events", lambda: make_keys(190_000)),
    Hostile("an object of 90,000 keys and a NaN", "/v1/events", lambda: make_keys(90_000, b'"a":NaN,')),
    Hostile("fifteen million brackets", "/v1/events", lambda: nest(15_000_000)),
    Hostile("16,000 lines of deep nesting", "/v1/events", lambda: (b'{"a":' + nest(900) + b"\n") * 16_000),
    Hostile(
        "a number of fifteen million digits", "/v1/events", lambda: b'{"value":' + b"9" * 15_000_000 + b"}"
    ),
    Hostile(
        "a text of fifteen million characters", "/v1/events", lambda: b'{"text":"' + b"x" * 15_000_000 + b'"}'
    ),
    Hostile(
        "a text of two million escapes", "/v1/events", lambda: b'{"text":"' + b"\\u00e8" * 2_500_000 + b'"}'
    ),
    Hostile("bytes that are no text", "/v1/events", lambda: b"\xff" * 15_000_000),
    Hostile("50,000 calls that share a context of 300 KB", "/v1/batch", lambda: lend(300_000, 50_000)),
    Hostile(
        "a post of 5 MB that mentions 50,000 brands", "/v1/activities", lambda: mention(5_000_000, 50_000)
    ),
    Hostile(
        "a key that stands 20,000 times in the body",
        "/v1/batch",
        lambda: b'{"a":[' + b'{"writeKey":"x"},' * 20_000 + b"1]}",
    ),
    Hostile("50,000 events with a key", "/v1/events", lambda: json.dumps([EVENT] * 50_000).encode()),
)
"""The table; the last is an honest one, the largest that is taken, to compare with."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one body cost.

    Attributes:
        status: The answer; 0 where the connection ended without one.
        cpu_seconds: CPU-seconds of the server's process.
        standstill_seconds: The longest that the server stood still.
        wait_seconds: The longest that somebody else waited.
    """

    status: int
    cpu_seconds: float
    standstill_seconds: float
    wait_seconds: float


class Server:
    """The real server in a process of its own, with a key."""

    def __init__(self, folder: Path) -> None:
        import consumer_fusion as fusion
        from consumer_fusion.access.keys import create_write_key

        fusion.create_workspace(folder)
        with fusion.open_workspace(folder) as workspace, workspace.store.writing() as session:
            self.key = create_write_key(
                session, source="shop", kind="browser", brand="bakery", now_us=workspace.now_us
            ).secret  # fmt: skip
        arguments = ["-m", "consumer_fusion", "serve", "--port", "0", "--json", "--workspace", str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("The server ended before it listened.")
            told += line
        self.host, _, port = json.loads(told)["address"].removeprefix("http://").partition(":")
        self.port = int(port)
        while self.post("/readyz", b"", {}, method="GET") != 200:
            time.sleep(0.05)

    def post(self, path: str, body: bytes, headers: dict[str, str], *, method: str = "POST") -> int:
        """The status of the answer; 0 where there was none."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        except OSError:
            # An answer may have come while the body was still on its way.
            try:
                return connection.getresponse().status
            except (OSError, http.client.HTTPException):
                return 0
        finally:
            connection.close()

    def read_cpu_seconds(self) -> float:
        """CPU-seconds of the process."""
        return read_cpu_seconds(self.process.pid)

    def wait_for_rest(self) -> None:
        """Wait until it does nothing any more."""
        before = self.read_cpu_seconds()
        while True:
            time.sleep(0.15)
            after = self.read_cpu_seconds()
            if after - before < 0.005:
                return
            before = after

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)


def read_cpu_seconds(process_id: int) -> float:
    """CPU-seconds of a process and all its threads that live; finer than the ten milliseconds of its own account."""
    total = 0.0
    for task in Path(f"/proc/{process_id}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Prober:
    """Asks for `/healthz` again and again over one connection, from a process of its own."""

    def __init__(self, server: Server) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--probe", f"{server.host}:{server.port}:{server.process.pid}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has been answered once

    def stop(self) -> tuple[float, float]:
        """The longest that the server stood still, and that an answer took, in seconds."""
        told, _ = self._process.communicate("\n")
        standstill, wait = map(float, told.split())
        return standstill, wait


def probe(address: str) -> None:
    """What the process of a prober does."""
    host, port, process_id = address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=300)
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), is_over.set()), daemon=True).start()
    standstill, longest, is_first = 0.0, 0.0, True
    while not is_over.is_set():
        cpu, began = read_cpu_seconds(int(process_id)), time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        if is_first:
            print("ready", flush=True)
            is_first = False
        else:
            wait = time.perf_counter() - began
            longest = max(longest, wait)
            standstill = max(standstill, min(wait, read_cpu_seconds(int(process_id)) - cpu))
        time.sleep(PROBE_SECONDS)
    print(standstill, longest, flush=True)


def measure(server: Server, hostile: Hostile, body: bytes, key: str | None) -> Cost:
    """Send a body once, and see what it costs."""
    headers = {"Content-Encoding": "gzip"} if hostile.is_packed else {}
    if key is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    server.wait_for_rest()
    before = server.read_cpu_seconds()
    status = server.post(hostile.path, body, headers)
    cpu = server.read_cpu_seconds() - before
    server.wait_for_rest()
    prober = Prober(server)
    server.post(hostile.path, body, headers)
    time.sleep(0.05)
    return Cost(status, cpu, *prober.stop())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="those bodies whose name holds this")
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        probe(options.probe)
        return 0
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "workspace")
        try:
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            print(
                f"{'body':<48} {'key':<6} {'bytes':>10} {'answer':>6} {'CPU ms':>8} {'us/byte':>8} "
                f"{'stands ms':>9} {'waits ms':>8}  target"
            )
            for hostile in (each for each in HOSTILE_BODIES if options.only in each.name):
                body = hostile.make()
                for name, key in (("none", None), ("wrong", "cfw_" + "x" * 43), ("right", server.key)):
                    costs = [measure(server, hostile, body, key) for _ in range(ROUNDS)]
                    cpu_ms = statistics.median(cost.cpu_seconds for cost in costs) * 1e3
                    stands_ms = statistics.median(cost.standstill_seconds for cost in costs) * 1e3
                    waits_ms = statistics.median(cost.wait_seconds for cost in costs) * 1e3
                    is_met = stands_ms <= STANDSTILL_MS if name == "right" else cpu_ms <= KEYLESS_MS
                    missed += not is_met
                    target = (
                        f"{STANDSTILL_MS:.0f} ms standstill"
                        if name == "right"
                        else f"{KEYLESS_MS:.0f} ms CPU"
                    )
                    status = costs[-1].status
                    told = f"{1e3 * cpu_ms / len(body):>8.4f}" if status != 200 else f"{'taken':>8}"
                    print(
                        f"{hostile.name:<48} {name:<6} {len(body):>10,} {status or 'cut':>6} {cpu_ms:>8.1f} {told} "
                        f"{stands_ms:>9.1f} {waits_ms:>8.1f}  {target} {'met' if is_met else 'MISSED'}",
                        flush=True,
                    )  # fmt: skip
        finally:
            server.stop()
    print(f"{missed} targets missed." if missed else "All targets met.")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
