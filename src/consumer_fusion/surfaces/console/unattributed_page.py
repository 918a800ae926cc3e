"""Events that name no consumer or no brand: kept, counting for nobody, until somebody says whose they are."""

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
    """Events without a consumer or a brand.

    Attributes:
        told: What the query answered.
        brands: Brands that there are.
    """

    told: UnattributedEvents
    brands: Sequence[str]


def show_unattributed(page_request: PageRequest) -> Answer:
    """The events that lack a party."""
    told: UnattributedEvents = page_request.ask(LIST_UNATTRIBUTED, LIST_UNATTRIBUTED.parameters())
    return Page(
        "unattributed.html", _("Unattributed events"), UnattributedPage(told, page_request.list_brands()),
        section="unattributed",
        look=AuditNote(LIST_UNATTRIBUTED.look, page_request.path, detail={"rows": len(told.events)}),
    )  # fmt: skip
