"""The scores of all pairs, some at a time, for files that hold more than fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events.entities import name_entities
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.percentiles import ScoreDistribution, compute_distribution
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.answers import add_places, name_rows, split_brands
from consumer_fusion.score.queries.score_queries import stream_states
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.external_sort import ROWS_TOGETHER, stream_sorted
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def stream_all_scores(workspace: Workspace, as_of_us: int, folder: Path) -> Iterator[pa.Table]:
    """The rows of `answers.score_pairs` for all pairs, in the same order, some at a time.

    In memory at once are the scores of all pairs as single numbers, for percentiles, and some rows.

    Args:
        workspace: The workspace.
        as_of_us: As-of time, in microseconds since the epoch.
        folder: Folder for temporary files, which are deleted at the end.

    Yields:
        Columns `SCORE_COLUMNS`. At least one table.
    """
    force = put_points_in_force(workspace)
    scores: dict[int, list[npt.NDArray[np.float64]]] = {}
    with workspace.store.reading() as session:
        pieces = _stream_scores(force.open(workspace, session), as_of_us, scores)
        rows = stream_sorted(pieces, ("consumer_id", "brand_id"), _choose_starts(session), folder)
        distributions: dict[int, ScoreDistribution] = {}
        for some in rows:
            if not distributions:
                # All scores are known once the first rows come.
                distributions = {
                    each: compute_distribution(np.concatenate(scores.pop(each))) for each in [*scores]
                }
            percentiles = np.empty(some.num_rows)
            value = some["fusion_score"].to_numpy()
            for brand_id, own in split_brands(some["brand_id"].to_numpy()):
                percentiles[own] = distributions[brand_id].rank(value[own])
            consumers, brands = (
                name_entities(session, some[name].unique().to_pylist())
                for name in ("consumer_id", "brand_id")
            )
            yield name_rows(add_places(some, percentiles, as_of_us), consumers, brands, as_of_us)


def _stream_scores(
    context: ScoreContext, as_of_us: int, scores: dict[int, list[npt.NDArray[np.float64]]]
) -> Iterator[pa.Table]:
    """Rows of scores; the scores of each brand are collected meanwhile."""
    for states in stream_states(context, as_of_us):
        rows = score_states(states, context.points, context.kind_ids)
        value = rows["fusion_score"].to_numpy()
        for brand_id, own in split_brands(rows["brand_id"].to_numpy()):
            scores.setdefault(brand_id, []).append(value[own])
        yield rows


def _choose_starts(session: Session) -> npt.NDArray[np.int64]:
    """The first consumer of each range with about as many states as are sorted together: numbers are dense."""
    last = int(session.summarise(ENTITIES, "entity_id", "max") or 0)
    ranges = 1 + count_kept_states(session) // ROWS_TOGETHER
    return np.linspace(0, last + 1, ranges, endpoint=False).astype(np.int64)
