"""The actions of a brand on a timeline: what it did on purpose, declared before its effect is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.actions import declared_actions
from consumer_fusion.causal.actions.declared_actions import declare_actions, list_actions
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.records.action import Action, Assignment, ExpectedEffect
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.figure_parts import Placeholder, answer_figure, place_figure
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.action_views import make_timeline_drawing

EXPECTED_WORDS: dict[ExpectedEffect, str] = {
    "temporary": mark("temporary"),
    "lasting": mark("lasting"),
    "unknown": mark("unknown"),
}
ASSIGNMENT_WORDS: dict[Assignment, str] = {
    "everybody": mark("everybody"),
    "random": mark("drawn by chance"),
    "chosen": mark("chosen by the brand"),
    "unknown": mark("unknown"),
}
ORIGIN_WORDS = {
    "file": mark("from a file"),
    "event": mark("by an event"),
    "console": mark("here in the console"),
    "product": mark("by the product"),
}


@dataclass(frozen=True, slots=True)
class ActionsPage:
    """The actions of a brand.

    Attributes:
        brand: Its key.
        rows: As `declared_actions.list_actions` has them, the newest first.
        timeline: The chart, to be drawn; None without actions.
        may_declare: Whether the visitor may declare and withdraw.
        expected_words: The words for what is expected.
        assignment_words: The words for who got it.
        origin_words: The words for how it was declared.
        types: Kinds of actions that were used before.
        now: The present day, filled in for a new one.
    """

    brand: str
    rows: Sequence[Mapping[str, Any]]
    timeline: Placeholder | None
    may_declare: bool
    expected_words: Mapping[ExpectedEffect, str]
    assignment_words: Mapping[Assignment, str]
    origin_words: Mapping[str, str]
    types: Sequence[str]
    now: str


def show_actions(visit: Visit) -> Answer:
    """The actions of a brand, on a timeline and as a list."""
    brand = visit.read_asked("brand")
    visit.require("look", brand)
    rows = list_actions(visit.workspace, brand=brand)[::-1]
    timeline = place_figure(make_timeline_drawing(brand, rows), "/actions/figure", brand=brand)
    content = ActionsPage(
        brand,
        rows,
        timeline if rows else None,
        visit.may("declare_actions", brand),
        EXPECTED_WORDS,
        ASSIGNMENT_WORDS,
        ORIGIN_WORDS,
        sorted({row["action_type"] for row in list_actions(visit.workspace)} | {"campaign", "occasion"}),
        write_moment(visit.workspace.now_us)[:10],
    )
    return Page(
        "actions.html",
        say("Campaigns and actions of {brand}", brand=brand),
        content,
        section="actions",
        brand=brand,
    )


def show_actions_figure(visit: Visit, shelf: Cache) -> Answer:
    """The timeline of a brand's actions, for its place on the page, or its numbers as CSV."""
    brand = visit.read_asked("brand")
    visit.require("look", brand)
    rows = list_actions(visit.workspace, brand=brand)
    key = ("actions", brand, repr(rows))
    return answer_figure(
        visit, shelf, key, visit.readings.find_version(), lambda: make_timeline_drawing(brand, rows)
    )


def declare_action(visit: Visit) -> Answer:
    """Declare an action of a brand."""
    brand = visit.read_form("brand")
    visit.require("declare_actions", brand)
    action = Action(
        action_id=visit.read_optional("action_id") or make_id(),
        brand=brand,
        title=visit.read_form("title"),
        action_type=visit.read_optional("action_type") or "other",
        starts_at=visit.read_form("starts_at"),
        ends_at=visit.read_optional("ends_at") or None,
        region=visit.read_optional("region") or None,
        segment=visit.read_optional("segment") or None,
        assignment=visit.read_form("assignment"),  # type: ignore[arg-type]
        expected_effect=visit.read_form("expected_effect"),  # type: ignore[arg-type]
        delay_days=_read_days(visit, "delay_days") or 0,
        effect_days=_read_days(visit, "effect_days"),
    )
    deed = AuditNote(
        "declare action", object_id=action.action_id, brand=brand, detail={"title": action.title}
    )
    declare_actions(visit.acting(deed), [action], origin="console")
    return Redirect(
        make_path("/actions", brand=brand),
        say("It is declared. What it did can be asked once the first of its days is over."),
    )


def withdraw_action(visit: Visit) -> Answer:
    """Take an action back as never done."""
    action_id = visit.read_form("action_id")
    brand = find_brand(visit, action_id)
    visit.require("declare_actions", brand)
    deed = AuditNote("withdraw action", object_id=action_id, brand=brand)
    declared_actions.withdraw_action(visit.acting(deed), action_id)
    return Redirect(
        make_path("/actions", brand=brand), say("It is withdrawn; its effects are no longer shown.")
    )


def find_brand(visit: Visit, action_id: str) -> str:
    """The brand of an action that the visitor may see.

    Raises:
        NotFoundError: There is no such action, or it is of a brand that they may not see.
    """
    for row in list_actions(visit.workspace):
        if row["action"] == action_id and visit.visitor.caller.sees(row["brand"]):
            return str(row["brand"])
    raise NotFoundError(say("There is no such action."), hint=say("The page lists those that there are."))


def _read_days(visit: Visit, name: str) -> int | None:
    if not visit.read_optional(name):
        return None
    number = visit.read_number(name, 0.0)
    if number != int(number):
        raise InputError(say("A number of days is whole."), hint=say("Go back and mend it."))
    return int(number)
