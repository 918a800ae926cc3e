"""The campaigns and actions of a brand on a timeline, declared before their effects are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.causal.actions.declared_actions import (
    ASSIGNMENT_WORDS,
    EXPECTED_WORDS,
    DeclaredAction,
    list_actions,
)
from consumer_fusion.errors import NotFoundError
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.action import Assignment, ExpectedEffect
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.figure_parts import Placeholder, answer_figure, place_figure
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest
from consumer_fusion.views.action_views import make_timeline_drawing

ACTION_TYPES = (N_("campaign"), N_("concert"), N_("occasion"), N_("price"), N_("other"))
"""Common types of actions, which are translated; others are shown as they are."""


@dataclass(frozen=True, slots=True)
class ActionsPage:
    """The actions of a brand.

    Attributes:
        brand: Key of the brand.
        rows: Actions, the newest first.
        timeline: Placeholder of the chart; None without actions.
        may_declare: Whether the user may declare and withdraw actions.
        expected_words: Labels of the expected effects.
        assignment_words: Labels of the ways in which consumers were assigned.
        types: Types of actions used so far.
        now: Today's date, the default for a new action.
    """

    brand: str
    rows: Sequence[DeclaredAction]
    timeline: Placeholder | None
    may_declare: bool
    expected_words: Mapping[ExpectedEffect, str]
    assignment_words: Mapping[Assignment, str]
    types: Sequence[str]
    now: str


def show_actions(page_request: PageRequest) -> Answer:
    """Page of the actions of a brand, on a timeline and as a list."""
    brand = page_request.read_asked("brand")
    page_request.require("view", brand)
    rows = list_actions(page_request.workspace, brand=brand)[::-1]
    timeline = place_figure(make_timeline_drawing(brand, rows), "/actions/figure", brand=brand)
    content = ActionsPage(
        brand,
        rows,
        timeline if rows else None,
        page_request.may("declare_actions", brand),
        EXPECTED_WORDS,
        ASSIGNMENT_WORDS,
        sorted({row.action_type for row in list_actions(page_request.workspace)} | set(ACTION_TYPES)),
        write_moment(page_request.workspace.now_us)[:10],
    )
    return Page(
        "actions.html",
        _("Campaigns and actions of {brand}", brand=brand),
        content,
        section="actions",
        brand=brand,
    )


def show_actions_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """The timeline of a brand's actions as a chart, or its numbers as CSV."""
    brand = page_request.read_asked("brand")
    page_request.require("view", brand)
    rows = list_actions(page_request.workspace, brand=brand)
    key = ("actions", brand, repr(rows))
    return answer_figure(
        page_request,
        cache,
        key,
        page_request.queries.find_version(),
        lambda: make_timeline_drawing(brand, rows),
    )


def find_brand(page_request: PageRequest, action_id: str) -> str:
    """The brand of an action that the user may see.

    Raises:
        NotFoundError: There is no such action, or the user may not see its brand.
    """
    for row in list_actions(page_request.workspace):
        if row.action_id == action_id and page_request.staff.caller.sees(row.brand):
            return row.brand
    raise NotFoundError(_("There is no such action."), hint=_("The page lists all of them."))
