"""Errors of the collect API."""

from __future__ import annotations


class CollectError(Exception):
    """A refused request; nothing of it was stored.

    Args:
        status: HTTP status.
        code: Stable error code.
        message: Description of the problem, what was expected, how to fix it; no personal data.
        retry_after_s: Whole seconds after which the request may be retried.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
