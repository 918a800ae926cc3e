"""Views of actions: their timeline, and the effects that plans could detect."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from consumer_fusion.causal.actions.declared_actions import DeclaredAction
from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.power_analysis import Plan
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.views.drawings import Drawing
from consumer_fusion.views.tables import ColumnView, TableView, list_columns

_DAYS = ("first_day", "last_day", "effect_from", "effect_until")


def make_timeline_drawing(brand: str, actions: Sequence[DeclaredAction]) -> Drawing:
    """The timeline of the actions of a brand.

    Args:
        brand: Key of the brand.
        actions: The actions, in their order.
    """
    from consumer_fusion.views.charts.forests import draw_actions

    table = pa.Table.from_pylist(
        [each.model_dump(include={"title", *_DAYS}) for each in actions],
        pa.schema([("title", pa.string()), *((name, pa.int64()) for name in _DAYS)]),
    )
    return Drawing(
        "timeline",
        _("Timeline"),
        _("Mark: start; light bar: the days of its possible effect"),
        lambda style: draw_actions(table, style),
        lambda: TableView(
            "actions",
            _("Campaigns and actions of {brand}", brand=brand),
            [
                ColumnView("title", N_("action"), "title"),
                ColumnView("first_day", N_("from"), "day"),
                ColumnView("last_day", N_("to"), "day"),
                ColumnView("effect_from", N_("effect from"), "day"),
                ColumnView("effect_until", N_("effect to"), "day"),
            ],
            table.to_pylist(),
        ),
    )


def make_plans_drawing(plans: Sequence[Plan], metric: str) -> Drawing:
    """The smallest detectable effect of each plan.

    Args:
        plans: The plans.
        metric: The metric that the action is to move.
    """
    from consumer_fusion.views.charts.forests import draw_detectable

    def gather() -> TableView:
        names = ("series", "start", "days", "detectable", "controls")
        return TableView(
            "plans",
            _(
                "Smallest detectable effect on {metric}",
                metric=effect_wording.name_metric(metric),
            ),
            list_columns(
                ColumnView("series", N_("series")),
                ColumnView("start", N_("from"), "day"),
                ColumnView("days", N_("days"), "count"),
                ColumnView("detectable", N_("effect"), "relative"),
                ColumnView("controls", N_("control series"), "count"),
            ),
            [{name: getattr(plan, name) for name in names} for plan in plans],
        )

    has_starts = len({plan.start for plan in plans}) > 1
    table = pa.table(
        {
            "series": [
                f"{plan.series}, {effect_wording.write_day(plan.start)}" if has_starts else plan.series
                for plan in plans
            ],
            "days": [plan.days for plan in plans],
            "detectable": [plan.detectable for plan in plans],
        }
    )
    return Drawing(
        "plans",
        _("Detectable effects"),
        _("Smallest detectable effect at 80% power, by the length of the action."),
        lambda style: draw_detectable(table, style),
        gather,
    )
