"""The scores of all pairs of a brand: computed from their states, or from a snapshot and what changed since.

A snapshot is exact for its as-of time; pairs that changed since are read again with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.reading import BASELINE
from consumer_fusion.score.model.row_order import order_rows
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.score_queries import stream_states
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.brand_snapshots import (
    SNAPSHOT_SCHEMA,
    SYMBIOSIS_CLASSES,
    BrandSnapshot,
    list_changes,
    read_snapshot,
    read_snapshot_heads,
    replace_scores,
)

FALLING_DAYS = 28
"""Number of days over which the change of a score is computed."""

MIX: Mapping[str, frozenset[str]] = {
    "mutualism": frozenset({"mutualism"}),
    "commensal": frozenset({"commensal-brand-gains", "commensal-consumer-gains"}),
    "one_sided": frozenset({"one-sided-brand-takes", "one-sided-consumer-takes"}),
    "harmed": frozenset({"competition", "amensal"}),
    "neutral": frozenset({"neutral"}),
    "unknown": frozenset({"unknown"}),
}
"""Classes that a summary of a brand counts together."""

QUARTILES = (0.25, 0.5, 0.75)

_MIX_PLACES = {
    name: [SYMBIOSIS_CLASSES.index(each) for each in sorted(together)] for name, together in MIX.items()
}
_NOW = ("brand_id", *(name for name in SNAPSHOT_SCHEMA.names if name != "change_28_days"))
_EARLIER = ("consumer_id", "brand_id", "fusion_score")

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def read_brand_scores(
    context: ScoreContext,
    as_of_us: int,
    *,
    brand_ids: Collection[int],
    change_days: int | None = FALLING_DAYS,
) -> dict[int, pa.Table]:
    """The scores of all pairs of brands, and their changes, by brand.

    Args:
        context: Context for reading scores.
        as_of_us: As-of time, in microseconds since the epoch.
        brand_ids: Brands.
        change_days: Number of days over which `change_28_days` is computed here; None where it is not needed.

    Returns:
        For each brand the columns `SNAPSHOT_SCHEMA`, in the order of consumers.
    """
    now = _read_columns(context, as_of_us, _NOW, brand_ids)
    before = None
    if change_days is not None:
        before = _read_columns(context, as_of_us - change_days * DAY_MICROSECONDS, _EARLIER, brand_ids)
    found: dict[int, pa.Table] = {}
    for brand_id in brand_ids:
        own = _select_brand(now, brand_id)
        former = np.full(own.num_rows, np.nan)
        if before is not None:
            earlier = _select_brand(before, brand_id)
            former = _look_up(earlier, earlier["fusion_score"].to_numpy(), own["consumer_id"].to_numpy())
        found[brand_id] = _add_changes(own, former)
    return found


def bring_up_to_date(context: ScoreContext, snapshot: BrandSnapshot, as_of_us: int) -> BrandSnapshot:
    """A snapshot in which the pairs that changed since are read again; itself where none has.

    The score of 28 days before is read again only for pairs with a change of so long ago.

    Args:
        context: Context for reading scores.
        snapshot: The snapshot.
        as_of_us: As-of time of the pairs that changed, not before the newest event.
    """
    brand_ids = [snapshot.brand_id]
    before_us = snapshot.as_of_us - FALLING_DAYS * DAY_MICROSECONDS
    changes = list_changes(context.session, snapshot.brand_id, snapshot.newest_change)
    if not changes.num_rows:
        return snapshot
    consumers, first = np.unique(changes["consumer_id"].to_numpy(), return_index=True)
    late = consumers[changes["oldest_us"].to_numpy()[first] <= before_us]
    now = _read_columns(context, as_of_us, _NOW, brand_ids, consumers.tolist())
    own, scores = now["consumer_id"].to_numpy(), snapshot.scores
    kept = scores["fusion_score"].to_numpy() - scores["change_28_days"].to_numpy()
    former = _look_up(scores, kept, own)
    if len(late):
        earlier = _read_columns(context, before_us, _EARLIER, brand_ids, late.tolist())
        again = _look_up(earlier, earlier["fusion_score"].to_numpy(), own)
        former = np.where(np.isin(own, late), again, former)
    return replace(
        snapshot,
        scores=replace_scores(scores, consumers, _add_changes(now, former)),
        newest_change=int(changes["sequence"].to_numpy().max()),
    )


def find_snapshot(context: ScoreContext, brand_id: int) -> BrandSnapshot | None:
    """The stored snapshot of a brand; None where there is none for the points in force."""
    head = read_snapshot_heads(context.session, brand_id).get(brand_id)
    if head is None or head["points_version"] != context.points.version:
        return None
    return read_snapshot(context.session, head)


def summarise_scores(
    scores: Reals, confidence: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> dict[str, Any]:
    """The number of pairs, the quartiles of their scores, their mean confidence and the mix of their classes.

    Args:
        scores: Fusion Scores.
        confidence: Their confidence.
        classes: Classes of the relationships, as the indices of `encode_classes`.
    """
    counts = np.bincount(classes, minlength=len(SYMBIOSIS_CLASSES)).tolist()
    quartiles = np.quantile(scores, QUARTILES).tolist() if len(scores) else [None] * 3
    return {
        "pairs": len(scores),
        "mean": float(scores.mean()) if len(scores) else None,
        **dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True)),
        "mean_confidence": float(confidence.mean(dtype=float)) if len(scores) else None,
        **{name: sum(counts[place] for place in places) for name, places in _MIX_PLACES.items()},
    }


def encode_classes(values: pa.Array) -> pa.DictionaryArray:
    """Classes of relationships as a snapshot stores them: each as its place in the list of classes."""
    places = pc.index_in(values, pa.array(SYMBIOSIS_CLASSES))
    return pa.DictionaryArray.from_arrays(places.cast(pa.int8()), SYMBIOSIS_CLASSES)


def _add_changes(scores: pa.Table, former: Reals) -> pa.Table:
    """The columns `SNAPSHOT_SCHEMA` of scores, and of the scores before."""
    columns = {name: scores[name] for name in SNAPSHOT_SCHEMA.names if name != "change_28_days"}
    change = pa.array(scores["fusion_score"].to_numpy() - former, pa.float64())
    return pa.table(columns | {"change_28_days": change}).select(SNAPSHOT_SCHEMA.names)


def _read_columns(
    context: ScoreContext,
    as_of_us: int,
    columns: Sequence[str],
    brand_ids: Collection[int],
    consumers: Collection[int] | None = None,
) -> pa.Table:
    """Scores of pairs, in the order of brand and consumer, each column of the type of the snapshot."""
    parts = []
    for states in stream_states(context, as_of_us, brand_ids=brand_ids, consumers=consumers):
        scores = score_states(states, context.points, context.kind_ids, columns)
        for place, name in enumerate(columns):
            if name in SNAPSHOT_SCHEMA.names:
                field = SNAPSHOT_SCHEMA.field(name)
                values = scores[name].combine_chunks()
                is_class = pa.types.is_dictionary(field.type)
                encoded = encode_classes(values) if is_class else values.cast(field.type)
                scores = scores.set_column(place, field, encoded)
        parts.append(scores)
    rows = pa.concat_tables(parts)
    order = order_rows(rows["brand_id"].to_numpy(), rows["consumer_id"].to_numpy())
    return rows.take(order).combine_chunks()


def _select_brand(rows: pa.Table, brand_id: int) -> pa.Table:
    first, last = np.searchsorted(rows["brand_id"].to_numpy(), [brand_id, brand_id + 1])
    # Taken, not sliced: a slice holds, and sends to another process, the rows of all brands.
    return rows.take(np.arange(first, last))


def _look_up(known: pa.Table, scores: Reals, consumers: Integers) -> Reals:
    """The scores of consumers; the baseline for those without one.

    Args:
        known: consumer_id, in ascending order.
        scores: Their scores.
        consumers: The consumers.
    """
    found = np.full(len(consumers), float(BASELINE))
    there = known["consumer_id"].to_numpy()
    if len(there):
        place = np.minimum(np.searchsorted(there, consumers), len(there) - 1)
        is_known = there[place] == consumers
        found[is_known] = scores[place[is_known]]
    return found
