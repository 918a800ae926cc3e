"""Write keys: shown once, kept as a digest, rotated with overlap, revoked at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.access.keys import (
    KEY_STATES,
    create_write_key,
    list_write_keys,
    note_key_uses,
    revoke_write_key,
    rotate_write_key,
    verify_write_key,
)
from consumer_fusion.errors import AuthenticationError, ConflictError, InputError, NotFoundError
from staff_moments import HOUR_US, NOW_US


@pytest.fixture
def make_key(store):
    def make(**more):
        wanted = {"source": "web-shop", "kind": "server", "now_us": NOW_US, **more}
        with store.writing() as session:
            return create_write_key(session, **wanted)

    return make


@pytest.fixture
def verify(store):
    def run(secret, now_us=NOW_US):
        with store.reading() as session:
            return verify_write_key(session, secret, now_us)

    return run


def test_a_key_says_which_source_and_brand_its_events_are_of(make_key, verify):
    new = make_key(brand="book-shop", kind="browser", trust=0.5)
    key = verify(new.secret)
    assert (key.source, key.brand, key.kind, key.trust) == ("web-shop", "book-shop", "browser", 0.5)


def test_a_key_is_random_and_says_what_it_is(make_key):
    secrets = {make_key().secret for _ in range(20)}
    assert len(secrets) == 20
    # 43 letters of base64 are 256 bits.
    assert all(secret.startswith("cfw_") and len(secret) == 4 + 43 for secret in secrets)


def test_the_key_itself_is_kept_nowhere(make_key, read_everything):
    new = make_key()
    kept = read_everything()
    assert new.key.key_id in kept
    assert new.secret not in kept
    assert new.secret.removeprefix("cfw_") not in kept


def test_the_key_is_not_shown_by_accident(make_key):
    new = make_key(kind="webhook", signing_secret="between-us")
    assert new.secret not in repr(new)
    assert "between-us" not in repr(new)


def test_what_is_kept_of_a_key_does_not_open_anything(make_key, read_everything, verify):
    make_key()
    digest = next(word for word in read_everything().split("'") if len(word) == 64)
    for stolen in (digest, f"cfw_{digest}", f"cfw_{digest[:43]}"):
        with pytest.raises(AuthenticationError):
            verify(stolen)


@pytest.mark.parametrize(
    "wrong", ["", "cfw_", "nonsense", "cft_" + "A" * 43, "cfw_" + "é" * 43, "\ud800", "A" * 99]
)
def test_what_is_no_key_is_refused(wrong, make_key, verify):
    make_key()
    with pytest.raises(AuthenticationError):
        verify(wrong)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(4, 46), letter=st.sampled_from("ABCxyz019-_"))
def test_a_key_with_one_letter_changed_is_refused(place, letter, make_key, verify):
    secret = make_key().secret
    changed = secret[:place] + letter + secret[place + 1 :]
    if changed == secret:
        assert verify(changed)
    else:
        with pytest.raises(AuthenticationError):
            verify(changed)


def test_a_revoked_key_is_refused(make_key, verify, store):
    new = make_key()
    with store.writing() as session:
        revoke_write_key(session, new.key.key_id, now_us=NOW_US)
    with pytest.raises(AuthenticationError, match="revoked") as refused:
        verify(new.secret, NOW_US + 1)
    assert new.secret not in str(refused.value)


def test_revoking_twice_changes_nothing(make_key, store):
    new = make_key()
    with store.writing() as session:
        revoked = [revoke_write_key(session, new.key.key_id, now_us=NOW_US + later) for later in range(2)]
    assert [key.revoked_us for key in revoked] == [NOW_US, NOW_US]


def test_during_a_rotation_both_keys_count_and_afterwards_the_new_one(make_key, verify, store):
    old = make_key(brand="book-shop", trust=0.5)
    with store.writing() as session:
        new = rotate_write_key(session, old.key.key_id, now_us=NOW_US, overlap_hours=2)
    assert new.secret != old.secret
    assert verify(old.secret, NOW_US + 2 * HOUR_US - 1).key_id == old.key.key_id
    key = verify(new.secret, NOW_US + 2 * HOUR_US)
    assert (key.source, key.brand, key.trust, key.replaces_key_id) == (
        "web-shop",
        "book-shop",
        0.5,
        old.key.key_id,
    )
    with pytest.raises(AuthenticationError):
        verify(old.secret, NOW_US + 2 * HOUR_US)


def test_a_key_that_is_being_replaced_is_not_rotated_again(make_key, store):
    old = make_key()
    with store.writing() as session:
        rotate_write_key(session, old.key.key_id, now_us=NOW_US)
        with pytest.raises(ConflictError):
            rotate_write_key(session, old.key.key_id, now_us=NOW_US)


def test_a_leaked_key_can_be_revoked_during_its_rotation(make_key, verify, store):
    old = make_key()
    with store.writing() as session:
        new = rotate_write_key(session, old.key.key_id, now_us=NOW_US)
        revoke_write_key(session, old.key.key_id, now_us=NOW_US)
    assert verify(new.secret)
    with pytest.raises(AuthenticationError):
        verify(old.secret)


def test_the_last_use_is_remembered(make_key, verify, store):
    new = make_key()
    assert verify(new.secret).used_us is None
    with store.writing() as session:
        note_key_uses(session, {new.key.key_id: NOW_US + 5})
    assert verify(new.secret).used_us == NOW_US + 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": " "},
        {"kind": "laptop"},
        {"trust": 1.5},
        {"trust": float("nan")},
        {"kind": "server", "signing_secret": "x"},
    ],
)
def test_a_key_that_cannot_be_is_not_made(wrong, make_key, store):
    with pytest.raises(InputError):
        make_key(**wrong)
    with store.reading() as session:
        assert list_write_keys(session) == []


def test_a_key_that_does_not_exist_is_not_found(store):
    with store.writing() as session, pytest.raises(NotFoundError):
        revoke_write_key(session, "nothing", now_us=NOW_US)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "active"),
        ({"expires_us": NOW_US + 1}, "rotated"),
        ({"expires_us": NOW_US}, "expired"),
        ({"revoked_us": NOW_US}, "revoked"),
        ({"expires_us": NOW_US + 1, "revoked_us": NOW_US}, "revoked"),
    ],
)
def test_a_key_is_valid_in_the_states_that_say_so(make_key, fields, state):
    key = replace(make_key().key, **fields)
    assert key.state_at(NOW_US) == state
    assert key.counts_at(NOW_US) == KEY_STATES[state].startswith("valid")
