"""The one chart module, for page, notebook and report: Arrow tables in, Altair charts or SVG text out.

Nothing here reads a workspace. Needs the extra `report`; import it only where charts are drawn.
"""

from __future__ import annotations

from consumer_fusion.errors import MissingExtraError

try:
    from consumer_fusion.charts.courses import draw_course, draw_cumulative, draw_placebos, gather_totals
    from consumer_fusion.charts.distributions import (
        draw_both_sides,
        draw_score_distribution,
        draw_symbiosis_mix,
    )
    from consumer_fusion.charts.facets import draw_contributions, draw_facets
    from consumer_fusion.charts.forests import draw_actions, draw_detectable, draw_effects
    from consumer_fusion.charts.movement import draw_activity, draw_movers
    from consumer_fusion.charts.relationship import draw_changes, draw_score_history
    from consumer_fusion.charts.reliability import draw_reliability
    from consumer_fusion.charts.rendering import render_svg
    from consumer_fusion.charts.tallies import (
        gather_bins,
        gather_cells,
        gather_classes,
        gather_facets,
        gather_periods,
    )
    from consumer_fusion.charts.theme import DARK, LIGHT, THEMED, AnyChart, Look, Palette, write_css_variables
    from consumer_fusion.charts.trend import draw_trend
except ModuleNotFoundError as missing:
    if (missing.name or "").split(".")[0] not in ("altair", "vl_convert"):
        raise
    raise MissingExtraError(
        f"Charts need the library {missing.name}, which is not installed.",
        hint="pip install 'consumer-fusion[report]'",
    ) from missing

__all__ = [
    "draw_score_distribution",
    "draw_both_sides",
    "draw_symbiosis_mix",
    "draw_activity",
    "draw_movers",
    "draw_trend",
    "draw_score_history",
    "draw_changes",
    "draw_contributions",
    "draw_facets",
    "draw_reliability",
    "draw_course",
    "draw_cumulative",
    "draw_placebos",
    "draw_effects",
    "draw_detectable",
    "draw_actions",
    "gather_bins",
    "gather_cells",
    "gather_classes",
    "gather_facets",
    "gather_periods",
    "gather_totals",
    "render_svg",
    "write_css_variables",
    "AnyChart",
    "Look",
    "Palette",
    "LIGHT",
    "DARK",
    "THEMED",
]
