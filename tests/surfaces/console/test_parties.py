"""Who belongs to what, in the console: associations, events without a party, suggestions of who is one person."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from console_town import PARTIAL, SITE, make_town, open_console
from consumer_fusion import pipeline
from consumer_fusion.access.audit import read_audit
from consumer_fusion.associations import operations as associations
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.identity import operations as identity
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.console import suggestion_pages
from copied_workspaces import copy_made

ARTIST = {"consumer": "pop-artist", "brand": "sweater-brand"}
NOBODYS = {
    "event_id": "till-7", "source": "till", "occurred_at": "2026-06-11T10:00:00Z", "brand": "sweater-brand",
    "kind": "Order Completed", "value": 30, "currency": "EUR",
}  # fmt: skip
OF_NO_BRAND = {
    "event_id": "till-8", "source": "till", "occurred_at": "2026-06-12T10:00:00Z", "consumer": "till-consumer",
    "kind": "Order Completed", "value": 20, "currency": "EUR",
}  # fmt: skip
PEOPLE = """consumer,first_name,surname,dob,email,city
{0},Anna,Rossi,1980-03-01,anna.rossi@example.org,Milano
{1},Ana,Rossi,1980-03-01,anna.rossi@example.org,Milano
stranger,Anna,Rossi,1980-03-01,anna.rossi@example.org,Milano
"""


@pytest.fixture
def console(tmp_path):
    """A town of one's own, because these tests change it."""
    with open_console(copy_made(tmp_path / "town", make_town, 6)) as opened:
        yield opened


@pytest.fixture
def workspace(console):
    return console[1]


def read_score(workspace, **pair):
    return answers.score_pairs(workspace, as_of="latest", **pair)["fusion_score"][0].as_py()


def read_actions(workspace):
    with workspace.store.reading() as session:
        return [entry.action for entry in read_audit(session)]


def test_withdrawing_an_association_takes_back_what_spread_over_it(owner, workspace):
    before = read_score(workspace, **ARTIST)
    page = owner.get("/associations").text
    assert "wears or uses it" in page
    number = re.search(r'name="association_id" value="([^"]+)"', page).group(1)
    answer = owner.send("/associations", "/associations/withdraw", association_id=number)
    assert "and everything that spread over it was removed" in answer.text
    assert read_score(workspace, **ARTIST) > before + 4
    assert "pop-artist" not in owner.get("/associations").text
    assert "pop-artist" in owner.get("/associations?with_withdrawn=yes").text
    assert "withdraw association" in read_actions(workspace)


def test_declaring_it_again_brings_it_back(owner, workspace):
    before = read_score(workspace, **ARTIST)
    (known,) = associations.list_associations(workspace)
    associations.withdraw(workspace, known.association_id)
    answer = owner.send(
        "/associations", "/associations/declare", evidence="wears", strength="1", is_commercial="yes",
        valid_from="2026-06-05T20:00", **ARTIST,
    )  # fmt: skip
    assert "is now associated with" in answer.text
    assert read_score(workspace, **ARTIST) == pytest.approx(before, abs=1e-9)
    assert "declare association" in read_actions(workspace)


def test_an_association_with_a_brand_of_others_is_neither_seen_nor_declared(sign_in):
    partial = sign_in(PARTIAL)
    assert "sweater-brand" not in partial.get("/associations").text
    fields = {"evidence": "wears", "valid_from": "2026-06-05T20:00", **ARTIST}
    assert partial.send("/associations", "/associations/declare", **fields).status_code == 403
    own = partial.send("/associations", "/associations/declare", **{**fields, "brand": "book-shop"})
    assert "is now associated with" in own.text


def import_events(workspace, folder, *events):
    lines = folder / "nobodys.jsonl"
    lines.write_text("\n".join(map(json.dumps, events)) + "\n", encoding="utf-8")
    pipeline.import_files(workspace, [lines], choose_reading(format="events"))


def test_an_event_of_nobody_is_shown_and_then_counts_for_its_consumer(owner, workspace, tmp_path):
    assert "Every event has a consumer" in owner.get("/unattributed").text
    import_events(workspace, tmp_path, NOBODYS, OF_NO_BRAND)
    page = owner.get("/unattributed").text
    assert page.index("till-8") < page.index("till-7")
    assert "€30.00" in page
    answer = owner.send(
        "/unattributed", "/identities/attach", source="till", event_id="till-7", consumer="till-consumer",
        reason="The till's camera.",
    )  # fmt: skip
    assert "The event till-7 is attached and counts now." in answer.text
    assert "till-7" not in owner.get("/unattributed").text
    assert read_score(workspace, consumer="till-consumer", brand="sweater-brand") > 50
    owner.send(
        "/unattributed", "/identities/attach", source="till", event_id="till-8", brand="book-shop", reason="Said so."
    )  # fmt: skip
    assert "Every event has a consumer" in owner.get("/unattributed").text
    assert read_actions(workspace).count("attach event") == 2


def test_an_event_with_a_consumer_is_not_given_another(owner, workspace, tmp_path):
    import_events(workspace, tmp_path, OF_NO_BRAND)
    answer = owner.send(
        "/unattributed", "/identities/attach", source="till", event_id="till-8", consumer="somebody-else",
        reason="A mistake.",
    )  # fmt: skip
    assert answer.status_code == 409


def test_where_comparing_is_not_installed_the_page_says_what_to_do(owner, monkeypatch):
    monkeypatch.setattr(suggestion_pages, "find_spec", lambda name: None)
    page = owner.get("/suggestions").text
    assert "is not installed" in page
    assert "The server administrator can install it" in page
    answer = upload(owner, "consumer,first_name\n")
    assert answer.status_code == 501
    assert "is not installed" in answer.text


def upload(owner, text):
    page = owner.get("/suggestions").text
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)
    return owner.http.post(
        "/suggestions/find", data={"form_token": token, "percent": "50"},
        files={"people": ("people.csv", text.encode())}, headers={"Origin": SITE},
    )  # fmt: skip


def make_people(count):
    """Enough other people that something can be learnt, and among them some who are in the file twice."""
    names, places = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo"), ("Roma", "Bari", "Pisa", "Como")
    lines = []
    for number in range(count):
        name, surname = names[number % 6], f"Person{number:03}"
        born, mail = (
            f"19{50 + number % 45}-0{1 + number % 9}-1{number % 9}",
            f"{name}.{surname}@example.org".lower(),
        )
        lines.append(f"other-{number},{name},{surname},{born},{mail},{places[number % 4]}")
        if number % 3 == 0:
            lines.append(f"other-{number}-b,{name},{surname},{born},{mail},{places[number % 4]}")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_pairs_are_suggested_and_only_those_that_are_chosen_are_merged(owner, workspace):
    pytest.importorskip("splink", reason="Splink is not installed (extra `identity`)")
    scores = answers.score_pairs(workspace, brand="sweater-brand", as_of="latest")
    first, second = sorted(key for key in scores["consumer"].to_pylist() if key.startswith("consumer-"))[-2:]
    answer = upload(owner, PEOPLE.format(first, second) + make_people(90))
    assert answer.status_code == 200
    pairs = [json.loads(unescape(text)) for text in re.findall(r'name="pairs" value="([^"]+)"', answer.text)]
    assert [(each["first"], each["second"]) for each in pairs] == [(first, second)]
    assert "same date of birth" in answer.text
    assert "pairs with an unknown consumer" in answer.text
    assert answers.score_pairs(workspace, brand="sweater-brand", as_of="latest").num_rows == scores.num_rows
    done = owner.send("/suggestions", "/identities/accept", pairs=json.dumps(pairs[0]))
    assert "Pairs merged: 1." in done.text
    assert (
        answers.score_pairs(workspace, brand="sweater-brand", as_of="latest").num_rows == scores.num_rows - 1
    )
    assert "merge consumers" in read_actions(workspace)


def test_a_file_without_people_is_refused_with_what_is_expected(owner):
    pytest.importorskip("splink", reason="Splink is not installed (extra `identity`)")
    answer = upload(owner, "colour,size\nred,3\n")
    assert answer.status_code == 400


def test_a_file_of_too_many_people_is_refused_with_what_to_do(owner, monkeypatch):
    monkeypatch.setattr(suggestion_pages, "find_spec", lambda name: name)
    monkeypatch.setattr(suggestion_pages, "MOST_PEOPLE", 2)
    answer = upload(owner, PEOPLE)
    assert answer.status_code == 400
    assert "ask the administrator of this workspace to compare more people" in answer.text


def test_what_is_declared_of_a_relationship_stands_on_its_page(owner, workspace):
    page = "/relationship?consumer=pop-artist&brand=sweater-brand"
    assert "wears or uses it" in owner.get(page).text
    (known,) = associations.list_associations(workspace)
    associations.withdraw(workspace, known.association_id)
    assert "wears or uses it" not in owner.get(page).text


def test_accepting_nothing_says_what_to_do(owner):
    answer = owner.send("/suggestions", "/identities/accept")
    assert answer.status_code == 400
    assert "No pair was chosen." in answer.text
    forged = owner.send("/suggestions", "/identities/accept", pairs='{"first": "a"}')
    assert forged.status_code == 400


def test_what_a_browser_claims_is_suggested_and_joined_by_somebody(owner, workspace):
    keys = ("consumer-000001", "consumer-000002")
    us = workspace.now_us
    lines = [
        json.dumps({
            "event_id": f"claim-{key}", "kind": "Page Viewed", "consumer": key, "brand": "book-shop",
            "occurred_at": "2026-06-12T10:00:00Z", "identifiers": {"email": "one@example.org"},
        })
        for key in keys
    ]  # fmt: skip
    with workspace.arrivals.writing() as session:
        append_arrivals(
            session, [Arrival("events", "web", None, "browser", None, us, line) for line in lines]
        )
    pipeline.land_arrivals(workspace)
    page = unescape(owner.get("/suggestions").text)
    assert "A browser says that both have the same email; that is a claim and joins nobody." in page
    owner.send("/suggestions", "/identities/merge", kept=keys[0], absorbed=keys[1], reason="She said so.")
    assert set(identity.show(workspace, keys[0]).members) >= set(keys)
    assert "Matches reported by browsers" not in owner.get("/suggestions").text
