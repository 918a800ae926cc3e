"""Clauses: the parts of a message that may each hold an opinion of their own."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(
    r"[.!?;:,()\n]+(?=\s|$)|\s[-–—]\s"
    r"|\s(?=(?:but|and|while|although|though|however|yet|because|so|except|unfortunately"
    r"|ma|però|mentre|anche se|e|tuttavia|perché|quindi|purtroppo|invece|eppure)\s)",
    re.IGNORECASE,
)
_FEWEST_WORDS = 2


def split_clauses(text: str) -> list[tuple[int, int]]:
    """Start and end of each clause of a text; all of it where it has one only."""
    clauses: list[tuple[int, int]] = []
    start = 0
    for end, following in [
        *((each.start(), each.end()) for each in _BOUNDARY.finditer(text)),
        (len(text), len(text)),
    ]:
        if len(text[start:end].split()) < _FEWEST_WORDS:
            continue
        clauses.append(_strip(text, start, end))
        start = following
    if not clauses:
        return [_strip(text, 0, len(text))]
    return clauses


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return start, start + len(text[start:end].rstrip())
