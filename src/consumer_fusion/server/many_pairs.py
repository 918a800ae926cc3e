"""Reads of many pairs: the functions that run in a worker process, and the threshold for using it.

They take a workspace and arguments that can be pickled, and return compact tables and arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events import sealed_ids
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.percentiles import store_distribution
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.score_queries import read_states
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MANY_STATES = 10_000
"""Number of state rows from which pairs are read in a worker process; fewer take less than a fifth of a second."""
STATES_TOGETHER = 250_000
"""Approximate number of state rows read in one batch when everything is read."""
MANY_EVENTS = 200_000
"""Threshold for all brands together, in events, which are never fewer than the state rows."""
_TEXTS = ("brand", "as_of", "symbiosis")


def count_all_states(session: Session) -> dict[int, int]:
    """Number of state rows of each brand."""
    brands = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
    return {each: count_kept_states(session, each) for each in brands["entity_id"].to_pylist()}


def is_many(session: Session, brand_ids: Collection[int] | None) -> bool:
    """Whether some brands, or the workspace, are large enough that their pairs are read in a worker process."""
    if brand_ids is not None:
        return sum(count_kept_states(session, each) for each in brand_ids) >= MANY_STATES
    first, last = (session.summarise(EVENTS, "sequence", function) for function in ("min", "max"))
    inbox = 0 if first is None or last is None else int(last - first) + 1
    return inbox + sum(each.row_count for each in list_segments(session)) >= MANY_EVENTS


def read_pairs(
    workspace: Workspace,
    as_of_us: int,
    consumers: Collection[int] | None,
    brand_ids: Collection[int] | None,
    change_days: int | None,
) -> tuple[pa.Table, FloatArray | None]:
    """The scores of pairs by id, and their changes.

    Args:
        workspace: Workspace.
        as_of_us: As-of time, in microseconds since the epoch.
        consumers: Consumers, after merges; None for all.
        brand_ids: Brands; None for all.
        change_days: Number of days over which the change is computed; None for no change.
    """
    rows = _read_scores(workspace, as_of_us, consumers, brand_ids)
    if change_days is None:
        return rows, None
    earlier = _read_scores(workspace, as_of_us - change_days * DAY_MICROSECONDS, consumers, brand_ids)
    return rows, _compare(workspace, rows, earlier)


def read_places(
    workspace: Workspace, brand_ids: Sequence[int], as_of_us: int
) -> dict[int, tuple[IntArray, FloatArray]]:
    """The consumers of brands, in ascending order, and their scores."""
    rows = _read_scores(workspace, as_of_us, None, brand_ids)
    brands, consumers = rows["brand_id"].to_numpy(), rows["consumer_id"].to_numpy()
    order = np.lexsort((consumers, brands))
    brands, consumers, scores = brands[order], consumers[order], rows["fusion_score"].to_numpy()[order]
    bounds = {each: np.searchsorted(brands, [each, each + 1]) for each in brand_ids}
    return {each: (consumers[first:end], scores[first:end]) for each, (first, end) in bounds.items()}


def read_places_in_worker(
    workspace: Workspace, brand_ids: Sequence[int], as_of_us: int
) -> dict[int, tuple[IntArray, FloatArray]]:
    """Like `read_places`; also stores the score distribution of large brands, for the time after the next start."""
    found = read_places(workspace, brand_ids, as_of_us)
    version = put_points_in_force(workspace).points.version
    for brand_id, (_, scores) in found.items():
        if len(scores) >= answers.LARGE_BRAND_PAIRS:
            with workspace.store.writing() as session:
                store_distribution(session, brand_id, scores, as_of_us, version)
    return found


def read_brand(workspace: Workspace, brand: str, as_of_us: int) -> pa.Table:
    """The relationships of a brand as in `answers.score_pairs`, biggest drop first, without facets.

    Repeated texts are dictionary-encoded, because there may be very many rows.
    """
    rows = answers.score_pairs(
        workspace, brand=brand, as_of=from_microseconds(as_of_us), order="falling"
    ).drop_columns(list(FACET_ORDER))
    for name in _TEXTS:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].dictionary_encode())
    return rows.combine_chunks()


def summarise_brands(workspace: Workspace, as_of_us: int) -> pa.Table:
    """One row per brand, as in `answers.summarise_brands`; in batches of brands, which needs less memory."""
    with workspace.store.reading() as session:
        if not is_many(session, None):
            return answers.summarise_brands(workspace, as_of=from_microseconds(as_of_us))
        sizes = count_all_states(session)
    parts = [
        answers.summarise_brands(workspace, as_of=from_microseconds(as_of_us), brand_ids=together)
        for together in group_brands(sizes)
    ]
    return pa.concat_tables(parts).sort_by([("pairs", "descending"), ("brand", "ascending")])


def group_brands(sizes: Mapping[int, int]) -> list[list[int]]:
    """Batches of brands, the largest first, limited by the number of their state rows.

    Args:
        sizes: Number of state rows of each brand.
    """
    groups: list[list[int]] = []
    count = 0
    for brand_id, size in sorted(sizes.items(), key=lambda each: -each[1]):
        if not groups or count + size > STATES_TOGETHER:
            groups.append([])
            count = 0
        groups[-1].append(brand_id)
        count += size
    return groups


def digest_segments(workspace: Workspace) -> None:
    """Compute the index of known event ids in segments before the first arrival needs it."""
    with workspace.store.reading() as session:
        # Within the session, so that no segment is deleted while it is read.
        sealed_ids.digest_segments(workspace.engine, workspace.folder, list_segments(session))


def _read_scores(
    workspace: Workspace, as_of_us: int, consumers: Collection[int] | None, brand_ids: Collection[int] | None
) -> pa.Table:
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        states = read_states(
            force.open(workspace, session),
            as_of_us,
            consumers=consumers,
            brand_ids=brand_ids,
        )
    return score_states(states, force.points, force.kind_ids).combine_chunks()


def _compare(workspace: Workspace, rows: pa.Table, earlier: pa.Table) -> FloatArray:
    numbered = rows.select(["consumer_id", "brand_id", "fusion_score"]).append_column(
        "place", pa.array(np.arange(rows.num_rows), pa.int64())
    )
    changes = workspace.engine.read(
        """
        select n.fusion_score - coalesce(e.fusion_score, 50) as change from newer n
        left join earlier e on e.consumer_id = n.consumer_id and e.brand_id = n.brand_id order by n.place
        """,
        step="compare with an earlier time",
        tables={"newer": numbered, "earlier": earlier.select(["consumer_id", "brand_id", "fusion_score"])},
    )
    change: FloatArray = changes["change"].to_numpy()
    return change
