"""A small town with its console: the founding example, some neighbours, rows set aside, a merge, members of staff."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.form_tokens import read_signing_key
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.identity import operations as identity
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.session_middleware import SessionGuard, SessionMiddleware
from consumer_fusion.simulate.towns import build_town
from consumer_fusion.surfaces.cli.demo import declare_town
from consumer_fusion.surfaces.console.console_application import Console
from consumer_fusion.surfaces.console.sign_in_pages import StaffSessions, sign_in_routes
from staff_moments import CHEAP, PASSWORD

SITE = "http://localhost:8000"
OWNER, READER, PARTIAL = "olga@example.org", "rosa@example.org", "paul@example.org"
BROKEN = {
    "event_id": "broken-1", "source": "till", "occurred_at": "2026-06-10T10:00:00Z", "consumer": "mended-consumer",
    "brand": "sweater-brand", "kind": "Order Completed", "value": "twelve",
}  # fmt: skip
UNSCORED = {
    "event_id": "new-1", "source": "till", "occurred_at": "2026-06-10T10:00:00Z", "consumer": "consumer-000001",
    "brand": "sweater-brand", "kind": "Window Admired",
}  # fmt: skip


def make_town(folder, people=25):
    """A workspace of a town in a folder."""
    fusion.create_workspace(folder)
    town = build_town(people, 0)
    lines = folder / "till.jsonl"
    lines.write_text("\n".join(json.dumps(line) for line in (BROKEN, UNSCORED)) + "\n", encoding="utf-8")
    with fusion.open_workspace(folder) as workspace:
        declare_town(workspace, town)
        pipeline.import_batches(workspace, town.batches())
        pipeline.import_files(workspace, [lines], choose_reading(format="events"))
        keys = sorted(
            row["consumer"]
            for row in fusion_scores(workspace)
            if row["brand"] == "sweater-brand" and row["consumer"].startswith("consumer-")
        )
        identity.merge(workspace, keys[0], keys[1], reason="The same person at the till.")
        hashed = hash_password(PASSWORD, CHEAP)
        with workspace.store.writing() as session:
            for email, role, brands in (
                (OWNER, "owner", None),
                (READER, "read-only", None),
                (PARTIAL, "agent", ["book-shop"]),
            ):
                named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
                account = create_account(session, email=email, role=role, brands=brands, **named)
                set_password(session, account.account_id, hashed, **named)
    return folder


def fusion_scores(workspace):
    """The scores of the town, as rows."""
    return fusion.score_pairs(workspace, as_of="latest").to_pylist()


@contextmanager
def open_console(folder):
    """The console of a workspace as an application; and the workspace."""
    with fusion.open_workspace(folder) as workspace:
        audit_buffer = AuditBuffer(workspace.store, workspace.session_store)
        guard = SessionGuard(
            workspace.store, workspace.session_store, audit_buffer, read_signing_key(folder), lambda: workspace.now_us,
            cost=CHEAP, bound_address="127.0.0.1",
        )  # fmt: skip
        console = Console(workspace, StaffSessions())
        app = Starlette(
            routes=[*sign_in_routes(), *console.make_routes()], exception_handlers={404: console.show_missing}
        )
        yield SessionMiddleware(app, guard, console.refuse_change), workspace
        audit_buffer.close()


@contextmanager
def serve_console(folder):
    """The address of the console of a workspace, served from a thread."""
    with open_console(folder) as (app, _):
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://localhost:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
