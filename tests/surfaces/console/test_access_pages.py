"""Staff, tokens and webhooks in the console: what is made is shown once, what is taken back counts no longer."""

from __future__ import annotations

import re

import pytest

from console_town import OWNER, PARTIAL, READER, SITE, make_town, open_console
from consumer_fusion.access.accounts import create_account, find_account_by_email, set_password
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.access.permissions import ROLE_PERMISSIONS
from consumer_fusion.access.sessions import open_session
from consumer_fusion.access.tokens import list_tokens, verify_token
from consumer_fusion.alerts.deliveries import list_deliveries
from consumer_fusion.alerts.subscriptions import list_subscriptions
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.records.alert import DELIVERIES
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.surfaces.console.routes import PAGES
from copied_workspaces import copy_made
from staff_moments import CHEAP, PASSWORD

ANALYST, AGENT = "anna@example.org", "aldo@example.org"
CHANGED = "ida@example.org"
"""Another analyst, whose sessions and password change."""
OWNERS_ONLY = ["/keys", "/webhooks", "/staff", "/audit"]
SECRET = re.compile(r'class="secret">([^<]+)<')


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """A town of one's own with an account of every role, because these tests change it."""
    with open_console(copy_made(tmp_path_factory.mktemp("access") / "town", make_town, 6)) as opened:
        workspace = opened[1]
        hashed = hash_password(PASSWORD, CHEAP)
        with workspace.store.writing() as session:
            named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
            for email, role in ((ANALYST, "analyst"), (AGENT, "agent"), (CHANGED, "analyst")):
                account = create_account(session, email=email, role=role, brands=None, **named)
                set_password(session, account.account_id, hashed, **named)
        yield opened


@pytest.fixture
def workspace(console):
    return console[1]


def read_actions(workspace):
    with workspace.store.reading() as session:
        return [entry.action for entry in read_audit(session)]


def find_account(workspace, email):
    with workspace.store.reading() as session:
        return find_account_by_email(session, email)


def find_secret(answer):
    assert answer.status_code == 200
    return SECRET.search(answer.text).group(1)


def invite(owner, email, **fields):
    return owner.send("/staff", "/staff/invite", email=email, **{"role": "agent", "scope": "all", **fields})


@pytest.fixture(scope="module")
def roles(console, make_browser):
    """Somebody of each role but the owner's, who is signed in."""
    emails = {"read-only": READER, "agent": AGENT, "analyst": ANALYST}
    browsers = {role: make_browser(console).sign_in(email) for role, email in emails.items()}
    # The token is that of the session: a form of any page is as good as that of another.
    return {role: (browser, browser.find_token("/brands")) for role, browser in browsers.items()}


@pytest.mark.parametrize("path", sorted(path for path, maker in PAGES.items() if maker.is_change))
def test_somebody_who_may_only_look_changes_nothing(roles, path):
    browser, token = roles["read-only"]
    assert browser.send_form(path, token, key="Order Completed").status_code == 403


def test_every_change_needs_more_than_to_look():
    assert [path for path, maker in PAGES.items() if maker.is_change and maker.needs == "view"] == []


@pytest.mark.parametrize("path", sorted(PAGES))
def test_nobody_gets_further_than_their_role_allows(roles, path):
    maker = PAGES[path]
    for role, (browser, token) in roles.items():
        answer = browser.send_form(path, token) if maker.is_change else browser.get(path)
        assert (answer.status_code == 403) == (maker.needs not in ROLE_PERMISSIONS[role]), (path, role)


@pytest.mark.parametrize(
    ("email", "refused"),
    [
        (ANALYST, OWNERS_ONLY),
        (AGENT, [*OWNERS_ONLY, "/tokens"]),
        (READER, [*OWNERS_ONLY, "/tokens", "/rejected", "/unattributed", "/suggestions", "/identities"]),
        (PARTIAL, [*OWNERS_ONLY, "/tokens", "/rejected", "/unattributed", "/suggestions"]),
    ],
)
def test_each_role_sees_its_own_pages_and_no_others(sign_in, email, refused):
    browser = sign_in(email)
    pages = [
        *OWNERS_ONLY, "/tokens", "/rejected", "/unattributed", "/suggestions", "/identities", "/associations",
    ]  # fmt: skip
    assert [path for path in pages if browser.get(path).status_code == 403] == [
        path for path in pages if path in refused
    ]
    navigation = browser.get("/points").text
    assert [path for path in pages if f'href="{path}"' not in navigation] == [
        path for path in pages if path in refused
    ]


def test_who_is_invited_chooses_a_password_and_comes_in(owner, stranger, workspace):
    link = find_secret(invite(owner, "ivo@example.org", name="Ivo", scope="some", brand="book-shop"))
    assert link.startswith(f"{SITE}/welcome/")
    path = link.removeprefix(SITE)
    stranger.send(path, path, password="four words that fit nowhere", name="Ivo")
    assert "sweater-brand" not in stranger.get("/brands").text
    assert "book-shop" in stranger.get("/brands").text
    account = find_account(workspace, "ivo@example.org")
    assert (account.role, account.brands) == ("agent", frozenset({"book-shop"}))
    assert link not in owner.get("/staff").text
    assert "invite staff" in read_actions(workspace)


def test_the_visitor_of_a_demo_who_is_signed_in_is_not_said_never_to_have_been(owner, workspace):
    with workspace.store.writing() as session:
        account = create_account(
            session, email="visitor@demo.invalid", role="analyst", brands=None, actor=COMMAND_LINE,
            now_us=workspace.now_us,
        )  # fmt: skip
    told = []
    for _ in range(2):
        for page in ("/staff", f"/staff/account?account={account.account_id}"):
            told.append("has not signed in yet" in owner.get(page).text.partition("visitor@demo.invalid")[2])
        with workspace.session_store.writing() as session:
            open_session(session, account, origin="demo", now_us=workspace.now_us)
    assert told == [True, True, False, False]


def test_an_invitation_without_a_brand_is_refused_with_what_to_do(owner):
    answer = invite(owner, "nina@example.org", scope="some")
    assert answer.status_code == 400
    assert "Choose one or more brands" in answer.text


def test_a_change_of_role_counts_from_the_next_click_on(owner, sign_in, workspace):
    invited = find_secret(invite(owner, "rita@example.org"))
    path = invited.removeprefix(SITE)
    rita = sign_in("nobody@example.org")
    rita.send(path, path, password="four words that fit nowhere")
    assert rita.get("/rejected").status_code == 200
    account_id = find_account(workspace, "rita@example.org").account_id
    page = f"/staff/account?account={account_id}"
    owner.send(page, "/staff/change", account=account_id, role="read-only", scope="all")
    assert rita.get("/rejected").status_code == 403
    owner.send(page, "/staff/remove", account=account_id)
    assert rita.get("/brands", follow_redirects=False).status_code == 303
    assert "removed" in owner.get("/staff").text
    assert {"change account", "remove account"} <= set(read_actions(workspace))


def test_somebody_is_signed_out_of_all_browsers(owner, sign_in, workspace):
    analyst = sign_in(CHANGED)
    account_id = find_account(workspace, CHANGED).account_id
    page = f"/staff/account?account={account_id}"
    assert "is signed out everywhere" in owner.send(page, "/staff/sign-out", account=account_id).text
    assert analyst.get("/brands", follow_redirects=False).status_code == 303
    assert "sign out everywhere" in read_actions(workspace)


def test_a_link_for_a_new_password_lets_in_again(owner, stranger, workspace):
    account_id = find_account(workspace, CHANGED).account_id
    page = f"/staff/account?account={account_id}"
    path = find_secret(owner.send(page, "/staff/password", account=account_id)).removeprefix(SITE)
    stranger.send(path, path, password=PASSWORD)
    assert stranger.get("/tokens").status_code == 200


def test_the_only_owner_cannot_be_removed(owner, workspace):
    account_id = find_account(workspace, OWNER).account_id
    answer = owner.send(f"/staff/account?account={account_id}", "/staff/remove", account=account_id)
    assert answer.status_code == 409
    assert find_account(workspace, OWNER).is_active


def test_a_token_is_shown_once_reads_its_brands_and_is_revoked(owner, workspace):
    answer = owner.send(
        "/tokens", "/tokens/create", purpose="weekly dashboard", days="30", scope="some", brand="book-shop"
    )
    secret = find_secret(answer)
    with workspace.store.reading() as session:
        token = verify_token(session, secret, workspace.now_us)
    assert token.brands == frozenset({"book-shop"})
    listed = owner.get("/tokens").text
    assert secret not in listed
    assert "weekly dashboard" in listed
    owner.send("/tokens", "/tokens/revoke", token_id=token.token_id)
    with workspace.store.reading() as session, pytest.raises(AuthenticationError):
        verify_token(session, secret, workspace.now_us)
    assert {"create token", "revoke token"} <= set(read_actions(workspace))


def test_an_analyst_sees_and_revokes_only_their_own_tokens(owner, sign_in, workspace):
    owner.send("/tokens", "/tokens/create", purpose="of the owner", days="30", scope="all")
    with workspace.store.reading() as session:
        token = next(each for each in list_tokens(session) if each.purpose == "of the owner")
    analyst = sign_in(ANALYST)
    assert "of the owner" not in analyst.get("/tokens").text
    assert analyst.send("/tokens", "/tokens/revoke", token_id=token.token_id).status_code == 404
    assert token.revoked_us is None


def subscribe(owner, **fields):
    given = {
        "url": "https://example.org/notices",
        "types": "score_crossed",
        "line": "45,5",
        "quiet_hours": "24",
    }
    return owner.send("/webhooks", "/webhooks/add", **given | fields)


def test_an_address_is_told_until_it_is_withdrawn(owner, workspace):
    secret = find_secret(subscribe(owner, brand="sweater-brand"))
    with workspace.store.reading() as session:
        (made,) = list_subscriptions(session)
    assert (made.secret, made.line, made.brand, made.types) == (
        secret, 45.5, "sweater-brand", ("score_crossed",),
    )  # fmt: skip
    page = owner.get("/webhooks").text
    assert "https://example.org/notices" in page
    assert secret not in page
    owner.send("/webhooks", "/webhooks/remove", subscription_id=made.subscription_id)
    with workspace.store.reading() as session:
        assert list_subscriptions(session) == []
    assert {"add webhook", "remove webhook"} <= set(read_actions(workspace))


def test_an_address_without_tls_is_refused_unless_it_is_our_own(owner):
    answer = subscribe(owner, url="http://example.org/notices")
    assert answer.status_code == 400
    assert "TLS" in answer.text


def test_a_notice_that_was_given_up_is_seen_and_tried_again(owner, workspace):
    subscribe(owner)
    with workspace.store.writing() as session:
        made = list_subscriptions(session)[-1]
        row = (
            "delivery-1", made.subscription_id, "score_crossed", 1, 2, "{}", "dead", 11, workspace.now_us, "timed_out",
            workspace.now_us, None,
        )  # fmt: skip
        session.insert(DELIVERIES, DELIVERIES.column_names, [row])
    page = owner.get("/webhooks?status=dead").text
    assert "timed out" in page
    assert (
        "Deliveries to retry: 1."
        in owner.send("/webhooks", "/webhooks/retry", delivery_ids="delivery-1").text
    )
    with workspace.store.reading() as session:
        assert [each.status for each in list_deliveries(session)] == ["pending"]
    assert "retry deliveries" in read_actions(workspace)


def test_the_audit_tells_what_was_done_to_whom_in_words(owner):
    invite(owner, "berta@example.org", name="Berta", scope="some", brand="book-shop")
    page = owner.get("/audit", headers={"Accept-Language": "it"}).text
    assert ">Berta <" in page
    assert "creazione account" in page
    assert '<span class="quiet">ruolo dopo</span> operatore' in page
    assert '<span class="quiet">marche dopo</span> book-shop' in page
    assert "{&#34;" not in page
