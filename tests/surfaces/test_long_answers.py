"""An answer that goes on for hours ends when whoever listens may hear no more."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import httpx
import pytest

import consumer_fusion as fusion
from consumer_fusion.access.accounts import list_accounts, remove_account, sign_out_everywhere
from consumer_fusion.access.sessions import close_sessions
from consumer_fusion.server.http_server import make_server
from consumer_fusion.surfaces.api import live
from consumer_fusion.surfaces.web import Deployment, build_app
from consumer_fusion.workspace import DEMO_MARK


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A demo that is served, with its visitor signed in, and its workspace."""
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.2)
    folder = fusion.create_workspace(tmp_path / "town")
    (folder / DEMO_MARK).touch()
    with fusion.open_workspace(folder) as workspace:
        app = build_app(workspace, place=Deployment("127.0.0.1"))
        server = make_server(app, host="127.0.0.1", port=0)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
        thread.start()
        while not server.started:
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, follow_redirects=True) as visitor:
            assert visitor.get("/").status_code == 200
            yield visitor, workspace
        server.should_exit = True
        thread.join()


def find_signed_in_staff(workspace):
    with workspace.store.reading() as session:
        return list_accounts(session)[0]


def end_by_signing_out(visitor, workspace):
    with workspace.store.writing() as session:
        sign_out_everywhere(session, find_signed_in_staff(workspace).account_id)


def end_by_leaving(visitor, workspace):
    with workspace.session_store.writing() as session:
        close_sessions(session, find_signed_in_staff(workspace).account_id)


def end_by_removal(visitor, workspace):
    with workspace.store.writing() as session:
        remove_account(session, find_signed_in_staff(workspace).account_id, now_us=workspace.now_us)


@pytest.mark.parametrize("end", [end_by_signing_out, end_by_leaving, end_by_removal])
def test_live_changes_end_when_their_listener_is_signed_out(demo, end):
    visitor, workspace = demo
    with visitor.stream("GET", "/api/v1/live") as answer:
        lines = answer.iter_lines()
        assert any("open" in line for line in itertools.islice(lines, 4))
        time.sleep(0.5)  # asked more than once, and let be
        end(visitor, workspace)
        begun = time.monotonic()
        for _ in lines:
            pass
        assert time.monotonic() - begun < 5
    assert visitor.get("/api/v1/brands").status_code == 401
