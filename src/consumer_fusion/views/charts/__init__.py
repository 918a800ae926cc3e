"""Charts, for page, notebook and report: Arrow tables in, Altair charts or SVG text out.

Nothing here reads a workspace.
"""

from __future__ import annotations

__all__ = [
    "timelines",
    "distributions",
    "facets",
    "forests",
    "labels",
    "movement",
    "relationship",
    "reliability",
    "rendering",
    "count_charts",
    "theme",
    "trend",
]
