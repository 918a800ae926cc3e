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
    """An unused link.

    Attributes:
        purpose: owner, invitation or password.
        account_id: Account of the link; None for the first owner's.
        expires_us: Time when it expires, in microseconds since the epoch.
    """

    purpose: LinkPurpose
    account_id: str | None
    expires_us: int


def create_link(session: Session, purpose: LinkPurpose, *, account_id: str | None, now_us: int) -> str:
    """Create a link and return its secret; earlier links for the same account become invalid."""
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
    """The URL of a link."""
    return base_url.rstrip("/") + LINK_PATH + secret


def find_link(session: Session, secret: str, now_us: int) -> OneTimeLink:
    """Look up a link without using it: opening the page must not use it up.

    Raises:
        AuthenticationError: It is unknown, was used, or has expired.
    """
    if is_of_form(secret, LINK_PREFIX):
        rows = session.read(ONE_TIME_LINKS, {"digest": digest_secret(secret)}).to_pylist()
        if rows and matches_digest(secret, rows[0]["digest"]):
            row = rows[0]
            if row["used_us"] is None and now_us < row["expires_us"]:
                return OneTimeLink(row["purpose"], row["account_id"], row["expires_us"])
    raise AuthenticationError(
        "The link was already used, has expired, or is incomplete.", hint="Ask for a new one."
    )


def use_link(session: Session, secret: str, now_us: int) -> OneTimeLink:
    """Use a link; of concurrent attempts only one succeeds.

    Raises:
        AuthenticationError: It is unknown, was used, or has expired.
    """
    link = find_link(session, secret, now_us)
    # There is only one writing session at a time, so nothing can happen between the check and this update.
    session.update(ONE_TIME_LINKS, {"used_us": now_us}, {"digest": digest_secret(secret), "used_us": None})
    return link


def withdraw_links(session: Session, *, account_id: str | None, now_us: int) -> int:
    """Invalidate the open links of an account, or of the first owner."""
    return session.update(ONE_TIME_LINKS, {"used_us": now_us}, {"account_id": account_id, "used_us": None})
