"""The navigation: the pages that the user may open, in groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.access import Permission
from consumer_fusion.surfaces.console.operation_pages import GroupPages
from consumer_fusion.surfaces.console.templating import NavigationEntry, NavigationGroup
from consumer_fusion.surfaces.console.urls import make_path

_OF_A_BRAND: tuple[tuple[str, str, str], ...] = (
    ("overview", N_("Overview"), "/brand"),
    ("consumers", N_("Consumers"), "/consumers"),
    ("actions", N_("Campaigns and actions"), "/actions"),
    ("effects", N_("Impact"), "/effects"),
    ("planner", N_("Plan"), "/planner"),
)
_OF_ALL: tuple[tuple[str, tuple[tuple[str, str, str, Permission], ...]], ...] = (
    (
        N_("Relationships"),
        (("brands", N_("Brands"), "/brands", "view"),),
    ),
    (
        N_("Events and people"),
        (
            ("points", N_("Points"), "/points", "view"),
            ("rejected", N_("Import errors"), "/rejected", "fix_events"),
            ("unattributed", N_("Unattributed events"), "/unattributed", "fix_events"),
            ("identities", N_("Identities"), "/identities", "see_identities"),
            ("suggestions", N_("Possible duplicates"), "/suggestions", "merge_consumers"),
        ),
    ),
    (
        N_("Access"),
        (
            ("staff", N_("Staff"), "/staff", "change_staff"),
            ("audit", N_("Audit log"), "/audit", "read_audit"),
        ),
    ),
)
"""Each group: its label, and its entries as section, label, path, and the permission needed."""


def list_groups(
    permissions: Collection[Permission], brand: str | None, made: Sequence[GroupPages]
) -> list[NavigationGroup]:
    """The entries that a user with these permissions has, in their groups and order.

    Args:
        permissions: Permissions of the user.
        brand: Current brand; the entries of a brand appear only with one.
        made: Pages generated from operations; groups under a new heading come last.
    """
    groups: list[NavigationGroup] = []
    if brand:
        entries = [
            NavigationEntry(section, _(words), make_path(path, brand=brand))
            for section, words, path in _OF_A_BRAND
        ]
        groups.append(NavigationGroup(_("This brand"), entries))
    headings = dict(_OF_ALL)
    made = [page for page in made if page.group.under]
    for page in made:
        headings.setdefault(page.group.under, ())
    for heading, rows in headings.items():
        made_rows = [
            (page.group.name, page.group.title, page.path, page.needs)
            for page in made
            if page.group.under == heading
        ]
        entries = [
            NavigationEntry(section, _(words), path)
            for section, words, path, needed in (*rows, *made_rows)
            if needed in permissions
        ]
        if entries:
            groups.append(NavigationGroup(_(heading), entries))
    return groups
