"""Views: charts, tables and sections with their wording, defined once for page, report and notebook."""

from __future__ import annotations

from importlib.util import find_spec

from consumer_fusion.errors import MissingExtraError

for _library in ("altair", "jinja2"):
    # Looked for and not loaded: the first takes half a second, and is needed only once something is drawn.
    if find_spec(_library) is None:
        raise MissingExtraError(
            f"Charts and reports need the library {_library}, which is not installed.",
            hint="pip install 'consumer-fusion[report]'",
        )

__all__ = [
    "action_views",
    "arrival_views",
    "brand_views",
    "calibration_views",
    "drawings",
    "effect_views",
    "page_templates",
    "pair_views",
    "sentiment_views",
    "tables",
]
