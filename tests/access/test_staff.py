"""Staff: what roles may do, which brands they see, and what happens when they go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.access.accounts import (
    call_as,
    change_account,
    has_owner,
    list_accounts,
    remove_account,
    restore_account,
)
from consumer_fusion.access.invitations import invite_staff, renew_link
from consumer_fusion.access.password_sign_in import find_signed_in, take_up_link
from consumer_fusion.access.permissions import (
    BRAND_LEVEL,
    PERMISSIONS,
    filter_visible,
    may,
    require_permission,
)
from consumer_fusion.errors import AuthenticationError, ConflictError, InputError, PermissionDeniedError
from consumer_fusion.records.access import ROLES, Caller
from consumer_fusion.records.audit import Actor
from staff_moments import NOW_US, PASSWORD

callers = st.builds(
    Caller,
    actor=st.just(Actor("staff", "1")),
    role=st.sampled_from(ROLES),
    brands=st.none() | st.frozensets(st.sampled_from(["book-shop", "café", "cinema"]), min_size=1),
)


def test_an_agent_of_one_brand_does_not_see_another(anna):
    caller = call_as(anna)
    require_permission(caller, "view", "book-shop")
    with pytest.raises(PermissionDeniedError):
        require_permission(caller, "view", "cinema")
    assert filter_visible(caller, ["cinema", "book-shop", "café"]) == ["book-shop"]


def test_a_brand_one_may_not_see_is_refused_in_the_same_words_whether_it_exists_or_not(anna):
    words = set()
    for brand in ("cinema", "no such brand"):
        with pytest.raises(PermissionDeniedError) as refused:
            require_permission(call_as(anna), "view", brand)
        words.add(str(refused.value))
    assert len(words) == 1
    assert "cinema" not in words.pop()


def test_a_brand_of_almost_the_same_name_is_another_brand(anna):
    for brand in ("Book-Shop", "book-shop ", "book-sho", "book-shop2", ""):
        assert not may(call_as(anna), "view", brand)


@given(callers, st.sampled_from(PERMISSIONS), st.sampled_from(["book-shop", "café", "cinema", "other"]))
def test_nobody_does_anything_with_a_brand_that_they_do_not_see(caller, permission, brand):
    if may(caller, permission, brand):
        assert caller.brands is None or brand in caller.brands


@given(callers, st.sampled_from(PERMISSIONS))
def test_what_concerns_all_brands_is_for_those_who_see_all(caller, permission):
    if caller.brands is not None and may(caller, permission):
        assert permission in BRAND_LEVEL


@given(callers, st.sampled_from(PERMISSIONS), st.none() | st.sampled_from(["café", "other"]))
def test_asking_and_requiring_agree(caller, permission, brand):
    if may(caller, permission, brand):
        require_permission(caller, permission, brand)
    else:
        with pytest.raises(PermissionDeniedError):
            require_permission(caller, permission, brand)


def test_a_read_only_account_changes_nothing():
    reader = Caller(Actor("staff", "1"), "read-only", None)
    assert [permission for permission in PERMISSIONS if may(reader, permission)] == ["view"]


def test_only_an_owner_lets_staff_and_sources_in_and_reads_the_audit():
    for permission in ("change_staff", "change_keys", "read_audit"):
        allowed = [r for r in ROLES if may(Caller(Actor("staff", "1"), r, None), permission)]
        assert allowed == ["owner"]


def test_a_change_of_brands_counts_at_the_next_click(anna, sign_in, store, session_store):
    token = sign_in().token
    with store.writing() as session:
        change_account(session, anna.account_id, role="analyst", brands={"cinema"})
    caller = find_signed_in(store, session_store, token, NOW_US).caller
    assert (caller.role, caller.brands) == ("analyst", frozenset({"cinema"}))


def test_somebody_removed_is_out_everywhere_at_once(anna, owner, sign_in, find_who, store):
    tokens = [sign_in().token for _ in range(3)]
    with store.writing() as session:
        remove_account(session, anna.account_id, now_us=NOW_US)
    assert [find_who(token) for token in tokens] == [None] * 3
    with pytest.raises(AuthenticationError):
        sign_in()


def test_a_link_sent_before_the_removal_opens_nothing(anna, owner, store, session_store):
    with store.writing() as session:
        made = renew_link(session, anna, now_us=NOW_US)
        remove_account(session, anna.account_id, now_us=NOW_US)
    with pytest.raises(AuthenticationError):
        take_up_link(store, session_store, made.secret, PASSWORD, NOW_US)
    with store.writing() as session:
        restore_account(session, anna.account_id)
    with pytest.raises(AuthenticationError):
        take_up_link(store, session_store, made.secret, PASSWORD, NOW_US)


def test_somebody_removed_can_be_invited_again_and_needs_a_new_password(anna, make_staff, sign_in, store):
    with store.writing() as session:
        remove_account(session, anna.account_id, now_us=NOW_US)
        invite_staff(
            session,
            email="Anna@Example.org",
            role="read-only",
            brands={"café"},
            now_us=NOW_US,
        )
    with pytest.raises(AuthenticationError):
        sign_in()
    again = make_staff("anna@example.org", "read-only", {"café"}, "another horse in another field")
    assert again.account_id == anna.account_id
    assert sign_in(password="another horse in another field").account_id == anna.account_id


def test_the_only_owner_can_neither_go_nor_step_down(owner, make_staff, store):
    with store.writing() as session:
        with pytest.raises(ConflictError):
            remove_account(session, owner.account_id, now_us=NOW_US)
        with pytest.raises(ConflictError):
            change_account(session, owner.account_id, role="analyst", brands=None)
        # An owner who never chose a password could not let anybody in either.
        invite_staff(session, email="late@example.org", role="owner", brands=None, now_us=NOW_US)
        with pytest.raises(ConflictError):
            remove_account(session, owner.account_id, now_us=NOW_US)
    make_staff("omar@example.org", "owner")
    with store.writing() as session:
        remove_account(session, owner.account_id, now_us=NOW_US)
        assert has_owner(session)


def test_an_address_is_one_however_it_is_written(anna, sign_in, store):
    assert sign_in("  ANNA@Example.ORG ").account_id == anna.account_id
    with store.writing() as session, pytest.raises(ConflictError):
        invite_staff(
            session,
            email="Anna@example.org",
            role="agent",
            brands={"café"},
            now_us=NOW_US,
        )


@pytest.mark.parametrize(
    ("email", "role", "brands"),
    [
        ("nobody", "agent", {"café"}),
        ("a b@example.org", "agent", {"café"}),
        ("b@example.org", "emperor", {"café"}),
        ("b@example.org", "agent", set()),
        ("b@example.org", "agent", {" "}),
        ("b@example.org", "owner", {"café"}),
    ],
)
def test_an_account_that_cannot_be_is_not_made(email, role, brands, store):
    with store.writing() as session:
        with pytest.raises(InputError):
            invite_staff(session, email=email, role=role, brands=brands, now_us=NOW_US)
        assert list_accounts(session) == []


def test_an_account_does_not_show_who_it_is_in_a_log(anna):
    assert "anna" not in repr(anna)
