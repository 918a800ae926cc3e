"""Declared actions of a workspace: imported from files, declared on a page, listed for people, withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from consumer_fusion.causal.actions import actions as actions_module
from consumer_fusion.causal.actions.actions import (
    ActionRow,
    read_action_fields,
    read_action_rows,
    write_action,
)
from consumer_fusion.causal.file_rows import LINES, read_rows
from consumer_fusion.errors import FusionError, InputError
from consumer_fusion.events.entities import declare_keys, find_keys, name_entities
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import Day, Moment, Schema, TextFile, describe
from consumer_fusion.records.action import Action, Assignment, EffectWindow, ExpectedEffect
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FORMATS = (".csv", *LINES, ".toml")
EXPECTED_WORDS: dict[ExpectedEffect, str] = {
    "temporary": N_("temporary"),
    "lasting": N_("lasting"),
    "unknown": N_("not specified"),
}
ASSIGNMENT_WORDS: dict[Assignment, str] = {
    "everybody": N_("everybody"),
    "random": N_("at random"),
    "chosen": N_("chosen by the brand"),
    "unknown": N_("not specified"),
}
ACTION_ID = (N_("ID"), N_("The id of the action."))
BRAND = (N_("Brand"), N_("The brand that acts."))
TITLE = (N_("Name"), N_("A short description of the action."))
TYPE = (
    N_("Kind"),
    N_("Its kind in a word, such as concert or price; small effects are pooled within it."),
)
REGION = (N_("Region"), N_("The value of the property region of its events; everywhere if left out."))
SEGMENT = (
    N_("Audience"),
    N_("The value of the property segment of its events; everybody if left out."),
)
ASSIGNMENT = (N_("Who gets it"), N_("How the people who get it are chosen."))
EXPECTED = (N_("Expected effect"), N_("The expected course of its effect, stated in advance."))
DELAY = (N_("Effect from day"), N_("Number of days from the start to the first day of the effect."))
LENGTH = (N_("Effect days"), N_("Number of days of the effect; as long as the action if left out."))


class DeclaredAction(Schema):
    """A deliberate act of a brand, as stored."""

    action_id: str = describe(*ACTION_ID, is_shown=False)
    brand: str = describe(*BRAND)
    title: str = describe(*TITLE)
    action_type: str = describe(*TYPE, is_shown=False)
    starts_at: Moment = describe("Start", "Start of the action.", is_shown=False)
    ends_at: Moment | None = describe(
        "End", "End of the action; null for a single point in time.", is_shown=False
    )
    first_day: Day = describe("First day", "The day on which it began.")
    last_day: Day = describe("Last day", "The last full day of the action.", is_shown=False)
    region: str | None = describe(*REGION, is_shown=False)
    segment: str | None = describe(*SEGMENT, is_shown=False)
    assignment: Assignment = describe(*ASSIGNMENT, words=ASSIGNMENT_WORDS, is_shown=False)
    expected_effect: ExpectedEffect = describe(*EXPECTED, words=EXPECTED_WORDS)
    delay_days: int = describe(*DELAY, is_shown=False)
    effect_days: int | None = describe(*LENGTH, is_shown=False)
    effect_from: Day = describe("Effect from", "The first day of its possible effect.")
    effect_until: Day = describe("Effect until", "The last day of its possible effect.")
    windows: dict[str, EffectWindow] = describe(
        "Windows", "Other days for some metrics, by metric.", is_shown=False
    )
    origin: str = describe(
        "Origin", "How it was declared: by a person, file, event or product.", is_shown=False
    )
    withdrawn_at: Moment | None = describe(
        "Withdrawn", "Time at which it was withdrawn as never done.", is_shown=False
    )


class ActionImport(Schema):
    """The result of importing a file of actions."""

    declared: int = describe("Declared", "New actions.")
    known: int = describe("Known", "Actions that were already stored, unchanged.")


def read_action_file(file: TextFile) -> list[Action]:
    """The actions of a CSV, JSON lines or TOML file (`[[actions]]`).

    Raises:
        InputError: The file cannot be read, or an action in it is invalid; the message names it.
    """
    actions = []
    for place, row in enumerate(read_rows(file, FORMATS, table="actions"), start=1):
        try:
            actions.append(read_action_fields(row))
        except InputError as error:
            raise InputError(error.message, hint=error.hint, where=f"{file.name}, action {place}") from error
    if not actions:
        raise InputError(f"{file.name} holds no action.", hint="Give it one action a row.")
    return actions


def declare_actions(workspace: Workspace, actions: Iterable[Action], *, origin: str) -> ActionImport:
    """Store actions, all of them or none; identical ones change nothing."""
    listed = list(actions)
    with workspace.store.writing() as session:
        brands = declare_keys(session, "brand", sorted({each.brand for each in listed}))
        declared = 0
        for each in listed:
            try:
                declared += write_action(
                    session, each, brand_id=brands[each.brand], origin=origin, declared_us=workspace.now_us
                )
            except FusionError as error:
                error.where = error.where or f"action {each.action_id}"
                raise
        workspace.note_change(session)
    return ActionImport(declared=declared, known=len(listed) - declared)


def withdraw_action(workspace: Workspace, action_id: str) -> None:
    """Mark an action as never done; its effects are no longer shown.

    Raises:
        NotFoundError: There is no action with the id, or it was withdrawn.
    """
    with workspace.store.writing() as session:
        actions_module.withdraw_action(session, action_id, workspace.now_us)
        workspace.note_change(session)


def find_action(workspace: Workspace, action_id: str) -> ActionRow:
    """A stored action.

    Raises:
        NotFoundError: There is none with the id.
    """
    with workspace.store.reading() as session:
        return actions_module.find_action(session, action_id)


def list_actions(
    workspace: Workspace, *, brand: str | None = None, with_withdrawn: bool = False
) -> list[DeclaredAction]:
    """The stored actions, in the order in which they began."""
    with workspace.store.reading() as session:
        rows = read_actions(session, brand=brand, with_withdrawn=with_withdrawn)
        named = name_entities(session, [row.brand_id for row in rows])
    return [describe_action(row, named[row.brand_id]) for row in rows]


def read_actions(
    session: Session, *, brand: str | None = None, with_withdrawn: bool = False
) -> list[ActionRow]:
    """The stored actions, in the order in which they began."""
    numbers = None if brand is None else list(find_keys(session, "brand", [brand]).values())
    return read_action_rows(session, brand_ids=numbers, with_withdrawn=with_withdrawn)


def describe_action(row: ActionRow, brand: str) -> DeclaredAction:
    """The result model of an action."""
    first, last = row.find_window("")
    return DeclaredAction(
        action_id=row.action_id, brand=brand, title=row.title, action_type=row.action_type, starts_at=row.starts_us,
        ends_at=row.ends_us, first_day=row.first_day, last_day=row.last_day, region=row.region, segment=row.segment,
        assignment=row.assignment, expected_effect=row.expected_effect, delay_days=row.delay_days,
        effect_days=row.effect_days, effect_from=first, effect_until=last, windows=dict(row.windows),
        origin=row.origin, withdrawn_at=row.withdrawn_us,
    )  # fmt: skip
