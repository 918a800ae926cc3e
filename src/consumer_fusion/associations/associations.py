"""Stored associations: declared, and withdrawn as never true."""

from __future__ import annotations

from typing import get_args

from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.association import ASSOCIATIONS, Evidence
from consumer_fusion.storage.store import Session


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
) -> str:
    """Store an association.

    Returns:
        The id of the stored association; an identical one changes nothing.

    Raises:
        InputError: Unknown evidence, a strength outside 0 to 1, or an end before the start.
        ConflictError: Another association has the id.
    """
    if evidence not in get_args(Evidence):
        raise InputError(
            Message("'{evidence}' is not a kind of association.", evidence=evidence),
            hint=Message("Use one of {Evidence}.", Evidence=", ".join(get_args(Evidence))),
        )
    if not 0 <= strength <= 1:
        raise InputError(
            Message("The strength is {strength}.", strength=strength), hint="It must be between 0 and 1."
        )
    if valid_to_us is not None and valid_to_us < valid_from_us:
        raise InputError(
            "The association ends before it begins.", hint="Give a time for --to after that of --from."
        )
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
            return str(known["association_id"])
        if known["association_id"] == association_id:
            raise ConflictError(
                Message(
                    "There is another association with the id {association_id}.",
                    association_id=association_id,
                )
            )
    session.insert(ASSOCIATIONS, ASSOCIATIONS.column_names, [(*row, declared_us, None)])
    return association_id


def withdraw_association(session: Session, association_id: str, withdrawn_us: int) -> int:
    """Mark an association as never true; what spread over it is removed.

    Returns:
        The consumer of the association.

    Raises:
        NotFoundError: There is no association with the id in force.
    """
    found = session.read(ASSOCIATIONS, {"association_id": association_id, "withdrawn_us": None})
    if not found.num_rows:
        raise NotFoundError(
            Message(
                "There is no association in force with the id {association_id}.",
                association_id=association_id,
            ),
            hint="`fusion associations list` lists them.",
        )
    session.update(ASSOCIATIONS, {"withdrawn_us": withdrawn_us}, {"association_id": association_id})
    return int(found["consumer_id"][0].as_py())
