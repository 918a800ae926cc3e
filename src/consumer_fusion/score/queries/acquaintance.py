"""Acquaintance: whom brands know, which bounds what somebody may be told who sees only these brands."""

from __future__ import annotations

from collections.abc import Collection

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import list_acquainted
from consumer_fusion.events.lookup import Sight, find_consumer
from consumer_fusion.records.identifier import mask_consumer_key
from consumer_fusion.spillover.links import read_associations
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def look_with(workspace: Workspace, session: Session, brand_ids: Collection[int]) -> Sight:
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

    return Sight(brands, find_acquainted)


def look_as(workspace: Workspace, session: Session, brands: Collection[str] | None) -> Sight | None:
    """What may be seen by somebody who sees the brands of these names; None for all."""
    if brands is None:
        return None
    return look_with(workspace, session, find_keys(session, "brand", sorted(brands)).values())


def require_known(session: Session, key: str, sight: Sight | None = None) -> int:
    """The number of the consumer that a key or an identifier stands for, before merges.

    Args:
        session: A session.
        key: A key, or an identifier of any type.
        sight: What may be seen; a consumer whom none of its brands knows is refused as one whom nobody knows.

    Raises:
        NotFoundError: Nobody who may be seen is known by the text.
        ConflictError: It is an identifier of several.
    """
    found = find_consumer(session, key, sight=sight)
    if found is None or (sight is not None and found not in sight.find_acquainted([found])):
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
