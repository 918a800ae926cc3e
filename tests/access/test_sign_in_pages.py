"""The pages on which staff come in, in the order in which somebody meets them."""

from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from consumer_fusion.access.one_time_links import write_link
from consumer_fusion.access.password_sign_in import make_owner_link
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.session_middleware import SessionGuard, SessionMiddleware
from consumer_fusion.surfaces.console.sign_in_pages import StaffSessions, sign_in_routes
from staff_moments import CHEAP, NOW_US, PASSWORD

SITE = "http://localhost:8000"
VISITING = StaffSessions()


async def show_first_page(request):
    visitor = VISITING.find_signed_in_staff(request)
    return PlainTextResponse(f"{visitor.name} {visitor.is_demo}" if visitor else "nobody")


async def show_form(request):
    return PlainTextResponse(VISITING.make_form_token(request))


@pytest.fixture
def browse(store, session_store):
    def make(**more):
        guard = SessionGuard(
            store,
            session_store,
            AuditBuffer(store, session_store),
            b"k" * 32,
            lambda: NOW_US,
            cost=CHEAP,
            bound_address="127.0.0.1",
            **more,
        )
        app = Starlette(routes=[Route("/", show_first_page), Route("/form", show_form), *sign_in_routes()])
        return TestClient(SessionMiddleware(app, guard), base_url=SITE, client=("127.0.0.1", 50_000))

    return make


def fill_in(browser, path, **fields):
    """Open a page, fill in its form and send it."""
    page = browser.get(path).text
    action = re.search(r'<form action="([^"]+)" method="post" class="sign-in"', page).group(1)
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)
    return browser.post(
        action.replace("&amp;", "&"), data={"form_token": token, **fields}, headers={"Origin": SITE}
    )


@pytest.fixture
def first_link(store):
    with store.writing() as session:
        return write_link("", make_owner_link(session, NOW_US))


def test_from_the_first_link_to_signing_in_again(browse, first_link):
    browser = browse()
    assert (
        fill_in(browser, first_link, email="olga@example.org", name="Olga", password=PASSWORD).text
        == "Olga False"
    )
    other = browse()
    assert other.get("/").text == "nobody"
    assert fill_in(other, "/sign-in", email="olga@example.org", password=PASSWORD).text == "Olga False"


def test_a_short_password_is_told_and_the_link_stays_good(browse, first_link):
    browser = browse()
    refused = fill_in(browser, first_link, email="olga@example.org", password="short")
    assert refused.status_code == 400
    assert "The password has 5 characters" in refused.text
    assert 'value="olga@example.org"' in refused.text
    assert fill_in(browser, first_link, email="olga@example.org", password=PASSWORD).status_code == 200


def test_a_used_link_is_told_as_such(browse, first_link):
    fill_in(browse(), first_link, email="olga@example.org", password=PASSWORD)
    gone = browse().get(first_link)
    assert gone.status_code == 401
    assert "The link was already used" in gone.text


def test_a_wrong_password_is_told_without_saying_what_is_wrong(browse, anna):
    pages = {
        re.sub(r'value="[^"]*"', "", fill_in(browse(), "/sign-in", email=email, password="wrong guess").text)
        for email in ("anna@example.org", "nobody@example.org")
    }
    assert len(pages) == 1
    assert "The e-mail address or the password is wrong." in pages.pop()


def test_what_was_typed_is_not_read_as_markup(browse):
    page = fill_in(browse(), "/sign-in", email='"><script>alert(1)</script>', password="wrong guess").text
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/?x=1", f"{SITE}/?x=1"),
        ("//evil.example", f"{SITE}/"),
        ("https://evil.example", f"{SITE}/"),
        ("/\\evil.example", f"{SITE}/"),
        ("javascript:alert(1)", f"{SITE}/"),
    ],
)
def test_after_signing_in_one_stays_on_this_site(wanted, reached, browse, anna):
    browser = browse()
    page = browser.get("/sign-in", params={"next": wanted}).text
    action = re.search(r'<form action="([^"]+)" method="post" class="sign-in"', page).group(1)
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)
    for path in (action.replace("&amp;", "&"), f"/sign-in?next={wanted}"):
        answer = browser.post(
            path, data={"form_token": token, "email": "anna@example.org", "password": PASSWORD},
            headers={"Origin": SITE}, follow_redirects=False,
        )  # fmt: skip
        if answer.status_code == 303:
            assert str(browser.base_url.join(answer.headers["location"])) == reached
            return
    pytest.fail("nobody was signed in")


def test_a_demo_lets_its_visitor_in_and_a_workspace_does_not(browse):
    assert browse(is_demo=True).get("/sign-in").text == "Visitor True"
    assert 'type="password"' in browse().get("/sign-in").text


def test_a_demo_that_others_reach_asks_for_a_password(browse):
    page = browse(is_demo=True).get("/sign-in", headers={"X-Forwarded-For": "192.0.2.1"})
    assert 'type="password"' in page.text
    assert "the request was forwarded by a proxy" in page.text


def test_signing_out_leads_to_the_sign_in(browse, anna):
    browser = browse()
    fill_in(browser, "/sign-in", email="anna@example.org", password=PASSWORD)
    assert browser.get("/").text == "anna False"
    assert browser.post("/sign-out", headers={"Origin": SITE}).status_code == 403
    assert browser.get("/").text == "anna False"
    token = browser.get("/form").text
    left = browser.post("/sign-out", data={"form_token": token}, headers={"Origin": SITE})
    assert left.url.path == "/sign-in"
    assert browser.get("/").text == "nobody"


def test_a_choice_of_language_needs_no_form_token_but_a_page_of_ours(browse, store, session_store):
    guard = SessionGuard(
        store, session_store, AuditBuffer(store, session_store), b"k" * 32, lambda: NOW_US, cost=CHEAP
    )
    app = Starlette(routes=[Route("/preferences", show_first_page, methods=["POST"])])
    browser = TestClient(
        SessionMiddleware(app, guard, paths_without_form=frozenset({"/preferences"})), base_url=SITE
    )
    assert browser.post("/preferences", headers={"Origin": SITE}).status_code == 200
    assert browser.post("/preferences", headers={"Origin": "https://evil.example"}).status_code == 403
