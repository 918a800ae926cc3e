"""API tokens, with which programs read some brands for a limited time: shown once, stored as a hash.

A token never reads more than its account may see at that time.
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
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.access import API_TOKENS, Caller
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import Session

DEFAULT_DAYS = 90
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A read token, without the secret.

    Attributes:
        token_id: Id.
        account_id: Account that it belongs to.
        purpose: Purpose.
        brands: Brands that it may read; None for all that its account may see.
        ending: Last four characters.
        created_us: Time of creation, in microseconds since the epoch.
        expires_us: Time when it expires.
        revoked_us: Time of revocation.
        used_us: Time of last use.
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
    """A newly created token.

    Attributes:
        secret: Token itself, available only here.
        token: All other data.
    """

    secret: str = field(repr=False)
    token: ApiToken


def create_token(
    session: Session, caller: Caller, *, purpose: str, brands: Collection[str] | None, now_us: int,
    days: int = DEFAULT_DAYS,
) -> NewApiToken:  # fmt: skip
    """Create a read token.

    Args:
        session: Writing session.
        caller: Caller whose account it belongs to.
        purpose: Purpose.
        brands: Brands that it may read; None for all that the caller may see.
        now_us: Current time, in microseconds since the epoch.
        days: Validity in days.

    Raises:
        PermissionDeniedError: The caller may not create tokens, or not for these brands.
        InputError: The purpose or the selection of brands is empty, or the number of days is out of range.
    """
    require_permission(caller, "create_tokens")
    for brand in brands or ():
        require_permission(caller, "create_tokens", brand)
    if not purpose.strip():
        raise InputError("A token needs a purpose.", hint="Name its purpose, such as weekly dashboard.")
    check_name("The purpose of a token", purpose)
    for brand in brands or ():
        check_name("The brand of a token", brand)
    if brands is not None and not brands:
        raise InputError("No brand was chosen.", hint="Choose one or more brands, or all.")
    if not 1 <= days <= MAX_DAYS:
        raise InputError(
            Message("A token cannot be valid for {days} days.", days=days),
            hint=Message("Choose 1 to {MAX_DAYS} days.", MAX_DAYS=MAX_DAYS),
        )
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
    """The token with a secret; `password_sign_in.call_with_token` returns its current permissions.

    Raises:
        AuthenticationError: There is no such token, or it is no longer valid.
    """
    if is_of_form(secret, API_TOKEN_PREFIX):
        rows = session.read(API_TOKENS, {"digest": digest_secret(secret)}).to_pylist()
        if rows and matches_digest(secret, rows[0]["digest"]):
            token = _read_token(rows[0])
            if token.counts_at(now_us):
                return token
    raise AuthenticationError(
        "The token is unknown, revoked or expired.",
        hint="Create one in the console and send it as `Authorization: Bearer cft_...`.",
    )


def revoke_token(session: Session, token_id: str, *, now_us: int, account_id: str | None = None) -> ApiToken:
    """Revoke a token immediately; revoking it again changes nothing.

    Args:
        session: Writing session.
        token_id: Id.
        now_us: Current time, in microseconds since the epoch.
        account_id: Account that the token must belong to; None for any.

    Raises:
        NotFoundError: There is no such token.
    """
    token = next((each for each in list_tokens(session, account_id) if each.token_id == token_id), None)
    if token is None:
        raise NotFoundError("There is no token with this id.", hint="`fusion tokens list` shows the ids.")
    session.update(API_TOKENS, {"revoked_us": now_us}, {"token_id": token_id, "revoked_us": None})
    return token if token.revoked_us is not None else replace(token, revoked_us=now_us)


def revoke_tokens_of(session: Session, account_id: str, now_us: int) -> int:
    """Revoke all tokens of an account, and return their number."""
    return session.update(API_TOKENS, {"revoked_us": now_us}, {"account_id": account_id, "revoked_us": None})


def list_tokens(session: Session, account_id: str | None = None) -> list[ApiToken]:
    """The tokens of an account, or all, including invalid ones."""
    where = None if account_id is None else {"account_id": account_id}
    rows = session.read(API_TOKENS, where, order_by=("created_us", "token_id")).to_pylist()
    return [_read_token(row) for row in rows]


def note_token_uses(session: Session, used: Mapping[str, int]) -> None:
    """Store the last use of tokens, by id."""
    for token_id, used_us in used.items():
        session.update(API_TOKENS, {"used_us": used_us}, {"token_id": token_id})


def _read_token(row: Mapping[str, Any]) -> ApiToken:
    values = {name: value for name, value in row.items() if name != "digest"}
    values["brands"] = None if row["brands"] is None else frozenset(json.loads(row["brands"]))
    return ApiToken(**values)
