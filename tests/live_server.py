"""The real server in a process of its own on 127.0.0.1, with its keys, and what has become of what it was sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import httpx

import consumer_fusion as fusion
from consumer_fusion.access.keys import create_write_key
from consumer_fusion.records.arrival import ARRIVALS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import REJECTIONS
from consumer_fusion.storage.sqlite import ARRIVAL_SCHEMA, SQLiteStore

START_SECONDS = 30


def make_key(folder, kind="server", *, source="shop", brand="bakery", **named):
    """A write key of the workspace, made where there is none."""
    if not (folder / "fusion.db").exists():
        fusion.create_workspace(folder)
    with fusion.open_workspace(folder) as workspace, workspace.store.writing() as session:
        return create_write_key(
            session, source=source, kind=kind, brand=brand, now_us=workspace.now_us, **named
        ).secret


class LiveServer:
    """`fusion serve` on a workspace; started and stopped as often as a test likes."""

    def __init__(self, folder):
        self.folder = folder
        self.keys = {
            kind: make_key(folder, kind, source=f"{kind} source") for kind in ("server", "browser", "webhook")
        }
        self.address = ""
        self.client = httpx.Client(timeout=30)
        self.process = None

    @property
    def key(self):
        return self.keys["server"]

    def start(self):
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "consumer_fusion", "serve", "--port", "0", "--json"),
                *("--workspace", str(self.folder)),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "CONSUMER_FUSION_THREADS": "1"},
        )  # fmt: skip
        told = ""
        while not told.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, "the server ended before it listened"
            told += line
        self.address = json.loads(told)["address"]
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                if self.client.get(f"{self.address}/readyz").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not become ready")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        self.process.stdout.close()
        self.client.close()

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def post(self, path, body, *, key=None, headers=None, **named):
        """POST a body, as it is or as JSON, with a write key in the way that most clients send it."""
        content = body if isinstance(body, (bytes, str)) else json.dumps(body)
        auth = None if key == "" else httpx.BasicAuth(key or self.key, "")
        return self.client.post(f"{self.address}{path}", content=content, headers=headers, auth=auth, **named)

    def settle(self):
        """Wait until all that was acknowledged has been read."""
        end = time.monotonic() + 90
        arrivals = SQLiteStore(self.folder / "arrivals.db", ARRIVAL_SCHEMA)
        while True:
            with arrivals.reading() as session:
                if not session.count(ARRIVALS):
                    break
            assert time.monotonic() < end, "what arrived was not read"
            time.sleep(0.05)
        arrivals.close()

    def read_events(self, **wanted):
        """The events on record, their parties by name, oldest first; only those whose fields are as wanted."""
        with fusion.open_workspace(self.folder) as workspace, workspace.store.reading() as session:
            names = session.read(ENTITIES, columns=("entity_id", "entity_key"))
            named = dict(zip(names["entity_id"].to_pylist(), names["entity_key"].to_pylist()))
            rows = session.read(EVENTS, order_by=("sequence",)).to_pylist()
        for row in rows:
            for party in ("consumer", "brand", "source"):
                row[party] = named.get(row[f"{party}_id"])
            row["properties"] = json.loads(row["properties"] or "{}")
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def read_rejections(self):
        """The rows that were set aside."""
        with fusion.open_workspace(self.folder) as workspace, workspace.store.reading() as session:
            return session.read(REJECTIONS).to_pylist()
