"""Tokens: what lets a program read for a time; made, shown once, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.access import tokens as tokens_module
from consumer_fusion.access.accounts import list_accounts
from consumer_fusion.access.tokens import ApiToken, list_tokens
from consumer_fusion.errors import NotFoundError
from consumer_fusion.i18n.translation import read_language, say
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.surfaces.console.brand_choices import BrandChoices, offer_brands, read_brands
from consumer_fusion.surfaces.console.one_time_secret import show_once
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit

DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as it is listed.

    Attributes:
        token: The token, without the token itself.
        owner_name: Who made it.
        state: counts, expired or revoked.
    """

    token: ApiToken
    owner_name: str
    state: str


@dataclass(frozen=True, slots=True)
class TokensPage:
    """Tokens.

    Attributes:
        rows: The visitor's own; for an owner everybody's. Those that count first.
        has_all: Whether they are everybody's.
        brands: The brands that one may read.
        days: For so many days one counts unless another number is given.
    """

    rows: Sequence[TokenRow]
    has_all: bool
    brands: BrandChoices
    days: int


def show_tokens(visit: Visit) -> Answer:
    """The tokens that the visitor may revoke."""
    visit.require("make_tokens")
    has_all, now_us = visit.may("change_staff"), visit.workspace.now_us
    with visit.workspace.store.reading() as session:
        names = {account.account_id: account.name for account in list_accounts(session)}
        tokens = list_tokens(session, None if has_all else visit.visitor.caller.actor.id)
    rows = [TokenRow(each, names.get(each.account_id, ""), _name_state(each, now_us)) for each in tokens]
    rows.sort(key=lambda row: (row.state != "counts", -row.token.created_us))
    content = TokensPage(rows, has_all, offer_brands(visit.list_brands(), None), DEFAULT_DAYS)
    return Page("tokens.html", say("Tokens"), content, section="tokens")


def create_token(visit: Visit) -> Answer:
    """Make a token; the answer is the only page that ever shows it."""
    visit.require("make_tokens")
    with visit.workspace.store.writing() as session:
        made = tokens_module.create_token(
            session, visit.visitor.caller, purpose=visit.read_form("purpose"), brands=read_brands(visit),
            now_us=visit.workspace.now_us, days=int(visit.read_number("days", DEFAULT_DAYS)),
        )  # fmt: skip
    until = read_language().write_time(from_microseconds(made.token.expires_us))
    notes = [
        say("For {purpose}. It reads and changes nothing.", purpose=made.token.purpose),
        say("It counts until {moment} UTC.", moment=until),
        say("A program sends it with each request, in the header “Authorization: Bearer …”."),
        say("It never reads more than you may see yourself at that moment."),
    ]  # fmt: skip
    return show_once(say("A new token"), made.secret, notes, section="tokens", back="/tokens")


def revoke_token(visit: Visit) -> Answer:
    """Let a token count no longer; one of somebody else takes an owner."""
    visit.require("make_tokens")
    token_id, actor = visit.read_form("token"), visit.visitor.caller.actor
    with visit.workspace.store.writing() as session:
        own = None if visit.may("change_staff") else actor.id
        token = next((each for each in list_tokens(session, own) if each.token_id == token_id), None)
        if token is None:
            raise NotFoundError(
                say("There is no such token."), hint=say("The page lists those that there are.")
            )
        tokens_module.revoke_token(session, token_id, actor=actor, now_us=visit.workspace.now_us)
    return Redirect("/tokens", say("The token for {purpose} counts no longer.", purpose=token.purpose))


def _name_state(token: ApiToken, now_us: int) -> str:
    if token.revoked_us is not None:
        return "revoked"
    return "counts" if token.counts_at(now_us) else "expired"
