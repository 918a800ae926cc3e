"""What staff of one brand are told after anybody claimed an address: the same whether or not another brand knows it."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest
from starlette.testclient import TestClient

from consumer_fusion import pipeline
from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.surfaces.web import build_app
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, open_small
from staff_moments import CHEAP, PASSWORD

pytestmark = pytest.mark.slow

SITE = "http://localhost:8000"
KNOWN, UNKNOWN = "alice@secret.example", "nobody@other.example"
CARD = {KNOWN: "CARD-1", UNKNOWN: "CARD-2"}
"""Brand B knows the first card too."""


def claim(workspace, address, *sightings):
    lines = [
        json.dumps({"event_id": f"{address}-{number}", "kind": "Page Viewed", "brand": "brand-a",
                    "occurred_at": NOW.isoformat(), "consumer": consumer, "identifiers": identifiers})
        for number, (consumer, identifiers) in enumerate(sightings)
    ]  # fmt: skip
    us = round(NOW.timestamp() * 1e6)
    with workspace.arrivals.writing() as session:
        append_arrivals(
            session, [Arrival("events", "web-a", None, "browser", None, us, line) for line in lines]
        )
    assert pipeline.land_arrivals(workspace).accepted == len(lines)


def list_anonymous(address):
    return [(None, {"email": address})]


def list_named(address):
    return [("mine", {"loyalty": CARD[address]})]


def list_signing_in(address):
    return [(None, {"email": address}), ("mine", {"email": address}), ("other", {"email": address})]


def make_shops(folder, key):
    """A workspace of two brands, of which the second knows an address and a card; and an agent of the first."""
    with open_small(folder) as workspace:
        pipeline.import_events(
            workspace,
            [
                make_order(1, consumer="ann", brand="brand-a"),
                make_order(2, consumer=key, brand="brand-b",
                           identifiers={"email": KNOWN, "loyalty": CARD[KNOWN]}),
            ],
        )  # fmt: skip
        named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
        with workspace.store.writing() as session:
            account = create_account(
                session, email="agent@example.org", role="agent", brands=["brand-a"], **named
            )
            set_password(session, account.account_id, hash_password(PASSWORD, CHEAP), **named)


def ask_staff(folder, address, sightings, key):
    """All that an agent of brand A is told, the address itself left out."""
    with open_small(copy_made(folder, make_shops, key)) as workspace:
        claim(workspace, address, *sightings)
        http = TestClient(build_app(workspace), base_url=SITE, client=("127.0.0.1", 50_000))
        token = re.search(r'name="form_token" value="([^"]+)"', http.get("/sign-in").text).group(1)
        signed_in = http.post(
            "/sign-in",
            data={"form_token": token, "email": "agent@example.org", "password": PASSWORD},
            headers={"Origin": SITE},
            follow_redirects=False,
        )
        assert (signed_in.status_code, "set-cookie" in signed_in.headers) == (303, True)
        told = []
        for path in ("/api/v1/identities/show", "/identities", "/consumers", "/api/v1/pairs", "/suggestions"):
            for asked in (
                {"consumer": address}, {"consumer": "mine"}, {"consumer": CARD[address]},
                {"consumer": "kunde-4711"}, {"brand": "brand-a"}, {"brand": "brand-a", "consumer": address},
            ):  # fmt: skip
                answer = http.get(path, params=asked)
                told.append((path, asked, answer.status_code, answer.text))
    text = json.dumps(told)
    text = re.sub(r"form_token[^>]+value=[^>]+>|X-Form-Token[^}]+|nonce-?[^ ]+", "", text)
    masked = f"{address[0]}***@{address.partition('@')[2]}"
    for each in (address, address.replace("@", "%40"), masked, masked.replace("@", "%40"), CARD[address]):
        text = text.replace(each, "•")
    return text, told


@pytest.fixture(scope="module")
def ask_once(tmp_path_factory):
    """What `ask_staff` finds, by an address, a function that lists sightings, and a key; asked once."""

    @cache
    def ask(address, make_sightings, key):
        return ask_staff(tmp_path_factory.mktemp("shops"), address, make_sightings(address), key)

    return ask


@pytest.mark.parametrize("key", ["kunde-4711", KNOWN])
@pytest.mark.parametrize("make_sightings", [list_anonymous, list_named, list_signing_in])
def test_staff_cannot_tell_whether_another_brand_knows_what_was_claimed(ask_once, make_sightings, key):
    known, told = ask_once(KNOWN, make_sightings, key)
    unknown, _ = ask_once(UNKNOWN, make_sightings, key)
    assert any(path == "/api/v1/identities/show" and status == 200 for path, _, status, _ in told)
    assert known == unknown


def test_staff_are_told_what_was_claimed_as_a_claim(ask_once):
    _, told = ask_once(KNOWN, list_named, "kunde-4711")
    (mine,) = [
        json.loads(text)
        for path, asked, _, text in told
        if path == "/api/v1/identities/show" and asked == {"consumer": "mine"}
    ]
    assert mine["identifiers"] == [
        {
            "type": "loyalty_card",
            "value": "CARD-1",
            "masked": "***",
            "strength": "weak",
            "consumer": "mine",
            "seen_at": None,
        }
    ]
