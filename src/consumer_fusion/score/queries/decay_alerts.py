"""Decay alerts: the scores of pairs at two times between which they had no events."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.fold.decay import decay_states, read_fold_kinds
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.states.kept_states import read_kept_states
from consumer_fusion.storage.store import Session

_PAIR = ["consumer_id", "brand_id"]
_TOLD = [*_PAIR, "fusion_score", "symbiosis"]


def score_decay(
    session: Session,
    points: PointsTable,
    kind_ids: Mapping[str, int],
    since_us: int,
    until_us: int,
    *,
    brand_ids: Collection[int] | None = None,
) -> pa.Table:
    """The scores of pairs at an earlier and a later time, from their folded events alone.

    Args:
        session: Session of the store.
        points: The points in force.
        kind_ids: Number of each key.
        since_us: Earlier time.
        until_us: Later time.
        brand_ids: Brands; None for all.

    Returns:
        consumer_id, brand_id, fusion_score and symbiosis, the same with `_before`, and `is_quiet`: whether there were
        no events in between, so that the earlier values are those shown at that time.
    """
    states = read_kept_states(session, brand_ids=brand_ids)
    newest = states.group_by(_PAIR).aggregate([("last_occurred_us", "max")])
    # An event may lie somewhat in the future; a state cannot be decayed back to before it.
    newest = newest.filter(pc.less_equal(newest["last_occurred_us_max"], until_us))
    quiet = newest.select(_PAIR).append_column(
        "is_quiet", pc.less_equal(newest["last_occurred_us_max"], since_us)
    )
    fold_kinds = read_fold_kinds(session, points, kind_ids)
    before, after = (
        score_states(decay_states(states, fold_kinds, moment_us), points, kind_ids, _TOLD)
        for moment_us in (since_us, until_us)
    )
    return after.join(before, _PAIR, right_suffix="_before", join_type="inner").join(
        quiet, _PAIR, join_type="inner"
    )
