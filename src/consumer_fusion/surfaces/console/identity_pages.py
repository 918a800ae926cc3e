"""Who is who: what a consumer is known by, the merges that made them who they are, and taking one back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion import declarations
from consumer_fusion.i18n.translation import say
from consumer_fusion.identity.identifiers import mask_identifier
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.identity import Merge
from consumer_fusion.records.ids import make_id
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path

MERGES_LISTED = 100


@dataclass(frozen=True, slots=True)
class MergeRow:
    """A merge.

    Attributes:
        merge_id: Its id.
        kept: Key of the consumer that goes on.
        absorbed: Key of the consumer whose events count for that one.
        kept_shown: The former as the visitor may see it.
        absorbed_shown: The latter as the visitor may see it.
        reason: Why.
        origin: rule, review or staff.
        made_at: ISO 8601.
        undone_at: ISO 8601; None while it is in force.
    """

    merge_id: str
    kept: str
    absorbed: str
    kept_shown: str
    absorbed_shown: str
    reason: str
    origin: str
    made_at: str
    undone_at: str | None


@dataclass(frozen=True, slots=True)
class IdentitiesPage:
    """Merges, the newest first.

    Attributes:
        merges: Some of them.
        merge_count: How many there are.
        may_merge: Whether the visitor may merge and undo.
    """

    merges: Sequence[MergeRow]
    merge_count: int
    may_merge: bool


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """Who one consumer is.

    Attributes:
        consumer: Key of the consumer that goes on.
        shown: The key as the visitor may see it.
        members: Keys of all that count for it: key, and as the visitor may see it.
        identifiers: Type, value cut to what suffices, strength, and since when, where that may be told.
        merges: The merges that name them.
        conflicts: Where the rules declined: with whom, why, when.
        may_merge: Whether the visitor may merge and undo.
    """

    consumer: str
    shown: str
    members: Sequence[tuple[str, str]]
    identifiers: Sequence[tuple[str, str, str, str | None]]
    merges: Sequence[MergeRow]
    conflicts: Sequence[tuple[str, str, str]]
    may_merge: bool


def show_identities(visit: Visit) -> Answer:
    """The merges, the newest first, and the search for a consumer."""
    visit.require("see_identities")
    if visit.asked.get("consumer"):
        return show_identity(visit)
    merges, count = declarations.list_merges(
        visit.workspace, MERGES_LISTED, brands=visit.visitor.caller.brands
    )
    content = IdentitiesPage(_list_rows(visit, merges), count, visit.may("merge_consumers"))
    look = AuditNote("list merges", visit.path, detail={"rows": len(merges)})
    return Page("identities.html", say("Identities"), content, section="identities", look=look)


def show_identity(visit: Visit) -> Answer:
    """Who a consumer is."""
    visit.require("see_identities")
    brands = visit.visitor.caller.brands
    known = declarations.show_identity(visit.workspace, visit.read_asked("consumer"), brands=brands)
    content = IdentityPage(
        consumer=known.consumer,
        shown=visit.show_key(known.consumer),
        members=[(key, visit.show_key(key)) for key in known.members],
        identifiers=[
            (each.type, mask_identifier(each.type, each.value), each.strength, each.seen_at)
            for each in known.identifiers
        ],
        merges=_list_rows(visit, known.merges),
        conflicts=[
            (visit.show_key(each.second or each.first), each.reason, each.seen_at) for each in known.conflicts
        ],
        may_merge=visit.may("merge_consumers"),
    )
    return Page(
        "identity.html", content.shown, content, section="identities",
        look=AuditNote("look at identity", consumer=known.consumer),
    )  # fmt: skip


def _list_rows(visit: Visit, merges: Sequence[Merge]) -> list[MergeRow]:
    return [
        MergeRow(
            each.merge_id,
            each.kept,
            each.absorbed,
            visit.show_key(each.kept),
            visit.show_key(each.absorbed),
            each.reason,
            each.origin,
            each.made_at,
            each.undone_at,
        )
        for each in merges
    ]


def merge_consumers(visit: Visit) -> Answer:
    """Join two consumers who are one person."""
    visit.require("merge_consumers")
    kept, absorbed = visit.read_form("kept"), visit.read_form("absorbed")
    merge_id = make_id()
    workspace = visit.acting(AuditNote("merge consumers", object_id=merge_id, consumer=kept))
    declarations.merge(workspace, kept, absorbed, reason=visit.read_form("reason"), merge_id=merge_id)
    return Redirect(
        make_path("/identities", consumer=kept), say("They count as one now. The merge can be undone below.")
    )


def undo_merge(visit: Visit) -> Answer:
    """Undo a merge."""
    visit.require("merge_consumers")
    merge_id = visit.read_form("merge")
    declarations.undo(visit.acting(AuditNote("undo merge", object_id=merge_id)), merge_id)
    back = visit.read_optional("consumer")
    return Redirect(
        make_path("/identities", consumer=back),
        say("The merge is undone; both have the scores that they would have without it."),
    )
