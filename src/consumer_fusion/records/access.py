"""Access: who and what may come in: write keys, staff accounts, sessions, tokens, one-time links, failed sign-ins.

No table here holds a secret that opens anything: keys, tokens, sessions and links are kept as SHA-256 digests,
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
    "look",
    "see_identities",
    "make_tokens",
    "declare_associations",
    "declare_actions",
    "merge_consumers",
    "mend_events",
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
    """Somebody, or a program, that asks for something.

    Attributes:
        actor: How they stand in the audit.
        role: What they may do.
        brands: The brands they may see; None stands for all, also those to come.
    """

    actor: Actor
    role: Role
    brands: frozenset[str] | None

    def sees(self, brand: str) -> bool:
        """Whether they may see the brand."""
        return self.brands is None or brand in self.brands


@dataclass(frozen=True, slots=True)
class Account:
    """A member of staff.

    Attributes:
        account_id: Its id.
        email: The address they sign in with.
        name: What they are called.
        role: What they may do.
        brands: The brands they may see; None stands for all.
        has_password: Whether the invitation was taken up.
        created_us: When it was made.
        disabled_us: When it was removed, if it was.
        session_epoch: Sessions of another epoch do not count.
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
        """Whether the account may be used at all."""
        return self.disabled_us is None


WRITE_KEYS = Table(
    name="write_keys",
    grain="one write key of one source",
    writer="access.keys",
    columns=(
        Column("key_id", "text", "Its id."),
        Column(
            "digest", "text", "SHA-256 of the key, in hexadecimal digits; the key itself is kept nowhere."
        ),
        Column("ending", "text", "The last four characters of the key, to tell it from others."),
        Column("source", "text", "The source that its events are of."),
        Column("brand", "text", "The brand of events that name none.", is_optional=True),
        Column("kind", "text", "Where the key is kept: server, browser (anybody can read it) or webhook."),
        Column("trust", "real", "0 to 1: its events are believed at most so far.", is_optional=True),
        Column(
            "signing_secret",
            "text",
            "What the sender signs with. Kept as it is, because signatures are made of it; without the key "
            "it opens nothing.",
            is_optional=True,
        ),
        Column("replaces_key_id", "text", "The key that it came in place of.", is_optional=True),
        Column("created_us", "integer", "When it was made."),
        Column(
            "expires_us", "integer", "From when it no longer counts; set by a rotation.", is_optional=True
        ),
        Column("revoked_us", "integer", "When it was revoked.", is_optional=True),
        Column("used_us", "integer", "When it was last used, to within a minute.", is_optional=True),
    ),
    primary_key=("key_id",),
    unique=(("digest",),),
)

STAFF_ACCOUNTS = Table(
    name="staff_accounts",
    grain="one member of staff",
    writer="access.accounts",
    columns=(
        Column("account_id", "text", "Its id."),
        Column("email", "text", "The address they sign in with, in small letters.", is_personal=True),
        Column("name", "text", "What they are called.", is_personal=True),
        Column("role", "text", "owner, analyst, agent or read-only."),
        Column("has_all_brands", "boolean", "Whether they may see every brand, also those to come."),
        Column(
            "password", "text", "Argon2id of the password; none until a link is taken up.", is_optional=True
        ),
        Column("created_us", "integer", "When it was made."),
        Column("disabled_us", "integer", "When it was removed.", is_optional=True),
        Column(
            "session_epoch",
            "integer",
            "How often a new password or a removal has ended all its sessions; those of another epoch do not count.",
        ),
    ),
    primary_key=("account_id",),
    unique=(("email",),),
    subject="account_id",
    erasure="delete rows",
)

ACCOUNT_BRANDS = Table(
    name="account_brands",
    grain="one brand that one member of staff may see",
    writer="access.accounts",
    columns=(
        Column("account_id", "text", "The member of staff."),
        Column("brand", "text", "The key of the brand."),
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
        Column("account_id", "text", "Who is signed in."),
        Column("epoch", "integer", "The account's `session_epoch` when they signed in."),
        Column("origin", "text", "How they came in: password, link or demo."),
        Column("created_us", "integer", "When they signed in."),
        Column("seen_us", "integer", "When they last did something, to within a minute."),
        Column("expires_us", "integer", "When it ends, whatever they do."),
    ),
    primary_key=("digest",),
    indexes=(("account_id",),),
)

API_TOKENS = Table(
    name="api_tokens",
    grain="one token for reading",
    writer="access.tokens",
    columns=(
        Column("token_id", "text", "Its id."),
        Column("digest", "text", "SHA-256 of the token; the token itself is kept nowhere."),
        Column("ending", "text", "The last four characters of the token, to tell it from others."),
        Column("account_id", "text", "Who made it; it may never see more than they may."),
        Column("purpose", "text", "What it is for, in the words of who made it."),
        Column("brands", "text", "The brands it may read, a JSON list; none for all.", is_optional=True),
        Column("created_us", "integer", "When it was made."),
        Column("expires_us", "integer", "From when it no longer counts."),
        Column("revoked_us", "integer", "When it was revoked.", is_optional=True),
        Column("used_us", "integer", "When it was last used, to within a minute.", is_optional=True),
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
        Column("account_id", "text", "Whose it is; none for the first owner's.", is_optional=True),
        Column("created_us", "integer", "When it was made."),
        Column("expires_us", "integer", "From when it no longer counts."),
        Column("used_us", "integer", "When it was used, or withdrawn.", is_optional=True),
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
            "subject", "text", "account: or address: and what was given, also where no such account exists.",
            is_personal=True,
        ),
        Column("failures", "integer", "How often, since the last success or a day of rest."),
        Column("failed_us", "integer", "When last."),
        Column("blocked_until_us", "integer", "Until when nothing is tried."),
    ),
    primary_key=("subject",),
    indexes=(("failed_us",),),
    subject="subject",
    erasure="delete rows",
)  # fmt: skip
