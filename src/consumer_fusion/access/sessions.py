"""Sessions of signed-in staff. The token exists only in the browser; the store has its hash.

A session ends after an idle time, at the latest after its maximum lifetime, and together with all others of the
account when the password changes, the account is removed, or its owner signs out everywhere.

Sessions are in the session store, so that signing in and out never waits for an import. A new password and a removal
change the account in the main store: they raise its epoch, and sessions of another epoch are invalid.
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
from consumer_fusion.storage.store import RangeCondition, Session

_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Lifetimes of sessions.

    Attributes:
        idle_minutes: Maximum idle time.
        absolute_hours: Maximum lifetime.
    """

    idle_minutes: float = 120.0
    absolute_hours: float = 24.0

    @property
    def idle_us(self) -> int:
        """Maximum idle time in microseconds."""
        return round(self.idle_minutes * _MINUTE_US)


DEFAULT_LIMITS = SessionLimits()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A valid session.

    Attributes:
        digest: Hash of the token, which identifies the session.
        account_id: Signed-in account.
        epoch: Epoch of the account when the session was opened.
        origin: Method of signing in: password, link or demo.
        seen_us: Last recorded activity, in microseconds since the epoch.
        expires_us: End of the maximum lifetime, in microseconds since the epoch.
    """

    digest: str
    account_id: str
    epoch: int
    origin: str
    seen_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class NewSession:
    """A newly opened session.

    Attributes:
        token: Session token for the browser, available only here.
        account_id: Signed-in account.
        expires_us: End of the maximum lifetime, in microseconds since the epoch.
    """

    token: str = field(repr=False)
    account_id: str
    expires_us: int


def open_session(
    session: Session, account: Account, *, origin: str, now_us: int, limits: SessionLimits = DEFAULT_LIMITS,
    previous_token: str | None = None,
) -> NewSession:  # fmt: skip
    """Open a session for an account, always with a new token.

    Args:
        session: Writing session of the session store.
        account: Account as of the time when its owner was authenticated; later changes invalidate the session.
        origin: password, link or demo.
        now_us: Current time, in microseconds since the epoch.
        limits: Lifetimes of sessions.
        previous_token: Earlier session token of the browser, which becomes invalid, so that a planted token opens
        nothing (session fixation).
    """
    if previous_token is not None:
        close_session(session, previous_token)
    session.delete(STAFF_SESSIONS, {"expires_us": RangeCondition(at_most=now_us)})
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
    """The session of a token, if it has not ended; the caller checks whether its epoch is still the account's."""
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
    """Store the last activity of sessions.

    Args:
        session: Writing session.
        seen: Time, in microseconds since the epoch, by the hash of the token.
    """
    for digest, seen_us in seen.items():
        session.update(STAFF_SESSIONS, {"seen_us": seen_us}, {"digest": digest})


def close_session(session: Session, token: str) -> None:
    """Sign out; an invalid token changes nothing."""
    if is_of_form(token, SESSION_PREFIX):
        session.delete(STAFF_SESSIONS, {"digest": digest_secret(token)})


def close_sessions(session: Session, account_id: str) -> int:
    """Sign an account out everywhere, and return the number of its sessions."""
    return session.delete(STAFF_SESSIONS, {"account_id": account_id})


def count_sessions(
    session: Session, account: Account, now_us: int, limits: SessionLimits = DEFAULT_LIMITS
) -> int:
    """The number of valid sessions of an account."""
    return session.count(
        STAFF_SESSIONS,
        {
            "account_id": account.account_id,
            "epoch": account.session_epoch,
            "expires_us": RangeCondition(above=now_us),
            "seen_us": RangeCondition(above=now_us - limits.idle_us),
        },
    )
