"""One-time links: for the first owner, for an invitation, for a new password. They expire and work once."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.access.credentials import (
    LINK_PREFIX,
    digest_secret,
    is_of_form,
    make_secret,
    matches_digest,
)
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.records.access import ONE_TIME_LINKS, LinkPurpose
from consumer_fusion.storage.store import Session

LINK_PATH = "/welcome/"
LINK_HOURS: dict[LinkPurpose, float] = {"owner": 24.0, "invitation": 7 * 24.0, "password": 1.0}


@dataclass(frozen=True, slots=True)
class OneTimeLink:
    """A link that was not used yet.

    Attributes:
        purpose: owner, invitation or password.
        account_id: Whose it is; None for the first owner's.
        expires_us: From when it no longer counts.
    """

    purpose: LinkPurpose
    account_id: str | None
    expires_us: int


def create_link(session: Session, purpose: LinkPurpose, *, account_id: str | None, now_us: int) -> str:
    """Make a link and return its secret; earlier links for the same count no longer."""
    withdraw_links(session, account_id=account_id, now_us=now_us)
    secret = make_secret(LINK_PREFIX)
    expires_us = now_us + round(LINK_HOURS[purpose] * 3_600_000_000)
    session.insert(
        ONE_TIME_LINKS,
        ("digest", "purpose", "account_id", "created_us", "expires_us"),
        [(digest_secret(secret), purpose, account_id, now_us, expires_us)],
    )
    return secret


def write_link(base_url: str, secret: str) -> str:
    """The address that a person opens."""
    return base_url.rstrip("/") + LINK_PATH + secret


def find_link(session: Session, secret: str, now_us: int) -> OneTimeLink:
    """Look at a link without using it: opening the page must not use it up, taking it up does.

    Raises:
        AuthenticationError: It is none, was used, or has expired.
    """
    if is_of_form(secret, LINK_PREFIX):
        rows = session.read(ONE_TIME_LINKS, {"digest": digest_secret(secret)}).to_pylist()
        if rows and matches_digest(secret, rows[0]["digest"]):
            row = rows[0]
            if row["used_us"] is None and now_us < row["expires_us"]:
                return OneTimeLink(row["purpose"], row["account_id"], row["expires_us"])
    raise AuthenticationError(
        "The link was used already, has expired, or is not whole.", hint="Ask for a new one."
    )


def use_link(session: Session, secret: str, now_us: int) -> OneTimeLink:
    """Use a link up; of two who try at the same moment one has it.

    Raises:
        AuthenticationError: It is none, was used, or has expired.
    """
    link = find_link(session, secret, now_us)
    # A writing session is the only one, so nobody can come between the look and this.
    session.update(ONE_TIME_LINKS, {"used_us": now_us}, {"digest": digest_secret(secret), "used_us": None})
    return link


def withdraw_links(session: Session, *, account_id: str | None, now_us: int) -> int:
    """Let the open links of an account, or of the first owner, count no longer."""
    return session.update(ONE_TIME_LINKS, {"used_us": now_us}, {"account_id": account_id, "used_us": None})
