"""Daily means: the average scores of a brand's relationships at the end of each day.

Events are folded a day at a time onto one landmark, so that every event is read once and each day costs one
reading of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import FOLD_COLUMNS, EventSelection, open_events
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import KindArrays, fold_days
from consumer_fusion.score.fold.decay import decay_states, fold_kinds_at
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.score_context import ScoreContext

MEASURES = ("fusion_score", *FACET_ORDER)
"""The averaged columns."""


def average_days(
    context: ScoreContext,
    *,
    first_day: int,
    last_day: int,
    brand_ids: Collection[int] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pa.Table:
    """The mean score and facets of a brand's pairs at the end of each day, over the pairs with evidence by then.

    Args:
        context: Context for reading scores.
        first_day: First UTC day.
        last_day: Last UTC day.
        brand_ids: Brands; None for all.
        progress: Progress callback.

    Returns:
        brand_id, day, pair_count and the columns `MEASURES`, in the order of brand and day.
    """
    end_us = (last_day + 1) * DAY_MICROSECONDS - 1
    fold_kinds = fold_kinds_at(context.points, context.kind_ids, end_us)
    selection = EventSelection(brand_ids=brand_ids, until_us=end_us)
    source = open_events(context.session, context.folder, selection, columns=FOLD_COLUMNS)
    events = context.engine.read(
        f"select {', '.join(FOLD_COLUMNS)} from {source.relation} e",
        step="read events to fold by day",
        tables=source.tables,
    )
    days = range(first_day, last_day + 1)
    rows: list[pa.Table] = []
    for day, states in zip(days, fold_days(events, KindArrays.from_table(fold_kinds), days), strict=True):
        states = states.filter(pc.greater(states["y"], 0))
        if states.num_rows:
            moment_us = (day + 1) * DAY_MICROSECONDS - 1
            scores = score_states(
                decay_states(states, fold_kinds, moment_us),
                context.points,
                context.kind_ids,
                ("consumer_id", "brand_id", *MEASURES),
            )
            rows.append(_average(scores, day))
        progress(day - first_day + 1, last_day - first_day + 1)
    if not rows:
        return _average(_no_scores(), first_day)
    return pa.concat_tables(rows).sort_by([("brand_id", "ascending"), ("day", "ascending")])


def _average(scores: pa.Table, day: int) -> pa.Table:
    grouped = scores.group_by("brand_id").aggregate(
        [("consumer_id", "count"), *((name, "mean") for name in MEASURES)]
    )
    return pa.table(
        {
            "brand_id": grouped["brand_id"],
            "day": pa.array([day] * grouped.num_rows, pa.int64()),
            "pair_count": grouped["consumer_id_count"].cast(pa.float64()),
            **{name: grouped[f"{name}_mean"] for name in MEASURES},
        }
    )


def _no_scores() -> pa.Table:
    return pa.table(
        {
            "consumer_id": pa.array([], pa.int64()),
            "brand_id": pa.array([], pa.int64()),
            **{name: pa.array([], pa.float64()) for name in MEASURES},
        }
    )
