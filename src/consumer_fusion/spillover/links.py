"""Links: declared associations of consumers with brands, their periods and their strength."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.records.association import ASSOCIATIONS, Evidence
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import Session

EVIDENCE_WEIGHTS: dict[Evidence, tuple[float, float]] = {
    "ambassador": (0.8, 365.0),
    "creator": (0.8, 365.0),
    "sponsor": (0.8, 365.0),
    "wears": (0.4, 180.0),
    "shown_on_stage": (0.4, 180.0),
}
"""Weight and half-life in days of each kind of evidence (`docs/concepts/spillover.md`)."""

CONTRACTS: tuple[Evidence, ...] = ("ambassador", "creator", "sponsor")


@dataclass(frozen=True, slots=True)
class AssociationLink:
    """A row of `associations`; its columns document the fields."""

    association_id: str
    consumer_id: int
    brand_id: int
    evidence: Evidence
    strength: float
    is_commercial: bool
    valid_from_us: int
    valid_to_us: int | None
    declared_us: int
    withdrawn_us: int | None


def read_associations(
    session: Session, *, with_withdrawn: bool = False, consumer_ids: Collection[int] | None = None
) -> list[AssociationLink]:
    """The stored associations, in the order in which they began.

    Args:
        session: A session.
        with_withdrawn: Whether to include withdrawn ones.
        consumer_ids: Only of these consumers, before merges; None for all.
    """
    where: dict[str, Any] = {} if with_withdrawn else {"withdrawn_us": None}
    if consumer_ids is not None:
        where["consumer_id"] = sorted(consumer_ids) or [0]
    rows = session.read(ASSOCIATIONS, where, order_by=("valid_from_us", "association_id"))
    return [AssociationLink(**row) for row in rows.to_pylist()]


def measure_link(links: Sequence[AssociationLink], at_us: int) -> float:
    """The strength of declared evidence between a consumer and a brand at a time: 1 - prod(1 - a 2^(-age/h)).

    A contract does not age while it is valid; other evidence ages from the time it was seen.
    """
    apart = 1.0
    for each in links:
        if at_us < each.valid_from_us:
            continue
        weight, half_life_days = EVIDENCE_WEIGHTS[each.evidence]
        if each.evidence in CONTRACTS:
            age_us = 0 if each.valid_to_us is None else max(at_us - each.valid_to_us, 0)
        else:
            age_us = at_us - each.valid_from_us
        apart *= 1 - weight * each.strength * 2.0 ** (-age_us / DAY_MICROSECONDS / half_life_days)
    return 1 - apart
