"""URLs of the console. Keys of consumers and brands may hold any character, so they are query parameters."""

from __future__ import annotations

from urllib.parse import urlencode

STATIC_PATH = "/static"
LIVE_PATH = "/api/v1/live"
"""Path of live updates."""


def make_path(path: str, **parameters: object) -> str:
    """A path with its query parameters; None and empty ones are omitted."""
    given = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def is_own_path(path: str) -> bool:
    """Whether a path to return to is on this site."""
    return (
        path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path
    )
