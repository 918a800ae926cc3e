"""Whoever is signed in, or was until a moment ago, comes to where they wanted to go and is told who they are."""

from __future__ import annotations

import re

import pytest

from console_town import OWNER, READER, SITE
from staff_moments import PASSWORD

HTML = {"Accept": "text/html"}
ARTIST = "/relationship?consumer=pop-artist&brand=sweater-brand"


def find_form_token(page):
    return re.search(r'name="form_token" value="([^"]+)"', page).group(1)


@pytest.mark.parametrize(
    "door", ["/sign-in", "/sign-in?next=/sign-in", "/sign-in?next=/sign-out", "/sign-in?next=/welcome/x"]
)
def test_somebody_signed_in_is_led_on_from_the_sign_in(owner, door):
    answer = owner.get(door, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_page_that_is_missing_or_refused_tells_who_is_signed_in_and_leads_on(owner):
    owner.http.cookies.set("fusion_theme", "dark")
    missing = owner.get("/no-such-page", headers=HTML)
    refused = owner.http.post("/points/save", data={"form_token": "old"}, headers={"Origin": SITE})
    assert (missing.status_code, refused.status_code) == (404, 403)
    for page in (missing.text, refused.text):
        assert '<nav class="sections"' in page
        assert 'action="/sign-out"' in page
        assert 'data-theme="dark"' in page


def test_a_stranger_at_a_missing_page_is_told_no_name(stranger):
    page = stranger.get("/no-such-page", headers=HTML)
    assert page.status_code == 404
    assert '<nav class="sections"' not in page.text


def test_a_form_sent_after_the_session_ended_leads_to_the_sign_in_and_back_to_its_page(sign_in):
    reader = sign_in(READER)
    page = "/points/kind?key=Order+Completed"
    token = find_form_token(reader.get(page).text)
    reader.http.cookies.delete("fusion_session")
    sent = reader.http.post(
        "/points/preview", data={"form_token": token}, headers={"Origin": SITE, "Referer": f"{SITE}{page}"}
    )
    assert sent.url.path == "/sign-in"
    assert "nothing was changed" in sent.text
    again = reader.http.post(
        str(sent.url), data={"form_token": find_form_token(sent.text), "email": READER, "password": PASSWORD},
        headers={"Origin": SITE}, follow_redirects=False,
    )  # fmt: skip
    assert again.headers["location"] == page


def test_a_form_of_another_site_is_refused_and_not_led_on(stranger):
    answer = stranger.http.post(
        "/points/preview", data={}, headers={"Origin": "https://elsewhere.example"}, follow_redirects=False
    )
    assert answer.status_code == 403


def test_a_part_asked_for_after_the_session_ended_leads_back_to_its_page(stranger):
    part = stranger.get(
        f"/relationship/without?{ARTIST.partition('?')[2]}&event=1",
        headers={"HX-Request": "true", "HX-Current-URL": f"{SITE}{ARTIST}"},
    )
    address = part.headers["hx-redirect"]
    assert address.startswith("/sign-in?next=%2Frelationship%3Fconsumer")
    foreign = stranger.get(
        "/brands", headers={"HX-Request": "true", "HX-Current-URL": "https://elsewhere.example//x"}
    )
    assert foreign.headers["hx-redirect"] == "/sign-in?next=%2F"


def test_a_second_window_that_still_shows_the_sign_in_leads_on(stranger):
    old = find_form_token(stranger.get("/sign-in").text)
    stranger.sign_in(OWNER)
    sent = stranger.http.post(
        "/sign-in?next=/points", data={"form_token": old, "email": OWNER, "password": PASSWORD},
        headers={"Origin": SITE}, follow_redirects=False,
    )  # fmt: skip
    assert (sent.status_code, sent.headers["location"]) == (303, "/points")


def test_a_link_opened_by_somebody_signed_in_tells_as_whom_and_lets_them_out(owner):
    page = owner.send("/staff", "/staff/invite", email="ines@example.org", role="agent", scope="all").text
    link = re.search(r"(/welcome/[\w-]+)", page).group(1)
    opened = owner.get(link).text
    assert "You are signed in as olga" in opened
    assert "instead of yours" in opened
    assert 'action="/sign-out"' in opened


def test_a_link_that_was_used_offers_no_second_sign_in_to_somebody_signed_in(owner):
    page = owner.get("/welcome/used-up").text
    assert "You are signed in as olga" in page
    assert 'type="password"' not in page


def test_whoever_goes_is_told_so(owner):
    page = owner.send("/brands", "/sign-out")
    assert page.url.path == "/sign-in"
    assert "You are signed out." in page.text
    assert owner.get("/brands", follow_redirects=False).status_code == 303
