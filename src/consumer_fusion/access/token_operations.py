"""Operations on tokens: create (shown once), revoke."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from consumer_fusion.access.accounts import call_as, find_account_by_email, list_accounts
from consumer_fusion.access.keys import KEY_STATES, KeyState
from consumer_fusion.access.permissions import may, require_permission
from consumer_fusion.access.tokens import (
    DEFAULT_DAYS,
    MAX_DAYS,
    ApiToken,
    create_token,
    list_tokens,
    revoke_token,
)
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
from consumer_fusion.records.access import Caller
from consumer_fusion.storage.store import Session

_ID = (N_("ID"), "The id of the token.")
_PURPOSE = (N_("Purpose"), N_("Purpose of the token, such as weekly dashboard."))
_BRANDS = (N_("Brands"), N_("The brands that it may read; by default all that its account may see."))


class Token(Schema):
    """A token, without the token itself."""

    token_id: str = describe(*_ID, is_shown=False)
    purpose: str = describe(*_PURPOSE)
    account_id: str = describe(N_("Account"), "The account that it belongs to.", is_shown=False)
    account_name: str = describe(N_("Account"), "The name of the account that it belongs to.")
    brands: tuple[str, ...] | None = describe(*_BRANDS, absent=N_("all that its account may see"))
    ending: str = describe(N_("Ends in"), "The last four characters of the token.")
    created_at: Moment = describe(N_("Created (UTC)"), "Time of creation.")
    used_at: Moment | None = describe(N_("Last used (UTC)"), "Time of last use.", absent=N_("never"))
    state: KeyState = describe(
        N_("Status"),
        "active until `expires_at`, expired, or revoked.",
        words={**KEY_STATES, "active": KEY_STATES["rotated"]},
    )
    expires_at: Moment = describe(N_("Valid until (UTC)"), "Time when it expires.", is_shown=False)


class NewToken(Token):
    """A token that was just created."""

    token: str = describe(
        N_("Token"),
        N_(
            "Programs send it in the header “Authorization: Bearer …”. It reads and changes nothing, and never reads "
            "more than its account may see."
        ),
        is_secret=True,
    )


class CreateToken(Schema):
    """A token to create."""

    purpose: Text = describe(*_PURPOSE)
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = describe(
        N_("Days"), N_("Validity in days, up to a year."), default=DEFAULT_DAYS
    )
    brands: list[str] | None = describe(*_BRANDS, default=None, option="--brand")
    account: str | None = describe(
        "Account",
        "E-mail address of the account that it is for; required on the command line, by default that of the member of "
        "staff who is signed in.",
        default=None,
        is_shown=False,
    )


class TokenId(Schema):
    """Id of a token."""

    token_id: Text = describe(*_ID)


def _list_tokens(context: Context, _: NoParameters) -> list[Token]:
    now_us = context.workspace.now_us
    with context.reading() as session:
        found = list_tokens(session, _find_own(context.caller))
        names = _read_names(session)
    rows = [Token(**_describe(each, names, now_us)) for each in found]
    return sorted(rows, key=lambda row: (_is_past(row), -row.created_at))


def _create_token(context: Context, asked: CreateToken) -> NewToken:
    now_us = context.workspace.now_us
    with context.writing() as session:
        made = create_token(
            session, _find_holder(context.caller, session, asked.account), purpose=asked.purpose, brands=asked.brands,
            now_us=now_us, days=asked.days,
        )  # fmt: skip
        token = made.token
        brands = None if token.brands is None else sorted(token.brands)
        context.describe(object_id=token.token_id, brands=brands, days=asked.days)
        if token.account_id != context.caller.actor.id:
            context.describe(account=token.account_id)
        return NewToken(token=made.secret, **_describe(token, _read_names(session), now_us))


def _revoke_token(context: Context, asked: TokenId) -> Token:
    now_us = context.workspace.now_us
    context.describe(object_id=asked.token_id)
    with context.writing() as session:
        token = revoke_token(session, asked.token_id, now_us=now_us, account_id=_find_own(context.caller))
        return Token(**_describe(token, _read_names(session), now_us))


def _find_holder(caller: Caller, session: Session, email: str | None) -> Caller:
    """The caller that a token is for: the present one, or that of a given account."""
    if email is None:
        if caller.actor.type != "staff":
            raise InputError(
                "The account of the token is missing.",
                hint="Name an account with `--account`; `fusion staff list` shows them.",
            )
        return caller
    require_permission(caller, "change_staff")
    account = find_account_by_email(session, email)
    if account is None or not account.is_active:
        raise NotFoundError(
            "There is no active account with this e-mail address.", hint="`fusion staff list` shows them."
        )
    return call_as(account)


def _find_own(caller: Caller) -> str | None:
    """The account whose tokens the caller may see and revoke; None for all."""
    return None if may(caller, "change_staff") else caller.actor.id


def _read_names(session: Session) -> dict[str, str]:
    return {account.account_id: account.name for account in list_accounts(session)}


def _describe(token: ApiToken, names: dict[str, str], now_us: int) -> dict[str, Any]:
    return {
        "token_id": token.token_id, "purpose": token.purpose, "account_id": token.account_id,
        "account_name": names.get(token.account_id, ""),
        "brands": None if token.brands is None else tuple(sorted(token.brands)), "ending": token.ending,
        "created_at": token.created_us, "used_at": token.used_us, "state": token.state_at(now_us),
        "expires_at": token.expires_us,
    }  # fmt: skip


def _is_past(token: Token) -> bool:
    return token.state != "active"


TOKENS = OperationGroup(
    "tokens",
    N_("Tokens"),
    N_(
        "Create and revoke tokens for programs. A token gives read access to scores and explanations for a limited "
        "time, and never to more than its account may see."
    ),
    under="Access",
)
TOKEN_OPERATIONS = (
    Query(
        name="tokens list", run=_list_tokens, needs="create_tokens", result=Token, is_many=True, title=N_("Tokens"),
        summary="List your tokens; owners see all.", empty=N_("No tokens yet."), is_past=_is_past,
    ),
    Operation(
        name="tokens create", run=_create_token, needs="create_tokens", parameters=CreateToken, result=NewToken,
        arguments=("purpose",), summary=N_("Create a token. It is shown once; only its hash is stored."),
        audit="create token", button=N_("Create token"),
        done=N_("For {purpose}, valid until {expires_at} (UTC). It is not shown again."),
    ),
    Operation(
        name="tokens revoke", run=_revoke_token, needs="create_tokens", parameters=TokenId, result=Token,
        arguments=("token_id",), summary="Revoke a token; its program can then no longer read.",
        audit="revoke token", button=N_("Revoke"), done=N_("The token for {purpose} is no longer valid."),
        of_row="token_id", is_on_page=False, is_offered=lambda row: not _is_past(row), is_danger=True,
        question=N_("Revoke this token? Its program can then no longer read."),
    ),
)  # fmt: skip
