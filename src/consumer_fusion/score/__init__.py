"""The Fusion Score: from points and folded states to a reading, its explanation and its history."""

from __future__ import annotations

from consumer_fusion.score.changes import Change, list_changes, read_without, replay_history
from consumer_fusion.score.explanation import Contribution, Explanation, explain_pair
from consumer_fusion.score.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.points_comparison import PointsDifference, compare_points
from consumer_fusion.score.points_table import (
    apply_multipliers,
    digest_folding,
    keep_points,
    list_overridden,
    load_points,
    read_kept_points,
    read_kind_ids,
    read_points,
    register_kinds,
    write_points,
)
from consumer_fusion.score.reading import KindState, Reading, read_pair
from consumer_fusion.score.scoring_text import build_kind_points, write_scores_query

__all__ = [
    "Change",
    "Contribution",
    "Explanation",
    "KindState",
    "LedgerEntry",
    "PointsDifference",
    "Reading",
    "apply_multipliers",
    "build_kind_points",
    "compare_points",
    "digest_folding",
    "explain_pair",
    "fold_ledger",
    "keep_points",
    "list_changes",
    "list_overridden",
    "load_points",
    "read_kept_points",
    "read_kind_ids",
    "read_pair",
    "read_points",
    "read_without",
    "register_kinds",
    "replay_history",
    "write_points",
    "write_scores_query",
]
