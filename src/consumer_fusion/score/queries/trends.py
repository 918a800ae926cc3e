"""Trends of a brand's relationships: quartiles at past times, each scored by what was known at that time."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.queries import answers
from consumer_fusion.workspace import Workspace

TREND_STEP_DAYS = 14
TREND_STEPS = 13
"""Half a year, in steps of two weeks."""
_SCHEMA = pa.schema(
    [
        ("day", pa.int64()), ("pair_count", pa.int64()), ("lower_quartile", pa.float64()), ("median", pa.float64()),
        ("upper_quartile", pa.float64()),
    ]
)  # fmt: skip


def list_trend_moments(as_of_us: int) -> list[int]:
    """The ends of the days of a trend, oldest first, without the as-of time itself."""
    day_us = as_of_us // DAY_MICROSECONDS * DAY_MICROSECONDS - 1
    return [
        day_us - step * TREND_STEP_DAYS * DAY_MICROSECONDS + DAY_MICROSECONDS
        for step in range(TREND_STEPS, 0, -1)
    ]


def read_trend(workspace: Workspace, brand: str, moments: Sequence[int]) -> pa.Table:
    """The quartiles of a brand's scores at some times; times without a relationship are left out."""
    rows = []
    for moment_us in moments:
        scores = answers.score_pairs(
            workspace, brand=brand, as_of=from_microseconds(moment_us), is_ranked=False
        )
        rows += summarise_scores(scores["fusion_score"], moment_us)
    return pa.Table.from_pylist(rows, _SCHEMA)


def summarise_scores(scores: pa.ChunkedArray, moment_us: int) -> list[dict[str, object]]:
    """One row of a trend; none without scores."""
    if not len(scores):
        return []
    low, middle, high = pc.quantile(scores, [0.25, 0.5, 0.75]).to_pylist()
    return [
        {
            "day": moment_us // DAY_MICROSECONDS,
            "pair_count": len(scores),
            "lower_quartile": low,
            "median": middle,
            "upper_quartile": high,
        }
    ]


def add_present(trend: pa.Table, scores: pa.ChunkedArray, as_of_us: int) -> pa.Table:
    """A trend extended to the as-of time."""
    return pa.concat_tables([trend, pa.Table.from_pylist(summarise_scores(scores, as_of_us), _SCHEMA)])
