"""Operations on staff accounts: role, brands and invitation by a one-time link."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

from consumer_fusion.access.accounts import (
    change_account,
    find_account,
    find_account_by_email,
    list_accounts,
    remove_account,
    sign_out_everywhere,
    tell_rights,
)
from consumer_fusion.access.invitations import Invitation, invite_staff, renew_link
from consumer_fusion.access.one_time_links import write_link
from consumer_fusion.access.sessions import count_sessions
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Moment,
    NoParameters,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    describe,
)
from consumer_fusion.records.access import Account, Role
from consumer_fusion.storage.store import Session

ROLE_WORDS: dict[Role, str] = {
    "owner": N_("owner"),
    "analyst": N_("analyst"),
    "agent": N_("agent"),
    "read-only": N_("read-only"),
}
ROLE_MEANINGS: dict[Role, str] = {
    "owner": N_("everything, for all brands, including keys, staff and the audit log"),
    "analyst": N_("as agent, plus tokens and campaigns; with all brands: change points, export"),
    "agent": N_(
        "view scores and identities, declare associations; with all brands: merge consumers, fix events"
    ),
    "read-only": N_("view the scores and explanations of their brands"),
}
"""Permissions of each role, in a sentence."""
AccountState = Literal["active", "invited", "removed"]
STATE_WORDS: dict[AccountState, str] = {
    "active": N_("active"),
    "invited": N_("invited, has not signed in yet"),
    "removed": N_("removed"),
}
_ACCOUNT = (N_("Account"), "E-mail address or id of the account.")
_EMAIL = (N_("E-mail"), "E-mail address to sign in with.")
_ROLE = (N_("Role"), "Role, which determines the permissions.")
_BRANDS = (N_("Brands"), "Brands that the account may see; null for all, including future ones.")
_URL = (
    N_("URL"),
    "URL at which the person opens the console, such as https://fusion.example.org; the link begins with it.",
)
_LOCAL_URL = "http://localhost:8000"


class StaffAccount(Schema):
    """An account of a member of staff."""

    account_id: str = describe("ID", "The id of the account.", is_shown=False)
    email: str = describe(*_EMAIL)
    name: str = describe(N_("Name"), "Display name.")
    role: Role = describe(*_ROLE, words=ROLE_WORDS)
    brands: list[str] | None = describe(*_BRANDS, absent="all")
    state: AccountState = describe(
        "Status", "active; invited, as long as no password is chosen; or removed.", words=STATE_WORDS
    )
    signed_in: int = describe("Active sessions", "Number of browsers in which the account is signed in.")
    created_at: Moment = describe("Created (UTC)", "Time of creation.", is_shown=False)
    removed_at: Moment | None = describe("Removed (UTC)", "Time of removal.", is_shown=False)


class AccountLink(StaffAccount):
    """An account with a link by which its owner chooses a password."""

    link: str = describe(
        N_("One-time link"), N_("Anyone who opens it can choose the password."), is_secret=True
    )
    link_expires_at: Moment = describe("Valid until (UTC)", "Time when the link expires.")


class InviteStaff(Schema):
    """An invitation."""

    email: Text = describe(*_EMAIL)
    name: str = describe(
        N_("Name"), "Display name; by default the first part of the e-mail address.", default=""
    )
    role: Role = describe(*_ROLE, default="read-only", words=ROLE_WORDS)
    brands: list[str] | None = describe(*_BRANDS, default=None, option="--brand", null_option="--all-brands")
    url: str = describe(*_URL, default=_LOCAL_URL)


class AccountName(Schema):
    """An account."""

    account: Text = describe(*_ACCOUNT)


class ChangeAccount(AccountName):
    """A change of an account; omitted fields stay as they are."""

    role: Role | None = describe(*_ROLE, default=None, words=ROLE_WORDS)
    brands: list[str] | None = describe(*_BRANDS, default=None, option="--brand", null_option="--all-brands")


class RenewLink(AccountName):
    """An account that gets a link."""

    url: str = describe(*_URL, default=_LOCAL_URL)


def _list_staff(context: Context, _: NoParameters) -> list[StaffAccount]:
    with context.reading() as session:
        accounts = list_accounts(session)
    found = [StaffAccount(**_describe(context, account)) for account in accounts]
    return sorted(found, key=lambda each: (each.state == "removed", each.name.casefold()))


def _show_account(context: Context, asked: AccountName) -> StaffAccount:
    with context.reading() as session:
        return StaffAccount(**_describe(context, _find(session, asked.account)))


def _invite_staff(context: Context, asked: InviteStaff) -> AccountLink:
    with context.writing() as session:
        made = invite_staff(
            session, email=asked.email, role=asked.role, brands=_choose_brands(asked, asked.role, None),
            now_us=context.workspace.now_us, name=asked.name,
        )  # fmt: skip
        context.describe(object_id=made.account.account_id, after=tell_rights(made.account))
    return _tell_link(context, made, asked.url)


def _change_account(context: Context, asked: ChangeAccount) -> StaffAccount:
    with context.writing() as session:
        before = _find(session, asked.account)
        role = asked.role or before.role
        after = change_account(
            session, before.account_id, role=role, brands=_choose_brands(asked, role, before)
        )
        context.describe(object_id=after.account_id, before=tell_rights(before), after=tell_rights(after))
    return StaffAccount(**_describe(context, after))


def _renew_link(context: Context, asked: RenewLink) -> AccountLink:
    with context.writing() as session:
        made = renew_link(session, _find(session, asked.account), now_us=context.workspace.now_us)
        context.describe(object_id=made.account.account_id)
    return _tell_link(context, made, asked.url)


def _sign_out(context: Context, asked: AccountName) -> StaffAccount:
    with context.writing() as session:
        account = _find(session, asked.account)
        sign_out_everywhere(session, account.account_id)
        context.describe(object_id=account.account_id)
    return _show_account(context, asked)


def _remove_account(context: Context, asked: AccountName) -> StaffAccount:
    with context.writing() as session:
        account = _find(session, asked.account)
        remove_account(session, account.account_id, now_us=context.workspace.now_us)
        context.describe(object_id=account.account_id, before=tell_rights(account))
    return _show_account(context, asked)


def _find(session: Session, account: str) -> Account:
    if "@" not in account:
        return find_account(session, account)
    found = find_account_by_email(session, account)
    if found is None:
        raise NotFoundError(
            "There is no account with this e-mail address.", hint="`fusion staff list` shows them."
        )
    return found


def _choose_brands(
    asked: InviteStaff | ChangeAccount, role: Role, known: Account | None
) -> Collection[str] | None:
    if role == "owner":
        if "brands" in asked.model_fields_set and asked.brands is not None:
            raise InputError(
                "An owner sees all brands.", hint="Choose another role, or leave the brands out."
            )
        return None
    if "brands" in asked.model_fields_set:
        return asked.brands
    if known is None:
        raise InputError("The brands are missing.", hint="Use --brand NAME or --all-brands.")
    return known.brands


def _tell_link(context: Context, made: Invitation, url: str) -> AccountLink:
    return AccountLink(
        **_describe(context, made.account), link=write_link(context.site or url, made.secret),
        link_expires_at=made.expires_us,
    )  # fmt: skip


def _describe(context: Context, account: Account) -> dict[str, Any]:
    with context.workspace.session_store.reading() as session_store:
        signed_in = count_sessions(session_store, account, context.workspace.now_us)
    # The visitor of a demo is signed in without ever choosing a password.
    has_come = account.has_password or signed_in > 0
    state = "removed" if not account.is_active else "active" if has_come else "invited"
    return {
        "account_id": account.account_id, "email": account.email, "name": account.name, **tell_rights(account),
        "state": state, "signed_in": signed_in, "created_at": account.created_us, "removed_at": account.disabled_us,
    }  # fmt: skip


STAFF = OperationGroup(
    "staff",
    N_("Staff"),
    N_(
        "Invite and manage staff: who may sign in, with which role and for which brands. New people get a one-time "
        "link and choose their own password."
    ),
)
LIST_STAFF = Query(
    name="staff list", run=_list_staff, needs="change_staff", result=StaffAccount, is_many=True, title="Accounts",
    summary="List the accounts, with role, brands and whether they are signed in.", empty="No accounts yet.",
    is_past=lambda row: row.state == "removed",
)  # fmt: skip
SHOW_ACCOUNT = Query(
    name="staff show", run=_show_account, needs="change_staff", parameters=AccountName, result=StaffAccount,
    arguments=("account",), summary="Show one account.",
)  # fmt: skip
_LINK_DONE = N_("For {name} ({email}), and nobody else. It works once, until {link_expires_at} (UTC).")
STAFF_OPERATIONS = (
    Operation(
        name="staff invite", run=_invite_staff, needs="change_staff", parameters=InviteStaff, result=AccountLink,
        arguments=("email",), summary="Invite a user; they choose their password with a one-time link.",
        audit="invite staff", button=N_("Create invitation"), done=_LINK_DONE,
    ),
    LIST_STAFF,
    SHOW_ACCOUNT,
    Operation(
        name="staff change", run=_change_account, needs="change_staff", parameters=ChangeAccount, result=StaffAccount,
        arguments=("account",), summary="Change the role or brands of an account; takes effect with the next request.",
        audit="change account", button=N_("Save"), done=N_("{name} has this role and these brands from now on."),
    ),
    Operation(
        name="staff password", run=_renew_link, needs="change_staff", parameters=RenewLink, result=AccountLink,
        arguments=("account",), audit="create password link", button=N_("Create link"), done=_LINK_DONE,
        summary="Create a link for a new password, or the link of an invitation again; the old password is valid "
        "until the link is used.",
    ),
    Operation(
        name="staff sign-out", run=_sign_out, needs="change_staff", parameters=AccountName, result=StaffAccount,
        arguments=("account",), summary="Sign an account out of all browsers.", audit="sign out everywhere",
        button=N_("Sign out everywhere"), done=N_("{name} is signed out everywhere."),
    ),
    Operation(
        name="staff remove", run=_remove_account, needs="change_staff", parameters=AccountName, result=StaffAccount,
        arguments=("account",), audit="remove account", button=N_("Remove"), is_danger=True,
        summary="Remove an account: it is signed out everywhere and its tokens are revoked.",
        done=N_("{name} can no longer sign in, and their tokens are no longer valid."),
    ),
)  # fmt: skip
