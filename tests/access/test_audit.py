"""The audit: who looked at or changed what; a row that is changed, taken out or cut off shows."""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.access import audit
from consumer_fusion.access.audit import append_audit, find_broken_audit, read_audit
from consumer_fusion.access.execution import execute
from consumer_fusion.access.keys import create_write_key, list_write_keys
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.operations import find_capabilities
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import AUDIT_ENTRIES, COMMAND_LINE, Actor, AuditEntry
from small_workspaces import open_small
from staff_moments import NOW_US

AUDIT = Path(audit.__file__)


@pytest.fixture
def looks(store):
    """Five looks at pairs on record."""
    entries = [
        AuditEntry(Actor("staff", f"account-{n % 2}"), "view pair", NOW_US + n, consumer_id=n, brand_id=7,
                   detail={"page": n})
        for n in range(5)
    ]  # fmt: skip
    with store.writing() as session:
        assert append_audit(session, entries[:2]) == 2
        assert append_audit(session, entries[2:]) == 3
        assert append_audit(session, []) == 0
    return entries


@pytest.fixture
def tamper(store):
    """Change the store's file behind the product's back, and return where the record is broken."""

    def run(statement, *values):
        with sqlite3.connect(store.path) as connection:
            connection.execute(statement, values)
        connection.close()
        with store.reading() as session:
            return find_broken_audit(session)

    return run


def test_who_what_which_pair_and_when_are_on_record(looks, store):
    with store.reading() as session:
        found = read_audit(session)
    assert [(e.actor, e.action, e.at_us, e.consumer_id, e.brand_id, e.detail) for e in reversed(found)] == [
        (e.actor, e.action, e.at_us, e.consumer_id, e.brand_id, e.detail) for e in looks
    ]


def test_the_record_can_be_asked_about_a_person_a_member_of_staff_and_a_brand(looks, store):
    with store.reading() as session:
        assert [e.consumer_id for e in read_audit(session, consumer_id=3)] == [3]
        assert [e.consumer_id for e in read_audit(session, actor_id="account-1")] == [3, 1]
        assert len(read_audit(session, brand_id=7)) == 5
        assert read_audit(session, brand_id=8) == []


def test_the_record_is_read_page_by_page(looks, store):
    seen, before = [], None
    with store.reading() as session:
        while page := read_audit(session, before_id=before, limit=2):
            seen += [e.audit_id for e in page]
            before = page[-1].audit_id
    assert seen == [5, 4, 3, 2, 1]


def test_an_untouched_record_is_whole(looks, tamper):
    assert tamper("select 1") == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at_us", 1), ("actor_id", "somebody else"), ("action", "look away"), ("consumer_id", 99),
        ("brand_id", 99), ("object_id", "x"), ("detail", '{"page": 99}'), ("chain_digest", "0" * 64),
    ],
)  # fmt: skip
def test_a_changed_row_shows(column, value, looks, tamper):
    assert 3 in tamper(f"update audit_entries set {column} = ? where audit_id = 3", value)


def test_a_row_taken_out_shows(looks, tamper):
    assert tamper("delete from audit_entries where audit_id = 3") == [4]


def test_rows_cut_off_at_the_end_show(looks, tamper):
    assert tamper("delete from audit_entries where audit_id >= 4") == [4]


def test_a_record_that_was_emptied_shows(looks, tamper):
    assert tamper("delete from audit_entries") == [1]


def test_erasing_a_person_clears_the_details_and_leaves_the_record_whole(looks, tamper, store):
    cleared = ", ".join(f"{name} = ''" for name in AUDIT_ENTRIES.personal_columns)
    assert tamper(f"update audit_entries set {cleared} where consumer_id = 3") == []
    with store.reading() as session:
        (entry,) = read_audit(session, consumer_id=3)
    assert entry.detail == {}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    action=st.text(st.characters(codec="utf-8"), max_size=20),
    detail=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.integers() | st.text(
        st.characters(codec="utf-8"), max_size=9
    ), max_size=3),
)  # fmt: skip
def test_whatever_is_put_on_record_comes_back_and_stays_whole(action, detail, store):
    entry = AuditEntry(COMMAND_LINE, action, NOW_US, detail=detail)
    with store.writing() as session:
        append_audit(session, [entry])
        found = read_audit(session, limit=1)[0]
        assert (found.action, found.detail) == (action, detail)
        assert find_broken_audit(session) == []


def test_the_one_writer_only_adds():
    calls = {node.func.attr for node in ast.walk(ast.parse(AUDIT.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}  # fmt: skip
    assert "insert" in calls
    assert not calls & {"update", "delete", "delete_matching", "replace", "add", "multiply"}


def test_a_change_that_did_not_happen_is_not_on_record(store):
    def make_key_and_fail():
        with store.writing() as session:
            create_write_key(session, source="web-shop", kind="server", now_us=NOW_US)
            append_audit(session, [AuditEntry(COMMAND_LINE, "create write key", NOW_US)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        make_key_and_fail()
    with store.reading() as session:
        assert read_audit(session) == []
        assert list_write_keys(session) == []


def test_every_change_of_access_is_one_entry_and_holds_no_secret(tmp_path):
    operations = {each.name: each for each in find_capabilities()["access"].operations}
    owner = Caller(Actor("staff", "owner"), "owner", None)
    anna = {"account": "anna@example.org"}
    with open_small(tmp_path / "ws") as workspace:
        told = [
            execute(operations[name], workspace, owner, operations[name].parameters(**given))
            for name, given in (
                ("staff invite", {"email": "anna@example.org", "role": "agent", "brands": ["book-shop"]}),
                ("staff change", {**anna, "role": "analyst", "brands": ["café"]}),
                ("staff sign-out", anna),
                ("staff password", anna),
                ("staff remove", anna),
                ("staff invite", {"email": "anna@example.org", "role": "agent", "brands": None}),
            )
        ]
        with workspace.store.reading() as session:
            record = read_audit(session)[::-1]
    assert [(each.action, each.actor.id, each.object_id) for each in record] == [
        (action, "owner", told[0].account_id)
        for action in (
            "invite staff", "change account", "sign out everywhere", "create password link", "remove account",
            "invite staff",
        )
    ]  # fmt: skip
    assert record[1].detail == {
        "before": {"role": "agent", "brands": ["book-shop"]}, "after": {"role": "analyst", "brands": ["café"]},
    }  # fmt: skip
    secrets = [*(each.link.rpartition("/")[2] for each in told if hasattr(each, "link")), "anna"]
    assert len(secrets) == 4
    assert [secret for secret in secrets if secret in repr(record)] == []


def test_signing_in_is_on_record_and_holds_no_secret(anna, sign_in, store):
    secrets = [sign_in().token, "anna", "192.0.2.1"]
    with pytest.raises(AuthenticationError):
        sign_in(password="not this one either")
    with store.reading() as session:
        record = read_audit(session)
    assert {each.action for each in record} == {"set password", "sign in", "failed sign-in"}
    assert [secret for secret in secrets if secret in repr(record)] == []
