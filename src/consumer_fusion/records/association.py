"""An association: a dated link between a consumer and a brand, declared by an accountable user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.records.table import Column, Table

Evidence = Literal["ambassador", "creator", "sponsor", "wears", "shown_on_stage"]


@dataclass(frozen=True, slots=True)
class Association:
    """A declared link; only a commercial one lets reputation spread.

    Attributes:
        association_id: Id of the association.
        consumer: Key of the consumer.
        brand: Key of the brand.
        evidence: Kind of evidence.
        strength: 0 to 1: factor of the evidence's weight.
        is_commercial: Whether it is a commercial association; private persons have none.
        valid_from: ISO 8601.
        valid_to: ISO 8601, or None while it lasts.
        withdrawn_at: ISO 8601 time of its withdrawal as never true.
    """

    association_id: str
    consumer: str
    brand: str
    evidence: Evidence
    strength: float
    is_commercial: bool
    valid_from: str
    valid_to: str | None = None
    withdrawn_at: str | None = None


ASSOCIATIONS = Table(
    name="associations",
    grain="one declared association of a consumer and a brand",
    writer="associations.associations",
    columns=(
        Column("association_id", "text", "Id of the association."),
        Column("consumer_id", "integer", "The consumer associated with the brand."),
        Column("brand_id", "integer", "The brand."),
        Column("evidence", "text", "ambassador, creator, sponsor, wears or shown_on_stage."),
        Column("strength", "real", "0 to 1: factor of the evidence's weight."),
        Column("is_commercial", "boolean", "Whether it is commercial; only then may reputation spread."),
        Column("valid_from_us", "integer", "Start of validity."),
        Column("valid_to_us", "integer", "End of validity.", is_optional=True),
        Column("declared_us", "integer", "Time of the declaration."),
        Column("withdrawn_us", "integer", "Time of its withdrawal as never true.", is_optional=True),
    ),
    primary_key=("association_id",),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="rules",
)
