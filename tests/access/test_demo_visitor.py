"""The visitor of a demo is signed in without a password: on the same machine, in a demo, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.access.accounts import has_owner, list_accounts
from consumer_fusion.access.password_sign_in import make_owner_link, sign_in_on_localhost
from consumer_fusion.errors import FusionError, RefusedError
from staff_moments import NOW_US

HERE = {
    "from_address": "127.0.0.1", "bound_address": "127.0.0.1", "host": "localhost", "is_forwarded": False,
    "is_demo": True,
}  # fmt: skip


@pytest.fixture
def visit(store, session_store, note):
    def run(**changed):
        return sign_in_on_localhost(store, session_store, note, **{**HERE, **changed}, now_us=NOW_US)

    return run


@pytest.mark.parametrize(
    "way",
    [
        {}, {"host": "127.0.0.1"}, {"host": "[::1]"}, {"from_address": "::1", "bound_address": "::1"},
        {"from_address": "::ffff:127.0.0.1"}, {"bound_address": "localhost"},
    ],
)  # fmt: skip
def test_a_browser_on_the_same_machine_is_signed_in(way, visit, find_who):
    assert find_who(visit(**way).token) == "visitor@demo.invalid"


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ({"is_demo": False}, "not a demo"),
        ({"from_address": "192.0.2.7"}, "another machine"),
        ({"from_address": "10.0.0.5"}, "another machine"),
        ({"from_address": "unknown"}, "another machine"),
        ({"bound_address": "0.0.0.0"}, "accepts connections from other machines"),
        ({"bound_address": "::"}, "accepts connections from other machines"),
        ({"bound_address": ""}, "accepts connections from other machines"),
        # A page of the web whose name was pointed at this machine: the browser here, the name elsewhere.
        ({"host": "evil.example"}, "not localhost"),
        ({"host": "localhost.evil.example"}, "not localhost"),
        ({"host": ""}, "not localhost"),
        # A server in front on the same machine passes on what comes from anywhere.
        ({"is_forwarded": True}, "forwarded by a proxy"),
    ],
)
def test_anybody_else_is_not(way, reason, visit, store):
    with pytest.raises(RefusedError, match=reason):
        visit(**way)
    with store.reading() as session:
        assert list_accounts(session) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.ip_addresses().map(str))
def test_no_address_but_the_machines_own_gets_in(address, visit):
    from ipaddress import ip_address

    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    if not (mapped or parsed).is_loopback:
        with pytest.raises(RefusedError):
            visit(from_address=address)


def test_the_visitor_has_no_password_to_sign_in_with(visit, sign_in):
    visit()
    for guess in ("", "visitor", "demo", "of nobody"):
        with pytest.raises(FusionError):
            sign_in("visitor@demo.invalid", guess)


def test_a_visitor_does_not_count_as_the_owner_who_is_still_to_come(visit, store):
    visit()
    with store.writing() as session:
        assert not has_owner(session)
        assert make_owner_link(session, NOW_US)


def test_every_visit_is_the_same_visitor(visit, store):
    assert visit().account_id == visit().account_id
    with store.reading() as session:
        assert len(list_accounts(session)) == 1
