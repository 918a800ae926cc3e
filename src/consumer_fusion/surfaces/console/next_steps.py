"""Links to pages in place of commands: error hints name a command, which a user of the console cannot run."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.operations import find_capabilities

COMMAND = re.compile(r"\bfusion (?P<command>[a-z]+)\b|(?<![\w-])--[a-z][a-z-]+|\bpip install\b")
"""A command of the product, or an option of one."""
_PAGES: dict[str, tuple[str, str]] = {
    "associations": (N_("Associations"), "/associations"),
    "audit": (N_("Audit log"), "/audit"),
    "brands": (N_("Brands"), "/brands"),
    "identity": (N_("Identities"), "/identities"),
    "points": (N_("Points"), "/points"),
    "rejected": (N_("Import errors"), "/rejected"),
    "score": (N_("Brands"), "/brands"),
    "staff": (N_("Staff"), "/staff"),
}
"""Page that corresponds to a command, by command; pages generated from operations are added to these."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """A next step on a page.

    Attributes:
        words: Text, in the user's language.
        page: Title of the page to open; empty where there is none.
        path: Its path.
    """

    words: str
    page: str = ""
    path: str = ""


def find_step(text: str) -> NextStep | None:
    """The console's replacement for a text that mentions a command; None for any other text."""
    commands = [found["command"] for found in COMMAND.finditer(text)]
    if not commands:
        return None
    # Several commands, or an option alone, do not identify a page.
    pages = _list_pages()
    if len(commands) == 1 and commands[0] in pages:
        page, path = pages[commands[0]]
        return NextStep(_("See this page:"), _(page), path)
    return NextStep(_("The administrator of this workspace can do this; see the documentation."))


@functools.cache
def _list_pages() -> Mapping[str, tuple[str, str]]:
    made = [group for each in find_capabilities().values() for group in each.groups if group.under]
    return {**_PAGES, **{group.name: (group.title, group.path) for group in made}}
