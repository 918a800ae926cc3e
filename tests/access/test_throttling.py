"""Throttling: guessing becomes slow, for one account and from one address, and ends by itself."""

from __future__ import annotations

import threading

import pytest

from consumer_fusion.access.invitations import renew_link
from consumer_fusion.access.password_sign_in import take_up_link
from consumer_fusion.access.throttling import ACCOUNT_THROTTLE, ADDRESS_THROTTLE, count_try
from consumer_fusion.errors import AuthenticationError, ThrottledError
from staff_moments import CHEAP, DAY_US, NOW_US, PASSWORD, SECOND_US


def guess(sign_in, times, *, email="anna@example.org", address="192.0.2.1", now_us=NOW_US):
    """Guess wrongly, and return how often one was let try before one had to wait."""
    for count in range(times):
        try:
            sign_in(email, f"wrong guess number {count}", address, now_us)
        except ThrottledError:
            return count
        except AuthenticationError:
            continue
    return times


def test_after_some_wrong_guesses_one_has_to_wait_even_with_the_right_one(anna, sign_in):
    assert guess(sign_in, 100) == ACCOUNT_THROTTLE.free
    with pytest.raises(ThrottledError) as refused:
        sign_in()
    assert refused.value.retry_after_s >= 1
    assert "anna" not in str(refused.value)


def test_from_many_addresses_an_account_is_guessed_no_faster(anna, sign_in):
    tried = sum(guess(sign_in, 1, address=f"198.51.100.{number}") for number in range(50))
    assert tried == ACCOUNT_THROTTLE.free


def test_from_one_address_many_accounts_are_guessed_no_faster(sign_in):
    tried = sum(guess(sign_in, 1, email=f"person{number}@example.org") for number in range(100))
    assert tried == ADDRESS_THROTTLE.free


def test_a_household_of_ipv6_counts_as_one_address(sign_in):
    tried = sum(
        guess(sign_in, 1, email=f"person{number}@example.org", address=f"2001:db8:1:2::{number:x}")
        for number in range(100)
    )
    assert tried == ADDRESS_THROTTLE.free


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    waits = [ACCOUNT_THROTTLE.wait_s(failures) for failures in range(5, 20)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]
    assert [ACCOUNT_THROTTLE.wait_s(failures) for failures in range(5)] == [0] * 5
    assert ACCOUNT_THROTTLE.wait_s(10**9) == 900


def test_a_day_of_guessing_is_worth_about_a_hundred_guesses(anna, sign_in):
    tried, now_us = 0, NOW_US
    while now_us < NOW_US + DAY_US:
        try:
            sign_in(password="wrong guess again", address=f"198.51.100.{tried}", now_us=now_us)
        except ThrottledError as error:
            now_us += error.retry_after_s * SECOND_US
        except AuthenticationError:
            tried += 1
    assert 100 <= tried <= 120


def test_waiting_is_not_made_longer_by_trying_meanwhile(anna, sign_in):
    guess(sign_in, 8)
    waits = []
    for second in range(3):
        with pytest.raises(ThrottledError) as refused:
            sign_in(now_us=NOW_US + second)
        waits.append(refused.value.retry_after_s)
    assert waits[0] >= waits[-1]
    assert sign_in(now_us=NOW_US + waits[0] * SECOND_US)


def test_a_name_without_account_is_throttled_in_the_same_way(anna, sign_in):
    for email in ("anna@example.org", "nobody@example.org"):
        assert guess(sign_in, 100, email=email, address=f"address of {email}") == ACCOUNT_THROTTLE.free


def test_signing_in_forgives_the_account_but_not_the_address(anna, sign_in):
    # Somebody with an account of their own must not guess at others in between for free.
    tried = 0
    for number in range(200):
        tried += guess(sign_in, 1, email=f"person{number}@example.org")
        try:
            sign_in()
        except ThrottledError:
            break
    assert tried <= ADDRESS_THROTTLE.free


def test_after_a_day_of_rest_it_is_forgotten(anna, sign_in):
    guess(sign_in, 5)
    assert guess(sign_in, 100, now_us=NOW_US + DAY_US + SECOND_US) == ACCOUNT_THROTTLE.free


def test_a_link_for_a_new_password_ends_the_wait(anna, sign_in, store, session_store):
    guess(sign_in, 5)
    with store.writing() as session:
        made = renew_link(session, anna, now_us=NOW_US)
    take_up_link(store, session_store, made.secret, PASSWORD, NOW_US, cost=CHEAP)
    assert sign_in(address="192.0.2.99")


def test_guesses_at_the_same_moment_do_not_slip_in_together(anna, session_store):
    passed, refused = [], []

    def run():
        try:
            with session_store.writing() as session:
                count_try(session, "anna@example.org", "192.0.2.1", NOW_US)
            passed.append(1)
        except ThrottledError:
            refused.append(1)

    threads = [threading.Thread(target=run) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Counted before the password is looked at: so many at most are ever compared.
    assert len(passed) == ACCOUNT_THROTTLE.free
    assert len(refused) == 12 - ACCOUNT_THROTTLE.free
