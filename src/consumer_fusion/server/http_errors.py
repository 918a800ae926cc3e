"""The one shape of errors over HTTP.

It is the shape that errors have everywhere (`FusionError.as_dict`) plus the status and, next to `code`, `message`:
published clients look for these two and otherwise retry a request forever.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from consumer_fusion.errors import (
    AuthenticationError,
    ConflictError,
    FusionError,
    InputError,
    MissingExtraError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    StoreError,
    ThrottledError,
)

_STATUSES: tuple[tuple[type[FusionError], int], ...] = (
    (AuthenticationError, 401),
    (PermissionDeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (RefusedError, 422),
    (ThrottledError, 429),
    (InputError, 400),
    (StoreError, 503),
    (MissingExtraError, 501),
)


class ErrorResponse(JSONResponse):
    """The answer with an error: its message may quote input that is not valid Unicode."""

    def render(self, content: Any) -> bytes:
        """The content as JSON, with a question mark for each half of a character."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def find_status(error: FusionError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def write_error(error: FusionError) -> dict[str, object]:
    """The response body of an error."""
    return {**error.as_dict(), "status": find_status(error), "message": str(error)}


def write_problem(status: int, code: str, message: str) -> dict[str, object]:
    """The response body of an error without an exception of its own."""
    errors = [{"code": code, "message": message, "hint": "", "where": None}]
    return {"ok": False, "status": status, "code": code, "message": message, "errors": errors}


def write_headers(error: FusionError) -> Mapping[str, str]:
    """Additional headers of an error: the time to wait before a retry."""
    if isinstance(error, ThrottledError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": "5"} if isinstance(error, StoreError) else {}
