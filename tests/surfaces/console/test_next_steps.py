"""No page tells its reader to type a command: what to do is said in the page's own means."""

from __future__ import annotations

import html
import io
import re
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po

import consumer_fusion as fusion
from browser_staff import PAGES
from console_town import OWNER, open_console
from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.surfaces.console.next_steps import find_step
from staff_moments import CHEAP, PASSWORD

CATALOGUE = files("consumer_fusion") / "i18n" / "locale" / "it" / "LC_MESSAGES" / "messages.po"
COMMAND = re.compile(r"\bfusion [a-z]+|(?<![\w-])--[a-z]|\bpip install\b|\bcurl ")
PROBLEMS = [
    "/brand?brand=nobody", "/relationship?consumer=nobody&brand=nowhere", "/consumer?consumer=nobody",
    "/effect?action=nothing", "/effect?action=founding-concert&metric=fusion-score", "/planner?brand=nowhere",
    "/points/kind?key=nothing", "/rejected/row?row=999999", "/identities?consumer=nobody",
    "/experiment?experiment=nothing&brand=sweater-brand", "/staff/account?account=nobody",
]  # fmt: skip
REFUSALS = {
    "/staff/invite": {"email": "paul@example.org", "role": "agent", "scope": "all"},
    "/keys/revoke": {"key_id": "nothing"},
    "/associations/withdraw": {"association_id": "999999"},
    "/associations/declare": {
        "consumer": "pop-artist", "brand": "book-shop", "evidence": "wears", "strength": "1",
        "valid_from": "2026-06-10T10:00", "valid_to": "2026-06-01T10:00",
    },
    "/actions/withdraw": {"action_id": "nothing"},
    "/webhooks/remove": {"subscription_id": "nothing"},
    "/webhooks/retry": {"delivery_ids": "nothing"},
    "/identities/undo": {"merge_id": "999999"},
    "/rejected/drop": {"rejection_ids": "999999"},
    "/tokens/revoke": {"token_id": "nothing"},
    "/staff/change": {"account": "nobody", "role": "agent", "scope": "all"},
}  # fmt: skip


def find_commands(page):
    """The commands in what a page shows; addresses and style are not read."""
    shown = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", page.split("<body", 1)[-1], flags=re.DOTALL)
    return COMMAND.findall(html.unescape(shown))


@pytest.mark.parametrize("path", [*PAGES.values(), *PROBLEMS])
def test_no_page_shows_a_command(owner, path):
    assert find_commands(owner.get(path).text) == []


@pytest.mark.parametrize("path", REFUSALS)
def test_no_refusal_shows_a_command(owner, path):
    answer = owner.send("/staff", path, **REFUSALS[path])
    assert answer.status_code in (200, 400, 404, 409, 422)
    assert find_commands(answer.text) == []


@pytest.fixture(scope="module")
def empty_console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "ws"
    fusion.create_workspace(folder)
    with open_console(folder) as opened:
        workspace = opened[1]
        named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
        with workspace.store.writing() as session:
            account = create_account(session, email=OWNER, role="owner", brands=None, **named)
            set_password(session, account.account_id, hash_password(PASSWORD, CHEAP), **named)
        yield opened


@pytest.mark.parametrize("path", ["/", *PAGES.values()])
def test_no_page_of_an_empty_workspace_shows_a_command(empty_console, make_browser, path):
    page = make_browser(empty_console).sign_in(OWNER).get(path)
    assert find_commands(page.text) == []


def test_a_hint_that_names_a_command_leads_to_its_page(owner):
    page = owner.send("/staff", "/webhooks/remove", subscription_id="nothing").text
    assert 'See this page: <a href="/webhooks">Webhooks</a>' in page


def test_no_text_that_is_written_once_for_all_brings_a_command_onto_a_page():
    catalogue = read_po(io.BytesIO(CATALOGUE.read_bytes()))
    texts = [str(each.id) for each in catalogue if COMMAND.search(str(each.id))]
    assert len(texts) > 15
    for text in texts:
        step = find_step(text)
        assert step is not None, text
        assert not COMMAND.search(step.words)
