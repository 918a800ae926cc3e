"""Passwords: Argon2id, long rather than odd, and no shorter way for a name that does not exist."""

from __future__ import annotations

from unittest import mock

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer_fusion.access import password_sign_in
from consumer_fusion.access.invitations import invite_staff, renew_link
from consumer_fusion.access.password_sign_in import begin_sign_in, finish_sign_in, take_up_link
from consumer_fusion.access.passwords import PasswordCost, check_password, hash_password, matches_password
from consumer_fusion.access.sessions import open_session
from consumer_fusion.errors import AuthenticationError, InputError
from staff_moments import CHEAP, NOW_US, PASSWORD


@settings(max_examples=50)
@given(st.text(min_size=12, max_size=40), st.text(min_size=12, max_size=40))
def test_a_password_opens_and_another_does_not(password, other):
    kept = hash_password(password, CHEAP)
    assert matches_password(kept, password, CHEAP)
    assert matches_password(kept, other, CHEAP) is (matches_password(
        hash_password(other, CHEAP), password, CHEAP
    ))  # fmt: skip


def test_a_guess_costs_what_the_standard_recommends():
    kept = argon2.extract_parameters(hash_password(PASSWORD))
    # RFC 9106, section 4, the recommendation for machines with less memory.
    assert (kept.type, kept.time_cost, kept.memory_cost, kept.parallelism) == (argon2.Type.ID, 3, 65_536, 4)
    assert (kept.salt_len, kept.hash_len) == (16, 32)


def test_the_same_password_is_kept_in_another_form_each_time():
    assert hash_password(PASSWORD, CHEAP) != hash_password(PASSWORD, CHEAP)


def test_a_password_typed_with_composed_or_single_accents_is_the_same():
    kept = hash_password("café crème brûlée", CHEAP)
    assert matches_password(kept, "cafe\u0301 cre\u0300me bru\u0302le\u0301e", CHEAP)


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "passwordpassword",
        "Password1234",
        "aaaaaaaaaaaaaaa",
        "121212121212",
        "anna@example.org",
        "annaexample2026",
        "x" * 300,
    ],
)
def test_a_password_that_is_guessed_first_is_not_taken(weak):
    with pytest.raises(InputError) as refused:
        check_password(weak, about="anna@example.org Anna")
    assert weak not in str(refused.value)


@pytest.mark.parametrize(
    "good", [PASSWORD, "correct otter lamp", "ಕನ್ನಡ ಅಕ್ಷರಗಳು ಚೆನ್ನ", "password is my otter lamp"]
)
def test_a_long_password_without_signs_is_taken(good):
    check_password(good, about="anna@example.org Anna")


@pytest.mark.parametrize("odd", ["", "\ud800" * 14, "\x00" * 14, "A" * 1_000_000])
def test_an_odd_password_is_simply_wrong(odd):
    assert not matches_password(hash_password(PASSWORD, CHEAP), odd, CHEAP)


def test_for_a_name_without_account_as_much_is_computed(anna, sign_in):
    computed = []
    real = argon2.PasswordHasher.verify

    def count(self, kept, password):
        computed.append(argon2.extract_parameters(kept))
        return real(self, kept, password)

    with mock.patch.object(argon2.PasswordHasher, "verify", count):
        for email in ("anna@example.org", "nobody@example.org"):
            with pytest.raises(AuthenticationError):
                sign_in(email, "not this one either")
    assert len(computed) == 2
    assert computed[0] == computed[1]


def test_the_answer_does_not_tell_names_from_passwords(anna, sign_in, store):
    with store.writing() as session:
        invite_staff(session, email="ivo@example.org", role="agent", brands={"café"}, now_us=NOW_US)
    told = set()
    for email in ("anna@example.org", "nobody@example.org", "ivo@example.org", "", "\ud800"):
        with pytest.raises(AuthenticationError) as refused:
            sign_in(email, "not this one either")
        told.add((type(refused.value), str(refused.value), refused.value.code))
    assert len(told) == 1


def test_no_password_opens_an_account_that_has_none(store, sign_in):
    with store.writing() as session:
        invite_staff(session, email="ivo@example.org", role="agent", brands={"café"}, now_us=NOW_US)
    for guess in ("of nobody", "", PASSWORD):
        with pytest.raises(AuthenticationError):
            sign_in("ivo@example.org", guess)


def test_an_older_cost_is_renewed_when_they_sign_in(anna, store, session_store, note):
    dearer = PasswordCost(passes=2, memory_kib=16, lanes=1)
    password_sign_in.sign_in(
        store, session_store, note, "anna@example.org", PASSWORD, "192.0.2.1", NOW_US, cost=dearer
    )
    from consumer_fusion.access.accounts import read_password

    with store.reading() as session:
        _, kept = read_password(session, "anna@example.org")
    assert argon2.extract_parameters(kept).time_cost == 2
    assert matches_password(kept, PASSWORD, dearer)


def test_the_password_is_kept_nowhere(anna, read_everything):
    kept = read_everything()
    assert "$argon2id$" in kept
    assert PASSWORD not in kept


def test_a_password_that_is_replaced_while_it_is_checked_lets_nobody_in(anna, store, session_store, note):
    tried = begin_sign_in(store, session_store, "anna@example.org", "192.0.2.1", NOW_US)
    with store.writing() as session:
        made = renew_link(session, anna, now_us=NOW_US)
    take_up_link(store, session_store, made.secret, "another horse in another field", NOW_US, cost=CHEAP)
    assert matches_password(tried.kept, PASSWORD, CHEAP)
    assert finish_sign_in(store, session_store, note, tried, NOW_US, is_right=True) is None


def test_a_session_of_the_password_before_never_counts_however_close_it_was(
    anna, store, session_store, find_who
):
    # The account was looked at just before its password was replaced, the session written just after.
    with store.writing() as session:
        made = renew_link(session, anna, now_us=NOW_US)
    take_up_link(store, session_store, made.secret, "another horse in another field", NOW_US, cost=CHEAP)
    with session_store.writing() as session:
        late = open_session(session, anna, origin="password", now_us=NOW_US)
    assert find_who(late.token) is None
