"""Trends of a brand's relationships: quartiles at past times, each scored by what was known at that time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import FOLD_COLUMNS, EventSelection, open_events
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.array_folding import KindArrays, fold_days
from consumer_fusion.score.fold.decay import decay_states, fold_kinds_at
from consumer_fusion.score.fold.fold_queries import stream_consumers
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.brand_visibility import find_brand_ids
from consumer_fusion.workspace import Workspace

Floats = npt.NDArray[np.float64]

TREND_STEP_DAYS = 14
TREND_STEPS = 13
"""Half a year, in steps of two weeks."""
_SCHEMA = pa.schema(
    [
        ("day", pa.int64()), ("pair_count", pa.int64()), ("lower_quartile", pa.float64()), ("median", pa.float64()),
        ("upper_quartile", pa.float64()),
    ]
)  # fmt: skip


def list_trend_days(as_of_us: int) -> list[int]:
    """The days of a trend, oldest first, without that of the as-of time."""
    day = as_of_us // DAY_MICROSECONDS
    return [day - step * TREND_STEP_DAYS for step in range(TREND_STEPS, 0, -1)]


def read_trend(workspace: Workspace, brand: str, days: Sequence[int]) -> pa.Table:
    """The quartiles of a brand's scores at the ends of some days; days without a relationship are left out.

    Args:
        workspace: The workspace.
        brand: Key of the brand.
        days: UTC days, in ascending order.
    """
    moments = [(day + 1) * DAY_MICROSECONDS - 1 for day in days]
    force = put_points_in_force(workspace)
    scores: list[list[Floats]] = [[] for _ in days]
    with workspace.store.reading() as session:
        context = force.open(workspace, session)
        fold_kinds = fold_kinds_at(context.points, context.kind_ids, moments[-1])
        kinds = KindArrays.from_table(fold_kinds)
        selection = EventSelection(brand_ids=find_brand_ids(session, brand), until_us=moments[-1])
        events = open_events(session, context.folder, selection, columns=FOLD_COLUMNS)
        for some in stream_consumers(context.engine, events):
            for found, moment_us, states in zip(scores, moments, fold_days(some, kinds, days), strict=True):
                decayed = decay_states(states, fold_kinds, moment_us)
                read = score_states(decayed, context.points, context.kind_ids, ("fusion_score",))
                found.append(read["fusion_score"].to_numpy())
    rows = [summarise_scores(pa.chunked_array(each), moment_us) for each, moment_us in zip(scores, moments)]
    return pa.Table.from_pylist([row for each in rows for row in each], _SCHEMA)


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
