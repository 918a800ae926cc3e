"""Fading: half-life, landmark and trust of each kind, as folds need them, and states brought to a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from consumer_fusion.kit.moments import DAY_MICROSECONDS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.state import LANDMARKS, SUMS
from consumer_fusion.stores import Session

DECAYED_COLUMNS = ("consumer_id", "brand_id", "kind_id", *SUMS)
"""The columns of states as of a moment."""

_SQUARES = ("q", "r", "u")


def read_fold_kinds(session: Session, points: PointsTable, kind_ids: Mapping[str, int]) -> pa.Table:
    """The half-life, landmark and trust of each kind that has points; others are not folded."""
    landmarks = {row["half_life_days"]: row["landmark_us"] for row in session.read(LANDMARKS).to_pylist()}
    kinds = [kind for kind in points.kinds.values() if kind.entries]
    return build_fold_kinds(
        [(kind_ids[k.key], k.half_life_days, landmarks.get(k.half_life_days, 0), k.trust) for k in kinds]
    )


def build_fold_kinds(rows: Sequence[tuple[int, float, int, float]]) -> pa.Table:
    """The table `fold_kinds` of the fold queries.

    Args:
        rows: kind_id, half-life in days, landmark in microseconds, trust.
    """
    return pa.table(
        {
            "kind_id": pa.array([row[0] for row in rows], pa.int64()),
            "half_life_us": pa.array([row[1] * DAY_MICROSECONDS for row in rows], pa.float64()),
            "landmark_us": pa.array([row[2] for row in rows], pa.int64()),
            "trust": pa.array([row[3] for row in rows], pa.float64()),
        }
    )


def fold_kinds_at(points: PointsTable, kind_ids: Mapping[str, int], moment_us: int) -> pa.Table:
    """The table `fold_kinds` with one moment as the landmark of all kinds."""
    return build_fold_kinds(
        [(kind_ids[k.key], k.half_life_days, moment_us, k.trust) for k in points.kinds.values() if k.entries]
    )


def decay_states(states: pa.Table, fold_kinds: pa.Table, as_of_us: int) -> pa.Table:
    """Bring states to a moment at or after their newest event: one factor a kind, squared for sums of squares.

    Args:
        states: Rows of `pair_kind_states`; those of kinds that are not folded any more are left out.
        fold_kinds: With the landmarks of the states.
        as_of_us: The moment.

    Returns:
        Columns `DECAYED_COLUMNS`.
    """
    numbers = fold_kinds["kind_id"].to_numpy()
    factors = np.full(int(numbers.max(initial=0)) + 2, np.nan)
    factors[numbers] = np.exp2(
        (fold_kinds["landmark_us"].to_numpy() - as_of_us) / fold_kinds["half_life_us"].to_numpy()
    )
    kind = states["kind_id"].to_numpy()
    factor = factors[np.minimum(kind, len(factors) - 1)]
    decayed = {name: states[name] for name in DECAYED_COLUMNS}
    for name in SUMS:
        scale = factor * factor if name in _SQUARES else factor
        decayed[name] = pa.array(states[name].to_numpy() * scale, pa.float64())
    is_known = ~np.isnan(factor)
    table = pa.table(decayed)
    return table if is_known.all() else table.filter(pa.array(is_known))
