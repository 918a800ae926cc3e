"""Acquaintance: whom brands know, which bounds what somebody may be told who sees only these brands."""

from __future__ import annotations

from collections.abc import Collection

from consumer_fusion.events.event_reader import list_acquainted
from consumer_fusion.identity.overview import Sight
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
