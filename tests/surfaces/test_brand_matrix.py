"""Every route, asked by every role that may see brand A alone: nothing of brand B is told, not even that it is.

The routes are those that the application has, with the parameters that their code reads: a new one is asked here
without anybody's doing, and a new parameter without a value here fails. All that is of brand B bears a tracer.
"""

from __future__ import annotations

import inspect
import json
import re
from contextlib import contextmanager
from datetime import timedelta
from html import escape, unescape
from urllib.parse import quote

import pytest
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from consumer_fusion import pipeline
from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.access.permissions import ROLE_PERMISSIONS
from consumer_fusion.associations import operations as associations
from consumer_fusion.causal.actions.declared_actions import declare_actions
from consumer_fusion.causal.experiments.assignment import ExperimentPlan, draw_experiment
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.identity import operations as identity
from consumer_fusion.records import find_tables
from consumer_fusion.records.action import Action
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.event import Event
from consumer_fusion.records.identifier import mask_consumer_key
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.score.queries import pair_answers
from consumer_fusion.storage.sqlite import STORE_SCHEMA
from consumer_fusion.surfaces.api import live
from consumer_fusion.surfaces.console import routes as page_list
from consumer_fusion.surfaces.web import build_app
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, open_small
from staff_moments import CHEAP, PASSWORD

SITE = "http://localhost:8000"
A, B, NOWHERE = "own-brand", "tracer-brand", "no-brand"
TRACERS = (
    "tracer", "+39000777", "zq-kind", "zq-text", "zq-channel", "zq-property", "zq-reason",
    "zq-title", "zq-metric", "zq-row", "zq-plan",
)  # fmt: skip
"""What stands in everything of brand B."""
CAUSE = "Complaint Published"
"""The kind of its event that fell on brand A. The points table names it too, for everybody."""
TELL_POINTS = ("/points", "/api/v1/points", "/api/v1/kinds")
ROLES = tuple(role for role in ROLE_PERMISSIONS if role != "owner")
"""An owner sees all brands; of theirs there may be a token for one."""
FIGURES = (
    "movers", "activity", "spread", "symbiosis", "trend", "facets", "history", "contributions", "timeline", "course",
    "brands", "plan", "sentiment", "aspects", "no-figure",
)  # fmt: skip
FILLERS = {
    # name: (of brand A, of brand B, of nobody)
    "brand": ([A], B, NOWHERE),
    "brands": ([A], B, NOWHERE),
    "consumer": (["ann", "shared"], "tracer-only", "nobody"),
    "action": (["own-action"], "tracer-action", "no-action"),
    "action_id": (["own-action"], "tracer-action", "no-action"),
    "experiment": (["own-plan"], "zq-plan", "no-plan"),
    "experiment_id": (["own-plan"], "zq-plan", "no-plan"),
    "metric": (["orders"], "zq-metric", "no-metric"),
    "event": (["order-1"], "tracer-event", "no-event"),
    "event_id": (["order-1"], "tracer-event", "no-event"),
    "without": (["order-1"], "tracer-event", "no-event"),
    "association_id": (["own-link"], "tracer-link", "no-link"),
    "merge_id": (["own-merge"], "tracer-merge", "no-merge"),
    "kept": (["ann"], "tracer-only", "nobody"),
    "absorbed": (["shared"], "tracer-twin", "nobody-2"),
    "search": ([""], "tracer", "zzzzzz"),
    "key": (["Order Completed"], "zq-kind", "zzzzzz"),
    "name": (list(FIGURES), None, None),
    "format": (["", "csv"], None, None),
    "row": (["1"], None, None),
}
"""Values of the parameters that name something of a brand."""
PLAIN = {
    "with_withdrawn": "yes", "is_commercial": "yes", "correction_id": "1", "correction_ids": "1", "is_all": "",
    "rejection_id": "1", "rejection_ids": "1", "code": "", "after": "0",
    "from": "0", "all": "yes", "width": "narrow", "order": "", "days": "30", "limit": "50",
    "sort": "newest", "offset": "0",
    "kind": "", "cursor": "", "as_of": "", "since": "", "direction": "both", "fresh": "", "start": "", "before": "",
    "type": "", "status": "", "account": "",
    "subscription_id": "x", "delivery_ids": "x", "key_id": "x", "token_id": "x", "overlap_hours": "1",
    "types": "score_crossed", "is_internal": "",
    "title": "Changed", "starts_at": "2026-07-01T08:00", "ends_at": "", "reason": "Because.", "source": "shop",
    "share": "30", "seed": "7", "percent": "50", "pairs": "{}", "people": "", "raw": "{}", "line": "10", "reset": "",
    "valid_from": "2026-06-05T20:00", "valid_to": "", "strength": "1", "commercial": "yes", "evidence": "wears",
    "url": "https://example.org/x", "signing_secret": "", "trust": "", "scope": "some", "more_brands": "",
    "role": "agent",
    "purpose": "test", "email": "new@example.org", "quiet_hours": "", "internal": "", "half_life_days": "",
    "facet": "voice",
    "expected_effect": "unknown", "assignment": "unknown", "action_type": "other", "segment": "", "region": "",
    "points": "", "horizon": "28", "outcome": "", "next": "", "password": "wrong password", "link": "",
    "metrics": "orders", "starts": "2026-08-01", "lengths": "7", "search_delays": "", "delay_days": "",
    "effect_days": "", "horizon_days": "28", "delivery_days": "1", "audience": "", "is_randomised": "yes",
    "file": "x", "product": "", "graded": "", "meaning": "", "is_reset": "",
    "aspect": "service", "said": "negative", "polarity": "negative", "is_right": "", "is_failure": "", "is_ironic": "",
    "is_dissatisfied": "", "blamed": "front", "responsible": "", "onlookers_share": "",
    "language": "it", "theme": "dark", "back": "/", "mark": "", "wanted": "",
}  # fmt: skip
"""The others; an empty one is left out."""
MADE_PAGES = {
    **{
        group.path: sorted({name for each in group.queries for name in each.parameters.model_fields})
        for group in page_list.GROUP_PAGES
        if group.group.under
    },
    **{
        group.name_path(each): list(each.parameters.model_fields)
        for group in page_list.GROUP_PAGES
        for each in group.operations
    },
}
"""Pages made from operations, with the fields of their parameters."""
_READS = re.compile(
    r'(?:asked\.get|read_asked|read_form|read_optional|read_choices|read_number|read_moment|read_upload)\(\s*"(\w+)"'
    r'|"(\w+)" in page_request\.asked|page_request\.asked\["(\w+)"\]'
)


def make_events():
    told = {"text": "zq-text", "channel": "zq-channel", "properties": {"zq-property": "zq-property"}}
    complaint = {"severity": 1, "people": 900, "onlookers_share": 0.5, "zq-property": "zq-property"}
    return [
        make_order(1, brand=A), make_order(2, brand=A, consumer="shared", identifiers={"email": "own@example.org"}),
        make_order(3, brand=A, consumer="ann", kind="Complaint Received", days_ago=2),
        make_order(4, brand=A, consumer="ann", kind="Message Sent", value=None, text="You charged me twice."),
        make_order(14, brand=B, kind="Message Sent", value=None, consumer="tracer-only", text="The zq-text failed."),
        make_order(11, consumer="shared", brand=B, identifiers={"phone": "+39000777123"}, **told),
        make_order(12, consumer="tracer-only", brand=B, source="tracer-source", days_ago=1,
                   identifiers={"email": "tracer@example.org"}, **told),
        make_order(13, consumer="tracer-twin", brand=B, **told),
        Event(event_id="tracer-event", source="tracer-source", occurred_at=NOW - timedelta(days=1),
              kind="Complaint Published", consumer="shared", brand=B, text="zq-text", properties=complaint),
        Event(event_id="tracer-recovery", source="tracer-source", occurred_at=NOW - timedelta(hours=5),
              kind="Recovery", consumer="shared", brand=B, properties={"about_event_id": "tracer-event", "share": 0.5}),
        make_order(14, consumer=None, brand=B, **told),
        make_order(15, consumer="tracer-only", brand=B, kind="zq-kind"),
    ]  # fmt: skip


def make_filled(folder):
    """Two brands; all that is of the second bears a tracer."""
    with open_small(folder) as workspace:
        fill(workspace)


def fill(workspace):
    pipeline.import_events(workspace, make_events())
    with workspace.arrivals.writing() as session:
        line = json.dumps({"event_id": "zq-row", "brand": B, "kind": "zq-row", "consumer": "tracer-row"})
        append_arrivals(
            session, [Arrival("events", "tracer-source", B, "source", None, workspace.now_us, line)]
        )
    pipeline.land_arrivals(workspace)
    since_us = workspace.now_us - 30 * 86_400_000_000
    for number, brand in (("own-link", A), ("tracer-link", B)):
        associations.declare(
            workspace, "shared", brand, evidence="wears", strength=1.0, is_commercial=True,
            valid_from_us=since_us, association_id=number,
        )  # fmt: skip
    identity.merge(workspace, "tracer-only", "tracer-twin", reason="zq-reason", merge_id="tracer-merge")
    moment = (NOW - timedelta(days=3)).isoformat()
    declare_actions(
        workspace,
        [
            Action(action_id="own-action", brand=A, title="A letter", starts_at=moment),
            Action(action_id="tracer-action", brand=B, title="zq-title", starts_at=moment, segment="tracer"),
        ],
        origin="file",
    )
    keep_metrics(
        workspace,
        [
            MetricDay(metric="zq-metric", day=20_000 + day, value=1.0 * day, brand=B)
            for day in range(500, 600)
        ],
    )
    for number, brand, people in (
        ("own-plan", A, ["ann", "shared"]),
        ("zq-plan", B, ["shared", "tracer-only"]),
    ):
        plan = ExperimentPlan(
            brand=brand, kind="Campaign Received", outcome="Order Completed", horizon_days=28, experiment_id=number,
            starts_us=to_microseconds(NOW + timedelta(days=5)),
        )  # fmt: skip
        draw_experiment(workspace, plan, share=0.5, seed=3, consumers=people)
    hashed = hash_password(PASSWORD, CHEAP)
    with workspace.store.writing() as session:
        for role in ROLES:
            named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
            account = create_account(session, email=f"{role}@example.org", role=role, brands=[A], **named)
            set_password(session, account.account_id, hashed, **named)


async def tell_once(feed, watch, start, **_named):
    """The live feed as it would tell all that ever changed, and its end."""
    with feed.workspace.store.reading() as session:
        until = live.read_position(session)
    yield live.ServerSentEvent(event="open", data="{}")
    for each in live.list_changes(feed.workspace, live.FeedPosition(0, 0, until.basis), until, watch) or ():
        yield live.ServerSentEvent(event="score", data=each.model_dump_json())


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(live, "tell_changes", tell_once)
    with open_small(copy_made(tmp_path_factory.mktemp("matrix") / "ws", make_filled)) as workspace:
        yield build_app(workspace), workspace
    patch.undo()


def list_routes(app, prefix=""):
    """Every route of an application and of what is mounted in it: path, method, route."""
    while not hasattr(app, "routes"):
        if isinstance(app, StaticFiles):
            return
        app = app.app
    for route in app.routes:
        if isinstance(route, Mount):
            yield from list_routes(route.app, prefix + route.path)
        elif hasattr(route, "original_router"):
            yield from list_routes(route.original_router, prefix + route.include_context.prefix)
        elif isinstance(route, Route) or hasattr(route, "dependant"):
            for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
                yield prefix + route.path, method, route
        else:
            raise AssertionError(f"a route of a kind that this test does not know: {route!r}")


def list_parameters(path, route):
    """What the code of a route reads of a request."""
    if hasattr(route, "dependant"):
        asked = [*route.dependant.query_params, *route.dependant.body_params]
        return [name for each in asked for name in find_fields(each)]
    if path in MADE_PAGES:
        # Which brands are chosen is told by more than one field of a form.
        names = set(MADE_PAGES[path])
        return sorted(
            names - {"brands"} | ({"scope", "brand", "more_brands"} if "brands" in names else set())
        )
    maker = page_list.PAGES.get(path)
    code = inspect.getsource(inspect.getmodule(find_page(maker) if maker else route.endpoint))
    names = {next(filter(None, found)) for found in _READS.findall(code)}
    return sorted(names & (set(FILLERS) | set(PLAIN))) + sorted(names - set(FILLERS) - set(PLAIN))


def find_fields(parameter):
    """The fields of a parameter that is a model, those of an operation; else its own name."""
    return list(getattr(parameter.field_info.annotation, "model_fields", [parameter.alias]))


def find_page(maker):
    """The function behind a page."""
    (inner,) = [each.cell_contents for each in maker.make.__closure__ or ()] or [maker.make]
    return inner


def list_questions(path, route):
    """The values to ask a route with: of the own brand first, then each that has one of the other brand."""
    names = list_parameters(path, route)
    base = {name: FILLERS[name][0][0] if name in FILLERS else PLAIN[name] for name in names}
    yield base, None
    for name in names:
        if name in FILLERS:
            for value in FILLERS[name][0][1:]:
                yield {**base, name: value}, None
    for name in names:
        _, other, unknown = FILLERS.get(name, (None, None, None))
        if other is not None:
            for extra in [{}] + ([{"format": "csv"}] if "format" in names and name != "format" else []):
                yield {**base, **extra, name: other}, {**base, **extra, name: unknown}
    if "consumer" in names:
        # Brand A knows this one too, but not by the number that only brand B was told.
        yield {**base, "consumer": "+39000777123"}, {**base, "consumer": "nobody"}
    if {"brand", "consumer"} <= set(names):
        both = {**base, "brand": B, "consumer": "tracer-only"}
        yield both, {**both, "brand": NOWHERE, "consumer": "nobody"}
    if "brand" in names and base["brand"] and hasattr(route, "dependant"):
        yield {**base, "brand": ""}, None


def clean(text, values):
    """An answer without what the question itself said, and without what differs each time."""
    text = re.sub(r'name="form_token" value="[^"]+"|X-Form-Token": "[^"]+"', "", text)
    for value in sorted(filter(None, values), key=len, reverse=True):
        for form in {value, quote(value), escape(value), mask_consumer_key(value), json.dumps(value)[1:-1]}:
            text = text.replace(form, "•")
    return unescape(text)


class Person:
    """A member of staff who may see brand A alone."""

    def __init__(self, app, role):
        self.http = TestClient(app, base_url=SITE, client=("127.0.0.1", 50_000), follow_redirects=False)
        self.token = self.find_token("/sign-in")
        answer = self.http.post(
            "/sign-in", data={"form_token": self.token, "email": f"{role}@example.org", "password": PASSWORD},
            headers={"Origin": SITE},
        )  # fmt: skip
        assert answer.status_code == 303, answer.text
        self.token = self.find_token("/brands")

    def find_token(self, path):
        return re.search(r'name="form_token" value="([^"]+)"', self.http.get(path).text).group(1)

    def ask(self, method, path, values):
        given = {name: value for name, value in values.items() if value}
        if method == "GET":
            answer = self.http.get(path, params=given)
        elif path.startswith("/api/"):
            lists = {
                name: [given[name]]
                for name in ("brands", "types", "delivery_ids", "correction_ids", "pairs", "rejection_ids")
                if name in given
            }
            headers = {"Origin": SITE, "X-Form-Token": self.token}
            answer = self.http.post(path, json={**given, **lists}, headers=headers)
        else:
            answer = self.http.post(path, data={"form_token": self.token, **given}, headers={"Origin": SITE})
        text = answer.text + "\n" + "\n".join(f"{k}: {v}" for k, v in answer.headers.items() if k != "etag")
        text = re.sub(r"(?m)^(content-length|set-cookie|x-request-id|etag|vary): .*$", "", text)
        return answer.status_code, clean(text, given.values())


LEFT_OUT = {"/healthz", "/readyz", "/metrics"}
"""For the machine: numbers of the whole installation, no brand and nobody."""
ENDS_VISIT = ("/sign-in", "/sign-out", "/welcome", "/account", "/demo", "/preferences")
"""Of the visitor's own session."""


@pytest.fixture(scope="module")
def routes(application):
    found = [
        (path, method, route)
        for path, method, route in list_routes(application[0])
        if not path.startswith(ENDS_VISIT) and path not in LEFT_OUT
    ]
    assert {"/api/v1/identities/show", "/api/v1/live", "/identities", "/brand/figure"} <= {
        path for path, *_ in found
    }
    return found


def test_every_parameter_that_a_route_reads_has_values_here(routes):
    unknown = {
        (path, name)
        for path, _, route in routes
        for name in list_parameters(path, route)
        if name not in FILLERS and name not in PLAIN
    }
    assert not unknown, "give them values in FILLERS where they name something of a brand, else in PLAIN"


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_no_look_tells_of_the_other_brand_and_it_answers_as_if_there_were_none(application, routes, role):
    person, faults, cells = Person(application[0], role), [], 0
    # Everything is asked by the role that may see most, and by one of the narrower ones.
    stretch = {"agent": slice(0, None, 2), "read-only": slice(1, None, 2)}.get(role, slice(None))
    for path, method, route in routes[stretch]:
        if method != "GET":
            continue
        for values, as_unknown in list_questions(path, route):
            status, text = person.ask("GET", path, values)
            cells += 1
            traced = TRACERS if path.startswith(TELL_POINTS) else (*TRACERS, CAUSE)
            told = [tracer for tracer in traced if tracer in text]
            if told:
                faults.append(
                    (path, values, status, told, [text[max(0, text.index(t) - 80) :][:160] for t in told])
                )
            if status >= 500:
                faults.append((path, values, status, text[:300]))
            if as_unknown is not None and (status, text) != person.ask("GET", path, as_unknown):
                faults.append((path, values, status, person.ask("GET", path, as_unknown)[0], "differs"))
    assert not faults, "\n".join(map(str, faults[:40]))
    assert cells > (300 if role == "analyst" else 120)


@contextmanager
def unchanged(workspace):
    """All that stands in the store but the audit is the same afterwards."""
    before = read_all(workspace)
    yield
    after = read_all(workspace)
    assert {name for name in after if after[name] != before.get(name)} == set()


def read_all(workspace):
    left_out = {"audit_entries", "write_keys", "staff_accounts", "read_tokens", "marks"}
    with workspace.store.reading() as session:
        return {
            each.name: sorted(map(str, session.read(each).to_pylist()))
            for each in find_tables()
            if each in STORE_SCHEMA.tables and each.name not in left_out
        }


@pytest.mark.parametrize("role", ROLES)
def test_no_form_changes_anything_of_the_other_brand(application, routes, role):
    app, workspace = application
    person, faults, cells = Person(app, role), [], 0
    with unchanged(workspace):
        for path, method, route in routes:
            if method != "POST":
                continue
            names = list_parameters(path, route)
            other = {name: FILLERS[name][1] or "" if name in FILLERS else PLAIN[name] for name in names}
            unknown = {name: FILLERS[name][2] or "" if name in FILLERS else PLAIN[name] for name in names}
            status, text = person.ask("POST", path, other)
            cells += 1
            if status < 400:
                faults.append((path, status, "was taken"))
            if any(tracer in text for tracer in TRACERS):
                faults.append((path, status, text[:300]))
            if (status, text) != person.ask("POST", path, unknown):
                faults.append((path, status, person.ask("POST", path, unknown)[0], "differs"))
    assert not faults, "\n".join(map(str, faults[:40]))
    assert cells > 25


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "spillover of a public complaint at another brand"),
        ("it", "effetto indiretto di un reclamo pubblico"),
    ],
)
def test_what_fell_on_a_brand_from_another_does_not_name_it(application, language, words):
    person = Person(application[0], "agent")
    pair = {"consumer": "shared", "brand": A}
    person.http.cookies.set("fusion_language", language)
    page = unescape(person.http.get("/relationship", params=pair).text)
    assert words in page
    if language == "en":
        told = person.http.get("/api/v1/explain", params=pair).json()
        (harm, *_) = [each for each in told["contributions"] if each["kind"] == "Reputation Harmed"]
        assert harm["parent_event_id"] == "elsewhere"
        assert harm["sentence"].endswith(words)
        assert {each["sentence"][6:] for each in told["contributions"] if "Recovery" in each["kind"]} == {
            "recovery after a problem at another brand"
        }
        without = person.http.get("/api/v1/explain", params={**pair, "without": harm["event_id"]}).json()
        assert without["without"]["fusion_score"] > told["fusion_score"]
        assert (
            abs(sum(each["contribution"] for each in told["contributions"]) + 50 - told["fusion_score"])
            < 1e-9
        )


def test_an_owner_and_python_are_told_where_it_came_from(application):
    answer = pair_answers.explain_pair(application[1], "shared", A)
    (harm, *_) = [each for each in answer.explanation.contributions if each.kind == "Reputation Harmed"]
    assert "spillover of 'Complaint Published' at tracer-brand: " in harm.sentence
    assert harm.parent_event_id == "tracer-event"


def test_staff_are_told_of_a_consumer_what_their_own_brand_knows(application):
    person = Person(application[0], "agent")
    known = person.http.get("/api/v1/identities/show", params={"consumer": "shared"}).json()
    assert [each["value"] for each in known["identifiers"]] == ["own@example.org"]
    assert known["members"] == ["shared"]
