"""Scores and facets as daily series: the mean over the pairs of a brand, to measure the effects of actions on them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries.daily_means import MEASURES, average_days
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

SCORE_METRICS = MEASURES
"""Metrics that are read from scores; each day requires a read of all pairs, so they take seconds."""
MOST_DAYS = 260


def read_score_days(
    workspace: Workspace, session: Session, metric: str, spans: Mapping[int, tuple[int, int]], today: int
) -> pa.Table:
    """A mean score or facet by brand and day.

    Returns:
        brand_id, region (null), day, value, reading_count (number of pairs).
    """
    force = put_points_in_force(workspace)
    first = max(today - MOST_DAYS, min((first for first, _ in spans.values()), default=today))
    last = max((last for _, last in spans.values()), default=today - 1)
    rows = average_days(force.open(workspace, session), first_day=first, last_day=last)
    return pa.table(
        {
            "brand_id": rows["brand_id"],
            "region": pa.nulls(rows.num_rows, pa.string()),
            "day": rows["day"],
            "value": rows[metric],
            "reading_count": rows["pair_count"],
        }
    )
