"""A command tells with `--json` what the API answers, for every query that a capability declares."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

import consumer_fusion as fusion
from command_line import ask_fusion
from consumer_fusion.access.accounts import add_account
from consumer_fusion.access.execution import execute
from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.associations import operations as associations
from consumer_fusion.causal.effects.shrinking import measure_effects
from consumer_fusion.causal.experiments.assignment import ExperimentPlan, draw_experiment
from consumer_fusion.operations import Operation, find_capabilities, list_grouped, name_path
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.event import Event
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from copied_workspaces import copy_made
from effect_worlds import make_action, make_orders, open_world

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")

GIVEN = {
    "action_id": "fair",
    "brand": "bakery",
    "consumer": "c1",
    "experiment_id": "letter",
    "account": "ann@example.org",
    "rejection_id": "1",
    "source": "chat",
    "event_id": "said-1",
}
"""What there is in the workspace, by the name of the parameter that asks for it."""
QUERIES = [
    pytest.param(group, query, id=query.name)
    for group, query in list_grouped(find_capabilities().values())
    if not isinstance(query, Operation)
]
ANSWERED = {
    "actions list", "metrics list", "effects list", "effects show", "effects plan", "experiments list",
    "experiments show", "experiments assignments", "associations list", "webhooks list", "staff list", "staff show",
    "rejected list", "rejected show", "messages list", "messages show", "sentiment brands", "sentiment months",
    "sentiment aspects", "perceiver accuracy",
}  # fmt: skip
"""Queries of which the workspace has something to tell."""


def make_world(folder):
    """A workspace with something of most capabilities."""
    with open_world(folder, make_orders(lift=0.4), [make_action()]) as workspace:
        measure_effects(workspace, metrics=["orders"])
        now_us = workspace.now_us
        plan = ExperimentPlan(
            brand="bakery", kind="Campaign Received", outcome="Order Completed", horizon_days=28,
            experiment_id="letter", starts_us=now_us + DAY_MICROSECONDS, title="A letter",
        )  # fmt: skip
        draw_experiment(workspace, plan, share=0.5, seed=3, consumers=[f"c{number}" for number in range(20)])
        associations.declare(
            workspace,
            "c1",
            "bakery",
            evidence="wears",
            strength=0.5,
            is_commercial=True,
            valid_from_us=now_us,
        )
        alert_evaluation.subscribe(workspace, url="https://example.org/x", types=("score_crossed",))
        import_events(workspace, [Event(event_id="", occurred_at=workspace.clock(), kind="Order Completed")])
        said = Event(
            event_id="said-1", source="chat", occurred_at=workspace.clock(), kind="Message Sent", consumer="c1",
            brand="bakery", text="The bread was stale, and nobody answers.",
        )  # fmt: skip
        import_events(workspace, [said])
        with workspace.store.writing() as session:
            add_account(session, email="ann@example.org", role="agent", brands=["bakery"], now_us=now_us)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return copy_made(tmp_path_factory.mktemp("one") / "world", make_world)


@pytest.fixture(scope="module")
def program(folder):
    """A program that may see and do everything, as whoever runs commands."""
    with fusion.open_workspace(folder) as workspace:
        request_context = RequestContext(
            workspace,
            AuditBuffer(workspace.store, workspace.session_store),
            lambda *_: Caller(COMMAND_LINE, "owner", None),
        )
        yield TestClient(build_api(request_context))
        request_context.close()


def list_required(query):
    return [name for name, field in query.parameters.model_fields.items() if field.is_required()]


@pytest.mark.parametrize(("group", "query"), QUERIES)
def test_a_command_and_the_api_tell_the_same(program, folder, group, query):
    asked = {name: GIVEN[name] for name in list_required(query)}
    words = [asked[name] for name in query.arguments if name in asked]
    for name, value in asked.items():
        if name not in query.arguments:
            words += [f"--{name.replace('_', '-')}", value]
    answer = program.get(name_path(group, query), params=asked)
    assert answer.status_code == 200, answer.text
    assert ask_fusion(folder, *query.name.split(), *words) == answer.json()
    assert answer.json() or query.name not in ANSWERED


@pytest.mark.parametrize(("group", "query"), QUERIES)
def test_a_query_opens_no_writing_session(folder, group, query):
    def refuse():
        raise AssertionError("a read opened a writing session")

    asked = query.parameters(**{name: GIVEN[name] for name in list_required(query)})
    with fusion.open_workspace(folder) as workspace:
        reading = replace(workspace, store=ReadingStore(workspace.store, refuse))
        execute(query, reading, Caller(COMMAND_LINE, "owner", None), asked)


def test_a_query_that_writes_is_found(folder):
    def write(context, _):
        with context.workspace.store.writing():
            return []

    planted = replace(QUERIES[0].values[1], run=write)
    with pytest.raises(AssertionError, match="opened a writing session"):
        test_a_query_opens_no_writing_session(folder, None, planted)


class ReadingStore:
    """A store of which only the reading side works."""

    def __init__(self, store, writing):
        self._store = store
        self.writing = writing

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_every_required_parameter_has_a_value_here():
    required = {name for each in QUERIES for name in list_required(each.values[1])}
    assert required <= set(GIVEN), "give it a value in GIVEN, and the workspace something to tell of it"
