"""An identity: the identifiers one consumer is known by, and the merges that joined them."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

Strength = Literal["strong", "weak"]
MergeOrigin = Literal["rule", "review", "staff"]


IDENTIFIERS = Table(
    name="identifiers",
    grain="one identifier seen for a consumer",
    writer="identity.resolution",
    columns=(
        Column("identifier_type", "text", "email, account, phone, device, cookie, ..."),
        Column("identifier_value", "text", "The identifier, in its canonical form.", is_personal=True),
        Column("strength", "text", "strong (an account, an e-mail) or weak (a device, a cookie)."),
        Column("consumer_id", "integer", "The consumer it was first seen for, before merges."),
        Column("seen_us", "integer", "When it was first seen."),
    ),
    primary_key=("identifier_type", "identifier_value"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
)

IDENTIFIER_SIGHTINGS = Table(
    name="identifier_sightings",
    grain="one identifier seen with a consumer by a source at a brand",
    writer="identity.resolution",
    columns=(
        Column("identifier_type", "text", "email, account, phone, device, cookie, ..."),
        Column("identifier_value", "text", "The identifier, in its canonical form.", is_personal=True),
        Column("consumer_id", "integer", "The consumer it was seen with, before merges."),
        Column("source_id", "integer", "The source that told it; of a claim, that of the write key."),
        Column("brand_id", "integer", "The brand of the event; 0 where it names none."),
        Column("is_claim", "boolean", "Whether it came over a key that everybody can read."),
    ),
    primary_key=(
        "identifier_type",
        "identifier_value",
        "consumer_id",
        "source_id",
        "brand_id",
        "is_claim",
    ),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
)

MERGES = Table(
    name="merges",
    grain="one merge of two consumers, in force until it is undone",
    writer="identity.merges",
    columns=(
        Column("merge_id", "text", "Its id."),
        Column("kept_consumer_id", "integer", "The consumer that goes on."),
        Column("absorbed_consumer_id", "integer", "The consumer whose events count for the kept one."),
        Column("reason", "text", "Why, for people; names types of identifiers, not their values."),
        Column("origin", "text", "rule, review or staff."),
        Column("tie", "text", "The type of identifier that a rule joined them by; empty for other merges."),
        Column("made_us", "integer", "When it was made."),
        Column("undone_us", "integer", "When it was undone.", is_optional=True),
    ),
    primary_key=("merge_id",),
    indexes=(("absorbed_consumer_id",), ("kept_consumer_id",)),
    scope="rules",
)

IDENTITIES = Table(
    name="identities",
    grain="one consumer whose events count for another, over the merges in force",
    writer="identity.merges",
    columns=(
        Column("member_id", "integer", "The consumer as the source named them."),
        Column("canonical_id", "integer", "The consumer for whom their events count."),
    ),
    primary_key=("member_id",),
    indexes=(("canonical_id",),),
    scope="rules",
)

IDENTITY_CONFLICTS = Table(
    name="identity_conflicts",
    grain="one time that the rules declined to join two consumers",
    writer="identity.resolution",
    columns=(
        Column("conflict_id", "text", "Its id."),
        Column("first_consumer_id", "integer", "One of the two."),
        Column("second_consumer_id", "integer", "The other."),
        Column("reason", "text", "Why they were not joined."),
        Column("is_claim", "boolean", "Whether a browser says that they are one; people may find it true."),
        Column("seen_us", "integer", "When."),
    ),
    primary_key=("conflict_id",),
)
