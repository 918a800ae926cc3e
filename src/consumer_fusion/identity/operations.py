"""Operations on identities: look-up, merges and their undo, and events without a consumer or brand.

A merge changes what is derived from stored events, so it runs in one transaction with the folding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.i18n.translation import N_
from consumer_fusion.identity import attribution, merges, overview, review
from consumer_fusion.identity.attribution import UnattributedEvents
from consumer_fusion.identity.merges import Regrouping
from consumer_fusion.identity.overview import Identity, Merge, Merges
from consumer_fusion.identity.review import AcceptedSuggestions, SuggestedPair, WrittenPair
from consumer_fusion.operations import Context, Operation, OperationGroup, Query, Schema, Text, describe
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.identity import MergeOrigin
from consumer_fusion.records.ids import make_id
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.score.queries.brand_visibility import find_visibility_by_name, require_known
from consumer_fusion.workspace import Workspace

_LIMIT = (N_("At most"), "Maximum number of rows.")
_REASON = (N_("Reason"), "Reason; it is stored.")


class MergeFilter(Schema):
    """Selection of merges."""

    limit: Annotated[int, Field(ge=1)] = describe(*_LIMIT, default=100)


class ConsumerKey(Schema):
    """A consumer."""

    consumer: Text = describe(N_("Consumer"), "A key, or an identifier such as an e-mail address.")


class MergeConsumers(Schema):
    """Two consumers who are one person."""

    kept: Text = describe(N_("Kept consumer"), "Consumer that remains.")
    absorbed: Text = describe(N_("Absorbed consumer"), "Consumer whose events then count for the kept one.")
    reason: Text = describe(*_REASON)


class MergeId(Schema):
    """A merge."""

    merge_id: Text = describe(N_("ID"), "Id of the merge.")


class AcceptPairs(Schema):
    """Suggested pairs that were reviewed."""

    pairs: list[WrittenPair] = describe(
        N_("Pairs"), "Suggested pairs whose ids are keys of consumers, as JSON.", default=[]
    )


class AcceptedPairs(Schema):
    """Result of accepting suggestions."""

    merged: int = describe("Merged", "Number of new merges.")
    merge_ids: list[str] = describe("Merges", "Ids of the merges.")
    already_one: int = describe("Already one", "Number of pairs that were one consumer already.")
    unknown: list[str] = describe("Unknown", "Ids without a consumer; their pairs were skipped.")


class UnattributedFilter(Schema):
    """Selection of unattributed events."""

    limit: Annotated[int, Field(ge=1)] = describe(*_LIMIT, default=100)


class AttachEvent(Schema):
    """An event, and the consumer or brand that it lacks."""

    event_id: Text = describe(N_("Event"), "Event with an unknown consumer or brand.")
    source: Text = describe(N_("Source"), "Its source.")
    reason: Text = describe(*_REASON)
    consumer: str | None = describe(N_("Consumer"), "Consumer of the event.", default=None)
    brand: str | None = describe(N_("Brand"), "Brand of the event.", default=None)


def merge(
    workspace: Workspace, kept: str, absorbed: str, *, reason: str, origin: MergeOrigin = "staff",
    merge_id: str | None = None,
) -> str:  # fmt: skip
    """Join two consumers who are one person; scores are updated at once.

    Returns:
        Id of the merge, by which it can be undone.

    Raises:
        NotFoundError: One of them does not exist.
        ConflictError: They are one already.
    """
    merge_id = check_name("The id of a merge", merge_id or make_id())
    with begin_change(workspace) as (session, force):
        regrouped = merges.merge_consumers(
            session, require_known(session, kept), require_known(session, absorbed), reason=reason, origin=origin,
            made_us=workspace.now_us, merge_id=merge_id,
        )  # fmt: skip
        derive_and_fold(force.open(workspace, session), _regroup(regrouped), workspace.now_us)
    return merge_id


def undo(workspace: Workspace, merge_id: str) -> None:
    """Undo a merge; both consumers have exactly the scores that they would have without it.

    Raises:
        NotFoundError: There is no such merge.
        ConflictError: It was undone already.
    """
    with begin_change(workspace) as (session, force):
        regrouped = merges.undo_merge(session, merge_id, workspace.now_us)
        derive_and_fold(force.open(workspace, session), _regroup(regrouped), workspace.now_us)


def accept_suggestions(workspace: Workspace, suggestions: Sequence[SuggestedPair]) -> AcceptedSuggestions:
    """Merge the consumers of reviewed suggestions; scores are updated at once."""
    keys = {end for pair in suggestions for end in (pair.first, pair.second)}
    with begin_change(workspace) as (session, force):
        accepted = review.accept_suggestions(
            session, suggestions, consumer_ids=find_keys(session, "consumer", sorted(keys)), made_us=workspace.now_us
        )  # fmt: skip
        derive_and_fold(force.open(workspace, session), _regroup(accepted.regrouped), workspace.now_us)
    return accepted


def show(
    workspace: Workspace, consumer: str, brands: Sequence[str] | frozenset[str] | None = None
) -> Identity:
    """The identifiers of a consumer, and its merges.

    Args:
        workspace: The workspace.
        consumer: Key or identifier of the consumer.
        brands: Brands that limit what is visible; None for all.

    Raises:
        NotFoundError: The consumer is not known, or not to these brands.
    """
    with workspace.store.reading() as session:
        visibility = find_visibility_by_name(workspace, session, brands)
        return overview.show_identity(session, require_known(session, consumer, visibility), visibility)


def _regroup(regrouped: Regrouping) -> AffectedConsumers:
    landing = AffectedConsumers()
    for member, groups in regrouped.items():
        landing.refold_members.add(member)
        landing.refold_consumers.update(groups)
    return landing


def _list_merges(context: Context, asked: MergeFilter) -> Merges:
    with context.reading() as session:
        return overview.list_merges(
            session, asked.limit, find_visibility_by_name(context.workspace, session, context.caller.brands)
        )


def _show_identity(context: Context, asked: ConsumerKey) -> Identity:
    return show(context.workspace, asked.consumer, context.caller.brands)


def _merge_consumers(context: Context, asked: MergeConsumers) -> Merge:
    merge_id = make_id()
    context.describe(object_id=merge_id, consumer=asked.kept, absorbed=asked.absorbed)
    merge(context.workspace, asked.kept, asked.absorbed, reason=asked.reason, merge_id=merge_id)
    return _find_merge(context, merge_id)


def _undo_merge(context: Context, asked: MergeId) -> Merge:
    context.describe(object_id=asked.merge_id)
    undo(context.workspace, asked.merge_id)
    return _find_merge(context, asked.merge_id)


def _find_merge(context: Context, merge_id: str) -> Merge:
    with context.reading() as session:
        return overview.find_merge(session, merge_id)


def _accept_suggestions(context: Context, asked: AcceptPairs) -> AcceptedPairs:
    if not asked.pairs:
        raise InputError("No pair was chosen.", hint="Choose those that you know to be one person.")
    context.describe(origin="review", pairs=len(asked.pairs))
    accepted = accept_suggestions(context.workspace, asked.pairs)
    return AcceptedPairs(
        merged=len(accepted.merge_ids), merge_ids=list(accepted.merge_ids), already_one=accepted.already_one,
        unknown=list(accepted.unknown),
    )  # fmt: skip


def _list_unattributed(context: Context, asked: UnattributedFilter) -> UnattributedEvents:
    return attribution.list_unattributed(context.workspace, limit=asked.limit)


def _attach_event(context: Context, asked: AttachEvent) -> AttachEvent:
    context.describe(
        object_id=asked.event_id, consumer=asked.consumer, brand=asked.brand, source=asked.source
    )
    attribution.attach(context.workspace, **dict(asked))
    return asked


GROUPS = (
    OperationGroup(
        "identity",
        N_("Identities"),
        N_(
            "Look up, merge and separate consumers. Undoing a merge gives both consumers exactly the scores that they "
            "would have without it."
        ),
        at="identities",
    ),
    OperationGroup(
        "unattributed",
        N_("Unattributed events"),
        N_("List events without a known consumer or brand. They affect no score until they are assigned."),
    ),
)
ACCEPT = Operation(
    name="identity accept", run=_accept_suggestions, needs="merge_consumers", parameters=AcceptPairs,
    result=AcceptedPairs, arguments=("pairs",), audit="merge consumers",
    summary="Merge the consumers of suggested pairs that were reviewed.", button=N_("Merge the chosen pairs"),
    done=N_("Pairs merged: {merged}. Each merge can be undone."),
)  # fmt: skip
SHOW_IDENTITY = Query(
    name="identity show", run=_show_identity, needs="see_identities", parameters=ConsumerKey, result=Identity,
    arguments=("consumer",), audit="view identity",
    summary="Show the identifiers and merges of a consumer.",
)  # fmt: skip
LIST_MERGES = Query(
    name="identity list", run=_list_merges, needs="see_identities", parameters=MergeFilter, result=Merges,
    summary="List the merges, the newest first.", empty="No consumers have been joined.", audit="list merges",
)  # fmt: skip
LIST_UNATTRIBUTED = Query(
    name="unattributed list", run=_list_unattributed, needs="fix_events", parameters=UnattributedFilter,
    result=UnattributedEvents, summary="List the events without a consumer or brand, the newest first.",
    empty="Every event has a consumer and a brand.", audit="list unattributed events",
)  # fmt: skip
OPERATIONS = (
    SHOW_IDENTITY,
    LIST_MERGES,
    Operation(
        name="identity merge", run=_merge_consumers, needs="merge_consumers", parameters=MergeConsumers, result=Merge,
        arguments=("kept", "absorbed"), summary="Join two consumers who are one person; it can be undone exactly.",
        audit="merge consumers", button=N_("Join them"),
        done=N_("{kept} and {absorbed} count as one now. The merge {merge_id} can be undone."),
    ),
    Operation(
        name="identity undo", run=_undo_merge, needs="merge_consumers", parameters=MergeId, result=Merge,
        arguments=("merge_id",), summary="Undo a merge; both have exactly the scores that they would have without it.",
        audit="undo merge", button=N_("Undo"),
        done=N_("The merge is undone; both have the scores that they would have without it."),
    ),
    ACCEPT,
    Operation(
        name="identity attach", run=_attach_event, needs="fix_events", parameters=AttachEvent, result=AttachEvent,
        arguments=("event_id",), summary="Attach an event to its consumer or brand, once it is known.",
        audit="attach event", button=N_("Assign"), done=N_("The event {event_id} is attached and counts now."),
    ),
    LIST_UNATTRIBUTED,
)  # fmt: skip
