"""The error hierarchy: each error has a stable code, and says what is wrong, what was expected and how to fix it.

This module knows nothing of HTTP or the command line; those render `FusionError.as_dict`.
"""

from __future__ import annotations


class FusionError(Exception):
    """Base class of all expected errors.

    Args:
        message: Description of the problem, and what was expected. Never personal data: ids only.
        hint: How to fix it.
        where: Location of the problem (a file, a line, a setting), if there is one.
    """

    code = "fusion_error"

    def __init__(self, message: str, *, hint: str = "", where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        """The message, followed by the hint if there is one."""
        return f"{self.message} {self.hint}".strip()

    def as_dict(self) -> dict[str, object]:
        """The JSON representation of errors, the same everywhere."""
        return {
            "ok": False,
            "code": self.code,
            "errors": [{"code": self.code, "message": self.message, "hint": self.hint, "where": self.where}],
        }


class InputError(FusionError, ValueError):
    """Invalid input."""

    code = "invalid_input"


class MappingError(InputError):
    """A mapping file is invalid, or does not match the events."""

    code = "invalid_mapping"


class PointsError(InputError):
    """A points table violates a rule."""

    code = "invalid_points"


class NotFoundError(FusionError, LookupError):
    """The requested object does not exist."""

    code = "not_found"


class WorkspaceNotFoundError(NotFoundError):
    """There is no workspace in the folder."""

    code = "workspace_not_found"


class ConflictError(FusionError):
    """The request conflicts with the current state."""

    code = "conflict"


class RefusedError(FusionError):
    """The product refuses the request, because the result would mislead or do harm."""

    code = "refused"


class EngineError(FusionError, RuntimeError):
    """A query failed in the compute engine; the message names the step."""

    code = "engine_failed"


class ExhaustedError(EngineError):
    """A query ran out of memory or disk space, or a file was missing; the query itself was not at fault."""

    code = "engine_exhausted"


class StoreError(FusionError, RuntimeError):
    """The store could not be read or written, or was locked for too long; no change was made."""

    code = "store_failed"


class DamagedFileError(StoreError):
    """A file of the workspace is missing, truncated or changed."""

    code = "damaged_file"


class DrawingError(FusionError, RuntimeError):
    """A chart could not be drawn; its numbers are available nevertheless."""

    code = "drawing_failed"


class SettingsError(FusionError, ValueError):
    """A setting has an invalid value."""

    code = "invalid_settings"


class MissingExtraError(FusionError, ImportError):
    """An optional dependency is not installed."""

    code = "missing_extra"


class AuthenticationError(FusionError):
    """The request is unauthenticated, or a password, key, token or one-time link is not valid."""

    code = "not_authenticated"


class PermissionDeniedError(FusionError):
    """The caller lacks the permission."""

    code = "permission_denied"


class ThrottledError(FusionError):
    """Too many attempts in too short a time.

    Args:
        message: Description of the problem, and what was expected.
        hint: How to fix it.
        where: Location of the problem, if there is one.
        retry_after_s: Whole seconds after which the request may be retried.
    """

    code = "too_many_attempts"

    def __init__(
        self, message: str, *, hint: str = "", where: str | None = None, retry_after_s: int = 1
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.retry_after_s = retry_after_s
