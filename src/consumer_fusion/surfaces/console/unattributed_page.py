"""Events without a consumer or a brand: stored but not scored until a user assigns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.i18n.translation import _
from consumer_fusion.identity.attribution import UnattributedEvents
from consumer_fusion.identity.operations import LIST_UNATTRIBUTED
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest


@dataclass(frozen=True, slots=True)
class UnattributedPage:
    """Page of events without a consumer or a brand.

    Attributes:
        result: Result of the query.
        brands: Existing brands.
    """

    result: UnattributedEvents
    brands: Sequence[str]


def show_unattributed(page_request: PageRequest) -> Answer:
    """Page of the events without a consumer or a brand."""
    result: UnattributedEvents = page_request.ask(LIST_UNATTRIBUTED, LIST_UNATTRIBUTED.parameters())
    return Page(
        "unattributed.html", _("Unattributed events"), UnattributedPage(result, page_request.list_brands()),
        section="unattributed",
        look=AuditNote(LIST_UNATTRIBUTED.audit, page_request.path, detail={"rows": len(result.events)}),
    )  # fmt: skip
