"""Declared associations: who is seen with which brand, since when, and how strongly that links them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from consumer_fusion.errors import ConflictError, InputError, NotFoundError
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
class Link:
    """A row of `associations`; its columns say what the fields mean."""

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


def declare_association(
    session: Session,
    *,
    association_id: str,
    consumer_id: int,
    brand_id: int,
    evidence: str,
    strength: float,
    is_commercial: bool,
    valid_from_us: int,
    valid_to_us: int | None,
    declared_us: int,
) -> bool:
    """Put an association on record.

    Returns:
        Whether it is new; the very same one again changes nothing.

    Raises:
        InputError: Unknown evidence, a strength outside 0 to 1, or an end before the start.
        ConflictError: Another association has the id.
    """
    if evidence not in get_args(Evidence):
        raise InputError(
            f"'{evidence}' is no kind of association.", hint=f"Use one of {', '.join(get_args(Evidence))}."
        )
    if not 0 <= strength <= 1:
        raise InputError(f"The strength is {strength}.", hint="It lies between 0 and 1.")
    if valid_to_us is not None and valid_to_us < valid_from_us:
        raise InputError("The association ends before it begins.", hint="Give --to a later time than --from.")
    row = (
        association_id,
        consumer_id,
        brand_id,
        evidence,
        strength,
        is_commercial,
        valid_from_us,
        valid_to_us,
    )
    for known in session.read(ASSOCIATIONS, {"consumer_id": consumer_id, "withdrawn_us": None}).to_pylist():
        if tuple(known[name] for name in ASSOCIATIONS.column_names[1:8]) == row[1:]:
            return False
        if known["association_id"] == association_id:
            raise ConflictError(f"There is another association with the id {association_id}.")
    session.insert(ASSOCIATIONS, ASSOCIATIONS.column_names, [(*row, declared_us, None)])
    return True


def withdraw_association(session: Session, association_id: str, withdrawn_us: int) -> int:
    """Take an association back as never true; what spread over it goes with it.

    Returns:
        The consumer whose association it was.

    Raises:
        NotFoundError: There is none in force with the id.
    """
    found = session.read(ASSOCIATIONS, {"association_id": association_id, "withdrawn_us": None})
    if not found.num_rows:
        raise NotFoundError(
            f"There is no association in force with the id {association_id}.",
            hint="`fusion associations list` shows them.",
        )
    session.update(ASSOCIATIONS, {"withdrawn_us": withdrawn_us}, {"association_id": association_id})
    return int(found["consumer_id"][0].as_py())


def read_associations(
    session: Session, *, with_withdrawn: bool = False, consumer_ids: Collection[int] | None = None
) -> list[Link]:
    """The associations on record, in the order in which they began.

    Args:
        session: A session.
        with_withdrawn: Withdrawn ones too.
        consumer_ids: Only of these consumers, before merges; None for all.
    """
    where: dict[str, Any] = {} if with_withdrawn else {"withdrawn_us": None}
    if consumer_ids is not None:
        where["consumer_id"] = sorted(consumer_ids) or [0]
    rows = session.read(ASSOCIATIONS, where, order_by=("valid_from_us", "association_id"))
    return [Link(**row) for row in rows.to_pylist()]


def measure_link(links: Sequence[Link], at_us: int) -> float:
    """How strongly declared evidence links a consumer with a brand at a moment: 1 - prod(1 - a 2^(-age/h)).

    A contract does not age while it is valid; what was worn or shown ages from when it was seen.
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
