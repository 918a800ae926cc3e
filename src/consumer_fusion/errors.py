"""The one tree of errors: each has a stable code, says what was found, what was expected and what to do.

Nothing here knows of HTTP or of the command line; those render `FusionError.as_dict`.
"""

from __future__ import annotations


class FusionError(Exception):
    """An error that the product foresaw.

    Args:
        message: What was found and what was expected. Never personal data: ids only.
        hint: What to do about it.
        where: The place it was found at (a file, a line, a setting), if there is one.
    """

    code = "fusion_error"

    def __init__(self, message: str, *, hint: str = "", where: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        """The message, with the hint where there is one."""
        return f"{self.message} {self.hint}".strip()

    def as_dict(self) -> dict[str, object]:
        """The one JSON shape of errors, everywhere."""
        return {
            "ok": False,
            "code": self.code,
            "errors": [{"code": self.code, "message": self.message, "hint": self.hint, "where": self.where}],
        }


class InputError(FusionError, ValueError):
    """Something given to the product is not of the form it takes."""

    code = "invalid_input"


class MappingError(InputError):
    """A mapping file does not say how to read the events."""

    code = "invalid_mapping"


class PointsError(InputError):
    """A points table breaks one of its rules."""

    code = "invalid_points"


class NotFoundError(FusionError, LookupError):
    """What was asked for does not exist."""

    code = "not_found"


class WorkspaceNotFoundError(NotFoundError):
    """There is no workspace in the folder."""

    code = "workspace_not_found"


class ConflictError(FusionError):
    """The request contradicts what is on record."""

    code = "conflict"


class RefusedError(FusionError):
    """The product will not do it, because the answer would mislead or harm."""

    code = "refused"


class EngineError(FusionError, RuntimeError):
    """A query failed in the compute engine; the message names the step."""

    code = "engine_failed"


class ExhaustedError(EngineError):
    """A query found no memory, no room on the disk, or no file to read; what was asked was not at fault."""

    code = "engine_exhausted"


class StoreError(FusionError, RuntimeError):
    """The store could not read or write, or another process kept it for too long; the change did not happen."""

    code = "store_failed"


class DamagedFileError(StoreError):
    """A file of the workspace is missing, cut off or changed."""

    code = "damaged_file"


class DrawingError(FusionError, RuntimeError):
    """A figure could not be drawn; its numbers are there all the same."""

    code = "drawing_failed"


class SettingsError(FusionError, ValueError):
    """A setting has a value it cannot have."""

    code = "invalid_settings"


class MissingExtraError(FusionError, ImportError):
    """An optional part of the product is not installed."""

    code = "missing_extra"


class AuthenticationError(FusionError):
    """Nobody is signed in, or a password, key, token or one-time link does not count."""

    code = "not_authenticated"


class PermissionDeniedError(FusionError):
    """The one who asks may not do or see it."""

    code = "permission_denied"


class ThrottledError(FusionError):
    """Too much was tried in too short a time.

    Args:
        message: What was found and what was expected.
        hint: What to do about it.
        where: The place it was found at, if there is one.
        retry_after_s: After so many whole seconds it may be tried again.
    """

    code = "too_many_attempts"

    def __init__(
        self, message: str, *, hint: str = "", where: str | None = None, retry_after_s: int = 1
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.retry_after_s = retry_after_s
