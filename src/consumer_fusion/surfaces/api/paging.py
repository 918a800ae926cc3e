"""Paging: a cursor says where the page before ended, so that rows which come or go meanwhile shift nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence

from consumer_fusion.errors import InputError

_DIGEST_CHARACTERS = 12


def write_cursor(asked: Sequence[object], position: Sequence[float | int | str]) -> str:
    """A cursor.

    Args:
        asked: What was asked for; the cursor goes on with the same question only.
        position: Where the page ended.
    """
    text = json.dumps([_digest(asked), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, asked: Sequence[object], types: Sequence[type]) -> list[float | int | str]:
    """Where the page before ended.

    Args:
        cursor: As `write_cursor` made it.
        asked: What is asked for now.
        types: What the position consists of.

    Raises:
        InputError: It is no cursor, or that of another question.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(types) + 1 or not _fits(parts[1:], types):
        raise InputError(
            "This is no cursor.", hint="Take `next_cursor` of the page before as it is, or leave it out."
        )
    if parts[0] != _digest(asked):
        raise InputError(
            "The cursor is of another question.",
            hint="Ask with the same parameters as for the page before, or leave the cursor out.",
        )
    return parts[1:]


def _fits(parts: Sequence[object], types: Sequence[type]) -> bool:
    return all(
        isinstance(part, (int, float) if wanted is float else wanted)
        and not isinstance(part, bool)
        and (not isinstance(part, int) or abs(part) < 1 << 62)
        and (not isinstance(part, float) or part == part)
        for part, wanted in zip(parts, types)
    )


def _digest(asked: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(asked, default=str).encode()).hexdigest()[:_DIGEST_CHARACTERS]
