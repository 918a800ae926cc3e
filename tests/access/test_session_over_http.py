"""Sessions over HTTP: cookies, forms, permissions and headers, as a browser and as a page of another site meet them."""

from __future__ import annotations

import dataclasses
import time

import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from consumer_fusion.access import password_sign_in
from consumer_fusion.access.accounts import call_as, remove_account
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.password_sign_in import make_owner_link
from consumer_fusion.access.permissions import require_permission
from consumer_fusion.access.tokens import create_token, list_tokens
from consumer_fusion.errors import FusionError, StoreError
from consumer_fusion.records.audit import COMMAND_LINE, AuditEntry
from consumer_fusion.server import audit_buffer, authentication
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.http_errors import find_status, write_error, write_headers
from consumer_fusion.server.session_middleware import (
    FORM_FIELD,
    FORM_HEADER,
    MAX_FORM_BYTES,
    SessionGuard,
    SessionMiddleware,
)
from staff_moments import CHEAP, HOUR_US, NOW_US, PASSWORD, SECOND_US

SITE = "https://fusion.example.org"


async def require_caller(request, permission, brand=None):
    """Who asks, as endpoints find out that run in a thread."""
    caller = await run_in_threadpool(authentication.admit_caller, None, request)
    require_permission(caller, permission, brand)
    return caller


async def show_form(request):
    who = authentication.find_staff(request)
    return JSONResponse(
        {"form_token": authentication.read_form_token(request), "who": who and who.account.email}
    )


async def sign_in(request):
    form = await request.form()
    await authentication.sign_in(request, form["email"], form["password"])
    return PlainTextResponse("in")


async def take_up(request):
    form = await request.form()
    await authentication.take_up_link(request, form["secret"], form["password"], email=form.get("email", ""))
    return PlainTextResponse("in")


async def visit_demo(request):
    await authentication.sign_in_visitor(request)
    return PlainTextResponse("in")


async def sign_out(request):
    await authentication.sign_out(request, everywhere=request.query_params.get("everywhere") == "yes")
    return PlainTextResponse("out")


async def look(request):
    brand = request.path_params["brand"]
    caller = await require_caller(request, "view", brand)
    authentication.note_looks(request, [AuditEntry(caller.actor, "view brand", NOW_US, brand_id=7)])
    return PlainTextResponse(f"the numbers of {brand}")


async def change_points(request):
    await require_caller(request, "change_points")
    return PlainTextResponse((await request.form()).get("points", "") or "changed")


async def upload(request):
    await require_caller(request, "change_points")
    return PlainTextResponse(str(len(await request.body())))


async def show_static(_request):
    return PlainTextResponse("a picture", headers={"Cache-Control": "max-age=60"})


async def tell_error(_request, error):
    return JSONResponse(write_error(error), find_status(error), headers=write_headers(error))


ROUTES = [
    Route("/form", show_form), Route("/sign-in", sign_in, methods=["POST"]), Route("/demo", visit_demo),
    Route("/welcome", take_up, methods=["POST"]), Route("/sign-out", sign_out, methods=["POST"]),
    Route("/brands/{brand}", look), Route("/points", change_points, methods=["POST", "PUT", "DELETE"]),
    Route("/picture", show_static), Route("/upload", upload, methods=["PUT"]),
]  # fmt: skip


class Moment:
    """A clock that is set by hand."""

    now_us = NOW_US

    def __call__(self):
        return self.now_us


@pytest.fixture
def moment():
    return Moment()


@pytest.fixture
def guard(store, session_store, moment):
    return SessionGuard(
        store,
        session_store,
        AuditBuffer(store, session_store),
        b"k" * 32,
        moment,
        cost=CHEAP,
        bound_address="127.0.0.1",
    )


@pytest.fixture
def browse(guard):
    """A browser at the site; `guard` may be another one."""

    def make(site=SITE, peer="192.0.2.1", **changed):
        app = Starlette(routes=ROUTES, exception_handlers={FusionError: tell_error})
        chosen = dataclasses.replace(guard, **changed)
        return TestClient(SessionMiddleware(app, chosen), base_url=site, client=(peer, 50_000))

    return make


def send_form(browser, path, site=SITE, **fields):
    """Fill in a form of our own page and send it."""
    token = browser.get("/form").json()["form_token"]
    return browser.post(path, data={FORM_FIELD: token, **fields}, headers={"Origin": site})


def enter(browser, email="anna@example.org", password=PASSWORD, site=SITE):
    return send_form(browser, "/sign-in", site, email=email, password=password)


@pytest.fixture
def browser(browse, anna):
    """A browser in which Anna is signed in."""
    browser = browse()
    assert enter(browser).status_code == 200
    return browser


def test_signing_in_and_out(browser):
    assert browser.get("/form").json()["who"] == "anna@example.org"
    assert send_form(browser, "/sign-out").text == "out"
    assert browser.get("/form").json()["who"] is None
    assert browser.get("/brands/book-shop").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_connections(browse, anna):
    browser = browse()
    cookie = enter(browser).headers.get_list("set-cookie")[0]
    assert cookie.startswith("__Host-fusion_session=cfs_")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= parts
    assert not [part for part in parts if part.startswith("domain")]


def test_signing_in_gives_the_browser_another_session(browser):
    before = browser.cookies["__Host-fusion_session"]
    enter(browser)
    after = browser.cookies["__Host-fusion_session"]
    assert after != before
    browser.cookies.set("__Host-fusion_session", before, domain="fusion.example.org")
    assert browser.get("/brands/book-shop").status_code == 401


def test_a_cookie_that_this_installation_did_not_sign_is_nothing(browser, browse, sign_in):
    # Even a row planted in the store does not help without the signing key.
    token = sign_in().token
    for forged in (token, f"{token}.", f"{token}.AAAA", browser.cookies["__Host-fusion_session"][:-2] + "xx"):
        other = browse()
        other.cookies.set("__Host-fusion_session", forged)
        assert other.get("/form").json()["who"] is None
    other = browse(signing_key=b"o" * 32)
    other.cookies.set("__Host-fusion_session", browser.cookies["__Host-fusion_session"])
    assert other.get("/form").json()["who"] is None


def test_a_cookie_planted_over_plain_http_does_not_count_over_https(browser, browse):
    other = browse()
    other.cookies.set("fusion_session", browser.cookies["__Host-fusion_session"])
    assert other.get("/form").json()["who"] is None


def test_a_change_without_the_form_token_is_refused(browser):
    refused = browser.post("/sign-out", headers={"Origin": SITE})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert browser.get("/form").json()["who"] == "anna@example.org"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_of_another_site_changes_nothing_even_with_a_token(method, browser):
    token = browser.get("/form").json()["form_token"]
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}, {"Referer": "https://evil.example/"},
                    {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}):  # fmt: skip
        refused = browser.request(method, "/points", headers={**headers, FORM_HEADER: token})
        assert refused.status_code == 403


def test_the_form_token_of_another_browser_is_not_taken(browser, browse):
    theirs = browse().get("/form").json()["form_token"]
    refused = browser.post("/sign-out", data={FORM_FIELD: theirs}, headers={"Origin": SITE})
    assert refused.status_code == 403


def test_nobody_is_signed_in_by_a_page_of_another_site(browse, anna):
    # Login forgery: the victim would work in the attacker's account without noticing.
    browser = browse()
    browser.get("/form")
    wrong = {"email": "anna@example.org", "password": PASSWORD, FORM_FIELD: "guessed"}
    assert browser.post("/sign-in", data=wrong, headers={"Origin": SITE}).status_code == 403
    assert enter(browser, site="https://evil.example").status_code == 403


def test_a_form_from_before_signing_in_does_not_count_afterwards(browse, anna):
    browser = browse()
    before = browser.get("/form").json()["form_token"]
    enter(browser)
    refused = browser.post("/sign-out", data={FORM_FIELD: before}, headers={"Origin": SITE})
    assert refused.status_code == 403


def test_the_form_reaches_the_page_whole(browse, make_staff):
    make_staff("ada@example.org", "analyst", None)
    browser = browse()
    enter(browser, "ada@example.org")
    assert send_form(browser, "/points", points="feet = 5").text == "feet = 5"
    token = browser.get("/form").json()["form_token"]
    headers = {"Origin": SITE, FORM_HEADER: token}
    assert browser.put("/upload", content=b"x" * 2 * MAX_FORM_BYTES, headers=headers).text == str(
        2 * MAX_FORM_BYTES
    )
    files = {"points": (None, "as parts"), FORM_FIELD: (None, token)}
    assert browser.post("/points", files=files, headers={"Origin": SITE}).text == "as parts"


def test_a_form_that_is_too_large_or_broken_is_refused_before_the_page(browser):
    large = browser.post("/points", data={"points": "x" * 2 * MAX_FORM_BYTES}, headers={"Origin": SITE})
    assert (large.status_code, large.json()["code"]) == (400, "invalid_input")
    broken = browser.post(
        "/points", content=b"--x\r\nnonsense", headers={"Origin": SITE, "Content-Type": "multipart/form-data"}
    )
    assert broken.status_code in {400, 403}


def test_an_agent_of_one_brand_does_not_see_another(browser):
    assert browser.get("/brands/book-shop").text == "the numbers of book-shop"
    answers = {browser.get(f"/brands/{brand}").text for brand in ("cinema", "no-such-brand")}
    assert len(answers) == 1
    assert "permission_denied" in answers.pop()


def test_an_agent_does_not_change_the_points(browser):
    assert send_form(browser, "/points").status_code == 403


def test_what_was_looked_at_is_on_record(browser, guard, anna):
    browser.get("/brands/book-shop")
    browser.get("/brands/cinema")
    guard.audit_buffer.flush()
    with guard.store.reading() as session:
        (look_at,) = [e for e in read_audit(session) if e.action == "view brand"]
    assert (look_at.actor.id, look_at.brand_id, look_at.at_us) == (anna.account_id, 7, NOW_US)


def test_a_session_lives_on_while_it_is_used_and_ends_when_it_is_not(browser, guard, moment):
    for _ in range(4):
        moment.now_us += HOUR_US
        assert browser.get("/brands/book-shop").status_code == 200
        guard.audit_buffer.flush()
    moment.now_us += 2 * HOUR_US
    assert browser.get("/brands/book-shop").status_code == 401


def test_a_removed_account_is_out_at_the_next_click(browser, guard, anna):
    with guard.store.writing() as session:
        remove_account(session, anna.account_id, now_us=NOW_US)
    assert browser.get("/brands/book-shop").status_code == 401


def test_signing_out_everywhere_ends_the_other_browser_too(browser, browse):
    other = browse()
    enter(other)
    send_form(browser, "/sign-out?everywhere=yes")
    assert other.get("/brands/book-shop").status_code == 401


def test_guessing_over_http_has_to_wait(browse, anna):
    statuses = [enter(browse(), password=f"wrong guess {n}").status_code for n in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    refused = enter(browse())
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1


def test_a_forged_forwarding_header_does_not_start_the_guesses_anew(browse, anna):
    for number in range(6):
        browser = browse()
        browser.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        last = enter(browser, email=f"person{number}@example.org", password="wrong guess")
    assert last.status_code == 401
    with browser.app.guard.session_store.reading() as session:
        from consumer_fusion.records.access import SIGN_IN_FAILURES

        subjects = session.read(SIGN_IN_FAILURES)["subject"].to_pylist()
    assert [subject for subject in subjects if subject.startswith("address:")] == ["address:192.0.2.1"]


def test_a_password_does_not_travel_in_the_open(browse, anna):
    refused = enter(browse("http://fusion.example.org"), site="http://fusion.example.org")
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    local = browse("http://localhost:8000", peer="127.0.0.1")
    assert enter(local, site="http://localhost:8000").status_code == 200
    assert local.get("/form").json()["who"] == "anna@example.org"


def test_a_token_reads_over_http_and_changes_nothing(browse, make_staff, guard):
    ada = make_staff("ada@example.org", "analyst", {"book-shop", "café"})
    with guard.store.writing() as session:
        new = create_token(session, call_as(ada), purpose="dashboard", brands={"café"}, now_us=NOW_US)
    program = browse()
    program.headers["Authorization"] = f"Bearer {new.secret}"
    assert program.get("/brands/café").status_code == 200
    assert program.get("/brands/book-shop").status_code == 403
    assert program.post("/points").status_code == 403
    guard.audit_buffer.flush()
    with guard.store.reading() as session:
        assert list_tokens(session)[0].used_us == NOW_US
    program.headers["Authorization"] = "Bearer cft_wrong"
    assert program.get("/brands/café").status_code == 401


def test_a_token_header_does_not_lead_a_cookie_past_the_form_check(browse, make_staff):
    make_staff("ada@example.org", "analyst", None)
    browser = browse()
    enter(browser, "ada@example.org")
    refused = browser.post("/points", headers={"Authorization": "Bearer x", "Origin": "https://evil.example"})
    assert refused.status_code == 401
    browser.post("/sign-out", headers={"Authorization": "Bearer x", "Origin": "https://evil.example"})
    assert browser.get("/form").json()["who"] == "ada@example.org"


def test_a_link_is_taken_up_over_http(browse, guard):
    with guard.store.writing() as session:
        secret = make_owner_link(session, NOW_US)
    browser = browse()
    taken = send_form(browser, "/welcome", secret=secret, password=PASSWORD, email="olga@example.org")
    assert taken.status_code == 200
    assert browser.get("/form").json()["who"] == "olga@example.org"
    again = send_form(browse(), "/welcome", secret=secret, password=PASSWORD, email="eve@example.org")
    assert again.status_code == 401


def test_the_visitor_of_a_demo_is_signed_in_here_and_nowhere_else(browse):
    here = browse("http://localhost:8000", peer="127.0.0.1", is_demo=True)
    assert here.get("/demo").status_code == 200
    assert here.get("/form").json()["who"] == "visitor@demo.invalid"
    for site, peer, more, headers in (
        ("http://localhost:8000", "127.0.0.1", {"is_demo": False}, {}),
        ("http://localhost:8000", "192.0.2.1", {"is_demo": True}, {}),
        ("http://localhost:8000", "127.0.0.1", {"is_demo": True, "bound_address": "0.0.0.0"}, {}),
        ("http://evil.example:8000", "127.0.0.1", {"is_demo": True}, {}),
        ("http://localhost:8000", "127.0.0.1", {"is_demo": True}, {"X-Forwarded-For": "192.0.2.1"}),
        ("http://localhost:8000", "127.0.0.1", {"is_demo": True}, {"Host": "["}),
    ):
        other = browse(site, peer, **more)
        assert other.get("/demo", headers=headers).status_code == 422
        assert "set-cookie" not in other.get("/demo", headers=headers).headers


def test_what_was_seen_is_not_kept_by_caches(browser):
    answer = browser.get("/brands/book-shop")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]
    assert browser.get("/picture").headers["Cache-Control"] == "max-age=60"


def test_every_answer_tells_the_browser_to_be_careful(browse):
    for answer in (browse().get("/form"), browse().post("/points"), browse().get("/nowhere")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "'unsafe-eval'" not in answer.headers["Content-Security-Policy"]


def test_a_page_without_a_form_sets_no_cookie(browse):
    assert "set-cookie" not in browse().get("/picture").headers


def test_without_the_middleware_nobody_is_let_in():
    browser = TestClient(Starlette(routes=ROUTES, exception_handlers={FusionError: tell_error}))
    assert browser.get("/brands/book-shop").status_code == 403
    assert browser.get("/form").status_code == 403


def test_looks_wait_while_somebody_writes_and_are_not_lost(guard, store, monkeypatch):
    monkeypatch.setattr(audit_buffer, "_PATIENCE_SECONDS", 0.0)
    guard.audit_buffer.note_looks([AuditEntry(COMMAND_LINE, "view pair", NOW_US)])
    guard.audit_buffer.note_session("digest", NOW_US)
    with store.writing(), pytest.raises(StoreError):
        guard.audit_buffer.flush()
    guard.audit_buffer.flush()
    guard.audit_buffer.flush()
    with store.reading() as session:
        assert len(read_audit(session)) == 1


def test_when_the_audit_cannot_be_written_for_long_nothing_more_is_shown(guard, browser, monkeypatch):
    guard.audit_buffer.flush()  # that they came in waits to be written too
    monkeypatch.setattr(audit_buffer, "MAX_WAITING_LOOKS", 3)
    statuses = [browser.get("/brands/book-shop").status_code for _ in range(5)]
    assert statuses == [200] * 3 + [503] * 2
    guard.audit_buffer.flush()
    assert browser.get("/brands/book-shop").status_code == 200


def test_staff_come_in_fail_to_and_go_while_an_import_is_writing(browse, guard, anna, store):
    with store.writing():  # an import does so for minutes
        begun = time.monotonic()
        browser = browse()
        assert enter(browser, password="not the one").status_code == 401
        assert enter(browser).status_code == 200
        assert browser.get("/brands/book-shop").status_code == 200
        assert send_form(browser, "/sign-out").status_code == 200
        assert browser.get("/brands/book-shop").status_code == 401
        assert time.monotonic() - begun < password_sign_in.PATIENCE_SECONDS, "it waited"
    guard.audit_buffer.flush()
    with store.reading() as session:
        told = [entry.action for entry in read_audit(session, actor_id=anna.account_id)]
    assert [action for action in reversed(told) if "sign" in action] == [
        "sign in", "failed sign-in", "sign in", "sign out",
    ]  # fmt: skip


def test_closing_the_trail_writes_what_is_left(guard, store):
    guard.audit_buffer.start()
    guard.audit_buffer.note_looks([AuditEntry(COMMAND_LINE, "view pair", NOW_US + SECOND_US)])
    guard.audit_buffer.close()
    with store.reading() as session:
        assert len(read_audit(session)) == 1
