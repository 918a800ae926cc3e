"""What caused what: effects of actions on series, regions, groups and persons, with honest uncertainty."""

from __future__ import annotations

from consumer_fusion.cause.actions import (
    DECLARING_KIND,
    ActionRow,
    find_action,
    read_action_fields,
    read_action_rows,
    read_declaring,
    take_declared_actions,
    withdraw_action,
    write_action,
)
from consumer_fusion.cause.imported_series import (
    SeriesRow,
    drop_series,
    read_series_days,
    read_series_rows,
    write_series,
)
from consumer_fusion.cause.metrics import (
    EVENT_COLUMNS,
    METRICS,
    Metric,
    Scope,
    lay_out_days,
    read_metric_days,
    read_spans,
)

__all__ = [
    "ActionRow",
    "DECLARING_KIND",
    "EVENT_COLUMNS",
    "METRICS",
    "Metric",
    "Scope",
    "SeriesRow",
    "drop_series",
    "find_action",
    "lay_out_days",
    "read_action_fields",
    "read_action_rows",
    "read_declaring",
    "read_metric_days",
    "read_series_days",
    "read_series_rows",
    "read_spans",
    "take_declared_actions",
    "withdraw_action",
    "write_action",
    "write_series",
]
