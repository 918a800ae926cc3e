"""Decay: half-life, landmark and trust of each kind for folding, and states decayed to a point in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from consumer_fusion.records.pair_state import LANDMARKS, SUMS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import KindArrays
from consumer_fusion.storage.store import Session

DECAYED_COLUMNS = ("consumer_id", "brand_id", "kind_id", *SUMS)
"""The columns of decayed states."""

_SQUARES = ("q", "r", "u")


def read_fold_kinds(session: Session, points: PointsTable, kind_ids: Mapping[str, int]) -> pa.Table:
    """The half-life, landmark and trust of each kind that has points; others are not folded."""
    landmarks = {row["half_life_days"]: row["landmark_us"] for row in session.read(LANDMARKS).to_pylist()}
    return _lay_out(points, kind_ids, landmarks, 0)


def _lay_out(
    points: PointsTable, kind_ids: Mapping[str, int], landmarks: Mapping[float, int], otherwise_us: int
) -> pa.Table:
    rows: list[tuple[int, float, int, float, int]] = []
    for kind in points.kinds.values():
        if not kind.entries:
            continue
        rhythms = {0: 1.0, **points.rhythms} if kind.follows_rhythm else {0: 1.0}
        for brand_id, factor in rhythms.items():
            half_life = kind.half_life_days * factor
            landmark_us = landmarks.get(half_life, otherwise_us)
            rows.append((kind_ids[kind.key], half_life, landmark_us, kind.trust, brand_id))
    return build_fold_kinds(rows)


def build_fold_kinds(rows: Sequence[tuple[int, float, int, float, int]]) -> pa.Table:
    """The table `fold_kinds` of the fold queries.

    Args:
        rows: kind_id, half-life in days, landmark in microseconds, trust, and the brand; brand 0 for all brands
            without a row of their own.
    """
    return pa.table(
        {
            "kind_id": pa.array([row[0] for row in rows], pa.int64()),
            "brand_id": pa.array([row[4] for row in rows], pa.int64()),
            "half_life_us": pa.array([row[1] * DAY_MICROSECONDS for row in rows], pa.float64()),
            "landmark_us": pa.array([row[2] for row in rows], pa.int64()),
            "trust": pa.array([row[3] for row in rows], pa.float64()),
        }
    )


def fold_kinds_at(points: PointsTable, kind_ids: Mapping[str, int], moment_us: int) -> pa.Table:
    """The table `fold_kinds` with one time as the landmark of all kinds."""
    return _lay_out(points, kind_ids, {}, moment_us)


def decay_states(states: pa.Table, fold_kinds: pa.Table, as_of_us: int) -> pa.Table:
    """Decay states to a time at or after their newest event: one factor per kind, squared for sums of squares.

    Args:
        states: Columns `STATE_COLUMNS`; those of kinds that are no longer folded are left out.
        fold_kinds: Table with the landmarks of the states.
        as_of_us: As-of time, in microseconds since the epoch.

    Returns:
        Columns `DECAYED_COLUMNS`.
    """
    kinds = KindArrays.from_table(fold_kinds)
    row = kinds.find_rows(states["kind_id"].to_numpy(), states["brand_id"].to_numpy())
    factor = np.where(
        kinds.is_known[row], np.exp2((kinds.landmark_us[row] - as_of_us) / kinds.half_life_us[row]), np.nan
    )
    decayed = {name: states[name] for name in DECAYED_COLUMNS}
    for name in SUMS:
        scale = factor * factor if name in _SQUARES else factor
        decayed[name] = pa.array(states[name].to_numpy() * scale, pa.float64())
    is_known = ~np.isnan(factor)
    table = pa.table(decayed)
    return table if is_known.all() else table.filter(pa.array(is_known))
