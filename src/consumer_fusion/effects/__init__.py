"""What actions did: declared actions, metrics as daily series, and the effects measured on them."""

from __future__ import annotations

from consumer_fusion.cause import Window
from consumer_fusion.effects.declared_actions import (
    ActionImport,
    declare_actions,
    describe_action,
    find_action,
    import_actions,
    list_actions,
    read_actions,
    withdraw_action,
)
from consumer_fusion.effects.effect_report import CheckFound, EffectReport, write_iso_day
from consumer_fusion.effects.foresight import (
    COUNTED_METRICS,
    USUAL_LENGTHS,
    HoldoutSuggestion,
    Plan,
    describe_plan,
    plan_actions,
    suggest_holdouts,
)
from consumer_fusion.effects.imported_metrics import MetricDay, MetricImport, import_metrics, keep_metrics
from consumer_fusion.effects.measuring import Question, measure_action, search_delay
from consumer_fusion.effects.metric_list import list_metrics
from consumer_fusion.effects.nightly import calibrate_nightly, is_calibration_due
from consumer_fusion.effects.placebo_learning import Learnt, calibrate_effects
from consumer_fusion.effects.score_series import SCORE_METRICS
from consumer_fusion.effects.series_book import METRIC_NAMES
from consumer_fusion.effects.series_names import ShowKey
from consumer_fusion.effects.shrinking import (
    MOST_FALSE_SHARE,
    USUAL_METRICS,
    ShownEffect,
    Shrunk,
    describe_effect,
    describe_listed_effect,
    list_beside,
    list_effects,
    measure_effects,
    read_effect,
    show_effect,
)
from consumer_fusion.records.action import EffectWindow

__all__ = [
    "ActionImport",
    "COUNTED_METRICS",
    "CheckFound",
    "EffectReport",
    "HoldoutSuggestion",
    "Learnt",
    "METRIC_NAMES",
    "MOST_FALSE_SHARE",
    "MetricDay",
    "MetricImport",
    "Plan",
    "Question",
    "SCORE_METRICS",
    "ShowKey",
    "ShownEffect",
    "Shrunk",
    "USUAL_LENGTHS",
    "USUAL_METRICS",
    "EffectWindow",
    "Window",
    "calibrate_effects",
    "calibrate_nightly",
    "is_calibration_due",
    "declare_actions",
    "describe_action",
    "describe_effect",
    "describe_listed_effect",
    "describe_plan",
    "find_action",
    "import_actions",
    "import_metrics",
    "keep_metrics",
    "list_actions",
    "list_beside",
    "list_effects",
    "list_metrics",
    "measure_action",
    "measure_effects",
    "plan_actions",
    "read_actions",
    "read_effect",
    "search_delay",
    "show_effect",
    "suggest_holdouts",
    "withdraw_action",
    "write_iso_day",
]
