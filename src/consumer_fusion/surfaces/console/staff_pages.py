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
    N_("view"),
    N_("see identities"),
    N_("create tokens"),
    N_("declare associations"),
    N_("declare actions"),
    N_("fix events"),  # words: as is
    N_("export"),
    N_("change keys"),
    N_("change webhooks"),
    N_("change staff"),
    N_("read audit"),
)
"""Translated names of permissions, for the message of a denied one."""


@dataclass(frozen=True, slots=True)
class StaffPage:
    """The accounts, or one account to be changed.

    Attributes:
        accounts: Accounts.
        brands: Brands to choose from, and those chosen.
        own_id: The user's own account.
        roles: Roles, with their meanings.
        states: Labels of the account states.
    """

    accounts: Sequence[StaffAccount]
    brands: BrandChoices
    own_id: str
    roles: Mapping[Role, str]
    states: Mapping[AccountState, str]


def show_staff(page_request: PageRequest) -> Answer:
    """Page of the accounts."""
    accounts: list[StaffAccount] = page_request.ask(LIST_STAFF, NoParameters())
    return _answer(
        page_request, "staff.html", _("Staff"), accounts, offer_brands(page_request.list_brands(), None)
    )


def show_account(page_request: PageRequest) -> Answer:
    """Page of one account, to be changed."""
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
