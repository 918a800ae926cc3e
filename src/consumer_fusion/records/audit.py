"""Audit: who looked at or changed what, and when; rows are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

ActorType = Literal["staff", "token", "command line", "link", "product"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something.

    Attributes:
        type: staff (signed in), token (a program that reads), link (somebody who takes one up), the command line
            of the machine, or the product by itself.
        id: The id of the account or token; empty for the others.
    """

    type: ActorType
    id: str = ""


COMMAND_LINE = Actor("command line")
PRODUCT = Actor("product")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act of somebody.

    Attributes:
        actor: Who.
        action: What, a verb and an object: "look at pair", "revoke key".
        at_us: When.
        object_id: Of which thing that has an id of its own: a key, an account, a merge, a version of the points.
        consumer_id: Of which consumer.
        brand_id: Of which brand.
        detail: More to know, never a secret: what was before and after.
        audit_id: Its number, once on record.
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
    """What an entry is about, by keys; `access.audit` finds their numbers.

    Attributes:
        action: A verb and an object, `look at relationship`.
        object_id: The thing that has an id of its own.
        consumer: Key of the consumer.
        brand: Key of the brand.
        detail: More to know, never a secret.
    """

    action: str
    object_id: str | None = None
    consumer: str | None = None
    brand: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


AUDIT_ENTRIES = Table(
    name="audit_entries",
    grain="one act of somebody: a look or a change",
    writer="access.audit",
    columns=(
        Column("audit_id", "integer", "Its number, in the order of the record."),
        Column("at_us", "integer", "When."),
        Column("actor_type", "text", "staff, token, link, command line or product."),
        Column("actor_id", "text", "The id of the account or token; empty for the others."),
        Column("action", "text", "What was done: a verb and an object."),
        Column("object_id", "text", "Of which thing that has an id of its own.", is_optional=True),
        Column("consumer_id", "integer", "Of which consumer.", is_optional=True),
        Column("brand_id", "integer", "Of which brand.", is_optional=True),
        Column("detail", "text", "More to know, as a JSON object; may name people.", is_personal=True),
        Column(
            "salt", "text", "Random; goes with the detail, so that nobody can guess it.", is_personal=True
        ),
        Column("detail_digest", "text", "SHA-256 of salt and detail; stays when they are erased."),
        Column(
            "chain_digest",
            "text",
            "SHA-256 of this row and of the one before, so that a change or a gap shows.",
        ),
    ),
    primary_key=("audit_id",),
    indexes=(("consumer_id",), ("actor_id",)),
    subject="consumer_id",
    erasure="clear personal columns",
    has_sequence=True,
)
