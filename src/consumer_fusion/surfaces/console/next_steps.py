"""What a page says instead of a command: errors tell what to do at the command line, which a page is not."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.operations import find_capabilities

COMMAND = re.compile(r"\bfusion (?P<command>[a-z]+)\b|(?<![\w-])--[a-z][a-z-]+|\bpip install\b")
"""A command of ours, or an option of one."""
_PAGES: dict[str, tuple[str, str]] = {
    "associations": (N_("Associations"), "/associations"),
    "audit": (N_("Audit"), "/audit"),
    "brands": (N_("Brands"), "/brands"),
    "identity": (N_("Identities"), "/identities"),
    "points": (N_("Points"), "/points"),
    "rejected": (N_("Import errors"), "/rejected"),
    "score": (N_("Brands"), "/brands"),
    "staff": (N_("Staff"), "/staff"),
}
"""The page on which one does what a command does, by the command; those made from operations are found."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next, on a page.

    Attributes:
        words: In the language of the visitor.
        page: What the page is called on which it is done; empty where it is done on none.
        path: Its address.
    """

    words: str
    page: str = ""
    path: str = ""


def find_step(text: str) -> NextStep | None:
    """What a page says in place of a text that tells what to do with a command; None for any other text."""
    commands = [found["command"] for found in COMMAND.finditer(text)]
    if not commands:
        return None
    # Of several commands, as of an option alone, it is not known which page would do.
    pages = _list_pages()
    if len(commands) == 1 and commands[0] in pages:
        page, path = pages[commands[0]]
        return NextStep(_("See this page:"), _(page), path)
    return NextStep(_("Whoever runs this workspace can do this; the documentation says how."))


@functools.cache
def _list_pages() -> Mapping[str, tuple[str, str]]:
    made = [group for each in find_capabilities().values() for group in each.groups if group.under]
    return {**_PAGES, **{group.name: (group.title, group.path) for group in made}}
