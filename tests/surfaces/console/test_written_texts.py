"""What was written before it was known who reads it is told in the reader's language: errors, reasons on record."""

from __future__ import annotations

import re

import pytest

from console_town import make_town, open_console
from consumer_fusion.associations import operations as associations
from consumer_fusion.i18n.locales import load_language
from consumer_fusion.i18n.message_translation import WrittenTexts
from consumer_fusion.i18n.translation import say_written, use_language
from copied_workspaces import copy_made

ITALIAN = {"Accept-Language": "it"}


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """A town of one's own, because these tests change it."""
    with open_console(copy_made(tmp_path_factory.mktemp("written") / "town", make_town, 6)) as opened:
        yield opened


def translate(text, **known):
    return WrittenTexts(known.pop("forms"), lambda each: known.get(each, each)).translate(text)


def test_a_text_is_known_by_its_form_and_keeps_its_values():
    forms = [("There is no event '{event_id}' of {source}.", "Di {source} non c'è «{event_id}».")]
    assert translate("There is no event 'a' 7' of the till.", forms=forms) == "Di the till non c'è «a' 7»."
    assert translate("There is an event.", forms=forms) == "There is an event."


def test_of_several_forms_that_fit_the_most_exact_is_meant():
    forms = [
        ("The {name} ended.", "{name} è finito."),
        ("The {kind} ended early.", "{kind} è finito presto."),
    ]
    assert translate("The show ended early.", forms=forms[:1]) == "The show ended early."
    assert translate("The show ended early.", forms=forms) == "show è finito presto."


def test_values_that_are_words_of_ours_are_told_too_and_names_are_not():
    forms = [("'{kind}' at {name}", "«{kind}» presso {name}")]
    assert translate("'shop' at shop", forms=forms, shop="negozio") == "«negozio» presso shop"


def test_in_english_everything_stays_as_it_was_written():
    text = "They have a different account."
    assert say_written(text) == text
    with use_language(load_language("it")):
        assert say_written(text) != text


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
    assert "è ricaduto su sweater-brand: sweater-brand era ben visibile" in page


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
