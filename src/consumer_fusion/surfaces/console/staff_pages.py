"""Staff: who may sign in, with which role, for which brands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.access.staff_operations import (
    LIST_STAFF,
    ROLE_MEANINGS,
    SHOW_ACCOUNT,
    STATE_WORDS,
    AccountName,
    AccountState,
    StaffAccount,
)
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.operations import NoParameters
from consumer_fusion.records.access import Role
from consumer_fusion.surfaces.console.brand_choices import BrandChoices, offer_brands
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest

SAID_BY_NAME = (
    N_("look"),
    N_("see identities"),
    N_("make tokens"),
    N_("declare associations"),
    N_("mend events"),
    N_("export"),
    N_("change keys"),
    N_("change webhooks"),
    N_("change staff"),
    N_("read audit"),
)
"""What somebody may be refused."""


@dataclass(frozen=True, slots=True)
class StaffPage:
    """Accounts, or one to be changed.

    Attributes:
        accounts: The accounts.
        brands: The brands that may be given, and those that are.
        own_id: The visitor's own account.
        roles: The roles, with what each may do.
        states: The states, as they are called.
    """

    accounts: Sequence[StaffAccount]
    brands: BrandChoices
    own_id: str
    roles: Mapping[Role, str]
    states: Mapping[AccountState, str]


def show_staff(page_request: PageRequest) -> Answer:
    """Who may sign in."""
    accounts: list[StaffAccount] = page_request.ask(LIST_STAFF, NoParameters())
    return _answer(
        page_request, "staff.html", _("Staff"), accounts, offer_brands(page_request.list_brands(), None)
    )


def show_account(page_request: PageRequest) -> Answer:
    """One account, to be changed."""
    account: StaffAccount = page_request.ask(
        SHOW_ACCOUNT, AccountName(account=page_request.read_asked("account"))
    )
    brands = offer_brands(page_request.list_brands(), account.brands)
    return _answer(page_request, "account.html", account.name, [account], brands)


def _answer(
    page_request: PageRequest,
    template: str,
    title: str,
    accounts: Sequence[StaffAccount],
    brands: BrandChoices,
) -> Page:
    content = StaffPage(accounts, brands, page_request.staff.caller.actor.id, ROLE_MEANINGS, STATE_WORDS)
    return Page(template, title, content, section="staff")
