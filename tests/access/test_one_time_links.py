"""One-time links: the first owner's, invitations, new passwords. They work once, and not for ever."""

from __future__ import annotations

import threading

import pytest

from consumer_fusion.access.accounts import has_owner, list_accounts
from consumer_fusion.access.invitations import invite_staff
from consumer_fusion.access.one_time_links import create_link, find_link, write_link
from consumer_fusion.access.password_sign_in import make_owner_link, take_up_link
from consumer_fusion.errors import AuthenticationError, ConflictError, FusionError, InputError
from staff_moments import CHEAP, HOUR_US, NOW_US, PASSWORD


@pytest.fixture
def owner_link(store):
    """The link that the first start prints."""
    with store.writing() as session:
        return make_owner_link(session, NOW_US)


@pytest.fixture
def take_up(store, session_store):
    def run(secret, password=PASSWORD, now_us=NOW_US, **more):
        return take_up_link(store, session_store, secret, password, now_us, cost=CHEAP, **more)

    return run


@pytest.fixture
def invite(store):
    def run(email="ivo@example.org"):
        with store.writing() as session:
            return invite_staff(session, email=email, role="agent", brands={"café"}, now_us=NOW_US)

    return run


def test_there_is_no_account_and_no_password_before_the_first_link_is_taken_up(owner_link, store, sign_in):
    with store.reading() as session:
        assert list_accounts(session) == []
        assert not has_owner(session)
    for email in ("admin", "owner", "admin@example.org", "root"):
        for password in ("admin", "password", "changeme", ""):
            with pytest.raises(FusionError):
                sign_in(email, password, address=f"{email}{password}")


def test_the_first_link_makes_the_owner_who_is_then_signed_in(owner_link, take_up, find_who, store):
    opened = take_up(owner_link, email="Olga@example.org", name="Olga")
    assert find_who(opened.token) == "olga@example.org"
    with store.writing() as session:
        (olga,) = list_accounts(session)
        assert make_owner_link(session, NOW_US) is None
    assert (olga.name, olga.role, olga.brands) == ("Olga", "owner", None)


def test_a_link_works_once(owner_link, take_up, store):
    take_up(owner_link, email="olga@example.org")
    with pytest.raises(AuthenticationError):
        take_up(owner_link, email="eve@example.org")
    with store.reading() as session:
        assert len(list_accounts(session)) == 1


def test_of_many_who_take_a_link_up_at_the_same_moment_one_has_it(owner_link, take_up, store):
    done, refused = [], []

    def run(number):
        try:
            done.append(take_up(owner_link, email=f"person{number}@example.org"))
        except (AuthenticationError, ConflictError):
            refused.append(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 7)
    with store.reading() as session:
        assert len(list_accounts(session)) == 1


def test_a_new_start_makes_a_new_link_and_the_one_before_counts_no_longer(owner_link, take_up, store):
    with store.writing() as session:
        newer = make_owner_link(session, NOW_US)
    with pytest.raises(AuthenticationError):
        take_up(owner_link, email="eve@example.org")
    assert take_up(newer, email="olga@example.org")


@pytest.mark.parametrize(("purpose", "hours"), [("owner", 24), ("invitation", 7 * 24), ("password", 1)])
def test_a_link_expires(purpose, hours, store):
    with store.writing() as session:
        secret = create_link(session, purpose, account_id=None, now_us=NOW_US)
        assert find_link(session, secret, NOW_US + hours * HOUR_US - 1)
        with pytest.raises(AuthenticationError):
            find_link(session, secret, NOW_US + hours * HOUR_US)


def test_looking_at_a_link_does_not_use_it_up(owner_link, take_up, store):
    # Programs that read messages open every link in them.
    for _ in range(3):
        with store.reading() as session:
            assert find_link(session, owner_link, NOW_US).purpose == "owner"
    assert take_up(owner_link, email="olga@example.org")


def test_a_password_that_is_not_taken_leaves_the_link_good(owner_link, take_up):
    for email, password in (("olga@example.org", "short"), ("no address", PASSWORD)):
        with pytest.raises(InputError):
            take_up(owner_link, password, email=email)
    assert take_up(owner_link, email="olga@example.org")


def test_an_invitation_cannot_be_taken_up_for_another_account_or_role(invite, take_up, store):
    made = invite()
    opened = take_up(made.secret, email="olga@example.org", name="Ivo")
    with store.reading() as session:
        (ivo,) = list_accounts(session)
    assert opened.account_id == ivo.account_id
    assert (ivo.email, ivo.name, ivo.role, ivo.brands) == (
        "ivo@example.org",
        "Ivo",
        "agent",
        frozenset({"café"}),
    )


def test_inviting_again_makes_the_first_link_void(invite, take_up):
    first, second = invite(), invite()
    with pytest.raises(AuthenticationError):
        take_up(first.secret)
    assert take_up(second.secret)


def test_an_owner_link_that_lay_about_is_void_once_there_is_an_owner(owner_link, make_staff, take_up, store):
    make_staff("olga@example.org", "owner")
    with pytest.raises(ConflictError):
        take_up(owner_link, email="eve@example.org")


def test_what_is_kept_of_a_link_does_not_open_anything(invite, take_up, read_everything):
    made = invite()
    kept = read_everything()
    assert made.secret not in kept
    assert made.secret not in repr(made)
    for word in {word for word in kept.split("'") if len(word) == 64}:
        with pytest.raises(AuthenticationError):
            take_up(word)
        with pytest.raises(AuthenticationError):
            take_up(f"cfl_{word[:43]}")


def test_the_address_of_a_link():
    assert write_link("https://fusion.example.org/", "cfl_x") == "https://fusion.example.org/welcome/cfl_x"
