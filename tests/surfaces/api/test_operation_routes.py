"""Operations through the API: a token reads and changes nothing, staff do what their role says."""

from __future__ import annotations

import json
import re

import pytest
from starlette.testclient import TestClient

from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.keys import list_write_keys, verify_write_key
from consumer_fusion.access.password_sign_in import call_with_token
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.access.tokens import list_tokens, verify_token
from consumer_fusion.operations import Operation, find_capabilities, list_grouped, name_path
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.surfaces.api.routing import API_PATH
from consumer_fusion.surfaces.web import build_app
from small_workspaces import open_small
from staff_moments import CHEAP, PASSWORD

SITE = "http://localhost:8000"
GIVEN = {
    "name": "staff",
    "types": ["score_crossed"], "role": "agent", "email": "ida@example.org", "correction_id": 1,
    "file": {"name": "x.csv", "text": "x"}, "starts_at": "2099-01-01",
}  # fmt: skip
"""Values of required fields; of all others \"x\" will do."""


def fill_in(model):
    """Parameters that can be read."""
    return {name: GIVEN.get(name, "x") for name, field in model.model_fields.items() if field.is_required()}


CHANGES = {
    API_PATH + name_path(group, each): fill_in(each.parameters)
    for group, each in list_grouped(find_capabilities().values())
    if isinstance(each, Operation)
}
"""Every change, with parameters that can be read."""


def find_form_token(page):
    return re.search(r'name="form_token" value="([^"]+)"', page).group(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The application of a workspace with an owner and an analyst of one brand."""
    with open_small(tmp_path_factory.mktemp("operations") / "w") as workspace:
        named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
        with workspace.store.writing() as session:
            for email, role, brands in (("owner", "owner", None), ("analyst", "analyst", ["bakery"])):
                account = create_account(
                    session, email=f"{email}@example.org", role=role, brands=brands, **named
                )
                set_password(session, account.account_id, hash_password(PASSWORD, CHEAP), **named)
        yield build_app(workspace), workspace


@pytest.fixture(scope="module")
def staff(served):
    """Clients of staff who are signed in, by the names of their accounts."""
    return {name: sign_in(served[0], f"{name}@example.org") for name in ("owner", "analyst")}


def sign_in(app, email):
    client = TestClient(app, base_url=SITE, client=("127.0.0.1", 50_000), follow_redirects=False)
    token = find_form_token(client.get("/sign-in").text)
    form = {"form_token": token, "email": email, "password": PASSWORD}
    assert client.post("/sign-in", data=form, headers={"Origin": SITE}).status_code == 303
    client.headers.update({"Origin": SITE, "X-Form-Token": find_form_token(client.get("/points").text)})
    return client


def test_staff_create_rotate_and_revoke_a_key(served, staff):
    owner, workspace = staff["owner"], served[1]
    made = owner.post(f"{API_PATH}/keys/create", json={"source": "web-shop", "brand": "bakery"}).json()
    with workspace.store.reading() as session:
        assert verify_write_key(session, made["key"], workspace.now_us).brand == "bakery"
    newer = owner.post(f"{API_PATH}/keys/rotate", json={"key_id": made["key_id"]}).json()
    assert newer["replaces_key_id"] == made["key_id"]
    owner.post(f"{API_PATH}/keys/revoke", json={"key_id": newer["key_id"]})
    listed = owner.get(f"{API_PATH}/keys").json()
    assert {each["key_id"]: each["state"] for each in listed} == {
        made["key_id"]: "rotated", newer["key_id"]: "revoked",
    }  # fmt: skip
    assert made["key"] not in str(listed)
    with workspace.store.reading() as session:
        told = [each for each in read_audit(session) if "write key" in each.action][::-1]
    assert [(each.action, each.object_id) for each in told] == [
        ("create write key", made["key_id"]),
        ("rotate write key", newer["key_id"]),
        ("revoke write key", newer["key_id"]),
    ]
    assert {each.actor.type for each in told} == {"staff"}
    assert told[0].detail == {"source": "web-shop", "kind": "server", "brand": "bakery", "replaces": None}
    assert made["key"] not in repr(told)


def test_a_token_reads_and_changes_nothing(served, staff):
    made = staff["owner"].post(f"{API_PATH}/tokens/create", json={"purpose": "dashboard"}).json()
    program = TestClient(served[0], base_url=SITE, headers={"Authorization": f"Bearer {made['token']}"})
    assert program.get(f"{API_PATH}/brands").status_code == 200
    assert len(CHANGES) > 5
    answers = {path: program.post(path, json=given).status_code for path, given in CHANGES.items()}
    assert answers == dict.fromkeys(CHANGES, 403)
    for path in ("/keys", "/tokens", "/webhooks"):
        assert program.get(API_PATH + path).status_code == 403, path


def list_odd_values(model):
    """Parameters that can be read but for one, which holds half of a character or a number of thirty digits."""
    for name in model.model_fields:
        for odd in ("\ud800", 10**30, [10**30], ["\ud800"]):
            yield {**fill_in(model), name: odd}


def test_a_text_or_number_that_nothing_can_hold_is_refused_and_not_a_failure(staff):
    owner, failures, count = staff["owner"], [], 0
    for group, each in list_grouped(find_capabilities().values()):
        if not isinstance(each, Operation):
            continue
        for given in list_odd_values(each.parameters):
            body = json.dumps(given)  # half of a character as an escape, which JSON allows
            sent = owner.post(API_PATH + name_path(group, each), content=body)
            count += 1
            if sent.status_code >= 500 or "errors" not in sent.json():
                failures.append((each.name, given, sent.status_code))
    assert count > 100
    assert failures == []


@pytest.mark.parametrize(
    "path", ["/webhooks/deliveries?limit={}", "/identities?limit={}", "/rejected?after={}",
             "/unattributed?limit={}", "/effects/plan?brand=bakery&lengths={}"],
)  # fmt: skip
@pytest.mark.parametrize("number", [2**53, 2**63, 10**30])
def test_a_number_that_nothing_can_hold_is_refused_in_a_url(staff, path, number):
    refused = staff["owner"].get(API_PATH + path.format(number))
    assert refused.status_code in (400, 422)
    assert refused.json()["ok"] is False


def test_nobody_changes_anything_without_a_session(served):
    nobody = TestClient(served[0], base_url=SITE, headers={"Origin": SITE})
    assert {nobody.post(path, json=given).status_code for path, given in CHANGES.items()} == {403}


def test_another_site_changes_nothing_with_the_session_of_a_visitor(served, staff):
    """A page elsewhere can send a request with the cookie, but neither our origin nor the token of a form."""
    given = {"json": {"source": "elsewhere"}}
    foreign = staff["owner"].post(
        f"{API_PATH}/keys/create", headers={"Origin": "https://elsewhere.example"}, **given
    )
    assert foreign.status_code == 403
    with served[1].store.reading() as session:
        assert "elsewhere" not in {key.source for key in list_write_keys(session)}


def test_an_analyst_makes_tokens_of_their_own_brands_and_sees_no_others(served, staff):
    analyst, workspace = staff["analyst"], served[1]
    staff["owner"].post(f"{API_PATH}/tokens/create", json={"purpose": "of the owner"})
    made = analyst.post(f"{API_PATH}/tokens/create", json={"purpose": "mine", "brands": ["bakery"]}).json()
    assert [each["purpose"] for each in analyst.get(f"{API_PATH}/tokens").json()] == ["mine"]
    refused = analyst.post(f"{API_PATH}/tokens/create", json={"purpose": "mine", "brands": ["cinema"]})
    assert refused.status_code == 403
    with workspace.store.reading() as session:
        caller = call_with_token(session, verify_token(session, made["token"], workspace.now_us))
        others = next(each for each in list_tokens(session) if each.purpose == "of the owner")
    assert caller.brands == frozenset({"bakery"})
    assert analyst.post(f"{API_PATH}/tokens/revoke", json={"token_id": others.token_id}).status_code == 404


def test_only_whoever_changes_staff_makes_a_token_for_another_account(served, staff):
    given = {"purpose": "for another", "account": "analyst@example.org"}
    assert staff["analyst"].post(f"{API_PATH}/tokens/create", json=given).status_code == 403
    made = staff["owner"].post(f"{API_PATH}/tokens/create", json=given).json()
    assert made["account_name"] == "analyst"
    with served[1].store.reading() as session:
        (entry,) = read_audit(session, object_id=made["token_id"])
    assert entry.detail == {"brands": None, "days": 90, "account": made["account_id"]}


def test_an_owner_of_some_brands_only_is_refused_and_not_given_all(staff):
    asked = {"email": "new-owner@example.org", "role": "owner", "brands": ["bakery"]}
    refused = staff["owner"].post(f"{API_PATH}/staff/invite", json=asked)
    assert refused.status_code == 400
    assert "sees all brands" in refused.json()["message"]


def test_a_file_is_sent_with_its_text_and_never_as_a_path(staff, tmp_path):
    path = tmp_path / "actions.jsonl"
    path.write_text("", encoding="utf-8")
    refused = staff["owner"].post(f"{API_PATH}/actions/import", json={"file": str(path)})
    assert refused.status_code == 422
    line = '{"action_id": "fair", "brand": "bakery", "title": "A fair", "starts_at": "2026-06-01"}'
    sent = {"file": {"name": "actions.jsonl", "text": line}}
    assert staff["owner"].post(f"{API_PATH}/actions/import", json=sent).json() == {"declared": 1, "known": 0}
    assert [each["action_id"] for each in staff["owner"].get(f"{API_PATH}/actions").json()] == ["fair"]


def test_a_file_of_another_brand_is_refused_whole(staff):
    lines = "day,value,brand\n2026-06-01,3,bakery\n2026-06-01,3,cinema\n"
    sent = {"file": {"name": "visits.csv", "text": lines}, "metric": "visits"}
    assert staff["analyst"].post(f"{API_PATH}/metrics/import", json=sent).status_code == 403
    alone = {
        "file": {"name": "visits.csv", "text": "day,value,consumer\n2026-06-01,3,ann\n"},
        "metric": "visits",
    }
    assert staff["analyst"].post(f"{API_PATH}/metrics/import", json=alone).status_code == 403
    assert staff["owner"].get(f"{API_PATH}/metrics").json() == []


def test_a_body_that_is_too_large_is_refused_before_it_is_read(staff, monkeypatch):
    monkeypatch.setattr("consumer_fusion.surfaces.api.operation_routes.MOST_BODY_BYTES", 10)
    answer = staff["owner"].post(f"{API_PATH}/keys/create", json={"source": "web-shop"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
