"""Acquaintance: looking a consumer up by anything they are known by, as far as brands know them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa

from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import list_acquainted, map_canonical
from consumer_fusion.records.consumer_keys import fold_key
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identifier import (
    STRONG_TYPES,
    WEAK_TYPES,
    mask_consumer_key,
    normalise_identifier,
)
from consumer_fusion.records.identity import IDENTIFIER_SIGHTINGS, IDENTIFIERS
from consumer_fusion.spillover.links import read_associations
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Visibility:
    """What somebody may see who sees only some brands.

    Attributes:
        brand_ids: The brands.
        find_acquainted: Those of consumers, as sources named them, whom these brands know.
    """

    brand_ids: frozenset[int]
    find_acquainted: Callable[[Collection[int]], Collection[int]]


def find_visibility(workspace: Workspace, session: Session, brand_ids: Collection[int]) -> Visibility:
    """What may be seen by somebody who sees only these brands.

    A brand knows consumers of whom it has an event or to whom an association with it was declared.

    Args:
        workspace: The workspace.
        session: A session of its store, in which the acquaintances are found.
        brand_ids: The numbers of the brands.
    """
    brands = frozenset(brand_ids)

    def find_acquainted(consumers: Collection[int]) -> set[int]:
        if not brands or not consumers:
            return set()
        links = read_associations(session, with_withdrawn=True, consumer_ids=consumers)
        declared = {link.consumer_id for link in links if link.brand_id in brands}
        return declared | list_acquainted(session, workspace.engine, workspace.folder, consumers, brands)

    return Visibility(brands, find_acquainted)


def look_as(workspace: Workspace, session: Session, brands: Collection[str] | None) -> Visibility | None:
    """What may be seen by somebody who sees the brands of these names; None for all."""
    if brands is None:
        return None
    return find_visibility(workspace, session, find_keys(session, "brand", sorted(brands)).values())


def find_consumer(session: Session, text: str, *, visibility: Visibility | None = None) -> int | None:
    """The consumer that a text stands for, before merges: whoever serves them has their address, not their key.

    Args:
        session: A session.
        text: A key as the source writes it, or an identifier of any type in any form.
        visibility: What may be seen: a key counts only where these brands know its consumer, an identifier as far as
            one of them was told it; None for all. So another brand's key is answered exactly as a text that is no key.

    Returns:
        Its number; None where nobody is known by the text.

    Raises:
        ConflictError: It is an identifier of several.
    """
    named = _find_keys(session, dict.fromkeys([text, fold_key(text.strip())]))
    if visibility is not None and named:
        acquainted = visibility.find_acquainted(named)
        named = [each for each in named if each in acquainted]
    if named:
        return named[0]
    wanted = [normalise_identifier(name, text) for name in (*STRONG_TYPES, *WEAK_TYPES)]
    places = [each.place for each in wanted if each is not None]
    columns = pa.table({
        "identifier_type": pa.array([name for name, _ in places], pa.string()),
        "identifier_value": pa.array([value for _, value in places], pa.string()),
    })  # fmt: skip
    if visibility is None:
        found = session.read_matching(IDENTIFIERS, columns, columns=("consumer_id",)).to_pylist()
    else:
        told = session.read_matching(
            IDENTIFIER_SIGHTINGS, columns, columns=("consumer_id", "brand_id", "is_claim")
        )
        found = [row for row in told.to_pylist() if row["brand_id"] in visibility.brand_ids]
        # What a browser claims takes nobody's address from whom a trusted source told by it.
        found = [row for row in found if not row["is_claim"]] or found
    numbers = sorted({row["consumer_id"] for row in found})
    if len(set(map_canonical(session, numbers).values())) > 1:
        raise ConflictError(
            "Several consumers are known by this.", hint="Name one by the key that its source gives."
        )
    return numbers[0] if numbers else None


def _find_keys(session: Session, keys: Collection[str]) -> list[int]:
    wanted = pa.table({"entity_type": ["consumer"] * len(keys), "entity_key": list(keys)})
    rows = session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id")).to_pylist()
    numbers = {row["entity_key"]: row["entity_id"] for row in rows}
    return [numbers[key] for key in keys if key in numbers]


def require_known(session: Session, key: str, visibility: Visibility | None = None) -> int:
    """The number of the consumer that a key or an identifier stands for, before merges.

    Args:
        session: A session.
        key: A key, or an identifier of any type.
        visibility: What may be seen; a consumer whom none of its brands knows is refused as one whom nobody knows.

    Raises:
        NotFoundError: Nobody who may be seen is known by the text.
        ConflictError: It is an identifier of several.
    """
    found = find_consumer(session, key, visibility=visibility)
    if found is None or (visibility is not None and found not in visibility.find_acquainted([found])):
        raise NotFoundError(
            f"The consumer {mask_consumer_key(key)} is not known here.",
            hint="`fusion score` lists the consumers that have events.",
        )
    return found


def require_acquainted(workspace: Workspace, consumer: str, brands: Collection[str] | None) -> None:
    """Refuse a consumer whom none of the brands knows.

    Raises:
        NotFoundError: They do not know the consumer.
    """
    if brands is not None:
        with workspace.store.reading() as session:
            require_known(session, consumer, look_as(workspace, session, brands))
