"""The audit log: who viewed or changed what, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.access.accounts import list_accounts
from consumer_fusion.access.audit import read_audit
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.i18n.labels import name_kind
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest
from consumer_fusion.surfaces.console.urls import make_path

ROWS_ON_PAGE = 100
ACTIONS = (
    N_("sign in"),
    N_("sign out"),
    N_("failed sign-in"),
    N_("access denied"),
    N_("create account"),
    N_("set password"),
    N_("create owner link"),
    N_("view page"),
    N_("view relationship"),
    N_("view consumer"),
    N_("view chart"),
    N_("view score"),
    N_("view explanation"),
    N_("view changes"),
    N_("view history"),
    N_("list consumers"),
    N_("list scores"),
    N_("list movers"),
    N_("stream changes"),
    N_("download"),
    N_("import events"),
    N_("calibrate points"),
    N_("put points in force"),
    N_("download control group"),
)
"""Audited actions of the surfaces themselves; those of operations are named where they are declared."""
DETAILS = (
    N_("outcome"),
    N_("search"),
    N_("from"),
    N_("origin"),
    N_("password"),
    N_("before role"),
    N_("after role"),
    N_("before brands"),
    N_("after brands"),
    N_("accepted"),
    N_("code"),
    N_("days"),
    N_("types"),
    N_("sessions"),
    N_("evidence"),
    N_("count"),
    N_("rows"),
    N_("times"),
    N_("route"),
    N_("user"),
)
"""Translated names of the details of an entry."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log.

    Attributes:
        entry: The audit entry.
        who: Name of the actor.
        consumer: Key of the consumer as the user may see it.
        brand: Key of the brand.
        whom: Name of the account that was changed, if any.
        details: Further details, as names and values.
    """

    entry: AuditEntry
    who: str
    consumer: str | None
    brand: str | None
    whom: str | None
    details: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The audit log, newest first.

    Attributes:
        rows: Entries of this page.
        consumer: Filter by consumer; empty for all.
        older_path: Path of the next older entries; None at the end.
    """

    rows: Sequence[AuditRow]
    consumer: str
    older_path: str | None


def show_audit(page_request: PageRequest) -> Answer:
    """Page of the audit log, newest first; filtered by consumer where one is given."""
    page_request.require("read_audit")
    consumer, before = page_request.asked.get("consumer", "").strip(), page_request.asked.get("before", "")
    before_id = int(before[:15]) if before.isascii() and before.isdigit() else None
    with page_request.workspace.store.reading() as session:
        consumer_id = None
        if consumer:
            consumer_id = find_keys(session, "consumer", [consumer]).get(consumer)
            if consumer_id is None:
                raise NotFoundError(_("This consumer is not known here."))
        entries = read_audit(session, consumer_id=consumer_id, before_id=before_id, limit=ROWS_ON_PAGE)
        numbers = {number for each in entries for number in (each.consumer_id, each.brand_id) if number}
        names = name_entities(session, sorted(numbers))
        accounts = {account.account_id: account.name for account in list_accounts(session)}
    rows = [
        AuditRow(
            each,
            accounts.get(each.actor.id) or _(each.actor.type),
            None
            if each.consumer_id is None
            else page_request.show_key(names.get(each.consumer_id, str(each.consumer_id))),
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
    return Page("audit.html", _("Audit log"), AuditPage(rows, consumer, older), section="audit")


def list_details(detail: Mapping[str, object], within: str = "") -> Iterator[tuple[str, str]]:
    """The details of an entry as names and values; nested names are joined."""
    for key, value in detail.items():
        name = f"{within} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from list_details(value, name)
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(str, value)) or "–"
        elif value is None:
            yield name, _("all brands") if key == "brands" else "–"
        elif key == "kind":
            yield name, name_kind(str(value))
        elif value != "":
            yield name, _(str(value)) if isinstance(value, str) else str(value)
