"""Sessions: what is stolen from the database opens nothing, and every session ends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.access.accounts import sign_out_everywhere
from consumer_fusion.access.invitations import renew_link
from consumer_fusion.access.password_sign_in import take_up_link
from consumer_fusion.access.sessions import (
    DEFAULT_LIMITS,
    close_session,
    count_sessions,
    find_session,
    touch_sessions,
)
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.records.access import STAFF_SESSIONS
from staff_moments import CHEAP, HOUR_US, NOW_US, PASSWORD

IDLE_US = DEFAULT_LIMITS.idle_us
ABSOLUTE_US = round(DEFAULT_LIMITS.absolute_hours * HOUR_US)


def test_a_session_id_stolen_from_the_database_is_useless(
    anna, sign_in, find_who, session_store, read_everything
):
    token = sign_in().token
    assert find_who(token) == "anna@example.org"
    assert token not in read_everything()
    with session_store.reading() as session:
        stolen = session.read(STAFF_SESSIONS).to_pylist()
    assert stolen
    for row in stolen:
        for value in row.values():
            assert find_who(str(value)) is None
            assert find_who(f"cfs_{value}") is None
            assert find_who(f"cfs_{value}"[:47]) is None


def test_the_token_does_not_show_in_a_log(anna, sign_in):
    opened = sign_in()
    assert opened.token not in repr(opened)


def test_signing_in_begins_a_new_session_and_ends_the_one_before(anna, sign_in, find_who):
    before = sign_in().token
    after = sign_in(previous_token=before).token
    assert after != before
    assert find_who(before) is None
    assert find_who(after) == "anna@example.org"


def test_a_token_that_somebody_else_planted_never_becomes_a_session(anna, sign_in, find_who):
    planted = "cfs_" + "A" * 43
    assert sign_in(previous_token=planted).token != planted
    assert find_who(planted) is None


def test_a_session_ends_when_nothing_is_done(anna, sign_in, find_who):
    token = sign_in().token
    assert find_who(token, NOW_US + IDLE_US - 1)
    assert find_who(token, NOW_US + IDLE_US) is None


def test_who_goes_on_working_stays_signed_in_until_the_last_moment(anna, sign_in, find_who, session_store):
    token = sign_in().token
    with session_store.reading() as session:
        digest = find_session(session, token, NOW_US).digest
    for now_us in range(NOW_US, NOW_US + ABSOLUTE_US, IDLE_US // 2):
        assert find_who(token, now_us)
        with session_store.writing() as session:
            touch_sessions(session, {digest: now_us})
    assert find_who(token, NOW_US + ABSOLUTE_US - 1)
    assert find_who(token, NOW_US + ABSOLUTE_US) is None


def test_signing_out_ends_this_session_only(anna, sign_in, find_who, session_store):
    here, there = sign_in().token, sign_in().token
    with session_store.writing() as session:
        close_session(session, here)
    assert find_who(here) is None
    assert find_who(there)


def test_signing_out_everywhere_ends_all_of_theirs_and_nobody_elses(
    anna, owner, sign_in, find_who, store, session_store
):
    mine = [sign_in().token for _ in range(3)]
    theirs = sign_in("olga@example.org").token
    with session_store.reading() as session:
        # One more from the invitation that they took up.
        assert count_sessions(session, anna, NOW_US) == 4
    with store.writing() as session:
        sign_out_everywhere(session, anna.account_id)
    assert [find_who(token) for token in mine] == [None] * 3
    assert find_who(theirs) == "olga@example.org"


def test_a_new_password_signs_out_whoever_had_the_old_one(anna, sign_in, find_who, store, session_store):
    thief = sign_in().token
    with store.writing() as session:
        made = renew_link(session, anna, now_us=NOW_US)
    mine = take_up_link(
        store, session_store, made.secret, "another horse in another field", NOW_US, cost=CHEAP
    ).token
    assert find_who(thief) is None
    assert find_who(mine) == "anna@example.org"
    with pytest.raises(AuthenticationError):
        sign_in(password=PASSWORD)


def test_sessions_that_ended_are_cleared_away(anna, sign_in, session_store):
    for _ in range(3):
        sign_in()
    sign_in(now_us=NOW_US + ABSOLUTE_US)
    with session_store.reading() as session:
        assert session.count(STAFF_SESSIONS) == 1


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.from_regex(r"cfs_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_other_text_is_a_session(text, anna, find_who):
    assert find_who(text) is None
