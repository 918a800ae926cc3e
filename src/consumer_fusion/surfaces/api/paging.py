"""Paging by cursors that hold the end of the previous page, so that rows added or removed meanwhile shift nothing."""

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
        asked: Parameters of the request; the cursor is valid only with the same parameters.
        position: Sort key of the last row of the page.
    """
    text = json.dumps([_digest(asked), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str, asked: Sequence[object], types: Sequence[type]) -> list[float | int | str]:
    """Sort key of the last row of the previous page.

    Args:
        cursor: Cursor from `write_cursor`.
        asked: Parameters of the current request.
        types: Types of the parts of the sort key.

    Raises:
        InputError: The cursor is invalid, or belongs to a request with other parameters.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(types) + 1 or not _fits(parts[1:], types):
        raise InputError(
            "The cursor is not valid.", hint="Pass `next_cursor` of the previous page unchanged, or omit it."
        )
    if parts[0] != _digest(asked):
        raise InputError(
            "The cursor belongs to a request with other parameters.",
            hint="Use the same parameters as for the previous page, or omit the cursor.",
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
