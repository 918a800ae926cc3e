"""Tokens: what lets a program read, for some brands and for some time. Shown once, kept as a digest.

A token never reads more than whoever made it may see at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from consumer_fusion.access.credentials import (
    API_TOKEN_PREFIX,
    digest_secret,
    is_of_form,
    make_secret,
    matches_digest,
    read_ending,
)
from consumer_fusion.access.keys import KeyState
from consumer_fusion.access.permissions import require_permission
from consumer_fusion.errors import AuthenticationError, InputError, NotFoundError
from consumer_fusion.records.access import API_TOKENS, Caller
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import Session

DEFAULT_DAYS = 90
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token for reading, without the token.

    Attributes:
        token_id: Its id.
        account_id: Who made it.
        purpose: What it is for.
        brands: The brands it may read; None for all that whoever made it may see.
        ending: The last four characters.
        created_us: When it was made.
        expires_us: From when it no longer counts.
        revoked_us: When it was revoked.
        used_us: When it was last used.
    """

    token_id: str
    account_id: str
    purpose: str
    brands: frozenset[str] | None
    ending: str
    created_us: int
    expires_us: int
    revoked_us: int | None = None
    used_us: int | None = None

    def counts_at(self, now_us: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.state_at(now_us) == "active"

    def state_at(self, now_us: int) -> KeyState:
        """Its state: active, expired or revoked."""
        if self.revoked_us is not None:
            return "revoked"
        return "active" if now_us < self.expires_us else "expired"


@dataclass(frozen=True, slots=True)
class NewApiToken:
    """A token that was just made.

    Attributes:
        secret: The token itself; this is the only time that it is seen.
        token: All else.
    """

    secret: str = field(repr=False)
    token: ApiToken


def create_token(
    session: Session, caller: Caller, *, purpose: str, brands: Collection[str] | None, now_us: int,
    days: int = DEFAULT_DAYS,
) -> NewApiToken:  # fmt: skip
    """Create a token for reading.

    Args:
        session: A writing session.
        caller: Whose account it belongs to.
        purpose: What it is for.
        brands: The brands it may read; None for all that the caller may see.
        now_us: When.
        days: How long it counts.

    Raises:
        PermissionDeniedError: The caller may make none, or not for these brands.
        InputError: The purpose is empty, no brand is named, or the days are too few or too many.
    """
    require_permission(caller, "make_tokens")
    for brand in brands or ():
        require_permission(caller, "make_tokens", brand)
    if not purpose.strip():
        raise InputError("A token needs a purpose.", hint="Say what reads with it, such as weekly dashboard.")
    check_name("The purpose of a token", purpose)
    for brand in brands or ():
        check_name("The brand of a token", brand)
    if brands is not None and not brands:
        raise InputError("There is no brand to be read.", hint="Name one brand or more, or all.")
    if not 1 <= days <= MAX_DAYS:
        raise InputError(f"A token cannot count for {days} days.", hint=f"Give 1 to {MAX_DAYS}.")
    secret = make_secret(API_TOKEN_PREFIX)
    token = ApiToken(
        make_id(), caller.actor.id, purpose.strip(), None if brands is None else frozenset(brands),
        read_ending(secret), now_us, now_us + days * DAY_MICROSECONDS,
    )  # fmt: skip
    listed = None if token.brands is None else json.dumps(sorted(token.brands), ensure_ascii=False)
    values = {
        "token_id": token.token_id, "digest": digest_secret(secret), "ending": token.ending,
        "account_id": token.account_id, "purpose": token.purpose, "brands": listed, "created_us": now_us,
        "expires_us": token.expires_us,
    }  # fmt: skip
    session.insert(API_TOKENS, tuple(values), [tuple(values.values())])
    return NewApiToken(secret, token)


def verify_token(session: Session, secret: str, now_us: int) -> ApiToken:
    """The token that a program showed; what it may read now is told by `signing_in.call_with_token`.

    Raises:
        AuthenticationError: It is no token, or it no longer counts.
    """
    if is_of_form(secret, API_TOKEN_PREFIX):
        rows = session.read(API_TOKENS, {"digest": digest_secret(secret)}).to_pylist()
        if rows and matches_digest(secret, rows[0]["digest"]):
            token = _read_token(rows[0])
            if token.counts_at(now_us):
                return token
    raise AuthenticationError(
        "The token is unknown, revoked or expired.",
        hint="Make one in the console and send it as `Authorization: Bearer cft_...`.",
    )


def revoke_token(session: Session, token_id: str, *, now_us: int, account_id: str | None = None) -> ApiToken:
    """Revoke a token, from this moment on; revoking it again changes nothing.

    Args:
        session: A writing session.
        token_id: Its id.
        now_us: When.
        account_id: Only a token of this account.

    Raises:
        NotFoundError: There is no such token.
    """
    token = next((each for each in list_tokens(session, account_id) if each.token_id == token_id), None)
    if token is None:
        raise NotFoundError("There is no token of this id.", hint="`fusion tokens list` shows the ids.")
    session.update(API_TOKENS, {"revoked_us": now_us}, {"token_id": token_id, "revoked_us": None})
    return token if token.revoked_us is not None else replace(token, revoked_us=now_us)


def revoke_tokens_of(session: Session, account_id: str, now_us: int) -> int:
    """Let none of an account's tokens count any longer, and return how many did."""
    return session.update(API_TOKENS, {"revoked_us": now_us}, {"account_id": account_id, "revoked_us": None})


def list_tokens(session: Session, account_id: str | None = None) -> list[ApiToken]:
    """The tokens of an account, or all, also those that no longer count."""
    where = None if account_id is None else {"account_id": account_id}
    rows = session.read(API_TOKENS, where, order_by=("created_us", "token_id")).to_pylist()
    return [_read_token(row) for row in rows]


def note_token_uses(session: Session, used: Mapping[str, int]) -> None:
    """Remember when tokens were last used, by their ids."""
    for token_id, used_us in used.items():
        session.update(API_TOKENS, {"used_us": used_us}, {"token_id": token_id})


def _read_token(row: Mapping[str, Any]) -> ApiToken:
    values = {name: value for name, value in row.items() if name != "digest"}
    values["brands"] = None if row["brands"] is None else frozenset(json.loads(row["brands"]))
    return ApiToken(**values)
