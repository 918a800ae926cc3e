"""What comes over a key that anybody can read is a claim: it joins no two consumers, and is suggested instead."""

from __future__ import annotations

import json

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.i18n.messages import parse_message
from consumer_fusion.identity import operations as identity
from consumer_fusion.identity import resolution
from consumer_fusion.identity.review import list_claimed
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.records.identity import IDENTIFIERS, IDENTITY_CONFLICTS
from consumer_fusion.repairs import rejected_rows, replacements
from consumer_fusion.score.queries import answers
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, make_small, open_small

CLAIMED = "A browser says that both have the same email; that is a claim and joins nobody."
ALICE, BOB = {"email": "alice@example.org"}, {"email": "bob@example.org"}


def send(workspace, *events, rule="browser", source="brand-a-web"):
    """Let events arrive over a key, in one request, and take them in."""
    us = round(NOW.timestamp() * 1e6)
    lines = [
        json.dumps({"kind": "Page Viewed", "brand": "brand-a", "occurred_at": NOW.isoformat(), **each})
        for each in events
    ]
    with workspace.arrivals.writing() as session:
        append_arrivals(session, [Arrival("events", source, None, rule, None, us, line) for line in lines])
    return pipeline.land_arrivals(workspace)


def attack(workspace, *, number=1, consumers=("alice", "bob")):
    """Two page views of people of another brand, with one address."""
    return send(
        workspace,
        *(
            {"event_id": f"p{number}-{consumer}", "consumer": consumer, "identifiers": {"email": "x@poison.example"}}
            for consumer in consumers
        ),
    )  # fmt: skip


def read_scores(workspace, *consumers):
    return {
        each: round(
            answers.score_pairs(workspace, consumer=each, brand="brand-b", as_of=NOW).to_pylist()[0][
                "fusion_score"
            ],
            9,
        )
        for each in consumers
    }


def list_conflicts(workspace):
    with workspace.store.reading() as session:
        return [parse_message(row["reason"]) for row in session.read(IDENTITY_CONFLICTS).to_pylist()]


def members(workspace, consumer):
    return set(identity.show(workspace, consumer).members)


@pytest.fixture
def known(tmp_path):
    """Alice, who bought much, and Bob, who sent all of it back; both of brand B, as its server tells."""
    orders = [make_order(n, consumer="alice", brand="brand-b", value=50.0) for n in range(4)]
    returns = [make_order(9, consumer="bob", brand="brand-b", kind="Complaint Received")]
    with open_small(copy_made(tmp_path / "known", make_small, [*orders, *returns])) as opened:
        yield opened


def test_one_address_from_a_browser_joins_nobody_of_another_brand(known):
    before = read_scores(known, "alice", "bob")
    attack(known)
    assert read_scores(known, "alice", "bob") == before
    assert members(known, "alice") == {"alice"}
    assert list_conflicts(known) == [CLAIMED]


def test_neither_another_request_nor_a_restart_nor_the_other_order_joins_them(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        attack(workspace, consumers=("alice",))
    with open_small(tmp_path / "ws") as workspace:
        pipeline.import_events(
            workspace,
            [
                make_order(n, consumer=c, brand="brand-b", identifiers={"loyalty": f"card-{c}"})
                for n, c in enumerate(("alice", "bob"))
            ],
        )
        before = read_scores(workspace, "alice", "bob")
        attack(workspace, consumers=("bob",))
    with open_small(tmp_path / "ws") as workspace:
        attack(workspace, number=2)
        assert read_scores(workspace, "alice", "bob") == before
        assert members(workspace, "bob") == {"bob"}
        assert list_conflicts(workspace) == [CLAIMED]


def test_an_address_claimed_first_belongs_to_whom_a_trusted_source_names(known):
    send(known, {"event_id": "p1", "consumer": "alice", "identifiers": {"email": "carol@example.org"}})
    pipeline.import_events(
        known,
        [
            make_order(21, consumer="carol", brand="brand-b", identifiers={"email": "carol@example.org"}),
            make_order(22, consumer=None, brand="brand-b", identifiers={"email": "carol@example.org"}),
        ],
    )
    assert members(known, "carol") == {"carol"}
    assert members(known, "alice") == {"alice"}
    identifiers = identity.show(known, "carol").identifiers
    assert [(each.value, each.strength) for each in identifiers] == [("carol@example.org", "strong")]
    pipeline.import_events(
        known,
        [make_order(23, consumer="carol-2", brand="brand-b", identifiers={"email": "carol@example.org"})],
    )
    assert members(known, "carol") == {"carol", "carol-2"}


def test_a_claim_takes_apart_no_merge_that_trusted_sources_made(known):
    pipeline.import_events(
        known,
        [
            make_order(31, consumer="alice", brand="brand-b", identifiers=ALICE),
            make_order(32, consumer="alice-2", brand="brand-b", identifiers=ALICE),
        ],
    )
    assert members(known, "alice") == {"alice", "alice-2"}
    for number, consumer in enumerate(("alice", "alice-2")):
        send(
            known, {"event_id": f"p{number}", "consumer": consumer, "identifiers": {"account": f"{number}77"}}
        )
    assert members(known, "alice") == {"alice", "alice-2"}


def test_a_visitor_who_signs_in_in_the_same_browser_is_one_person(known):
    send(known, {"event_id": "v1", "identifiers": {"anonymousId": "a-1"}})
    send(
        known,
        {
            "event_id": "v2",
            "consumer": "u-1",
            "identifiers": {"anonymousId": "a-1", "email": "u@example.org"},
        },
    )
    assert members(known, "u-1") == {"u-1", "anonymous_id:a-1"}


@pytest.mark.parametrize("teller", ["a trusted source", "another browser"])
def test_a_visitor_of_somebody_else_is_not_taken(known, teller):
    visitor = {"event_id": "v1", "identifiers": {"anonymousId": "a-1"}}
    if teller == "a trusted source":
        send(known, visitor, rule="source", source="brand-b-server")
    else:
        send(known, visitor, source="brand-b-web")
    send(known, {"event_id": "v2", "consumer": "mallory", "identifiers": {"anonymousId": "a-1"}})
    assert members(known, "mallory") == {"mallory"}
    assert list_conflicts(known) == [CLAIMED.replace("email", "anonymous_id")]


def test_a_row_that_was_set_aside_and_mended_is_still_a_claim(known):
    before = read_scores(known, "alice", "bob")
    attack(known, consumers=("alice",))
    broken = {"event_id": "p2", "consumer": "bob", "identifiers": {"email": "x@poison.example"}}
    assert send(known, {**broken, "occurred_at": "some day"}).rejected == 1
    mended = json.dumps({**broken, "kind": "Page Viewed", "brand": "brand-a", "occurred_at": NOW.isoformat()})
    (row,) = rejected_rows.list_rejected(known)[0]
    assert rejected_rows.retry_rejected(known, [row.rejection_id], mended).accepted == 1
    assert read_scores(known, "alice", "bob") == before


def test_two_trusted_sources_still_join_by_one_address(known):
    pipeline.import_events(
        known,
        [
            make_order(41, consumer="shop-1", brand="brand-b", identifiers=BOB),
            make_order(42, consumer="web-1", brand="brand-b", source="web", identifiers=BOB),
        ],
    )
    assert members(known, "web-1") == {"shop-1", "web-1"}


def test_a_browser_that_says_who_somebody_was_before_is_not_believed_later_either(known):
    before = read_scores(known, "alice")
    send(known, {"event_id": "a1", "consumer": "mallory", "identifiers": {"previous_id": "alice"}})
    pipeline.import_events(
        known, [make_order(51, consumer="alice", brand="brand-b", value=0.0, identifiers=ALICE)]
    )
    assert members(known, "alice") == {"alice"}
    send(known, {"event_id": "a2", "consumer": "mallory", "identifiers": {"previous_id": "zoe"}})
    pipeline.import_events(
        known, [make_order(52, consumer="zoe", brand="brand-b", identifiers={"phone": "+495550100"})]
    )
    assert members(known, "zoe") == {"zoe"}
    assert set(before) == {"alice"}


def test_a_correction_that_came_by_a_browser_brings_no_identifiers_when_it_is_applied(known):
    events = [
        {"event_id": f"p-{consumer}", "consumer": consumer, "channel": "web"} for consumer in ("alice", "bob")
    ]
    send(known, *events)
    address = {"email": "x@poison.example"}
    assert send(known, *({**each, "channel": "app", "identifiers": address} for each in events)).changed == 2
    assert replacements.apply_corrections(known).replaced == 2
    assert members(known, "alice") == {"alice"}
    assert members(known, "bob") == {"bob"}
    with known.store.reading() as session:
        told = session.read(IDENTIFIERS, {"identifier_value": address["email"]}).to_pylist()
    assert [row["strength"] for row in told] in ([], ["weak"])


SECRET = {"email": "alice@secret.example"}
"""An address that brand B's trusted source knows."""


@pytest.fixture
def customer(known):
    """A customer of brand B, by a trusted source."""
    pipeline.import_events(
        known, [make_order(61, consumer="kunde-4711", brand="brand-b", identifiers=SECRET)]
    )
    return known


def list_pairs(workspace):
    return {(row["consumer"], row["brand"]) for row in answers.score_pairs(workspace, as_of=NOW).to_pylist()}


def view(number, consumer=None, identifiers=SECRET, **fields):
    return {"event_id": f"view-{number}", "consumer": consumer, "identifiers": identifiers, **fields}


@pytest.mark.parametrize("is_keyed_by_address", [False, True])
def test_a_claim_without_a_key_counts_for_no_customer_of_another_brand(customer, is_keyed_by_address):
    if is_keyed_by_address:  # the trusted source gives the address alone: the consumer's key is made of it
        address = {"email": "only@secret.example"}
        pipeline.import_events(
            customer, [make_order(62, consumer=None, brand="brand-b", identifiers=address)]
        )
    else:
        address = SECRET
    before = list_pairs(customer)
    send(customer, view(1, identifiers=address))
    (visitor,) = list_pairs(customer) - before
    assert visitor[1] == "brand-a"
    assert visitor[0] not in {consumer for consumer, _ in before}
    assert list_conflicts(customer) == [CLAIMED]


def test_an_address_claimed_before_a_trusted_source_of_another_brand_tells_it_stays_a_visitor(known):
    send(known, view(1))
    (visitor,) = {consumer for consumer, brand in list_pairs(known) if brand == "brand-a"}
    pipeline.import_events(
        known, [make_order(61, consumer="kunde-4711", brand="brand-b", identifiers=SECRET)]
    )
    assert members(known, "kunde-4711") == {"kunde-4711"}
    assert (visitor, "brand-a") in list_pairs(known)
    assert list_conflicts(known) == [CLAIMED]


def test_a_claim_without_a_key_counts_for_whom_a_trusted_source_told_the_same_brand(customer):
    send(customer, view(1, brand="brand-b"), view(2))
    pairs = list_pairs(customer)
    assert ("kunde-4711", "brand-b") in pairs
    assert ("kunde-4711", "brand-a") not in pairs
    assert not {consumer for consumer, brand in pairs if brand == "brand-b"} - {"alice", "bob", "kunde-4711"}


@pytest.mark.parametrize("is_known", [True, False])
def test_who_signs_in_with_a_claimed_address_is_one_whether_or_not_another_brand_knows_it(known, is_known):
    if is_known:
        pipeline.import_events(
            known, [make_order(61, consumer="kunde-4711", brand="brand-b", identifiers=SECRET)]
        )
    send(known, view(1))
    send(known, view(2, consumer="u-1"))
    send(known, view(3))
    assert {consumer for consumer, brand in list_pairs(known) if brand == "brand-a"} == {"u-1"}
    assert len(members(known, "u-1")) == 2


def test_a_visitor_that_a_trusted_source_of_another_brand_knows_is_not_taken(known):
    browser = {"anonymousId": "a-1"}
    pipeline.import_events(known, [make_order(63, consumer="kunde-7", brand="brand-b", identifiers=browser)])
    send(known, view(1, identifiers=browser))
    assert ("kunde-7", "brand-a") not in list_pairs(known)


def test_an_address_claimed_at_two_brands_makes_a_visitor_of_each(known):
    send(known, view(1), view(2, brand="brand-c"))
    found = {brand: consumer for consumer, brand in list_pairs(known) if brand in ("brand-a", "brand-c")}
    assert len(set(found.values())) == 2


def test_how_a_reason_is_worded_decides_neither_which_merge_is_undone_nor_what_is_a_claim(known, monkeypatch):
    monkeypatch.setattr(resolution, "_write_tie", lambda identifier_type: "Tied.")
    monkeypatch.setattr(resolution, "_write_claim", lambda identifier_type: "Claimed.")
    attack(known)
    with known.store.reading() as session:
        assert [(pair.first, pair.reason) for pair in list_claimed(session, 10)] == [("alice", "Claimed.")]
    email, phone = {"email": "eve@example.org"}, {"phone": "+39555010001"}
    fusion.import_events(known, [make_order(70, consumer="eve", identifiers=email | phone)])
    fusion.import_events(known, [make_order(71, consumer="visitor", identifiers=phone)])
    assert members(known, "eve") == {"eve", "visitor"}
    fusion.import_events(known, [make_order(72, consumer="visitor", identifiers={"email": "v@example.org"})])
    assert members(known, "eve") == {"eve"}
