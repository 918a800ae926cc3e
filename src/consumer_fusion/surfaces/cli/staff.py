"""`fusion staff`: who may sign in to the console, with which role, for which brands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.access.accounts import (
    change_account,
    find_account_by_email,
    list_accounts,
    remove_account,
    sign_out_everywhere,
)
from consumer_fusion.access.invitations import Invitation, invite_staff, offer_new_password
from consumer_fusion.access.one_time_links import write_link
from consumer_fusion.access.sessions import count_sessions
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.records.access import Account
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Who may sign in to the console.", no_args_is_help=True)


class RoleName(StrEnum):
    """What a member of staff may do."""

    OWNER = "owner"
    ANALYST = "analyst"
    AGENT = "agent"
    READ_ONLY = "read-only"


EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The address that they sign in with.")]
BrandOption = Annotated[
    list[str] | None, typer.Option("--brand", help="A brand that they may see; give it again for more.")
]
AllBrandsOption = Annotated[bool, typer.Option("--all-brands", help="They may see all, also those to come.")]
UrlOption = Annotated[str, typer.Option("--url", help="Where the console is, for the link.")]
_LOCAL_URL = "http://localhost:8000"


@application.command()
def invite(
    email: EmailArgument,
    role: Annotated[RoleName, typer.Option(help="What they may do.")] = RoleName.READ_ONLY,
    brand: BrandOption = None,
    all_brands: AllBrandsOption = False,
    url: UrlOption = _LOCAL_URL,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Invite somebody: prints a link that works once, by which they choose their password."""
    brands = None if role is RoleName.OWNER else _read_brands(brand, all_brands)
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        made = invite_staff(
            session, email=email, role=role.value, brands=brands, actor=COMMAND_LINE, now_us=opened.now_us
        )
    _show_link(made, url, is_json)


@application.command("list")
def list_(workspace: WorkspaceOption = Path(), is_json: JsonOption = False) -> None:
    """List the accounts, with role, brands and whether they are signed in."""
    with (
        open_workspace(workspace) as opened,
        opened.store.reading() as session,
        opened.visits.reading() as visits,
    ):
        told = [
            {**_describe(account), "signed_in": count_sessions(visits, account, opened.now_us)}
            for account in list_accounts(session)
        ]
    if is_json:
        print_json(told)
        return
    if not told:
        console.print(
            "No accounts yet. Next: fusion staff invite EMAIL, or fusion serve, which prints the owner's link"
        )
        return
    print_table(
        f"{len(told):,} accounts",
        ["email", "name", "role", "brands", "state", "signed in"],
        [
            [
                each["email"], each["name"], each["role"],
                "all" if each["brands"] is None else ", ".join(each["brands"]),  # type: ignore[arg-type]
                each["state"], each["signed_in"],
            ]
            for each in told
        ],
    )  # fmt: skip


@application.command()
def change(
    email: EmailArgument,
    role: Annotated[RoleName | None, typer.Option(help="What they may do from now on.")] = None,
    brand: BrandOption = None,
    all_brands: AllBrandsOption = False,
    new_password: Annotated[
        bool, typer.Option("--new-password", help="Print a link by which they choose a new password.")
    ] = False,
    sign_out: Annotated[bool, typer.Option("--sign-out", help="Sign them out everywhere.")] = False,
    url: UrlOption = _LOCAL_URL,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Change somebody's role or brands, let them choose a new password, or sign them out everywhere."""
    made = None
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        account = _find_account(session, email)
        if role is not None or brand or all_brands:
            new_role = account.role if role is None else role.value
            brands = account.brands if not (brand or all_brands) else _read_brands(brand, all_brands)
            account = change_account(
                session, account.account_id, role=new_role, brands=None if new_role == "owner" else brands,
                actor=COMMAND_LINE, now_us=opened.now_us,
            )  # fmt: skip
        if sign_out:
            sign_out_everywhere(session, account.account_id, actor=COMMAND_LINE, now_us=opened.now_us)
        if new_password:
            made = offer_new_password(session, account.account_id, actor=COMMAND_LINE, now_us=opened.now_us)
    if made is not None:
        _show_link(made, url, is_json)
    elif is_json:
        print_json({**_describe(account), "link": None, "link_expires_at": None})
    else:
        console.print(f"{account.email}: {account.role}")


@application.command()
def remove(
    email: EmailArgument,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Let somebody in no longer: they are signed out everywhere and their tokens are revoked."""
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        account = _find_account(session, email)
        remove_account(session, account.account_id, actor=COMMAND_LINE, now_us=opened.now_us)
    if is_json:
        print_json({"removed": account.account_id})
        return
    console.print(f"{account.email} removed")


def _read_brands(brand: list[str] | None, all_brands: bool) -> frozenset[str] | None:
    if bool(brand) == all_brands:
        raise InputError(
            "Which brands they may see is not said, or said twice.", hint="Give --brand NAME or --all-brands."
        )
    return None if all_brands else frozenset(brand or ())


def _find_account(session: Session, email: str) -> Account:
    account = find_account_by_email(session, email)
    if account is None:
        raise NotFoundError("There is no account with this address.", hint="`fusion staff list` shows them.")
    return account


def _show_link(made: Invitation, url: str, is_json: bool) -> None:
    link = write_link(url, made.secret)
    expires_at = write_moment(made.expires_us)
    if is_json:
        print_json({**_describe(made.account), "link": link, "link_expires_at": expires_at})
        return
    console.print(link, soft_wrap=True)
    console.print(
        f"Works once, until {expires_at}. It is not shown again: send it to {made.account.email} and nobody else.",
        style="dim",
    )  # fmt: skip


def _describe(account: Account) -> dict[str, object]:
    state = "removed" if not account.is_active else "active" if account.has_password else "invited"
    return {
        "account_id": account.account_id,
        "email": account.email,
        "name": account.name,
        "role": account.role,
        "brands": None if account.brands is None else sorted(account.brands),
        "state": state,
    }
