"""The navigation: where a visitor may go."""

from __future__ import annotations

from collections.abc import Collection

from consumer_fusion.access import Permission
from consumer_fusion.kit.language import mark, say
from consumer_fusion.web.console.addresses import make_path
from consumer_fusion.web.console.templating import Entry

_OF_A_BRAND: tuple[tuple[str, str, str], ...] = (
    ("overview", mark("Overview"), "/brand"),
    ("consumers", mark("Consumers"), "/consumers"),
)
_OF_ALL: tuple[tuple[str, str, str, Permission], ...] = (
    ("brands", mark("Brands"), "/brands", "look"),
    ("points", mark("Points"), "/points", "look"),
    ("rejected", mark("Rejected events"), "/rejected", "mend_events"),
    ("identities", mark("Identities"), "/identities", "see_identities"),
    ("keys", mark("Sources and keys"), "/keys", "change_keys"),
    ("audit", mark("Audit"), "/audit", "read_audit"),
)


def list_entries(permissions: Collection[Permission], brand: str | None) -> list[Entry]:
    """The entries that a visitor with these permissions has, in their order.

    Args:
        permissions: What the visitor may do.
        brand: The brand that is looked at; the entries of a brand are there only with one.
    """
    entries = [
        Entry(section, say(words), make_path(path, brand=brand))
        for section, words, path in _OF_A_BRAND
        if brand
    ]
    entries += [
        Entry(section, say(words), path) for section, words, path, needed in _OF_ALL if needed in permissions
    ]
    return entries
