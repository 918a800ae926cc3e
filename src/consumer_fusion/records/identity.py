"""An identity: the identifiers of one consumer, and the merges that joined them."""

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
        Column("seen_us", "integer", "Time of the first sighting."),
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
        Column("source_id", "integer", "The source that sent it; for a claim, that of the write key."),
        Column("brand_id", "integer", "The brand of the event; 0 where it names none."),
        Column("is_claim", "boolean", "Whether it arrived over a public key."),
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
        Column("merge_id", "text", "Id of the merge."),
        Column("kept_consumer_id", "integer", "The consumer that remains."),
        Column("absorbed_consumer_id", "integer", "The consumer whose events now count for the kept one."),
        Column("reason", "text", "Reason, as a sentence; names types of identifiers, not their values."),
        Column("origin", "text", "rule, review or staff."),
        Column("tie", "text", "The type of identifier by which a rule joined them; empty for other merges."),
        Column("made_us", "integer", "Time of the merge."),
        Column("undone_us", "integer", "Time of its undo.", is_optional=True),
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
        Column("member_id", "integer", "The consumer as named by the source."),
        Column("canonical_id", "integer", "The consumer for which their events count."),
    ),
    primary_key=("member_id",),
    indexes=(("canonical_id",),),
    scope="rules",
)

IDENTITY_CONFLICTS = Table(
    name="identity_conflicts",
    grain="one case in which the rules declined to join two consumers",
    writer="identity.resolution",
    columns=(
        Column("conflict_id", "text", "Id of the conflict."),
        Column("first_consumer_id", "integer", "One of the two."),
        Column("second_consumer_id", "integer", "The other."),
        Column("reason", "text", "Reason why they were not joined."),
        Column("is_claim", "boolean", "Whether a browser claims that they are one; a user may confirm it."),
        Column("seen_us", "integer", "Time of the conflict."),
    ),
    primary_key=("conflict_id",),
)
