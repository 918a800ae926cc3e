"""Staff: who may come in, with which role, for which brands; invited by a link that works once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from consumer_fusion.access.accounts import (
    change_account,
    find_account,
    list_accounts,
    remove_account,
    sign_out_everywhere,
)
from consumer_fusion.access.invitations import Invitation, invite_staff, offer_new_password
from consumer_fusion.access.one_time_links import write_link
from consumer_fusion.access.sessions import count_sessions
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import mark, read_language, say
from consumer_fusion.records.access import ROLES, Account, Role
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.surfaces.console.brand_choices import BrandChoices, offer_brands, read_brands
from consumer_fusion.surfaces.console.one_time_secret import show_once
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path

ROLE_MEANINGS: dict[Role, str] = {
    "owner": mark("everything, for all brands: also keys, staff and the audit"),
    "analyst": mark("what an agent may, and make tokens; with all brands: change the points, export"),
    "agent": mark(
        "look, see what a consumer is known by, declare associations; with all brands: merge consumers, mend events"
    ),
    "read-only": mark("look at the scores and explanations of their brands"),
}
"""What each role may do, in a sentence."""
SAID_BY_NAME = (
    mark("owner"),
    mark("analyst"),
    mark("agent"),
    mark("read-only"),
    mark("look"),
    mark("see identities"),
    mark("make tokens"),
    mark("declare associations"),
    mark("mend events"),
    mark("export"),
    mark("change keys"),
    mark("change webhooks"),
    mark("change staff"),
    mark("read audit"),
)
"""Roles, and what somebody may be refused."""


@dataclass(frozen=True, slots=True)
class StaffRow:
    """A member of staff as they are listed.

    Attributes:
        account: The account.
        state: active, invited or deactivated.
        browser_count: In how many browsers they are signed in.
        is_self: Whether it is the visitor's own account.
    """

    account: Account
    state: str
    browser_count: int
    is_self: bool


@dataclass(frozen=True, slots=True)
class StaffPage:
    """All accounts.

    Attributes:
        rows: Those that may come in first.
        roles: The roles, with what each may do.
        brands: The brands that may be given.
    """

    rows: Sequence[StaffRow]
    roles: Sequence[tuple[Role, str]]
    brands: BrandChoices


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One account, to be changed.

    Attributes:
        row: The account.
        roles: The roles, with what each may do.
        brands: The brands that may be given, and those that are.
    """

    row: StaffRow
    roles: Sequence[tuple[Role, str]]
    brands: BrandChoices


def show_staff(visit: Visit) -> Answer:
    """Who may come in."""
    visit.require("change_staff")
    with visit.workspace.store.reading() as session:
        accounts = list_accounts(session)
    rows = [_make_row(visit, account) for account in accounts]
    rows.sort(key=lambda row: (not row.account.is_active, row.account.name.casefold()))
    content = StaffPage(rows, list(ROLE_MEANINGS.items()), offer_brands(visit.list_brands(), None))
    return Page("staff.html", say("Staff"), content, section="staff")


def show_account(visit: Visit) -> Answer:
    """One account, to be changed."""
    visit.require("change_staff")
    with visit.workspace.store.reading() as session:
        account = find_account(session, visit.read_asked("account"))
    content = AccountPage(
        _make_row(visit, account),
        list(ROLE_MEANINGS.items()),
        offer_brands(visit.list_brands(), account.brands),
    )
    return Page("account.html", account.name, content, section="staff")


def invite(visit: Visit) -> Answer:
    """Invite somebody; the answer is the only page that ever shows the link."""
    visit.require("change_staff")
    role = _read_role(visit)
    with visit.workspace.store.writing() as session:
        made = invite_staff(
            session, email=visit.read_form("email"), role=role, brands=_read_brands(visit, role),
            actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us, name=visit.read_optional("name"),
        )  # fmt: skip
    return _show_link(visit, made, say("An invitation"))


def change(visit: Visit) -> Answer:
    """Give somebody another role or other brands; it counts from their next click on."""
    visit.require("change_staff")
    role = _read_role(visit)
    with visit.workspace.store.writing() as session:
        account = change_account(
            session, visit.read_form("account"), role=role, brands=_read_brands(visit, role),
            actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us,
        )  # fmt: skip
    return Redirect(
        make_path("/staff/account", account=account.account_id),
        say("From their next click on, {name} has this role and these brands.", name=account.name),
    )


def offer_password(visit: Visit) -> Answer:
    """Make a link by which somebody chooses a new password, or takes up an invitation that was lost."""
    visit.require("change_staff")
    actor, now_us = visit.visitor.caller.actor, visit.workspace.now_us
    with visit.workspace.store.writing() as session:
        account = find_account(session, visit.read_form("account"))
        if account.has_password:
            made = offer_new_password(session, account.account_id, actor=actor, now_us=now_us)
        else:
            made = invite_staff(
                session, email=account.email, role=account.role, brands=account.brands, actor=actor,
                now_us=now_us,
            )  # fmt: skip
    return _show_link(visit, made, say("A new password") if account.has_password else say("An invitation"))


def sign_out(visit: Visit) -> Answer:
    """Sign somebody out of all browsers."""
    visit.require("change_staff")
    account_id = visit.read_form("account")
    with visit.workspace.store.writing() as session:
        account = find_account(session, account_id)
        sign_out_everywhere(
            session, account_id, actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us
        )
    return Redirect(
        make_path("/staff/account", account=account_id),
        say("{name} is signed out everywhere.", name=account.name),
    )


def deactivate(visit: Visit) -> Answer:
    """Let somebody in no more: their sessions end, their tokens and links count no longer."""
    visit.require("change_staff")
    account_id = visit.read_form("account")
    with visit.workspace.store.writing() as session:
        account = find_account(session, account_id)
        remove_account(session, account_id, actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us)
    return Redirect(
        "/staff", say("{name} can come in no more, and their tokens count no longer.", name=account.name)
    )


def _make_row(visit: Visit, account: Account) -> StaffRow:
    with visit.workspace.visits.reading() as session:
        count = count_sessions(session, account, visit.workspace.now_us)
    state = "deactivated" if not account.is_active else "active" if account.has_password else "invited"
    return StaffRow(account, state, count, account.account_id == visit.visitor.caller.actor.id)


def _show_link(visit: Visit, made: Invitation, heading: str) -> Answer:
    until = read_language().write_time(from_microseconds(made.expires_us))
    notes = [
        say(
            "For {name} ({email}). Send it to nobody else.", name=made.account.name, email=made.account.email
        ),
        say("Whoever opens it chooses the password. It works once, until {moment} UTC.", moment=until),
    ]
    return show_once(heading, write_link(visit.site, made.secret), notes, section="staff", back="/staff")


def _read_role(visit: Visit) -> Role:
    role = next((each for each in ROLES if each == visit.read_form("role")), None)
    if role is None:
        raise InputError(say("Choose what they may do."))
    return role


def _read_brands(visit: Visit, role: Role) -> Collection[str] | None:
    return None if role == "owner" else read_brands(visit)
