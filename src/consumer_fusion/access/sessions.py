"""Sessions: in which browsers staff are signed in. The token is in the browser only, here is its digest.

A session ends when it was idle for a while, at its last moment whatever happens, and with all others of the account
when the password changes, the account is removed, or its owner signs out everywhere.

Sessions lie in the session store, so that nobody waits for an import to come in or to go. A new password and a removal
are changes of the account in the store: they raise its epoch there, and sessions of another epoch do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer_fusion.access.credentials import (
    SESSION_PREFIX,
    digest_secret,
    is_of_form,
    make_secret,
    matches_digest,
)
from consumer_fusion.records.access import STAFF_SESSIONS, Account
from consumer_fusion.storage.store import Between, Session

_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts.

    Attributes:
        idle_minutes: It ends when nothing was done for so long.
        absolute_hours: It ends then whatever was done.
    """

    idle_minutes: float = 120.0
    absolute_hours: float = 24.0

    @property
    def idle_us(self) -> int:
        """The idle minutes in microseconds."""
        return round(self.idle_minutes * _MINUTE_US)


DEFAULT_LIMITS = SessionLimits()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that counts.

    Attributes:
        digest: Its digest, by which it is touched and closed.
        account_id: Who is signed in.
        epoch: Of which epoch of the account it is.
        origin: How they came in: password, link or demo.
        seen_us: When they last did something, as far as is on record.
        expires_us: When it ends at the latest.
    """

    digest: str
    account_id: str
    epoch: int
    origin: str
    seen_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened.

    Attributes:
        token: What the browser keeps; it is seen only now.
        account_id: Who is signed in.
        expires_us: When it ends at the latest.
    """

    token: str = field(repr=False)
    account_id: str
    expires_us: int


def open_session(
    session: Session, account: Account, *, origin: str, now_us: int, limits: SessionLimits = DEFAULT_LIMITS,
    previous_token: str | None = None,
) -> NewSession:  # fmt: skip
    """Sign an account in, always under a new token.

    Args:
        session: A writing session of the session store.
        account: Who, as it was when they showed who they are: what changed since ends the session too.
        origin: password, link or demo.
        now_us: When.
        limits: How long it lasts.
        previous_token: What the browser had before; it counts no longer, so that a token which somebody else
            put there opens nothing.
    """
    if previous_token is not None:
        close_session(session, previous_token)
    session.delete(STAFF_SESSIONS, {"expires_us": Between(at_most=now_us)})
    token = make_secret(SESSION_PREFIX)
    expires_us = now_us + round(limits.absolute_hours * 60 * _MINUTE_US)
    session.insert(
        STAFF_SESSIONS,
        ("digest", "account_id", "epoch", "origin", "created_us", "seen_us", "expires_us"),
        [
            (
                digest_secret(token),
                account.account_id,
                account.session_epoch,
                origin,
                now_us,
                now_us,
                expires_us,
            )
        ],
    )
    return NewSession(token, account.account_id, expires_us)


def find_session(
    session: Session, token: str, now_us: int, limits: SessionLimits = DEFAULT_LIMITS
) -> OpenSession | None:
    """The session of a token, if it has not ended; whether the account knows it still is asked of the account."""
    if not is_of_form(token, SESSION_PREFIX):
        return None
    rows = session.read(STAFF_SESSIONS, {"digest": digest_secret(token)}).to_pylist()
    if not rows or not matches_digest(token, rows[0]["digest"]):
        return None
    row = rows[0]
    if now_us >= row["expires_us"] or now_us >= row["seen_us"] + limits.idle_us:
        return None
    return OpenSession(
        row["digest"], row["account_id"], row["epoch"], row["origin"], row["seen_us"], row["expires_us"]
    )


def touch_sessions(session: Session, seen: Mapping[str, int]) -> None:
    """Remember when sessions were last used.

    Args:
        session: A writing session.
        seen: The moment, by the digest of the session.
    """
    for digest, seen_us in seen.items():
        session.update(STAFF_SESSIONS, {"seen_us": seen_us}, {"digest": digest})


def close_session(session: Session, token: str) -> None:
    """Sign out; a token that does not count changes nothing."""
    if is_of_form(token, SESSION_PREFIX):
        session.delete(STAFF_SESSIONS, {"digest": digest_secret(token)})


def close_sessions(session: Session, account_id: str) -> int:
    """Sign an account out everywhere, and return in how many browsers it was signed in."""
    return session.delete(STAFF_SESSIONS, {"account_id": account_id})


def count_sessions(
    session: Session, account: Account, now_us: int, limits: SessionLimits = DEFAULT_LIMITS
) -> int:
    """In how many browsers an account is signed in."""
    return session.count(
        STAFF_SESSIONS,
        {
            "account_id": account.account_id,
            "epoch": account.session_epoch,
            "expires_us": Between(above=now_us),
            "seen_us": Between(above=now_us - limits.idle_us),
        },
    )
