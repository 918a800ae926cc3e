"""Tokens for reading: scoped to brands, expiring, never more than whoever made them may see."""

from __future__ import annotations

import pytest

from consumer_fusion.access.accounts import call_as, change_account, remove_account, restore_account
from consumer_fusion.access.keys import create_write_key, verify_write_key
from consumer_fusion.access.password_sign_in import call_with_token
from consumer_fusion.access.permissions import PERMISSIONS, may
from consumer_fusion.access.tokens import create_token, list_tokens, revoke_token, verify_token
from consumer_fusion.errors import AuthenticationError, InputError, NotFoundError, PermissionDeniedError
from staff_moments import DAY_US, NOW_US


@pytest.fixture
def analyst(make_staff):
    return make_staff("ada@example.org", "analyst", {"book-shop", "café"})


@pytest.fixture
def make_token(store):
    def make(account, brands=("book-shop",), **more):
        with store.writing() as session:
            return create_token(
                session, call_as(account),
                **{"purpose": "dashboard", "brands": brands, "now_us": NOW_US, **more},
            )  # fmt: skip

    return make


@pytest.fixture
def call(store):
    """What a program may ask for with a token."""

    def run(secret, now_us=NOW_US):
        with store.reading() as session:
            return call_with_token(session, verify_token(session, secret, now_us))

    return run


def test_a_token_reads_its_brands_and_does_nothing_else(analyst, make_token, call):
    caller = call(make_token(analyst).secret)
    assert caller.brands == frozenset({"book-shop"})
    assert [p for p in PERMISSIONS if may(caller, p)] == ["view"]
    assert not may(caller, "view", "café")


def test_a_token_for_all_brands_means_all_of_its_maker(analyst, make_token, call):
    assert call(make_token(analyst, None).secret).brands == frozenset({"book-shop", "café"})


def test_nobody_makes_a_token_for_a_brand_they_do_not_see(analyst, make_token, store):
    with pytest.raises(PermissionDeniedError):
        make_token(analyst, ["cinema"])
    with store.reading() as session:
        assert list_tokens(session) == []


def test_an_agent_makes_no_tokens(anna, make_token):
    with pytest.raises(PermissionDeniedError):
        make_token(anna)


def test_when_its_maker_sees_less_the_token_does_too(analyst, make_token, call, store):
    secret = make_token(analyst, ["book-shop", "café"]).secret
    with store.writing() as session:
        change_account(
            session,
            analyst.account_id,
            role="analyst",
            brands={"café", "cinema"},
        )
    assert call(secret).brands == frozenset({"café"})


def test_when_its_maker_goes_the_token_goes(analyst, make_token, call, store):
    secret = make_token(analyst).secret
    with store.writing() as session:
        remove_account(session, analyst.account_id, now_us=NOW_US)
    with pytest.raises(AuthenticationError):
        call(secret)
    with store.writing() as session:
        restore_account(session, analyst.account_id)
    with pytest.raises(AuthenticationError):
        call(secret)


def test_a_token_expires(analyst, make_token, call):
    secret = make_token(analyst, days=2).secret
    assert call(secret, NOW_US + 2 * DAY_US - 1)
    with pytest.raises(AuthenticationError):
        call(secret, NOW_US + 2 * DAY_US)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 5000}, {"purpose": " "}, {"brands": []}])
def test_a_token_that_cannot_be_is_not_made(wrong, analyst, make_token):
    with pytest.raises(InputError):
        make_token(analyst, **wrong)


def test_a_revoked_token_is_refused(analyst, make_token, call, store):
    new = make_token(analyst)
    with store.writing() as session:
        revoke_token(session, new.token.token_id, now_us=NOW_US)
        revoke_token(session, new.token.token_id, now_us=NOW_US + 1)
        (token,) = list_tokens(session, analyst.account_id)
        with pytest.raises(NotFoundError):
            revoke_token(session, "nothing", now_us=NOW_US)
    assert token.revoked_us == NOW_US
    with pytest.raises(AuthenticationError):
        call(new.secret)


def test_the_token_is_kept_nowhere(analyst, make_token, read_everything, call):
    new = make_token(analyst)
    assert new.secret.startswith("cft_")
    assert new.secret not in read_everything()
    assert new.secret not in repr(new)
    for word in {word for word in read_everything().split("'") if len(word) == 64}:
        with pytest.raises(AuthenticationError):
            call(f"cft_{word[:43]}")


def test_a_write_key_is_no_token_and_a_token_no_write_key(analyst, make_token, call, store):
    token = make_token(analyst).secret
    with store.writing() as session:
        key = create_write_key(session, source="web-shop", kind="server", now_us=NOW_US).secret
        with pytest.raises(AuthenticationError):
            verify_write_key(session, token, NOW_US)
        with pytest.raises(AuthenticationError):
            verify_write_key(session, token.replace("cft_", "cfw_"), NOW_US)
    with pytest.raises(AuthenticationError):
        call(key)
    with pytest.raises(AuthenticationError):
        call(key.replace("cfw_", "cft_"))
