"""A small workspace behind the read API, and programs with tokens for all brands and for one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from consumer_fusion.access.accounts import call_as, create_account, find_account_by_email
from consumer_fusion.access.tokens import create_token
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.event import Event
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from small_workspaces import NOW, make_order, make_orders, open_small
from token_admission import admit_token


def make_complaint(number, *, days_ago=1.0, consumer="ann", brand="bakery"):
    return Event(
        event_id=f"complaint-{number}",
        source="shop",
        occurred_at=NOW - timedelta(days=days_ago),
        kind="Complaint Published",
        consumer=consumer,
        brand=brand,
        properties={"severity": 1, "people": 50},
    )


def make_token(workspace, brands=None):
    """The secret of a token of an owner."""
    with workspace.store.writing() as session:
        owner = find_account_by_email(session, "owner@example.org") or create_account(
            session, email="owner@example.org", role="owner", brands=None, actor=COMMAND_LINE,
            now_us=workspace.now_us,
        )  # fmt: skip
        return create_token(
            session, call_as(owner), purpose="test", brands=brands, now_us=workspace.now_us
        ).secret


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    with open_small(tmp_path_factory.mktemp("api") / "ws") as workspace:
        import_events(
            workspace,
            [*make_orders(120, consumers=23, brands=3), make_order(1000), make_complaint(1)],
        )
        yield workspace


@pytest.fixture(scope="module")
def request_context(filled):
    made = RequestContext(filled, AuditBuffer(filled.store, filled.session_store), admit_token)
    yield made
    made.close()


def make_program(workspace, request_context, brands=None):
    """A program with a token for some brands, or for all."""
    return TestClient(
        build_api(request_context),
        headers={"Authorization": f"Bearer {make_token(workspace, brands)}"},
        raise_server_exceptions=False,
    )


@pytest.fixture(scope="module")
def program(filled, request_context):
    """A program that may read all brands."""
    return make_program(filled, request_context)


@pytest.fixture(scope="module")
def bakery_program(filled, request_context):
    """A program that may read one brand only."""
    return make_program(filled, request_context, ["bakery"])
