"""One message gives at most one scored event, and none where the perceiver is unsure."""

from __future__ import annotations

from dataclasses import replace

from consumer_fusion.records.perception import Perception, ResponsibleParty
from consumer_fusion.score.fold.message_events import find_message_event

COMPLAINT = Perception(
    language="en", model="written by hand", polarity={"negative": 0.9, "neutral": 0.1, "positive": 0.0}, emotions={},
    irony=0.1, dissatisfaction=0.8, failure=0.9, severity=0.7, harshness=0.5, repair=0.0,
    responsible=(ResponsibleParty("kitchen", 0.8),),
)  # fmt: skip
PRAISE = replace(
    COMPLAINT,
    polarity={"negative": 0.1, "neutral": 0.1, "positive": 0.8},
    dissatisfaction=0.0,
    failure=0.0,
    severity=0.0,
)


def test_a_complaint_in_private_is_made_and_in_public_is_published() -> None:
    private, public = (find_message_event(COMPLAINT, is_public=each) for each in (False, True))
    assert private is not None
    assert public is not None
    assert (private.kind, public.kind) == ("Complaint Made", "Complaint Published")
    assert private.properties == {"severity": 0.7, "blame": "product"}


def test_praise_is_a_mention_in_public_only() -> None:
    found = find_message_event(PRAISE, is_public=True)
    assert found is not None
    assert (found.kind, found.properties) == ("Brand Mentioned", {"sentiment": 0.8})
    assert find_message_event(PRAISE, is_public=False) is None


def test_dislike_in_public_where_nothing_failed_is_a_mention() -> None:
    found = find_message_event(replace(COMPLAINT, failure=0.2), is_public=True)
    assert found is not None
    assert (found.kind, found.properties) == ("Brand Mentioned", {"sentiment": -0.9})


def test_what_the_source_states_holds() -> None:
    found = find_message_event(COMPLAINT, is_public=True, stated={"severity": 1, "people": 100_000})
    assert found is not None
    assert found.properties == {"severity": 1, "people": 100_000, "blame": "product"}


def test_an_unsure_an_ironic_and_a_neutral_message_give_nothing() -> None:
    neutral = replace(COMPLAINT, polarity={"negative": 0.3, "neutral": 0.5, "positive": 0.2})
    for each in (replace(COMPLAINT, abstained=True), replace(COMPLAINT, irony=0.6), neutral):
        assert find_message_event(each, is_public=True) is None
