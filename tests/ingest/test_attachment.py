"""Attaching events whose consumer or brand was unknown."""

from __future__ import annotations

import pytest

from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.events.attachment import attach_event
from consumer_fusion.events.entities import ensure_keys, find_keys
from consumer_fusion.records.event import ATTACHMENTS, EVENTS


@pytest.fixture
def attach(desk, store):
    """Attach the one event on record, which has a brand and no consumer."""
    with store.writing() as session:
        source_id = ensure_keys(session, "source", ["shop"])["shop"]
        brand_id = ensure_keys(session, "brand", ["north"])["north"]
        values = {
            "source_id": source_id, "event_id": "e1", "occurred_us": 1, "precision": "second", "received_us": 1,
            "day": 0, "consumer_id": 0, "brand_id": brand_id, "kind": "Order Completed", "kind_id": 1, "trust": 1.0,
            "magnitude": 1.0,
        }  # fmt: skip
        session.insert(EVENTS, tuple(values), [tuple(values.values())])

    def run(**given):
        with store.writing() as session:
            return attach_event(
                session,
                desk.engine,
                desk.folder,
                **{"source": "shop", "event_id": "e1", "reason": "r", "now_us": 9} | given,
            )

    return run


def test_an_event_gets_to_know_its_consumer_and_keeps_its_brand(attach, store):
    attachment = attach(consumer="anna")
    with store.reading() as session:
        assert attachment.consumer_id == find_keys(session, "consumer", ["anna"])["anna"]
        assert attachment.brand_id == find_keys(session, "brand", ["north"])["north"]
        assert session.read(ATTACHMENTS).to_pylist()[0]["reason"] == "r"
        assert session.read(EVENTS)["consumer_id"].to_pylist() == [0]


def test_the_same_attachment_twice_is_one_and_another_consumer_is_refused(attach, store):
    attach(consumer="anna")
    attach(consumer="anna")
    with pytest.raises(ConflictError):
        attach(consumer="ben")
    with store.reading() as session:
        assert session.count(ATTACHMENTS) == 1


def test_another_brand_than_the_known_one_is_refused(attach):
    with pytest.raises(ConflictError, match="brand"):
        attach(brand="south")


@pytest.mark.parametrize("wrong", [{"event_id": "e2"}, {"source": "nowhere"}])
def test_an_event_that_is_not_there_is_told(attach, wrong):
    with pytest.raises(NotFoundError):
        attach(consumer="anna", **wrong)


def test_attaching_to_nothing_is_refused(attach):
    with pytest.raises(InputError):
        attach()
