"""What somebody looks at, takes away or is refused is on record: lists and downloads too, and no more than fits."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.audit import find_broken_audit, read_audit
from consumer_fusion.access.form_tokens import read_signing_key
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.session_middleware import SessionGuard, SessionMiddleware
from consumer_fusion.surfaces.console.console_application import Console
from consumer_fusion.surfaces.console.sign_in_pages import StaffSessions, sign_in_routes
from consumer_fusion.surfaces.read_app import ReadApp
from small_workspaces import make_order, open_small
from staff_moments import CHEAP, PASSWORD

SITE = "http://localhost:8000"


@pytest.fixture
def server(tmp_path):
    """The pages and the read API of a workspace; its trail; and staff: one for all brands, one for the bakery."""
    with open_small(tmp_path / "ws") as workspace:
        import_events(
            workspace,
            [
                make_order(1, consumer="ann"),
                make_order(2, consumer="ben", days_ago=40),
                make_order(3, brand="grocery", consumer="cora"),
            ],
        )
        hashed = hash_password(PASSWORD, CHEAP)
        named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
        with workspace.store.writing() as session:
            for email, role, brands in (
                ("all@example.org", "analyst", None),
                ("one@example.org", "agent", ["bakery"]),
            ):
                made = create_account(session, email=email, role=role, brands=brands, **named)
                set_password(session, made.account_id, hashed, **named)
        audit_buffer = AuditBuffer(workspace.store, workspace.session_store)
        guard = SessionGuard(
            workspace.store, workspace.session_store, audit_buffer, read_signing_key(workspace.folder),
            lambda: workspace.now_us, cost=CHEAP, bound_address="127.0.0.1",
        )  # fmt: skip
        side = ReadApp(workspace, guard)
        console = Console(workspace, StaffSessions())
        pages = Starlette(routes=[*sign_in_routes(), *console.make_routes()])
        app = Starlette(
            routes=[
                *side.build_routes(),
                Mount("/", app=SessionMiddleware(pages, guard, console.refuse_change)),
            ]
        )
        yield app, workspace, audit_buffer
        side.request_context.close()


def sign_in(app, email):
    http = TestClient(app, base_url=SITE, client=("127.0.0.1", 50_000), follow_redirects=False)
    token = re.search(r'name="form_token" value="([^"]+)"', http.get("/sign-in").text).group(1)
    fields = {"form_token": token, "email": email, "password": PASSWORD}
    assert http.post("/sign-in", data=fields, headers={"Origin": SITE}).status_code == 303
    return http


def read_rows(workspace, audit_buffer):
    audit_buffer.flush(is_last=True)
    with workspace.store.reading() as session:
        assert find_broken_audit(session) == []
        rows = read_audit(session, limit=1000)[::-1]
    return [each for each in rows if each.actor.type == "staff" and each.action != "sign in"]


@pytest.mark.parametrize(
    ("path", "action", "rows"),
    [
        ("/api/v1/scores?brand=bakery", "list scores", 2),
        ("/api/v1/scores", "list scores", 3),
        ("/api/v1/movers?brand=bakery&direction=both", "list movers", 2),
        ("/consumers?brand=bakery", "list consumers", 2),
        ("/consumers?brand=bakery&format=csv", "download", 2),
        ("/brand/figure?brand=bakery&name=movers", "view chart", 2),
        ("/brand/figure?brand=bakery&name=movers&format=csv", "download", 2),
        ("/relationship?consumer=ann&brand=bakery&format=csv", "download", 3),
        ("/relationship/figure?consumer=ann&brand=bakery&name=facets&format=csv", "download", None),
        ("/associations", "list associations", 0),
        ("/identities", "list merges", 0),
    ],
)
def test_a_list_or_a_download_is_one_row_with_route_brand_and_count(server, path, action, rows):
    app, workspace, audit_buffer = server
    assert sign_in(app, "all@example.org").get(path).status_code == 200
    (entry,) = read_rows(workspace, audit_buffer)
    assert entry.action == action
    assert rows is None or entry.detail["rows"] == rows
    assert (entry.brand_id is not None) == ("brand=bakery" in path)
    assert entry.object_id or entry.detail["route"]


def test_a_look_that_is_refused_is_on_record_once_a_minute_with_how_often(server):
    app, workspace, audit_buffer = server
    http = sign_in(app, "one@example.org")
    for _ in range(25):
        assert http.get("/api/v1/scores?brand=grocery").status_code == 403
        assert http.get("/identities?consumer=cora").status_code == 404
        assert http.get("/staff").status_code == 403
    rows = [each for each in read_rows(workspace, audit_buffer) if each.action == "access denied"]
    assert sorted((each.object_id, each.detail["times"]) for each in rows) == [
        ("/api/v1/scores", 25), ("/identities", 25), ("/staff", 25),
    ]  # fmt: skip


def test_a_form_that_is_refused_is_on_record(server):
    app, workspace, audit_buffer = server
    http = sign_in(app, "one@example.org")
    token = re.search(r'name="form_token" value="([^"]+)"', http.get("/associations").text).group(1)
    fields = {"form_token": token, "kept": "ann", "absorbed": "ben", "reason": "x"}
    assert http.post("/identities/merge", data=fields, headers={"Origin": SITE}).status_code == 403
    assert (
        http.post("/identities/merge", data=fields, headers={"Origin": "https://evil.example"}).status_code
        == 403
    )
    refused = {
        each.object_id for each in read_rows(workspace, audit_buffer) if each.action == "access denied"
    }
    assert refused == {"/identities/merge", "a form of another page"}


def test_refusals_are_written_once_a_minute_while_the_server_runs(server):
    _, workspace, audit_buffer = server
    actor = Caller(COMMAND_LINE, "agent", None).actor
    for moment in range(1000):
        audit_buffer.note_refusal(actor, "/staff", moment)
        audit_buffer.flush()
    with workspace.store.reading() as session:
        assert [each for each in read_audit(session) if each.action == "access denied"] == []
