"""Charts, for page, notebook and report: Arrow tables in, Altair charts or SVG text out.

Nothing here reads a workspace. Needs the extra `report`.
"""

from __future__ import annotations

from consumer_fusion.errors import MissingExtraError

try:
    import altair  # noqa: F401
except ModuleNotFoundError as missing:
    raise MissingExtraError(
        f"Charts need the library {missing.name}, which is not installed.",
        hint="pip install 'consumer-fusion[report]'",
    ) from missing

__all__ = [
    "courses",
    "distributions",
    "facets",
    "forests",
    "labels",
    "movement",
    "relationship",
    "reliability",
    "rendering",
    "tallies",
    "theme",
    "trend",
]
