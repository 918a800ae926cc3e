"""All pages of the console by path, from which the routes are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from consumer_fusion.operations import find_capabilities
from consumer_fusion.records.access import Permission
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console import (
    action_pages,
    audit_page,
    brand_pages,
    consumer_pages,
    effect_pages,
    experiment_pages,
    identity_pages,
    planner_page,
    points_page,
    rejected_page,
    relationship_page,
    staff_pages,
    suggestion_pages,
    unattributed_page,
)
from consumer_fusion.surfaces.console.operation_pages import find_group_pages
from consumer_fusion.surfaces.console.pages import Answer, PageRequest
from consumer_fusion.surfaces.operation_fields import is_file


@dataclass(frozen=True, slots=True)
class PageFunction:
    """The function behind a page.

    Attributes:
        needs: Permission needed for at least one brand; a page about one brand checks that brand itself.
        make: Function of the page request and the cache of charts.
        is_change: Whether it changes something; it is then a POST with a form token.
        is_preview: Whether it only previews a change.
        takes_file: Whether its form may upload a file.
    """

    needs: Permission
    make: Callable[[PageRequest, Cache], Answer]
    is_change: bool = False
    is_preview: bool = False
    takes_file: bool = False


def _show(needs: Permission, make: Callable[[PageRequest], Answer]) -> PageFunction:
    return PageFunction(needs, lambda page_request, _: make(page_request))


def _draw(needs: Permission, make: Callable[[PageRequest, Cache], Answer]) -> PageFunction:
    return PageFunction(needs, make)


def _change(
    needs: Permission,
    make: Callable[[PageRequest], Answer],
    *,
    is_preview: bool = False,
    takes_file: bool = False,
) -> PageFunction:
    return PageFunction(
        needs,
        lambda page_request, _: make(page_request),
        is_change=True,
        is_preview=is_preview,
        takes_file=takes_file,
    )


_OWN_PAGES: dict[str, PageFunction] = {
    "/": _show("view", brand_pages.show_start),
    "/brands": _show("view", brand_pages.show_brands),
    "/brand": _show("view", brand_pages.show_overview),
    "/brand/figure": _draw("view", brand_pages.show_brand_figure),
    "/brand/sayings": _show("view", brand_pages.show_sayings),
    "/actions": _show("view", action_pages.show_actions),
    "/actions/figure": _draw("view", action_pages.show_actions_figure),
    "/effect": _show("view", effect_pages.show_effect),
    "/effect/figure": _draw("view", effect_pages.show_effect_figure),
    "/relationship/effects": _show("view", effect_pages.show_beside),
    "/effects": _show("view", effect_pages.show_effects),
    "/effects/figure": _draw("view", effect_pages.show_effects_figure),
    "/planner": _show("view", planner_page.show_planner),
    "/planner/figure": _draw("view", planner_page.show_planner_figure),
    "/planner/list": _show("see_identities", planner_page.download_holdout),
    "/experiment": _show("view", experiment_pages.show_experiment),
    "/consumers": _show("view", consumer_pages.show_consumers),
    "/consumer": _show("view", consumer_pages.show_consumer),
    "/relationship": _show("view", relationship_page.show_relationship),
    "/relationship/figure": _draw("view", relationship_page.show_pair_figure),
    "/relationship/without": _show("view", relationship_page.show_without),
    "/points": _show("view", points_page.show_points),
    "/points/kind": _show("view", points_page.show_kind),
    "/points/versions": _show("view", points_page.show_versions),
    "/points/preview": _change("change_points", points_page.preview_change, is_preview=True),
    "/points/save": _change("change_points", points_page.save_change),
    "/rejected": _show("fix_events", rejected_page.show_rejected),
    "/rejected/row": _show("fix_events", rejected_page.show_rejection),
    "/unattributed": _show("fix_events", unattributed_page.show_unattributed),
    "/identities": _show("see_identities", identity_pages.show_identities),
    "/suggestions": _show("merge_consumers", suggestion_pages.show_suggestions),
    "/suggestions/find": _change(
        "merge_consumers", suggestion_pages.find_suggestions, is_preview=True, takes_file=True
    ),
    "/staff": _show("change_staff", staff_pages.show_staff),
    "/staff/account": _show("change_staff", staff_pages.show_account),
    "/audit": _show("read_audit", audit_page.show_audit),
}


def _find_pages() -> dict[str, PageFunction]:
    """The pages of the console, including those generated from operations."""
    pages: dict[str, PageFunction] = {}
    for group in GROUP_PAGES:
        if group.group.under:
            pages[group.path] = _show(group.needs, group.show)
        for operation in group.operations:
            pages[group.name_path(operation)] = _change(
                operation.needs,
                partial(group.carry_out, operation),
                takes_file=any(map(is_file, operation.parameters.model_fields.values())),
            )
    return {**pages, **_OWN_PAGES}


GROUP_PAGES = find_group_pages(find_capabilities().values())
PAGES = _find_pages()
