"""Addresses of the console: keys of consumers and brands may hold any character, so they stand in parameters."""

from __future__ import annotations

from urllib.parse import urlencode

STATIC_PATH = "/static"
LIVE_PATH = "/api/v1/live"
"""Where pages listen to changes."""


def make_path(path: str, **parameters: object) -> str:
    """A path with its parameters; those that are None or empty are left out."""
    given = {name: str(value) for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def is_own_path(path: str) -> bool:
    """Whether a page to go back to is one of ours, not of another site."""
    return (
        path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path
    )
