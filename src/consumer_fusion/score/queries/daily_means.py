"""Daily means: the average scores of a brand's relationships at the end of each day.

Events are folded a day at a time onto one landmark, so that every event is read once and each day costs one
reading of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events.event_reader import FOLD_COLUMNS, EventSelection, open_events
from consumer_fusion.records.pair_state import SUMS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import KindArrays, fold_events_table
from consumer_fusion.score.fold.decay import decay_states, fold_kinds_at
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session

MEASURES = ("fusion_score", *FACET_ORDER)
"""The averaged columns."""
_KEY = ("consumer_id", "brand_id", "kind_id")


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
    events = _read_events(
        context.session, context.engine, context.folder, EventSelection(brand_ids=brand_ids, until_us=end_us)
    )
    days = events["day"].to_numpy()
    keys, states = _fold_days(events, days, KindArrays.from_table(fold_kinds), first_day, last_day)
    rows: list[pa.Table] = []
    sums = np.zeros((len(SUMS), len(keys["kind_id"])))
    for day in range(first_day, last_day + 1):
        for places, added in states.get(day, ()):
            sums[:, places] += added
        is_there = sums[1] > 0
        if is_there.any():
            table = pa.table(
                {
                    **{name: keys[name][is_there] for name in _KEY},
                    **{name: sums[number][is_there] for number, name in enumerate(SUMS)},
                }
            )
            moment_us = (day + 1) * DAY_MICROSECONDS - 1
            scores = score_states(
                decay_states(table, fold_kinds, moment_us),
                context.points,
                context.kind_ids,
                ("consumer_id", "brand_id", *MEASURES),
            )
            rows.append(_average(scores, day))
        progress(day - first_day + 1, last_day - first_day + 1)
    if not rows:
        return _average(_no_scores(), first_day)
    return pa.concat_tables(rows).sort_by([("brand_id", "ascending"), ("day", "ascending")])


def _read_events(session: Session, engine: Engine, folder: Path, selection: EventSelection) -> pa.Table:
    source = open_events(session, folder, selection, columns=FOLD_COLUMNS)
    return engine.read(
        f"select {', '.join(FOLD_COLUMNS)} from {source.relation} e order by day",
        step="read events by day",
        tables=source.tables,
    ).combine_chunks()


Added = list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]


def _fold_days(
    events: pa.Table, days: npt.NDArray[np.int64], kinds: KindArrays, first_day: int, last_day: int
) -> tuple[dict[str, npt.NDArray[np.int64]], dict[int, Added]]:
    """The pairs and kinds, and what each day adds to their sums; earlier days are added to the first."""
    folded: list[tuple[int, pa.Table]] = []
    starts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]]) if len(days) else np.zeros(0, np.int64)
    for start, end in zip(starts, [*starts[1:], len(days)]):
        table = fold_events_table(events.slice(start, end - start), kinds)
        if table.num_rows:
            folded.append((max(first_day, int(days[start])), table))
    if not folded:
        return {name: np.zeros(0, np.int64) for name in _KEY}, {}
    columns: list[npt.NDArray[Any]] = [
        np.concatenate([table[name].to_numpy() for _, table in folded]) for name in _KEY
    ]
    unique, places = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    places = places.reshape(-1)
    added: dict[int, Added] = {}
    done = 0
    for day, table in folded:
        own = places[done : done + table.num_rows]
        done += table.num_rows
        added.setdefault(day, []).append((own, np.stack([table[name].to_numpy() for name in SUMS])))
    return {name: np.ascontiguousarray(unique[:, number]) for number, name in enumerate(_KEY)}, added


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
