"""Events that name no consumer or no brand: kept, counting for nobody, until somebody says whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import say
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.repairs import attribution
from consumer_fusion.repairs.attribution import UnattributedEvent
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit

EVENTS_LISTED = 100


@dataclass(frozen=True, slots=True)
class UnattributedPage:
    """Events without a consumer or a brand.

    Attributes:
        events: Some of them, the newest first, each with its consumer as the visitor may see them.
        total: How many there are.
        brands: Brands that there are.
    """

    events: Sequence[tuple[UnattributedEvent, str | None]]
    total: int
    brands: Sequence[str]


def show_unattributed(visit: Visit) -> Answer:
    """The events that lack a party."""
    visit.require("mend_events")
    events, total = attribution.list_unattributed(visit.workspace, limit=EVENTS_LISTED)
    content = UnattributedPage(
        [(each, None if each.consumer is None else visit.show_key(each.consumer)) for each in events],
        total,
        visit.list_brands(),
    )
    look = AuditNote("list unattributed events", visit.path, detail={"rows": len(events)})
    return Page("unattributed.html", say("Unattributed events"), content, section="unattributed", look=look)


def attach_event(visit: Visit) -> Answer:
    """Give an event the party that it lacks; the scores follow at once."""
    visit.require("mend_events")
    source, event_id = visit.read_form("source"), visit.read_form("event")
    consumer, brand = visit.read_optional("consumer") or None, visit.read_optional("brand") or None
    if consumer is None and brand is None:
        raise InputError(
            say("Neither a consumer nor a brand was given."), hint=say("Say whose event it is, and why.")
        )
    deed = AuditNote(
        "attach event", object_id=event_id, consumer=consumer, brand=brand, detail={"source": source}
    )
    attribution.attach(
        visit.acting(deed), source, event_id, consumer=consumer, brand=brand, reason=visit.read_form("reason")
    )
    return Redirect("/unattributed", say("The event counts for them now."))
