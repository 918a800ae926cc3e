"""What consumers say, on the pages: marked words, what was read in them, what the staff say of it, and the sums."""

from __future__ import annotations

import html
import re

import pytest

from console_town import OWNER, PARTIAL, READER, make_town, open_console
from consumer_fusion.records.perception import PERCEPTION_LABELS

TWEET = "/relationship?consumer=pop-artist&brand=salmon-restaurant&as_of=2026-06-15T20:30"


def read_text(page):
    """The words of a page, without its marks."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page.text)))


def test_the_tweet_is_shown_with_its_marked_words_and_what_was_read_in_it(owner):
    page = owner.get(TWEET)
    assert '<mark class="said-negative" title="the staff: negative' in page.text
    told = read_text(page)
    assert (
        "Worst dinner of my life at Salmon Restaurant. The salmon was off, and the waiters just stood there."
        in told
    )
    assert "Read as: negative" in told
    assert "blames: front-of-house staff" in told
    assert "Is this right?" in told


def test_in_italian_too(owner):
    told = read_text(owner.get(TWEET, headers={"Accept-Language": "it"}))
    assert "Letto come: negativa" in told
    assert "È giusto?" in told


def test_a_reader_cannot_correct(sign_in):
    reader = sign_in(READER)
    page = reader.get(TWEET)
    assert "Read as: negative" in read_text(page)
    assert "Is this right?" not in page.text
    refused = reader.send_form("/messages/correct", reader.find_token("/brands"), brand="salmon-restaurant")
    assert refused.status_code == 403


@pytest.fixture
def own_console(tmp_path, make_browser):
    """A console of its own, whose workspace may be changed."""
    with open_console(make_town(tmp_path / "town", people=10)) as opened:
        yield make_browser(opened).sign_in(OWNER), opened[1]


def test_what_the_staff_say_of_a_message_is_kept_and_shown(own_console):
    owner, workspace = own_console
    named = {"brand": "salmon-restaurant", "source": "town", "event_id": "E3", "back": TWEET}
    answer = owner.send(TWEET, "/messages/correct", **named, is_right="yes")
    assert "corrected by staff" in answer.text
    owner.send(
        TWEET, "/messages/correct", **named, is_right="no", blamed="kitchen", is_failure="", is_ironic="no"
    )
    with workspace.store.reading() as session:
        (label,) = session.read(PERCEPTION_LABELS).to_pylist()
    # What was left as read stays as it was said to be before.
    assert label["polarity"] == "negative"
    assert label["is_failure"] is True
    assert label["is_ironic"] is False
    assert label["blamed"] == "kitchen"
    assert "blames: kitchen" in read_text(owner.get(TWEET))


def test_an_agent_of_another_brand_corrects_nothing(sign_in):
    agent = sign_in(PARTIAL)
    named = {"brand": "salmon-restaurant", "source": "town", "event_id": "E3", "polarity": "positive"}
    answer = agent.send_form("/messages/correct", agent.find_token("/brands"), **named)
    assert answer.status_code == 403


def test_the_overview_sums_up_what_consumers_say_and_leads_to_it(owner):
    assert "/brand/sayings?brand=sweater-brand" in html.unescape(owner.get("/brand?brand=sweater-brand").text)
    part = owner.get("/brand/sayings?brand=sweater-brand", headers={"HX-Request": "true"})
    told = read_text(part)
    assert "What consumers say" in told
    assert "Most criticised" in told
    for name in ("sentiment", "aspects"):
        assert owner.get(f"/brand/figure?brand=sweater-brand&name={name}").status_code == 200
        numbers = owner.get(f"/brand/figure?brand=sweater-brand&name={name}&format=csv")
        assert "messages" in numbers.text.splitlines()[0].lower()


def test_the_list_of_messages_keeps_its_filters(owner):
    page = owner.get("/messages?brand=sweater-brand&said=negative")
    assert page.status_code == 200
    links = [html.unescape(each) for each in re.findall(r'href="(/messages\?[^"]*)"', page.text)]
    assert "/messages?brand=sweater-brand&said=negative&aspect=product" in links
    assert "/messages?brand=sweater-brand" in links
