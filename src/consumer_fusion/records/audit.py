"""Audit: views and changes with their actor and time; rows are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

ActorType = Literal["staff", "token", "command line", "link", "product"]


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of an audit entry.

    Attributes:
        type: staff (signed in), token (a reading program), link (a person using a one-time link), the command line
            of the machine, or the product itself.
        id: Id of the account or token; empty for the others.
    """

    type: ActorType
    id: str = ""


COMMAND_LINE = Actor("command line")
PRODUCT = Actor("product")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One audited act.

    Attributes:
        actor: Actor of the act.
        action: A verb and an object: "view pair", "revoke key".
        at_us: Time of the act.
        object_id: Object with an id of its own: a key, an account, a merge, a version of the points.
        consumer_id: Consumer concerned.
        brand_id: Brand concerned.
        detail: Further details, never a secret: values before and after.
        audit_id: Number of the entry, once stored.
    """

    actor: Actor
    action: str
    at_us: int
    object_id: str | None = None
    consumer_id: int | None = None
    brand_id: int | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    audit_id: int | None = None


@dataclass(frozen=True, slots=True)
class AuditNote:
    """The subject of an audit entry, by keys; `access.audit` finds their numbers.

    Attributes:
        action: A verb and an object, `look at relationship`.
        object_id: Object with an id of its own.
        consumer: Key of the consumer.
        brand: Key of the brand.
        detail: Further details, never a secret.
    """

    action: str
    object_id: str | None = None
    consumer: str | None = None
    brand: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


AUDIT_ENTRIES = Table(
    name="audit_entries",
    grain="one audited act: a view or a change",
    writer="access.audit",
    columns=(
        Column("audit_id", "integer", "Number of the entry, in order."),
        Column("at_us", "integer", "Time of the act."),
        Column("actor_type", "text", "staff, token, link, command line or product."),
        Column("actor_id", "text", "Id of the account or token; empty for the others."),
        Column("action", "text", "A verb and an object."),
        Column("object_id", "text", "Object with an id of its own.", is_optional=True),
        Column("consumer_id", "integer", "Consumer concerned.", is_optional=True),
        Column("brand_id", "integer", "Brand concerned.", is_optional=True),
        Column("detail", "text", "Further details, as a JSON object; may name people.", is_personal=True),
        Column(
            "salt",
            "text",
            "Random; erased with the detail, so that the detail cannot be guessed.",
            is_personal=True,
        ),
        Column("detail_digest", "text", "SHA-256 of salt and detail; kept when they are erased."),
        Column(
            "chain_digest",
            "text",
            "SHA-256 of this row and of the one before, which reveals a change or a gap.",
        ),
    ),
    primary_key=("audit_id",),
    indexes=(("consumer_id",), ("actor_id",)),
    subject="consumer_id",
    erasure="clear personal columns",
    has_sequence=True,
)
