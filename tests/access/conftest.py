"""A store in which nobody has come in yet, a moment, and staff to try doors with."""

from __future__ import annotations

import shutil

import pytest

from consumer_fusion.access import password_sign_in
from consumer_fusion.access.accounts import find_account
from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.invitations import invite_staff
from consumer_fusion.access.password_sign_in import find_signed_in, take_up_link
from consumer_fusion.storage.sqlite import SESSION_SCHEMA, SQLiteStore
from staff_moments import CHEAP, NOW_US, PASSWORD


@pytest.fixture(scope="session")
def untouched_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("access") / "fusion.db"
    store = SQLiteStore(path)
    store.create()
    store.close()
    return path


@pytest.fixture
def store(untouched_store, tmp_path):
    """An empty store."""
    store = SQLiteStore(shutil.copy(untouched_store, tmp_path / "fusion.db"))
    yield store
    store.close()


@pytest.fixture
def session_store(tmp_path):
    """An empty session store."""
    session_store = SQLiteStore(tmp_path / "sessions.db", SESSION_SCHEMA)
    session_store.create()
    yield session_store
    session_store.close()


@pytest.fixture
def note(store):
    """Puts on record at once what a server puts on record soon."""

    def write(entries):
        with store.writing() as session:
            append_audit(session, entries)

    return write


@pytest.fixture
def make_staff(store, session_store):
    """Invite somebody who takes the invitation up."""

    def make(email="anna@example.org", role="agent", brands=("book-shop",), password=PASSWORD):
        with store.writing() as session:
            made = invite_staff(
                session, email=email, role=role, brands=None if role == "owner" else brands, now_us=NOW_US,
            )  # fmt: skip
        take_up_link(store, session_store, made.secret, password, NOW_US, cost=CHEAP)
        with store.reading() as session:
            return find_account(session, made.account.account_id)

    return make


@pytest.fixture
def owner(make_staff):
    """The owner."""
    return make_staff("olga@example.org", "owner")


@pytest.fixture
def anna(make_staff):
    """An agent of the book shop."""
    return make_staff()


@pytest.fixture
def sign_in(store, session_store, note):
    """Sign in with a password, from an address, at a moment."""

    def run(email="anna@example.org", password=PASSWORD, address="192.0.2.1", now_us=NOW_US, **more):
        return password_sign_in.sign_in(
            store, session_store, note, email, password, address, now_us, cost=CHEAP, **more
        )

    return run


@pytest.fixture
def find_who(store, session_store):
    """Who is signed in by a token at a moment."""

    def find(token, now_us=NOW_US):
        found = find_signed_in(store, session_store, token, now_us)
        return None if found is None else found.account.email

    return find


@pytest.fixture
def read_everything(store):
    """Every value that the store's file holds, as text."""

    def read():
        import sqlite3

        with sqlite3.connect(store.path) as connection:
            return "\n".join(connection.iterdump())

    return read
