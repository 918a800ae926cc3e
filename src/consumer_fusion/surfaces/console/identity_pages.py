"""Who is who: what a consumer is known by, the merges that made them who they are, and taking one back."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.i18n.translation import _
from consumer_fusion.identity.operations import LIST_MERGES, SHOW_IDENTITY, ConsumerKey, MergeFilter
from consumer_fusion.identity.overview import Identity, Merges
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """Merges, or who one consumer is.

    Attributes:
        told: What the query answered.
        may_merge: Whether the visitor may merge and undo.
    """

    told: Merges | Identity
    may_merge: bool


def show_identities(page_request: PageRequest) -> Answer:
    """The merges, the newest first, and the search for a consumer; who that one is, where one is asked for."""
    may_merge = page_request.may("merge_consumers")
    if consumer := page_request.asked.get("consumer"):
        known: Identity = page_request.ask(SHOW_IDENTITY, ConsumerKey(consumer=consumer))
        look = AuditNote(SHOW_IDENTITY.look, consumer=known.consumer)
        return Page(
            "identity.html", known.consumer, IdentityPage(known, may_merge), section="identities", look=look
        )
    listed: Merges = page_request.ask(LIST_MERGES, MergeFilter())
    look = AuditNote(LIST_MERGES.look, page_request.path, detail={"rows": len(listed.merges)})
    return Page(
        "identities.html", _("Identities"), IdentityPage(listed, may_merge), section="identities", look=look
    )
