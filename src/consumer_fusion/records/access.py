"""Access: write keys, staff accounts, sessions, tokens, one-time links and failed sign-ins.

No table here contains a usable secret: keys, tokens, sessions and links are stored as SHA-256 digests,
passwords as Argon2id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.audit import Actor
from consumer_fusion.records.table import Column, Table

KeyKind = Literal["server", "browser", "webhook"]
Role = Literal["owner", "analyst", "agent", "read-only"]
Permission = Literal[
    "view",
    "see_identities",
    "create_tokens",
    "correct_messages",
    "declare_associations",
    "declare_actions",
    "merge_consumers",
    "fix_events",
    "change_points",
    "export",
    "change_keys",
    "change_webhooks",
    "change_staff",
    "read_audit",
]
LinkPurpose = Literal["owner", "invitation", "password"]
KEY_KINDS: tuple[KeyKind, ...] = ("server", "browser", "webhook")
ROLES: tuple[Role, ...] = ("owner", "analyst", "agent", "read-only")


@dataclass(frozen=True, slots=True)
class Caller:
    """A user or program that makes a request.

    Attributes:
        actor: The actor in the audit log.
        role: Role, which determines the permissions.
        brands: Visible brands; None for all, including future ones.
    """

    actor: Actor
    role: Role
    brands: frozenset[str] | None

    def sees(self, brand: str) -> bool:
        """Whether the caller may see the brand."""
        return self.brands is None or brand in self.brands


@dataclass(frozen=True, slots=True)
class Account:
    """A member of staff.

    Attributes:
        account_id: Id of the account.
        email: Address for signing in.
        name: Name of the person.
        role: Role, which determines the permissions.
        brands: Visible brands; None for all.
        has_password: Whether the invitation was accepted.
        created_us: Time of creation.
        disabled_us: Time of removal, if removed.
        session_epoch: Current epoch; sessions of another epoch are invalid.
    """

    account_id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    role: Role
    brands: frozenset[str] | None
    has_password: bool
    created_us: int
    disabled_us: int | None = None
    session_epoch: int = 0

    @property
    def is_active(self) -> bool:
        """Whether the account may be used."""
        return self.disabled_us is None


WRITE_KEYS = Table(
    name="write_keys",
    grain="one write key of one source",
    writer="access.keys",
    columns=(
        Column("key_id", "text", "Id of the key."),
        Column("digest", "text", "SHA-256 of the key, in hexadecimal digits; the key itself is not stored."),
        Column("ending", "text", "The last four characters of the key, to distinguish it from others."),
        Column("source", "text", "The source of its events."),
        Column("brand", "text", "The brand of events that name none.", is_optional=True),
        Column("kind", "text", "Location of the key: server, browser (public) or webhook."),
        Column("trust", "real", "0 to 1: maximum trust of its events.", is_optional=True),
        Column(
            "signing_secret",
            "text",
            "The secret of the sender's signatures. Stored in plain text, because signatures are computed with it; "
            "without the key it gives no access.",
            is_optional=True,
        ),
        Column("replaces_key_id", "text", "The key that it replaced.", is_optional=True),
        Column("created_us", "integer", "Time of creation."),
        Column("expires_us", "integer", "End of validity; set by a rotation.", is_optional=True),
        Column("revoked_us", "integer", "Time of revocation.", is_optional=True),
        Column("used_us", "integer", "Time of last use, to within a minute.", is_optional=True),
    ),
    primary_key=("key_id",),
    unique=(("digest",),),
)

STAFF_ACCOUNTS = Table(
    name="staff_accounts",
    grain="one member of staff",
    writer="access.accounts",
    columns=(
        Column("account_id", "text", "Id of the account."),
        Column("email", "text", "Address for signing in, in lower case.", is_personal=True),
        Column("name", "text", "Name of the person.", is_personal=True),
        Column("role", "text", "owner, analyst, agent or read-only."),
        Column("has_all_brands", "boolean", "Whether every brand is visible, including future ones."),
        Column("password", "text", "Argon2id of the password; none until a link is used.", is_optional=True),
        Column("created_us", "integer", "Time of creation."),
        Column("disabled_us", "integer", "Time of removal.", is_optional=True),
        Column(
            "session_epoch",
            "integer",
            "Number of times that a new password or a removal ended all sessions; those of another epoch are invalid.",
        ),
    ),
    primary_key=("account_id",),
    unique=(("email",),),
    subject="account_id",
    erasure="delete rows",
)

ACCOUNT_BRANDS = Table(
    name="account_brands",
    grain="one brand visible to one member of staff",
    writer="access.accounts",
    columns=(
        Column("account_id", "text", "The member of staff."),
        Column("brand", "text", "Key of the brand."),
    ),
    primary_key=("account_id", "brand"),
    is_clustered=True,
)

STAFF_SESSIONS = Table(
    name="staff_sessions",
    grain="one browser in which one member of staff is signed in",
    writer="access.sessions",
    columns=(
        Column("digest", "text", "SHA-256 of the session's token; the token is only in the browser."),
        Column("account_id", "text", "The member of staff who is signed in."),
        Column("epoch", "integer", "The account's `session_epoch` when they signed in."),
        Column("origin", "text", "Way of signing in: password, link or demo."),
        Column("created_us", "integer", "Time of signing in."),
        Column("seen_us", "integer", "Time of the last request, to within a minute."),
        Column("expires_us", "integer", "End of the session, regardless of activity."),
    ),
    primary_key=("digest",),
    indexes=(("account_id",),),
)

API_TOKENS = Table(
    name="api_tokens",
    grain="one API token",
    writer="access.tokens",
    columns=(
        Column("token_id", "text", "Id of the token."),
        Column("digest", "text", "SHA-256 of the token; the token itself is not stored."),
        Column("ending", "text", "The last four characters of the token, to distinguish it from others."),
        Column("account_id", "text", "Its creator, whose permissions limit those of the token."),
        Column("purpose", "text", "Its purpose, as entered by its creator."),
        Column("brands", "text", "Brands that it may read, a JSON list; none for all.", is_optional=True),
        Column("created_us", "integer", "Time of creation."),
        Column("expires_us", "integer", "End of validity."),
        Column("revoked_us", "integer", "Time of revocation.", is_optional=True),
        Column("used_us", "integer", "Time of last use, to within a minute.", is_optional=True),
    ),
    primary_key=("token_id",),
    unique=(("digest",),),
    indexes=(("account_id",),),
)

ONE_TIME_LINKS = Table(
    name="one_time_links",
    grain="one link that works once",
    writer="access.one_time_links",
    columns=(
        Column("digest", "text", "SHA-256 of the link's secret."),
        Column("purpose", "text", "owner (the first account), invitation, or password (a new one)."),
        Column(
            "account_id", "text", "The account of the link; none for the first owner's.", is_optional=True
        ),
        Column("created_us", "integer", "Time of creation."),
        Column("expires_us", "integer", "End of validity."),
        Column("used_us", "integer", "Time of use or withdrawal.", is_optional=True),
    ),
    primary_key=("digest",),
    indexes=(("account_id",),),
)

SIGN_IN_FAILURES = Table(
    name="sign_in_failures",
    grain="one account name or network address from which signing in failed",
    writer="access.throttling",
    columns=(
        Column(
            "subject", "text", "account: or address: and the given value, also where no such account exists.",
            is_personal=True,
        ),
        Column("failures", "integer", "Number of failures since the last success or a day without failures."),
        Column("failed_us", "integer", "Time of the last failure."),
        Column("blocked_until_us", "integer", "End of the block."),
    ),
    primary_key=("subject",),
    indexes=(("failed_us",),),
    subject="subject",
    erasure="delete rows",
)  # fmt: skip
