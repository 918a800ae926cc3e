"""Operations on points: the points, half-life and trust of a kind of event, changed for this workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import Context, Operation, OperationGroup, Schema, Text, describe
from consumer_fusion.records.points import Facet, Kind
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.points.points_store import read_kept_points
from consumer_fusion.score.points_editing import (
    ALL_FACETS,
    KindForm,
    change_own,
    describe_kind,
    drop_own,
    read_own,
    save_own,
)
from consumer_fusion.storage.store import Session

DEFAULT_HALF_LIFE_DAYS = 90.0


def _read_points(value: object) -> object:
    """Points by facet in the typed form `delight=2 feet=1`."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.replace(",", " ").split()]
    if not all(sign for _, sign, _ in parts):
        raise InputError(f"'{value}' are no points.", hint="Write them as delight=2 feet=1.")
    return {facet: number for facet, _, number in parts}


class ChangePoints(Schema):
    """A kind of event and its new points; fields left out keep their value in force."""

    key: Text = describe(N_("Kind"), "The kind of event, such as 'Order Completed'.")
    points: Annotated[dict[Facet, float], BeforeValidator(_read_points)] | None = describe(
        N_("Points"), "Points by facet, such as 'delight=2 feet=1'; 0 removes a facet.", default=None
    )
    graded: list[Facet] | None = describe(
        N_("× amount"), "Facets whose points are multiplied by the amount of the event.", default=None
    )
    half_life_days: float | None = describe(
        N_("Half-life"), "Days after which an event counts half.", default=None
    )
    trust: float | None = describe(N_("Trust"), "0 to 1: trust in events of the kind.", default=None)
    meaning: str = describe(
        N_("Meaning"), "One sentence; only for a kind missing from the shipped table.", default=""
    )
    is_reset: bool = describe(
        N_("Reset"),
        "Whether to restore the shipped or calibrated points.",
        default=False,
        option="--reset",
    )
    before: str | None = describe(
        N_("Version"),
        "The version of the points that you have seen; refused if another is in force.",
        default=None,
    )


class ChangedPoints(Schema):
    """A kind of event whose points were changed."""

    kind: str = describe("Kind", "The kind of event.")
    version: str = describe("Version", "Version of the points in force.")


def _complete(asked: ChangePoints, kind: Kind | None) -> KindForm:
    """The requested form, completed with the values in force."""
    entries = () if kind is None else kind.entries
    points = {entry.facet: entry.points for entry in entries} | (asked.points or {})
    graded = [entry.facet for entry in entries if entry.is_graded] if asked.graded is None else asked.graded
    half_life_days = DEFAULT_HALF_LIFE_DAYS if kind is None else kind.half_life_days
    trust = 1.0 if kind is None else kind.trust
    return KindForm(
        key=asked.key, points={facet: points.get(facet, 0.0) for facet in ALL_FACETS}, graded=frozenset(graded),
        half_life_days=half_life_days if asked.half_life_days is None else asked.half_life_days,
        trust=trust if asked.trust is None else asked.trust, meaning=asked.meaning,
    )  # fmt: skip


def _change_points(context: Context, asked: ChangePoints) -> ChangedPoints:
    workspace = context.workspace
    before = put_points_in_force(replace(workspace, on_change=None)).points
    own = read_own(workspace)
    own = (
        drop_own(own, asked.key)
        if asked.is_reset
        else change_own(own, _complete(asked, before.kinds.get(asked.key)))
    )
    context.describe(kind=asked.key, object_id=before.version)

    def note(session: Session) -> None:
        after = read_kept_points(session) or before
        context.describe(
            object_id=after.version,
            before=describe_kind(before.kinds.get(asked.key)),
            after=describe_kind(after.kinds.get(asked.key)),
        )
        workspace.note_change(session)

    points = save_own(replace(workspace, on_change=note), own, before=asked.before)
    # Recorded in the audit log even if the requested points are already in force.
    with context.writing():
        return ChangedPoints(kind=asked.key, version=points.version)


CHANGE_POINTS = Operation(
    name="points change", run=_change_points, needs="change_points", parameters=ChangePoints, result=ChangedPoints,
    arguments=("key",), audit="change points", button=N_("Save: put these points in force"),
    summary="Change what a kind of event is worth in this workspace; every score is read with it at once.",
    done=N_("The points of “{kind}” are in force, and every score is read with them."),
)  # fmt: skip
GROUPS = (
    OperationGroup(
        "points",
        N_("Points"),
        "Show and change the points and half-life of each kind of event.",
    ),
)
OPERATIONS = (CHANGE_POINTS,)
