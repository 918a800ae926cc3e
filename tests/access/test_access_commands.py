"""`fusion keys`, `fusion tokens` and `fusion staff`, as a person and as a program run them."""

from __future__ import annotations

import pytest

from command_line import run_fusion
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.keys import verify_write_key
from consumer_fusion.access.password_sign_in import call_with_token, take_up_link
from consumer_fusion.access.tokens import verify_token
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.workspace import open_workspace
from staff_moments import CHEAP, PASSWORD


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands") / "workspace"
    assert run_fusion("init", folder).status == 0
    return folder


@pytest.fixture
def ask(folder):
    def run(*words):
        result = run_fusion(*words, "--json", "--workspace", folder)
        assert result.status == 0, result.output + result.complaint
        return result.told

    return run


def verify(folder, secret):
    with open_workspace(folder) as workspace, workspace.store.reading() as session:
        return verify_write_key(session, secret, workspace.now_us)


def test_the_life_of_a_key(ask, folder):
    made = ask("keys", "create", "--source", "web-shop", "--kind", "browser", "--brand", "book-shop")
    assert verify(folder, made["key"]).source == "web-shop"
    newer = ask("keys", "rotate", made["key_id"], "--overlap-hours", 1)
    assert newer["replaces_key_id"] == made["key_id"]
    assert verify(folder, made["key"]).key_id == made["key_id"]
    assert ask("keys", "revoke", made["key_id"])["state"] == "revoked"
    with pytest.raises(AuthenticationError):
        verify(folder, made["key"])
    listed = {each["key_id"]: each for each in ask("keys", "list")}
    assert listed[made["key_id"]]["state"] == "revoked"
    assert listed[newer["key_id"]]["state"] == "active"
    assert made["key"] not in str(listed)
    assert newer["key"] not in str(listed)


def test_a_person_sees_the_key_once_and_is_told_so(folder):
    made = run_fusion("keys", "create", "--source", "till", "--workspace", folder)
    first, *rest = made.output.splitlines()
    assert verify(folder, first).source == "till"
    assert "not shown again" in " ".join(rest)
    assert first not in run_fusion("keys", "list", "--workspace", folder).output


def test_the_life_of_a_token(ask, folder):
    ask("staff", "invite", "ada@example.org", "--role", "analyst", "--brand", "café")
    made = ask("tokens", "create", "weekly dashboard", "--account", "ADA@example.org", "--days", 30)
    assert (made["account_name"], made["brands"], made["state"]) == ("ada", None, "active")
    with open_workspace(folder) as workspace, workspace.store.reading() as session:
        caller = call_with_token(session, verify_token(session, made["token"], workspace.now_us))
        (entry,) = read_audit(session, object_id=made["token_id"])
    assert caller.brands == frozenset({"café"})
    assert (entry.actor.type, entry.action) == ("command line", "create token")
    assert entry.detail["account"] == made["account_id"]
    assert "token" not in ask("tokens", "list")[0]
    assert ask("tokens", "revoke", made["token_id"])["state"] == "revoked"
    listed = run_fusion("tokens", "list", "--workspace", folder).output
    assert "revoked" in listed
    assert made["token"] not in listed


def test_a_webhooks_secret_comes_from_a_file_and_is_not_printed(ask, folder, tmp_path):
    file = tmp_path / "secret.txt"
    file.write_text("between-us\n", encoding="utf-8")
    made = ask("keys", "create", "--source", "chat", "--kind", "webhook", "--signing-secret-file", file)
    assert verify(folder, made["key"]).signing_secret == "between-us"
    assert "between-us" not in str(made) + str(ask("keys", "list"))


def test_somebody_is_invited_changed_and_removed(ask, folder):
    made = ask("staff", "invite", "ivo@example.org", "--role", "agent", "--brand", "café", "--brand", "cinema",
               "--url", "https://fusion.example.org")  # fmt: skip
    assert made["link"].startswith("https://fusion.example.org/welcome/cfl_")
    assert (made["role"], made["brands"], made["state"]) == ("agent", ["café", "cinema"], "invited")
    with open_workspace(folder) as workspace:
        secret = made["link"].rpartition("/")[2]
        take_up_link(workspace.store, workspace.session_store, secret, PASSWORD, workspace.now_us, cost=CHEAP)
    (ivo,) = [each for each in ask("staff", "list") if each["email"] == "ivo@example.org"]
    assert (ivo["email"], ivo["state"], ivo["signed_in"]) == ("ivo@example.org", "active", 1)
    changed = ask("staff", "change", "IVO@example.org", "--role", "analyst", "--all-brands")
    assert (changed["role"], changed["brands"], changed["signed_in"]) == ("analyst", None, 1)
    assert ask("staff", "change", ivo["account_id"], "--role", "agent")["brands"] is None
    assert ask("staff", "sign-out", "ivo@example.org")["signed_in"] == 0
    assert {each["signed_in"] for each in ask("staff", "list")} == {0}
    assert "/welcome/cfl_" in ask("staff", "password", "ivo@example.org")["link"]
    assert ask("staff", "remove", "ivo@example.org")["state"] == "removed"
    assert {each["email"]: each["state"] for each in ask("staff", "list")}["ivo@example.org"] == "removed"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["keys", "revoke", "nothing"], "not_found"),
        (["keys", "create", "--source", " "], "invalid_input"),
        (["keys", "rotate", "nothing"], "not_found"),
        (["tokens", "create", "dashboard"], "invalid_input"),
        (["tokens", "create", "dashboard", "--account", "nobody@example.org"], "not_found"),
        (["tokens", "revoke", "nothing"], "not_found"),
        (["staff", "invite", "ida@example.org"], "invalid_input"),
        (["staff", "invite", "ida@example.org", "--brand", "café", "--all-brands"], "invalid_input"),
        (["staff", "invite", "nobody", "--all-brands"], "invalid_input"),
        (["staff", "change", "ida@example.org", "--role", "agent"], "not_found"),
        (["staff", "remove", "ida@example.org"], "not_found"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(words, code, folder):
    result = run_fusion(*words, "--json", "--workspace", folder)
    assert (result.status, result.told["code"]) == (1, code)
    assert result.told["errors"][0]["hint"]


def test_what_the_command_line_did_is_on_record(ask, folder):
    made = ask("keys", "create", "--source", "shelf")
    with open_workspace(folder) as workspace, workspace.store.reading() as session:
        (entry,) = read_audit(session, object_id=made["key_id"])
    assert (entry.actor.type, entry.action) == ("command line", "create write key")
