"""The one shape in which an error leaves over HTTP.

It has the shape that errors have everywhere (`FusionError.as_dict`), the status, and on top `message` beside `code`:
published clients look for these two and try a request again for ever when they are not there.
"""

from __future__ import annotations

from collections.abc import Mapping

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


def find_status(error: FusionError) -> int:
    """The HTTP status that fits an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def write_error(error: FusionError) -> dict[str, object]:
    """The body that tells of an error."""
    return {**error.as_dict(), "status": find_status(error), "message": str(error)}


def write_problem(status: int, code: str, message: str) -> dict[str, object]:
    """The body of an error that has no exception of its own."""
    errors = [{"code": code, "message": message, "hint": "", "where": None}]
    return {"ok": False, "status": status, "code": code, "message": message, "errors": errors}


def write_headers(error: FusionError) -> Mapping[str, str]:
    """Headers that belong to an error: after how many seconds to come back."""
    if isinstance(error, ThrottledError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"Retry-After": "5"} if isinstance(error, StoreError) else {}
