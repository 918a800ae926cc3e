"""Reading many pairs: the functions that run aside, and how many pairs are many.

They take a workspace and what can be pickled, and return tables and arrays that are small for what they tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events import sealed_ids
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.pair_state import PAIR_KIND_STATES
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.percentiles import keep_spread
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.score_queries import read_states, score_states
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MANY_STATES = 10_000
"""From so many rows of states on, pairs are read aside; fewer take less than a fifth of a second in place."""
STATES_TOGETHER = 250_000
"""Where everything is read, it is about so many rows of states at a time."""
MANY_EVENTS = 200_000
"""The same for all brands together, whose rows of states are not counted: there are no more than events."""
_TEXTS = ("brand", "as_of", "symbiosis")


def count_states(session: Session, brand_id: int) -> int:
    """How many rows of states the pairs of a brand have."""
    return session.count(PAIR_KIND_STATES, {"brand_id": brand_id})


def count_all_states(session: Session) -> dict[int, int]:
    """How many rows of states the pairs of each brand have."""
    brands = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
    return {each: count_states(session, each) for each in brands["entity_id"].to_pylist()}


def is_many(session: Session, brand_ids: Collection[int] | None) -> bool:
    """Whether the pairs of some brands, or of all, are so many that they are read aside."""
    if brand_ids is not None:
        return sum(count_states(session, each) for each in brand_ids) >= MANY_STATES
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
    """The scores of pairs by numbers, and what they changed by.

    Args:
        workspace: The workspace.
        as_of_us: The moment.
        consumers: Only of these, after merges; None for all.
        brand_ids: Only of these; None for all.
        change_days: Compare with so many days before; None for not at all.
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
    """The same; of large brands it is also kept how scores are spread, for who asks after the next start."""
    found = read_places(workspace, brand_ids, as_of_us)
    version = put_points_in_force(workspace).points.version
    for brand_id, (_, scores) in found.items():
        if len(scores) >= answers.LARGE_BRAND_PAIRS:
            with workspace.store.writing() as session:
                keep_spread(session, brand_id, scores, as_of_us, version)
    return found


def read_brand(workspace: Workspace, brand: str, as_of_us: int) -> pa.Table:
    """The relationships of a brand as `answers.score_pairs` tells them, what fell most first, without facets.

    Texts that repeat are kept once: there may be very many rows.
    """
    rows = answers.score_pairs(
        workspace, brand=brand, as_of=from_microseconds(as_of_us), order="falling"
    ).drop_columns(list(FACET_ORDER))
    for name in _TEXTS:
        rows = rows.set_column(rows.column_names.index(name), name, rows[name].dictionary_encode())
    return rows.combine_chunks()


def summarise_brands(workspace: Workspace, as_of_us: int) -> pa.Table:
    """One row a brand, as `answers.summarise_brands` tells it; some brands at a time, which needs less memory."""
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
    """Brands that are read together, the largest first, so that about so many states are read at a time.

    Args:
        sizes: The rows of states of each brand.
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
    """Make what tells which events are here already, before the first arrival needs it."""
    with workspace.store.reading() as session:
        # Within the session, so that no segment is swept away while it is read.
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
    return score_states(workspace.engine, states, force.points, force.kind_ids).combine_chunks()


def _compare(workspace: Workspace, rows: pa.Table, earlier: pa.Table) -> FloatArray:
    numbered = rows.select(["consumer_id", "brand_id", "fusion_score"]).append_column(
        "place", pa.array(np.arange(rows.num_rows), pa.int64())
    )
    changes = workspace.engine.read(
        """
        select n.fusion_score - coalesce(e.fusion_score, 50) as change from newer n
        left join earlier e on e.consumer_id = n.consumer_id and e.brand_id = n.brand_id order by n.place
        """,
        step="compare with an earlier moment",
        tables={"newer": numbered, "earlier": earlier.select(["consumer_id", "brand_id", "fusion_score"])},
    )
    change: FloatArray = changes["change"].to_numpy()
    return change
