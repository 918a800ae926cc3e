"""Identities: the keys of a consumer, the merges behind them, and undoing a merge."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.i18n.translation import _
from consumer_fusion.identity.operations import LIST_MERGES, SHOW_IDENTITY, ConsumerKey, MergeFilter
from consumer_fusion.identity.overview import Identity, Merges
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """Merges, or the identity of one consumer.

    Attributes:
        result: Result of the query.
        may_merge: Whether the user may merge and undo merges.
    """

    result: Merges | Identity
    may_merge: bool


def show_identities(page_request: PageRequest) -> Answer:
    """Page of the merges, newest first, with the search; or of the identity of the requested consumer."""
    may_merge = page_request.may("merge_consumers")
    if consumer := page_request.asked.get("consumer"):
        known: Identity = page_request.ask(SHOW_IDENTITY, ConsumerKey(consumer=consumer))
        look = AuditNote(SHOW_IDENTITY.audit, consumer=known.consumer)
        return Page(
            "identity.html", known.consumer, IdentityPage(known, may_merge), section="identities", look=look
        )
    listed: Merges = page_request.ask(LIST_MERGES, MergeFilter())
    look = AuditNote(LIST_MERGES.audit, page_request.path, detail={"rows": len(listed.merges)})
    return Page(
        "identities.html", _("Identities"), IdentityPage(listed, may_merge), section="identities", look=look
    )
