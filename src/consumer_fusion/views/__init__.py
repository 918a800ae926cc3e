"""Views: charts, tables and sections with their wording, defined once for page, report and notebook."""

from __future__ import annotations

from consumer_fusion.errors import MissingExtraError

try:
    import altair  # noqa: F401
    import jinja2  # noqa: F401
except ModuleNotFoundError as missing:
    raise MissingExtraError(
        f"Charts and reports need the library {missing.name}, which is not installed.",
        hint="pip install 'consumer-fusion[report]'",
    ) from missing

__all__ = [
    "action_views",
    "arrival_views",
    "brand_views",
    "calibration_views",
    "drawings",
    "effect_views",
    "page_templates",
    "pair_views",
    "tables",
]
