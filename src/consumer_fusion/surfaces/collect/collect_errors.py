"""What a request is answered when its events are not taken."""

from __future__ import annotations


class CollectError(Exception):
    """A request that is not taken; nothing of it was kept.

    Args:
        status: HTTP status.
        code: Stable word for the reason.
        message: What was found, what was expected, what to do; no personal data.
        retry_after_s: After so many whole seconds it may be sent again.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
