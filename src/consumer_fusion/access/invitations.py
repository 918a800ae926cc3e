"""Invitations: an account with the one-time link by which its owner chooses a password."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from consumer_fusion.access.accounts import (
    add_account,
    change_account,
    find_account_by_email,
    restore_account,
)
from consumer_fusion.access.one_time_links import LINK_HOURS, create_link
from consumer_fusion.errors import ConflictError
from consumer_fusion.records.access import Account, LinkPurpose, Role
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class Invitation:
    """An account and its link.

    Attributes:
        secret: Secret of the link, available only here.
        account: The account.
        expires_us: Time when the link expires, in microseconds since the epoch.
    """

    secret: str = field(repr=False)
    account: Account
    expires_us: int


def invite_staff(
    session: Session, *, email: str, role: Role, brands: Collection[str] | None, now_us: int, name: str = ""
) -> Invitation:
    """Create an account and a link for it; invited or removed accounts are invited again.

    Args:
        session: Writing session.
        email: E-mail address to sign in with.
        role: owner, analyst, agent or read-only.
        brands: Brands that the account may see; None for all. An owner sees all.
        now_us: Current time, in microseconds since the epoch.
        name: Display name.

    Raises:
        InputError: The e-mail address, the role or the brands are not valid.
        ConflictError: An active account has this e-mail address.
    """
    known = find_account_by_email(session, email)
    if known is None:
        account = add_account(session, email=email, role=role, brands=brands, now_us=now_us, name=name)
    elif known.is_active and known.has_password:
        raise ConflictError(
            "An account with this e-mail address is already active.",
            hint="Change the account: `fusion staff change ADDRESS`.",
        )
    else:
        if not known.is_active:
            restore_account(session, known.account_id)
        account = change_account(session, known.account_id, role=role, brands=brands)
    return _make_link(session, account, "invitation", now_us)


def renew_link(session: Session, account: Account, *, now_us: int) -> Invitation:
    """Create a link by which the owner of an account chooses a password; the old one is valid until then.

    Raises:
        ConflictError: The account was removed.
    """
    if not account.is_active:
        raise ConflictError("The account was removed.", hint="Invite its owner again: `fusion staff invite`.")
    return _make_link(session, account, "password" if account.has_password else "invitation", now_us)


def _make_link(session: Session, account: Account, purpose: LinkPurpose, now_us: int) -> Invitation:
    secret = create_link(session, purpose, account_id=account.account_id, now_us=now_us)
    return Invitation(secret, account, now_us + round(LINK_HOURS[purpose] * 3_600_000_000))
