"""Charts, for page, notebook and report: Arrow tables in, Altair charts or SVG text out.

Nothing here reads a workspace. The modules that draw load Altair, which takes half a second; `views` imports them
where it makes a chart, so that a server which only collects events does without.
"""

from __future__ import annotations

__all__ = [
    "timelines",
    "distributions",
    "facets",
    "forests",
    "frame",
    "movement",
    "relationship",
    "reliability",
    "rendering",
    "count_charts",
    "theme",
    "trend",
]
