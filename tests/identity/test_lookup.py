"""Whoever serves somebody has their address, not their key: anybody is found by anything they are known by."""

from __future__ import annotations

from datetime import timedelta

import pytest

import consumer_fusion as fusion
from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.identity import attribution
from consumer_fusion.identity import operations as identity
from consumer_fusion.records.event import Event
from consumer_fusion.score.queries import answers, pair_answers
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, make_small, open_small


@pytest.fixture
def workspace(tmp_path):
    identifiers = {"email": "Ada.Rook@Example.com", "phone": "+39 555 010 0001", "loyalty_card": "L-77"}
    events = [
        make_order(1, consumer="c-0001", identifiers=identifiers),
        make_order(2, consumer="Bo.Vale@Example.com"),
        make_order(3, consumer="consumer-17"),
    ]
    with open_small(copy_made(tmp_path / "ws", make_small, events)) as opened:
        yield opened


@pytest.mark.parametrize(
    "text", ["c-0001", "ada.rook@example.com", "ADA.ROOK@EXAMPLE.COM", "mailto:ada.rook@example.com",
             "+395550100001", "0039 555 0100001", "L-77"],
)  # fmt: skip
def test_anybody_is_looked_up_by_any_identifier_in_any_form(workspace, text):
    assert pair_answers.explain_pair(workspace, text, "bakery", as_of=NOW).consumer == "c-0001"
    assert identity.show(workspace, text).consumer == "c-0001"
    (row,) = answers.score_pairs(workspace, consumer=text, as_of=NOW).to_pylist()
    assert row["consumer"] == "c-0001"


@pytest.mark.parametrize("text", ["bo.vale@example.com", "Bo.Vale@Example.com", "'bo.vale@example.com"])
def test_keys_that_are_addresses_are_one_whatever_their_case(workspace, text):
    event = Event(
        event_id="again", source="till", occurred_at=NOW - timedelta(days=1), kind="Store Visited",
        consumer=text, brand="bakery",
    )  # fmt: skip
    fusion.import_events(workspace, [event])
    rows = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert sorted(row["consumer"] for row in rows) == ["bo.vale@example.com", "c-0001", "consumer-17"]


def test_other_keys_keep_their_case(workspace):
    fusion.import_events(workspace, [make_order(9, consumer="C-0001"), make_order(10, consumer="a@b")])
    rows = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert {"C-0001", "c-0001", "a@b"} <= {row["consumer"] for row in rows}


@pytest.mark.parametrize(
    ("consumer", "brand", "nearest"),
    [("consumer-71", "bakery", "consumer-17"), ("Consumer-17", "bakery", "consumer-17"), ("c-0001", "bakry", "bakery"),
     ("c-0001", "Bakery", "bakery")],
)  # fmt: skip
def test_a_typo_is_refused_with_the_nearest_key(workspace, consumer, brand, nearest):
    with pytest.raises(NotFoundError, match=f"Did you mean '{nearest}'"):
        pair_answers.explain_pair(workspace, consumer, brand, as_of=NOW)
    with pytest.raises(NotFoundError, match=f"Did you mean '{nearest}'"):
        answers.score_pairs(workspace, consumer=consumer, brand=brand, as_of=NOW)


def test_two_who_are_known_and_have_nothing_between_them_stand_at_50(workspace):
    fusion.import_events(workspace, [make_order(20, consumer="eve", brand="other")])
    answer = pair_answers.explain_pair(workspace, "eve", "bakery", as_of=NOW)
    assert (answer.explanation.reading.fusion_score, answer.entries) == (50, ())


def test_staff_of_one_brand_learn_nothing_of_whom_only_others_know(workspace):
    fusion.import_events(workspace, [make_order(20, consumer="eve", brand="other")])
    told = set()
    for consumer in ("eve", "nobody", "consumer-71"):
        with pytest.raises(NotFoundError) as refused:
            pair_answers.explain_pair(workspace, consumer, "bakery", as_of=NOW, with_other_brands=False)
        told.add(str(refused.value))
    assert len(told) == 1


def test_a_text_that_several_are_known_by_is_not_taken_for_one_of_them(workspace):
    fusion.import_events(
        workspace,
        [
            make_order(21, consumer="x", identifiers={"loyalty_card": "12345678"}),
            make_order(22, consumer="y", identifiers={"phone": "12345678"}),
        ],
    )
    for ask in (
        lambda: identity.show(workspace, "12345678"),
        lambda: identity.merge(workspace, "c-0001", "12345678", reason="one person"),
        lambda: pair_answers.explain_pair(workspace, "12345678", "bakery", as_of=NOW),
    ):
        with pytest.raises(ConflictError, match="Several consumers are known by this"):
            ask()


def test_a_key_that_somebody_declares_is_the_key_that_events_bring(workspace):
    fusion.import_events(workspace, [make_order(23, consumer=None)])
    attribution.attach(workspace, "shop", "order-23", consumer="New.Face@Example.com", reason="her card")
    fusion.import_events(workspace, [make_order(24, consumer="new.face@example.com")])
    answer = pair_answers.explain_pair(workspace, "new.face@example.com", "bakery", as_of=NOW)
    assert {each.event_id for each in answer.entries} == {"order-23", "order-24"}


def test_a_former_key_that_is_an_address_is_found_whatever_its_case(workspace):
    fusion.import_events(
        workspace, [make_order(25, consumer="member-9", identifiers={"previous_id": "BO.vale@example.com"})]
    )
    assert set(identity.show(workspace, "member-9").members) == {
        "member-9",
        "bo.vale@example.com",
    }
