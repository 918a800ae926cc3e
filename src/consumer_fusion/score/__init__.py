"""The Fusion Score: from points and folded states to a reading, its explanation and its history."""

from __future__ import annotations

from consumer_fusion.score.calibration import calibrate
from consumer_fusion.score.calibration_report import (
    CalibrationReport,
    apply_calibration,
    find_link,
    find_objection,
    object_to_lifting,
    read_report,
)
from consumer_fusion.score.changes import Change, list_changes, read_without, replay_history
from consumer_fusion.score.daily_means import MEASURES, average_days
from consumer_fusion.score.derivation import (
    RECOVERY_KIND,
    derive_failures,
    derive_recoveries,
    list_deriving_kinds,
)
from consumer_fusion.score.dispersions import FEWEST_EVENTS, learn_dispersions, read_dispersions
from consumer_fusion.score.elsewhere import hide_elsewhere
from consumer_fusion.score.explanation import Contribution, Explanation, explain_pair
from consumer_fusion.score.fading import read_fold_kinds
from consumer_fusion.score.fold_queries import fold_relation
from consumer_fusion.score.folding import (
    fold_new_events,
    fold_segments,
    refold,
    write_deltas,
)
from consumer_fusion.score.forecasts import Forecast, predict_outcomes
from consumer_fusion.score.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.links import Link
from consumer_fusion.score.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.pairs import (
    NEWEST_MARK,
    read_ledgers,
    read_parents,
    read_states,
    score_states,
    to_entries,
)
from consumer_fusion.score.points_comparison import (
    PointsDifference,
    ScoreComparison,
    compare_points,
    compare_scores,
    score_anew,
)
from consumer_fusion.score.points_overrides import list_overridden, read_overrides
from consumer_fusion.score.points_table import (
    apply_multipliers,
    digest_folding,
    keep_points,
    load_points,
    read_kept_points,
    read_kind_ids,
    read_points,
    register_kinds,
    write_points,
)
from consumer_fusion.score.proven_points import (
    DEFAULT_FACET,
    PointsOverride,
    apply_overrides,
    derive_override,
    forecast_before,
    list_given_facets,
    read_override,
    weigh_action,
)
from consumer_fusion.score.reading import KindState, Reading, read_pair
from consumer_fusion.score.references import ORDER_KIND, find_wrong_references, renew_references
from consumer_fusion.score.rhythms import FEWEST_GAPS, pace_points, read_rhythms, renew_rhythms
from consumer_fusion.score.samples import list_outcome_kinds
from consumer_fusion.score.scoring_text import build_kind_points, write_scores_query
from consumer_fusion.score.sources import (
    FOLDED_MARK,
    EventSource,
    Selection,
    find_canonical,
    find_members,
    find_newest,
    find_pairs_of,
    list_acquainted,
    open_events,
    read_identity_map,
)
from consumer_fusion.score.standing import (
    PERCENTILE_BOUND,
    Spread,
    find_standing_moment,
    forget_spreads,
    keep_spread,
    read_standing,
    spread_scores,
)
from consumer_fusion.score.time_alone import score_fading

__all__ = [
    "ORDER_KIND",
    "DEFAULT_FACET",
    "PointsOverride",
    "apply_overrides",
    "derive_override",
    "ScoreComparison",
    "compare_scores",
    "find_link",
    "find_objection",
    "score_anew",
    "forecast_before",
    "learn_dispersions",
    "read_dispersions",
    "list_acquainted",
    "list_given_facets",
    "read_override",
    "weigh_action",
    "CalibrationReport",
    "Change",
    "Contribution",
    "EventSource",
    "Explanation",
    "FEWEST_EVENTS",
    "FEWEST_GAPS",
    "FOLDED_MARK",
    "Forecast",
    "KindState",
    "LedgerEntry",
    "Link",
    "MEASURES",
    "NEWEST_MARK",
    "PointsDifference",
    "RECOVERY_KIND",
    "Reading",
    "Selection",
    "PERCENTILE_BOUND",
    "Spread",
    "annotate_sql",
    "annotation_tables",
    "apply_calibration",
    "apply_multipliers",
    "average_days",
    "build_kind_points",
    "calibrate",
    "compare_points",
    "derive_failures",
    "derive_recoveries",
    "digest_folding",
    "explain_pair",
    "find_canonical",
    "find_members",
    "find_pairs_of",
    "find_standing_moment",
    "forget_spreads",
    "fold_ledger",
    "fold_new_events",
    "fold_relation",
    "fold_segments",
    "hide_elsewhere",
    "keep_spread",
    "keep_points",
    "list_changes",
    "list_deriving_kinds",
    "list_outcome_kinds",
    "list_overridden",
    "load_points",
    "open_events",
    "predict_outcomes",
    "read_fold_kinds",
    "read_identity_map",
    "read_kept_points",
    "read_kind_ids",
    "read_ledgers",
    "read_overrides",
    "read_pair",
    "read_parents",
    "read_points",
    "read_report",
    "read_standing",
    "read_states",
    "read_without",
    "refold",
    "register_kinds",
    "find_newest",
    "find_wrong_references",
    "object_to_lifting",
    "pace_points",
    "read_rhythms",
    "renew_references",
    "renew_rhythms",
    "replay_history",
    "score_fading",
    "score_states",
    "spread_scores",
    "to_entries",
    "write_deltas",
    "write_points",
    "write_scores_query",
]
