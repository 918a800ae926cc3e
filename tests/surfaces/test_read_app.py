"""The server tells whether it lives, whether it can answer, and what it measures; and it logs no person."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from consumer_fusion.access.accounts import call_as, create_account, find_account_by_email
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.tokens import create_token
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.health import RequestMiddleware
from consumer_fusion.server.session_middleware import SessionGuard
from consumer_fusion.surfaces.read_app import ReadApp
from copied_workspaces import copy_made
from small_workspaces import make_orders, make_small, open_small


@pytest.fixture
def workspace(tmp_path):
    with open_small(copy_made(tmp_path / "ws", make_small, make_orders(30))) as opened:
        yield opened


@pytest.fixture
def side(workspace):
    guard = SessionGuard(
        workspace.store,
        workspace.session_store,
        AuditBuffer(workspace.store, workspace.session_store),
        signing_key=b"k" * 32,
        now_us=lambda: workspace.now_us,
    )
    made = ReadApp(workspace, guard, extra=lambda: {"fusion_extra": 7})
    yield made
    made.stop()


@pytest.fixture
def visitor(side):
    app = Starlette(
        routes=side.build_routes(), middleware=[Middleware(RequestMiddleware, measures=side.measures)]
    )
    return TestClient(app, raise_server_exceptions=False)


def read_measures(visitor):
    answer = visitor.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_server_that_lives_and_can_answer_says_so(visitor):
    assert visitor.get("/healthz").json() == {"ok": True}
    assert visitor.get("/readyz").json() == {"ok": True, "problems": []}


def test_a_server_whose_collector_died_gets_no_requests(visitor, side):
    side.list_problems = lambda: ["the threads that store and land arrivals are not running"]
    app = Starlette(routes=side.build_routes())
    answer = TestClient(app).get("/readyz")
    assert answer.status_code == 503
    assert "threads" in answer.json()["problems"][0]


def test_a_full_disk_is_a_reason_to_get_no_requests(visitor, monkeypatch):
    monkeypatch.setattr("consumer_fusion.server.health.LEAST_FREE_BYTES", 1 << 60)
    assert "disk" in visitor.get("/readyz").json()["problems"][0]


def test_requests_are_measured_by_route_and_name_nobody(visitor):
    visitor.get("/api/v1/score", params={"consumer": "anna", "brand": "bakery"})
    visitor.get("/somewhere/anna")
    measures = read_measures(visitor)
    key = (("method", "GET"), ("route", "/api/v1/score"), ("status", "401"))
    assert measures["fusion_requests_total", key] == 1
    assert measures["fusion_requests_total", (("method", "GET"), ("route", "other"), ("status", "404"))] == 1
    assert measures["fusion_events_inbox", ()] == 30
    assert measures["fusion_extra", ()] == 7
    assert "anna" not in visitor.get("/metrics").text
    assert "bakery" not in visitor.get("/metrics").text


def test_requests_are_logged_by_route(visitor, lines):
    answer = visitor.get("/api/v1/score", params={"consumer": "anna", "brand": "bakery"})
    (entry,) = [line for line in lines() if line["event"] == "request"]
    assert (entry["route"], entry["status"]) == ("/api/v1/score", 401)
    assert entry["request_id"] == answer.headers["x-request-id"]
    assert "anna" not in str(lines())


def test_a_token_opens_the_api_behind_the_gate(visitor, workspace):
    with workspace.store.writing() as session:
        owner = create_account(
            session,
            email="o@example.org",
            role="owner",
            brands=None,
            actor=COMMAND_LINE,
            now_us=workspace.now_us,
        )
        secret = create_token(
            session, call_as(owner), purpose="test", brands=None, now_us=workspace.now_us
        ).secret
    answer = visitor.get("/api/v1/brands", headers={"Authorization": f"Bearer {secret}"})
    assert [row["brand"] for row in answer.json()["items"]] == ["brand-0", "brand-1", "brand-2"]


def test_looks_go_on_record(visitor, workspace, side):
    test_a_token_opens_the_api_behind_the_gate(visitor, workspace)
    with workspace.store.writing() as session:
        owner = find_account_by_email(session, "o@example.org")
        secret = create_token(
            session, call_as(owner), purpose="again", brands=None, now_us=workspace.now_us
        ).secret
    visitor.get(
        "/api/v1/score", params={"consumer": "consumer-1", "brand": "brand-1"},
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip
    side.guard.audit_buffer.flush()
    with workspace.store.reading() as session:
        assert "view score" in [entry.action for entry in read_audit(session)]
