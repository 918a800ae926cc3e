"""What caused what: effects of actions on series, regions, groups and persons, with honest uncertainty."""

from __future__ import annotations

from consumer_fusion.cause.actions import (
    DECLARING_KIND,
    MOST_DAYS,
    ActionRow,
    find_action,
    read_action_fields,
    read_action_rows,
    read_declaring,
    take_declared_actions,
    withdraw_action,
    write_action,
)
from consumer_fusion.cause.audiences import (
    FEWEST_IN_ARM,
    GroupDifference,
    JointEstimate,
    compare_groups,
    compare_log_odds,
    compare_randomised,
    join_estimates,
    score_randomised,
)
from consumer_fusion.cause.delays import DelaySearch, search_delay
from consumer_fusion.cause.effect import Check, Effect
from consumer_fusion.cause.estimation import measure_effect
from consumer_fusion.cause.exposure_verdicts import ExposureVerdict, judge_exposure
from consumer_fusion.cause.exposures import (
    GOOD_BALANCE,
    ExposureEffect,
    FeatureBalance,
    adjust_exposure,
)
from consumer_fusion.cause.fitted_series import (
    HORIZONS,
    LEAST_DAYS,
    ErrorTrail,
    FittedSeries,
    PlaceboErrors,
    fit_series,
)
from consumer_fusion.cause.holdouts import (
    HELD_OUT,
    TREATED,
    Holdout,
    draw_holdout,
    find_detectable_effect,
    stratify_outcome,
    write_holdout,
)
from consumer_fusion.cause.imported_series import (
    SeriesRow,
    drop_series,
    read_series_days,
    read_series_rows,
    write_series,
)
from consumer_fusion.cause.laws import build_law, mix_laws
from consumer_fusion.cause.metrics import (
    EVENT_COLUMNS,
    METRICS,
    Metric,
    Scope,
    count_by_consumer,
    lay_out_days,
    read_metric_days,
    read_spans,
)
from consumer_fusion.cause.overlaps import NamedWindow, sort_neighbours
from consumer_fusion.cause.panels import (
    FEWEST_DONORS,
    PanelEffect,
    describe_donors,
    measure_panel,
    mix_donors,
)
from consumer_fusion.cause.placebo_rules import (
    OVERLAP,
    OWN_SERIES,
    OWN_WINDOWS,
    Calibration,
    Rule,
    load_reference_library,
    read_calibration,
)
from consumer_fusion.cause.placebo_trails import (
    ClassTrail,
    learn_from_trails,
    list_trails,
    read_class_trail,
)
from consumer_fusion.cause.region_panels import measure_region
from consumer_fusion.cause.rule_learning import QUESTIONS, learn_calibration
from consumer_fusion.cause.second_opinion import (
    ask_double_machine_learning,
)
from consumer_fusion.cause.sensitivity import (
    Sensitivity,
    find_e_value,
    find_robustness,
)
from consumer_fusion.cause.sequences import (
    SequenceLook,
    follow_randomised,
)
from consumer_fusion.cause.series import (
    DailySeries,
    Window,
    align_values,
    average_series,
    difference_cumulative,
)
from consumer_fusion.cause.shrinkage import (
    ShrunkEffect,
    adjust_found,
    find_critical_value,
    shrink_effects,
)
from consumer_fusion.cause.uplift import (
    QiniCurve,
    UpliftRanking,
    draw_qini,
    rank_uplift,
)

__all__ = [
    "MOST_DAYS",
    "OVERLAP",
    "build_law",
    "mix_laws",
    "FEWEST_IN_ARM",
    "GroupDifference",
    "JointEstimate",
    "compare_groups",
    "compare_log_odds",
    "compare_randomised",
    "join_estimates",
    "score_randomised",
    "ExposureEffect",
    "ExposureVerdict",
    "GOOD_BALANCE",
    "judge_exposure",
    "FeatureBalance",
    "adjust_exposure",
    "HELD_OUT",
    "TREATED",
    "Holdout",
    "draw_holdout",
    "find_detectable_effect",
    "stratify_outcome",
    "write_holdout",
    "FEWEST_DONORS",
    "PanelEffect",
    "describe_donors",
    "measure_panel",
    "measure_region",
    "mix_donors",
    "ask_double_machine_learning",
    "Sensitivity",
    "find_e_value",
    "find_robustness",
    "SequenceLook",
    "follow_randomised",
    "ShrunkEffect",
    "adjust_found",
    "find_critical_value",
    "shrink_effects",
    "QiniCurve",
    "UpliftRanking",
    "draw_qini",
    "rank_uplift",
    "ActionRow",
    "ClassTrail",
    "learn_from_trails",
    "list_trails",
    "DECLARING_KIND",
    "EVENT_COLUMNS",
    "METRICS",
    "Metric",
    "Scope",
    "count_by_consumer",
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
    "Calibration",
    "ErrorTrail",
    "OWN_SERIES",
    "OWN_WINDOWS",
    "QUESTIONS",
    "Rule",
    "learn_calibration",
    "load_reference_library",
    "read_calibration",
    "Check",
    "Effect",
    "measure_effect",
    "HORIZONS",
    "LEAST_DAYS",
    "FittedSeries",
    "PlaceboErrors",
    "fit_series",
    "DailySeries",
    "NamedWindow",
    "sort_neighbours",
    "Window",
    "align_values",
    "average_series",
    "difference_cumulative",
    "DelaySearch",
    "search_delay",
    "read_class_trail",
]
