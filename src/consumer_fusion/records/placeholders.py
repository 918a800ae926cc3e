"""Placeholder values of programs. Taken as keys, they would join thousands of strangers."""

from __future__ import annotations

import re
from collections.abc import Collection

PLACEHOLDERS = frozenset((
    *("true false null none nil nan n/a na undefined unknown anonymous guest not_authenticated -1".split()),
    "not set", "(not set)", "[object object]", "#n/a",
))  # fmt: skip

NOTHING_BUT_ZEROS = "[0_[:punct:][:space:]]+"
"""Only zeros, such as a guest's number or the advertising id of a phone that declined tracking (POSIX classes)."""

_NOTHING_BUT_ZEROS = re.compile(r"[0\W_]+")


def is_placeholder_key(text: str, more: Collection[str] = ()) -> bool:
    """Whether a text is a placeholder.

    Args:
        text: A key or the value of an identifier.
        more: Further placeholders, in lower case.
    """
    plain = text.strip().lower()
    return (
        not plain or plain in PLACEHOLDERS or plain in more or _NOTHING_BUT_ZEROS.fullmatch(plain) is not None
    )


def match_placeholder(text: str, more: Collection[str] = ()) -> str:
    """The same as an SQL expression over a text."""
    listed = ", ".join("'" + each.replace("'", "''") + "'" for each in sorted({*PLACEHOLDERS, *more}))
    return f"(lower(trim({text})) in ({listed}) or regexp_full_match({text}, '{NOTHING_BUT_ZEROS}'))"
