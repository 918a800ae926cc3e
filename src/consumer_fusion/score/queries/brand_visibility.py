"""Brand visibility: looking up a consumer by a key or identifier, as far as brands know the consumer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa

from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.entities import find_keys, find_nearest_key
from consumer_fusion.events.event_reader import find_canonical, list_known_to_brands, map_canonical
from consumer_fusion.i18n.messages import Message
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
    """Brands and consumers visible to a caller limited to some brands.

    Attributes:
        brand_ids: Visible brands.
        find_known_to_brands: Returns those of the given consumers, as sources named them, that these brands know.
    """

    brand_ids: frozenset[int]
    find_known_to_brands: Callable[[Collection[int]], Collection[int]]


def find_visibility(workspace: Workspace, session: Session, brand_ids: Collection[int]) -> Visibility:
    """The visibility for these brands.

    A brand knows consumers with an event or a declared association with it.

    Args:
        workspace: The workspace.
        session: Session of its store, in which known consumers are found.
        brand_ids: Numbers of the brands.
    """
    brands = frozenset(brand_ids)

    def find_known_to_brands(consumers: Collection[int]) -> set[int]:
        if not brands or not consumers:
            return set()
        links = read_associations(session, with_withdrawn=True, consumer_ids=consumers)
        declared = {link.consumer_id for link in links if link.brand_id in brands}
        return declared | list_known_to_brands(session, workspace.engine, workspace.folder, consumers, brands)

    return Visibility(brands, find_known_to_brands)


def find_visibility_by_name(
    workspace: Workspace, session: Session, brands: Collection[str] | None
) -> Visibility | None:
    """The visibility for the brands of these names; None for all."""
    if brands is None:
        return None
    return find_visibility(workspace, session, find_keys(session, "brand", sorted(brands)).values())


def find_consumer(session: Session, text: str, *, visibility: Visibility | None = None) -> int | None:
    """The consumer with a key or identifier, before merges: support staff know an address rather than a key.

    Args:
        session: Session of the store.
        text: A key as the source writes it, or an identifier of any type in any form.
        visibility: Visibility: a key counts only where these brands know its consumer, an identifier as far as
            one of them received it; None for all. So another brand's key is answered like a text that is no key.

    Returns:
        Number of the consumer; None where no consumer has this key or identifier.

    Raises:
        ConflictError: Several consumers have the identifier.
    """
    named = _find_keys(session, dict.fromkeys([text, fold_key(text.strip())]))
    if visibility is not None and named:
        acquainted = visibility.find_known_to_brands(named)
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
        # An identifier claimed by a browser does not take precedence over one from a trusted source.
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
    """The number of the consumer with a key or an identifier, before merges.

    Args:
        session: Session of the store.
        key: A key, or an identifier of any type.
        visibility: Visibility; a consumer that none of its brands knows is refused like an unknown one.

    Raises:
        NotFoundError: No visible consumer has the key or identifier.
        ConflictError: Several consumers have the identifier.
    """
    found = find_consumer(session, key, visibility=visibility)
    if found is None or (visibility is not None and found not in visibility.find_known_to_brands([found])):
        raise NotFoundError(
            Message("The consumer {key} is not known here.", key=mask_consumer_key(key)),
            hint="`fusion score` lists the consumers that have events.",
        )
    return found


def require_known_to_brands(workspace: Workspace, consumer: str, brands: Collection[str] | None) -> None:
    """Refuse a consumer that none of the brands knows.

    Raises:
        NotFoundError: They do not know the consumer.
    """
    if brands is not None:
        with workspace.store.reading() as session:
            require_known(session, consumer, find_visibility_by_name(workspace, session, brands))


def find_brand_ids(session: Session, brand: str | None) -> list[int] | None:
    """The brand with a key; None for none.

    Raises:
        NotFoundError: The brand is not known; the hint names the most similar known key.
    """
    if brand is None:
        return None
    found = find_keys(session, "brand", [brand])
    if not found:
        near = find_nearest_key(session, "brand", brand)
        raise NotFoundError(
            Message("The brand '{brand}' is not known here.", brand=brand),
            hint=Message("Did you mean '{near}'?", near=near) if near else "`fusion brands` lists them.",
        )
    return list(found.values())


def find_consumer_ids(
    session: Session, consumer: str | None, visibility: Visibility | None = None
) -> list[int] | None:
    """The consumer with a key or an identifier, if visible to the caller; None for none.

    Raises:
        NotFoundError: The consumer is not known to the caller.
    """
    if consumer is None:
        return None
    number = find_consumer(session, consumer, visibility=visibility)
    if number is None:
        raise tell_unknown_consumer(
            find_nearest_key(session, "consumer", consumer) if visibility is None else None
        )
    return [find_canonical(session, number)]


def tell_unknown_consumer(nearest: str | None) -> NotFoundError:
    """The error about a consumer that is not known, with the most similar known key."""
    hint = "Give a key as its source writes it, or an identifier such as an e-mail address."
    return NotFoundError(
        "This consumer is not known here.",
        hint=hint if nearest is None else Message("Did you mean '{nearest}'?", nearest=nearest),
    )
