"""The audit: who looked at or changed what, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.access.accounts import list_accounts
from consumer_fusion.access.audit import read_audit
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.surfaces.console.pages import Answer, Page, Visit
from consumer_fusion.surfaces.console.urls import make_path

ROWS_ON_PAGE = 100
ACTIONS = (
    mark("sign in"),
    mark("sign out"),
    mark("fail to sign in"),
    mark("look at relationship"),
    mark("look at consumer"),
    mark("look at identity"),
    mark("look at rejected row"),
    mark("change points"),
    mark("retry rejected rows"),
    mark("merge consumers"),
    mark("undo merge"),
    mark("create write key"),
    mark("rotate write key"),
    mark("revoke write key"),
    mark("create token"),
    mark("revoke token"),
    mark("create account"),
    mark("change account"),
    mark("remove account"),
    mark("set password"),
    mark("make owner link"),
    mark("invite staff"),
    mark("make password link"),
    mark("sign out everywhere"),
    mark("declare association"),
    mark("withdraw association"),
    mark("attach event"),
    mark("subscribe webhook"),
    mark("withdraw webhook"),
    mark("retry deliveries"),
    mark("listen to changes"),
    mark("be refused"),
    mark("download"),
    mark("look at page"),
    mark("look at figure"),
    mark("list consumers"),
    mark("list associations"),
    mark("list corrections"),
    mark("list merges"),
    mark("list unattributed events"),
    mark("look at rejected rows"),
    mark("list scores"),
    mark("list movers"),
    mark("import events"),
    mark("put points in force"),
    mark("calibrate points"),
    mark("import actions"),
    mark("import metrics"),
    mark("withdraw action"),
    mark("drop rejected rows"),
    mark("download hold-out"),
    mark("apply corrections"),
    mark("undo correction"),
)
"""What is put on record, for those who read it; others are shown as they are."""
DETAILS = (
    mark("origin"),
    mark("password"),
    mark("before role"),
    mark("after role"),
    mark("before brands"),
    mark("after brands"),
    mark("accepted"),
    mark("code"),
    mark("days"),
    mark("types"),
    mark("sessions"),
    mark("evidence"),
    mark("count"),
    mark("rows"),
    mark("times"),
    mark("route"),
    mark("user"),
)
"""Names of what is kept besides."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act.

    Attributes:
        entry: As it is on record.
        who: The name of who did it.
        consumer: Key of the consumer as the visitor may see it.
        brand: Key of the brand.
        whom: The name of the account that it was done to, where it was one.
        details: More to know, as names and values.
    """

    entry: AuditEntry
    who: str
    consumer: str | None
    brand: str | None
    whom: str | None
    details: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The audit, the newest first.

    Attributes:
        rows: Some acts.
        consumer: Only about this consumer; empty for all.
        older_path: Where older ones are; None at the end.
    """

    rows: Sequence[AuditRow]
    consumer: str
    older_path: str | None


def show_audit(visit: Visit) -> Answer:
    """Who did what, the newest first; of one consumer where one is named."""
    visit.require("read_audit")
    consumer, before = visit.asked.get("consumer", "").strip(), visit.asked.get("before", "")
    before_id = int(before[:15]) if before.isascii() and before.isdigit() else None
    with visit.workspace.store.reading() as session:
        consumer_id = None
        if consumer:
            consumer_id = find_keys(session, "consumer", [consumer]).get(consumer)
            if consumer_id is None:
                raise NotFoundError(say("This consumer is not known here."))
        entries = read_audit(session, consumer_id=consumer_id, before_id=before_id, limit=ROWS_ON_PAGE)
        numbers = {number for each in entries for number in (each.consumer_id, each.brand_id) if number}
        names = name_entities(session, sorted(numbers))
        accounts = {account.account_id: account.name for account in list_accounts(session)}
    rows = [
        AuditRow(
            each,
            accounts.get(each.actor.id) or say(each.actor.type),
            None
            if each.consumer_id is None
            else visit.show_key(names.get(each.consumer_id, str(each.consumer_id))),
            None if each.brand_id is None else names.get(each.brand_id, str(each.brand_id)),
            accounts.get(each.object_id or ""),
            list(list_details(each.detail)),
        )
        for each in entries
    ]
    older = (
        make_path("/audit", consumer=consumer, before=entries[-1].audit_id)
        if len(entries) == ROWS_ON_PAGE
        else None
    )
    return Page("audit.html", say("Audit"), AuditPage(rows, consumer, older), section="audit")


def list_details(detail: Mapping[str, object], within: str = "") -> Iterator[tuple[str, str]]:
    """What is kept of an act besides, as names and values; what stands within something is named with it."""
    for key, value in detail.items():
        name = f"{within} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from list_details(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value)) or "–"
        elif value is None:
            yield name, say("all brands") if key == "brands" else "–"
        elif value != "":
            yield name, say(str(value)) if isinstance(value, str) else str(value)
