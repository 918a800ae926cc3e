"""Operations on associations: declared links of consumers with brands, the only ones over which reputation spreads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from consumer_fusion.associations.associations import declare_association, withdraw_association
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import declare_keys, find_keys, name_entities
from consumer_fusion.events.event_reader import find_members
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Moment,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    describe,
)
from consumer_fusion.records.association import Evidence
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.ids import make_id
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.spillover.links import AssociationLink, read_associations
from consumer_fusion.workspace import Workspace

EVIDENCE_WORDS: dict[Evidence, str] = {
    "wears": N_("wears or uses it"),
    "shown_on_stage": N_("appears with it on stage"),
    "ambassador": N_("is its ambassador"),
    "creator": N_("creates for it"),
    "sponsor": N_("is sponsored by it"),
}
AssociationState = Literal["active", "upcoming", "ended", "withdrawn"]
STATE_WORDS: dict[AssociationState, str] = {
    "active": N_("in force"),
    "upcoming": N_("upcoming"),
    "ended": N_("ended"),
    "withdrawn": N_("withdrawn"),
}

_ID = (N_("ID"), "The id of the association.")
_CONSUMER = (N_("Consumer"), N_("The consumer, such as an artist or a creator."))
_BRAND = (N_("Brand"), N_("The brand that the consumer is seen with."))
_EVIDENCE = (N_("Type of link"), N_("The way in which they are seen together."))
_STRENGTH = (N_("Strength"), N_("From 0 to 1; it multiplies the weight of the evidence."))
_COMMERCIAL = (N_("Commercial"), N_("Reputation may spread to the brand over it."))
_FROM = N_("From (UTC)")
_TO = N_("Until (UTC)")


class DeclaredAssociation(Schema):
    """A declared association of a consumer with a brand."""

    association_id: str = describe(*_ID, is_shown=False)
    consumer: str = describe(*_CONSUMER, consumer_page="/relationship")
    brand: str = describe(*_BRAND)
    evidence: Evidence = describe(*_EVIDENCE, words=EVIDENCE_WORDS)
    strength: float = describe(*_STRENGTH)
    is_commercial: bool = describe(*_COMMERCIAL)
    valid_from: Moment = describe(_FROM, "Start of the association.")
    valid_to: Moment | None = describe(_TO, "End of the association; null while it lasts.")
    withdrawn_at: Moment | None = describe(
        N_("Withdrawn (UTC)"), "Time at which it was withdrawn as never true.", is_shown=False
    )
    state: AssociationState = describe(
        N_("Status"), "active, upcoming, ended, or withdrawn as never true.", words=STATE_WORDS
    )


class AssociationFilter(Schema):
    """A filter of associations."""

    search: str | None = describe(
        N_("Consumer or brand contains"), N_("Part of the key of a consumer or brand."), default=None
    )
    consumer: str | None = describe(
        N_("Consumer"), "Only associations of this consumer, including those of merged keys.", default=None,
        is_shown=False,
    )  # fmt: skip
    with_withdrawn: bool = describe(
        N_("Withdrawn"), N_("Include withdrawn associations."), default=False, option="--all"
    )


class DeclareAssociation(Schema):
    """An association to declare."""

    consumer: Text = describe(*_CONSUMER)
    brand: Text = describe(*_BRAND)
    evidence: Evidence = describe(*_EVIDENCE, default="wears", words=EVIDENCE_WORDS)
    strength: float = describe(*_STRENGTH, default=1.0)
    is_commercial: bool = describe(*_COMMERCIAL, default=True, option="--commercial/--private")
    valid_from: Moment | None = describe(
        _FROM, N_("Start of the association; now if left out."), default=None, option="--from"
    )
    valid_to: Moment | None = describe(
        _TO, N_("End of the association; open-ended if left out."), default=None, option="--to"
    )
    association_id: str | None = describe(
        N_("ID"), "An id of your own.", default=None, option="--id", is_shown=False
    )


class AssociationId(Schema):
    """The id of an association."""

    association_id: Text = describe(*_ID)


def declare(
    workspace: Workspace, consumer: str, brand: str, *, evidence: str, strength: float, is_commercial: bool,
    valid_from_us: int, valid_to_us: int | None = None, association_id: str | None = None,
    note: Callable[[str], object] = lambda association_id: None,
) -> str:  # fmt: skip
    """Declare an association; stored events spread over it at once.

    An identical one is not stored twice. `note` is called with the stored id before it is durable.

    Returns:
        The stored id.

    Raises:
        InputError: The evidence is unknown, the strength outside 0 to 1, or the end before the start.
        ConflictError: Another association has the id.
    """
    association_id = check_name("The id of an association", association_id or make_id())
    with begin_change(workspace) as (session, force):
        consumer_id = declare_keys(session, "consumer", [consumer])[consumer]
        brand_id = declare_keys(session, "brand", [brand])[brand]
        association_id = declare_association(
            session, association_id=association_id, consumer_id=consumer_id, brand_id=brand_id, evidence=evidence,
            strength=strength, is_commercial=is_commercial, valid_from_us=valid_from_us, valid_to_us=valid_to_us,
            declared_us=workspace.now_us,
        )  # fmt: skip
        note(association_id)
        changed = AffectedConsumers(refold_consumers={consumer_id})
        derive_and_fold(force.open(workspace, session), changed, workspace.now_us)
    return association_id


def withdraw(workspace: Workspace, association_id: str) -> None:
    """Withdraw an association as never true; what spread over it is removed.

    Raises:
        NotFoundError: There is no association with the id in force.
    """
    with begin_change(workspace) as (session, force):
        consumer_id = withdraw_association(session, association_id, workspace.now_us)
        changed = AffectedConsumers(refold_consumers={consumer_id})
        derive_and_fold(force.open(workspace, session), changed, workspace.now_us)


def list_associations(
    workspace: Workspace, *, with_withdrawn: bool = False, consumer: str | None = None
) -> list[DeclaredAssociation]:
    """The associations, in the order in which they began.

    Args:
        workspace: The workspace.
        with_withdrawn: Whether to include withdrawn ones.
        consumer: Only those of one consumer, including the keys merged with it.
    """
    with workspace.store.reading() as session:
        members = None
        if consumer is not None:
            members = find_members(session, find_keys(session, "consumer", [consumer]).values())
        links = read_associations(session, with_withdrawn=with_withdrawn, consumer_ids=members)
        numbers = [number for link in links for number in (link.consumer_id, link.brand_id)]
        names = name_entities(session, numbers)
    return [
        DeclaredAssociation(
            association_id=link.association_id, consumer=names[link.consumer_id], brand=names[link.brand_id],
            evidence=link.evidence, strength=link.strength, is_commercial=link.is_commercial,
            valid_from=link.valid_from_us, valid_to=link.valid_to_us, withdrawn_at=link.withdrawn_us,
            state=_name_state(link, workspace.now_us),
        )
        for link in links
    ]  # fmt: skip


def _name_state(link: AssociationLink, now_us: int) -> AssociationState:
    if link.withdrawn_us is not None:
        return "withdrawn"
    if link.valid_from_us > now_us:
        return "upcoming"
    return "ended" if link.valid_to_us is not None and link.valid_to_us < now_us else "active"


def _list_visible(
    context: Context, *, with_withdrawn: bool = False, consumer: str | None = None
) -> list[DeclaredAssociation]:
    found = list_associations(context.workspace, with_withdrawn=with_withdrawn, consumer=consumer)
    return [each for each in found if context.caller.sees(each.brand)]


def _list_associations(context: Context, asked: AssociationFilter) -> list[DeclaredAssociation]:
    searched = (asked.search or "").strip().casefold()
    found = _list_visible(context, with_withdrawn=asked.with_withdrawn, consumer=asked.consumer)
    return [each for each in found[::-1] if searched in f"{each.consumer}\n{each.brand}".casefold()]


def _declare_association(context: Context, asked: DeclareAssociation) -> DeclaredAssociation:
    workspace = context.workspace
    context.describe(consumer=asked.consumer, brand=asked.brand, evidence=asked.evidence)
    association_id = declare(
        workspace, asked.consumer, asked.brand, evidence=asked.evidence, strength=asked.strength,
        is_commercial=asked.is_commercial, association_id=asked.association_id, valid_to_us=asked.valid_to,
        valid_from_us=workspace.now_us if asked.valid_from is None else asked.valid_from,
        note=lambda known: context.describe(object_id=known),
    )  # fmt: skip
    return _find(context, association_id)


def _withdraw_association(context: Context, asked: AssociationId) -> DeclaredAssociation:
    known = _find(context, asked.association_id)
    context.describe(object_id=known.association_id, consumer=known.consumer, brand=known.brand)
    withdraw(context.workspace, known.association_id)
    return known.model_copy(update={"withdrawn_at": context.workspace.now_us, "state": "withdrawn"})


def _find(context: Context, association_id: str) -> DeclaredAssociation:
    """An association in force of a brand that the caller may see; for others the message is the same as for none."""
    for each in _list_visible(context):
        if each.association_id == association_id:
            return each
    raise NotFoundError(
        "No association with this ID is in force.", hint="`fusion associations list` lists them."
    )


GROUPS = (
    OperationGroup(
        "associations",
        N_("Associations"),
        N_(
            "Declare and withdraw associations of consumers with brands. Reputation spreads over commercial "
            "associations only; private persons have none."
        ),
        under="Relationships",
    ),
)
OPERATIONS = (
    Query(
        name="associations list", run=_list_associations, needs="view", parameters=AssociationFilter,
        result=DeclaredAssociation, is_many=True, title=N_("Associations"),
        summary="List the associations, the newest first.", empty=N_("No associations."),
        audit="list associations", is_past=lambda row: row.state == "withdrawn",
    ),
    Operation(
        name="associations declare", run=_declare_association, needs="declare_associations",
        parameters=DeclareAssociation, result=DeclaredAssociation, arguments=("consumer", "brand"),
        summary=N_("Declare that a consumer is seen with a brand; stored events spread over it at once."),
        audit="declare association", button=N_("Declare association"),
        done=N_("{consumer} is now associated with {brand}. ID: {association_id}."),
    ),
    Operation(
        name="associations withdraw", run=_withdraw_association, needs="declare_associations",
        parameters=AssociationId, result=DeclaredAssociation, arguments=("association_id",),
        summary="Withdraw an association as never true; what spread over it is removed.",
        audit="withdraw association", button=N_("Withdraw"),
        done=N_("The association was withdrawn, and everything that spread over it was removed."),
        of_row="association_id", is_offered=lambda row: row.withdrawn_at is None, is_on_page=False,
        is_danger=True,
        question=N_("Withdraw this association as never true? Everything that spread over it is removed."),
    ),
)  # fmt: skip
