"""Invitations: an account together with the one-time link by which its owner chooses a password."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from consumer_fusion.access.accounts import (
    change_account,
    create_account,
    find_account,
    find_account_by_email,
    restore_account,
)
from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.one_time_links import LINK_HOURS, create_link
from consumer_fusion.errors import ConflictError
from consumer_fusion.records.access import Account, LinkPurpose, Role
from consumer_fusion.records.audit import Actor, AuditEntry
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class Invitation:
    """An account and its link.

    Attributes:
        secret: The secret of the link; this is the only time that it is seen.
        account: The account.
        expires_us: From when the link no longer counts.
    """

    secret: str = field(repr=False)
    account: Account
    expires_us: int


def invite_staff(
    session: Session, *, email: str, role: Role, brands: Collection[str] | None, actor: Actor, now_us: int,
    name: str = "",
) -> Invitation:  # fmt: skip
    """Make an account and a link for it; who was invited or removed before is invited anew.

    Args:
        session: A writing session.
        email: The address to sign in with.
        role: owner, analyst, agent or read-only.
        brands: The brands that they may see; None for all. An owner sees all.
        actor: Who invites.
        now_us: When.
        name: What the person is called.

    Raises:
        InputError: The address, the role or the brands cannot be.
        ConflictError: Somebody signs in with this address already.
    """
    known = find_account_by_email(session, email)
    if known is None:
        account = create_account(
            session, email=email, role=role, brands=brands, actor=actor, now_us=now_us, name=name
        )
    elif known.is_active and known.has_password:
        raise ConflictError(
            "Somebody signs in with this address already.",
            hint="Change the account: `fusion staff change ADDRESS`.",
        )
    else:
        if not known.is_active:
            restore_account(session, known.account_id, actor=actor, now_us=now_us)
        account = change_account(
            session, known.account_id, role=role, brands=brands, actor=actor, now_us=now_us
        )
    return _make_link(session, account, "invitation", actor, now_us)


def offer_new_password(session: Session, account_id: str, *, actor: Actor, now_us: int) -> Invitation:
    """Make a link by which the owner of an account chooses a new password; the old one counts until then.

    Raises:
        NotFoundError: There is no such account.
        ConflictError: It was removed.
    """
    account = find_account(session, account_id)
    if not account.is_active:
        raise ConflictError("The account was removed.", hint="Invite its owner again: `fusion staff invite`.")
    return _make_link(session, account, "password", actor, now_us)


def _make_link(
    session: Session, account: Account, purpose: LinkPurpose, actor: Actor, now_us: int
) -> Invitation:
    secret = create_link(session, purpose, account_id=account.account_id, now_us=now_us)
    append_audit(session, [AuditEntry(actor, f"make {purpose} link", now_us, account.account_id)])
    return Invitation(secret, account, now_us + round(LINK_HOURS[purpose] * 3_600_000_000))
