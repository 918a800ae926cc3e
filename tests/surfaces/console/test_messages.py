"""Messages: errors and stored reasons are shown in the language of the reader."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from console_town import make_town, open_console
from consumer_fusion.associations import operations as associations
from consumer_fusion.i18n.locales import load_language
from consumer_fusion.i18n.messages import (
    STORED,
    Message,
    as_message,
    parse_message,
    store_message,
    translate_message,
    write_message,
)
from consumer_fusion.i18n.translation import use_language
from copied_workspaces import copy_made

ITALIAN = {"Accept-Language": "it"}


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """A town of one's own, because these tests change it."""
    with open_console(copy_made(tmp_path_factory.mktemp("written") / "town", make_town, 6)) as opened:
        yield opened


def say(text, code="it"):
    with use_language(load_language(code)):
        return translate_message(text)


def test_a_message_is_english_as_a_text_and_translated_where_it_is_shown():
    message = Message("There is no merge {merge_id}.", merge_id="a' 7")
    assert message == "There is no merge a' 7."
    assert say(message) == "L’unione a' 7 non esiste."
    assert say(message, "en") == message


def test_values_that_are_messages_are_translated_too_and_names_are_not():
    message = Message("Spillover of '{kind}' at {there}: {seen}", kind=Message("Order Completed"),
                      there="Order Completed", seen=Message("{here} was in plain view", here="bakery"))  # fmt: skip
    assert say(message).startswith("Effetto indiretto di «Ordine completato» presso Order Completed")
    assert say(message).endswith("bakery era ben visibile")


def test_a_text_that_is_in_no_catalogue_stays_as_it_is():
    assert say(Message("A thing of {brand}.", brand="bakery")) == "A thing of bakery."
    assert say("The same person at the till.") == "The same person at the till."
    assert say('has `identifiers` such as {"email": "..."}') == 'has `identifiers` such as {"email": "..."}'


@given(
    st.recursive(
        st.text(),
        lambda inner: st.builds(
            lambda first, second, number: Message("{a} and {b}: {n}", a=first, b=Message(second), n=number),
            inner, inner, st.integers(),
        ),
        max_leaves=8,
    )
)  # fmt: skip
def test_what_is_stored_is_read_as_it_was(text):
    message = as_message(text)
    found = parse_message(store_message(message)) if message.values else parse_message(write_message(message))
    assert (found, found.template, found.values) == (message, message.template, message.values)
    assert pickle.loads(pickle.dumps(message)) == message  # as it crosses to the other process


@given(st.text())
@example('{"text": "{a.__class__}", "values": {"a": "x"}}')
@example('{"text": "{missing}", "values": {"a": "x"}}')
@example('{"text": "{a:>1000000000}", "values": {"a": "x"}}')
def test_a_reason_of_staff_is_never_taken_for_a_template(reason):
    stored = store_message(reason)
    assert parse_message(stored) == reason
    assert say(parse_message(stored)) == say(reason)


def test_a_field_of_a_result_is_a_text_for_programs_and_a_message_where_it_is_stored():
    class Answer(BaseModel):
        reasons: tuple[Message, ...]

    answer = Answer(reasons=(Message("There is no merge {merge_id}.", merge_id=7), "Unknown."))
    assert answer.model_dump(mode="json") == {"reasons": ["There is no merge 7.", "Unknown."]}
    stored = Answer.model_validate_json(answer.model_dump_json(context=STORED))
    assert stored == answer
    assert stored.reasons[0].values == {"merge_id": 7}
    assert Answer.model_json_schema()["properties"]["reasons"]["items"] == {"type": "string"}


def test_the_reason_why_a_row_was_set_aside_is_told_in_italian(owner):
    page = owner.get("/rejected", headers=ITALIAN).text
    assert "La riga 1 ha un <code>value</code> che non è un numero finito." in page
    assert "has a `value`" not in page


def test_a_reason_that_somebody_gave_stays_in_their_words(owner):
    assert "The same person at the till." in owner.get("/identities", headers=ITALIAN).text


def test_what_an_event_at_another_brand_did_is_told_in_italian(owner):
    page = owner.get(
        "/relationship?consumer=pop-artist&brand=sweater-brand&as_of=2026-06-15T20:30", headers=ITALIAN
    ).text
    assert "presso salmon-restaurant: sweater-brand era ben visibile" in page


def test_an_error_of_any_part_is_told_in_italian(owner, console):
    (association,) = associations.list_associations(console[1])
    form = {
        "evidence": "wears",
        "valid_from": "2026-06-05T20:00",
        "consumer": "a",
        "brand": "b",
        "strength": "7",
    }
    token = re.search(r'name="form_token" value="([^"]+)"', owner.get("/associations").text).group(1)
    answer = owner.http.post(
        "/associations/declare", data={"form_token": token, **form},
        headers={"Origin": "http://localhost:8000", **ITALIAN},
    )  # fmt: skip
    assert answer.status_code == 400
    assert "L’intensità è 7" in answer.text
    assert association.strength == 1


def test_a_wrong_password_is_told_in_italian(stranger):
    token = re.search(r'name="form_token" value="([^"]+)"', stranger.get("/sign-in").text).group(1)
    answer = stranger.http.post(
        "/sign-in", data={"form_token": token, "email": "olga@example.org", "password": "no"},
        headers={"Origin": "http://localhost:8000", **ITALIAN},
    )  # fmt: skip
    assert answer.status_code == 401
    assert "E-mail o password errata." in answer.text
    assert "Riprova" in answer.text


def test_a_link_that_was_used_is_told_in_italian(stranger):
    answer = stranger.get("/welcome/cfl_nothing", headers=ITALIAN)
    assert "Il link è già stato usato, è scaduto o è incompleto." in answer.text
