"""Queries: scores of pairs and brands. Nothing here changes an event or a point."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.event_reader import NEWEST_MARK
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.points import BRAND_RHYTHMS, PointsTable
from consumer_fusion.records.timestamps import (
    DAY_MICROSECONDS,
    parse_moment,
    to_microseconds,
    write_moment,
)
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.fold.money_references import ORDER_KIND
from consumer_fusion.score.model.percentiles import compute_distribution
from consumer_fusion.score.model.reading import list_columns, read_pair
from consumer_fusion.score.model.score_arrays import SCORED_COLUMNS, score_states
from consumer_fusion.score.queries.brand_scores import (
    FALLING_DAYS,
    MIX,
    bring_up_to_date,
    encode_classes,
    find_snapshot,
    summarise_scores,
)
from consumer_fusion.score.queries.brand_visibility import find_brand_ids, find_consumer_ids
from consumer_fusion.score.queries.score_queries import stream_states
from consumer_fusion.score.queries.score_results import SCORE_COLUMNS, PairScore
from consumer_fusion.score.states.brand_snapshots import is_usable, read_snapshot_heads
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

Order = Literal["lowest", "highest", "falling", "rising", "moving"]
NamedMoment = Literal["latest", "now"]
Moment = datetime | NamedMoment | None
"""As-of time: a given time, `latest` (that of the newest event), `now`, or None for the default.

The default is now while events arrive, and the newest event's time after a day without events: see `find_fixed_moment`.
"""
QUIET_DAYS = 1
"""Days without events after which scores default to the time of the newest event: since then they only decayed."""

MOVEMENTS: frozenset[str] = frozenset({"falling", "rising", "moving"})
"""The orders that compare with an earlier time."""
LEAST_MOVE = 0.05
"""Smallest change that counts as a move; smaller ones are displayed as 0.0."""

_RANKED_COLUMNS = ("consumer_id", "brand_id", "fusion_score")
_SUMMARISED_COLUMNS = ("brand_id", "fusion_score", "confidence", "symbiosis")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_BRAND_SCHEMA = pa.schema(
    [
        ("brand", pa.string()),
        ("pairs", pa.int64()),
        *(
            (name, pa.float64())
            for name in ("mean", "lower_quartile", "median", "upper_quartile", "mean_confidence")
        ),
        *((name, pa.int64()) for name in MIX),
        ("usual_gap_days", pa.int64()),
        ("half_life_days", pa.float64()),
    ]
)


def parse_as_of(text: str | None) -> Moment:
    """The as-of time given as text: `latest` and `now` as they are, None for the default.

    Raises:
        InputError: The text is none of them and no ISO 8601 date or time.
    """
    if text == "latest":
        return "latest"
    if text == "now":
        return "now"
    return None if text is None else parse_moment(text)


def find_fixed_moment(workspace: Workspace, as_of: Moment) -> int | None:
    """The as-of time if it is fixed; None for now, which advances.

    This defines the default as-of time for the command line, console, API and Python alike. The newest event's time is
    never after now.
    """
    if as_of == "now":
        return None
    if isinstance(as_of, datetime):
        return to_microseconds(as_of)
    now_us = workspace.now_us
    with workspace.store.reading() as session:
        newest_us = min(int(session.read_mark(NEWEST_MARK) or now_us), now_us)
    is_quiet = now_us - newest_us > QUIET_DAYS * DAY_MICROSECONDS
    return newest_us if is_quiet or as_of == "latest" else None


def resolve_as_of(workspace: Workspace, as_of: Moment) -> int:
    """The as-of time, in microseconds since the epoch."""
    fixed_us = find_fixed_moment(workspace, as_of)
    return workspace.now_us if fixed_us is None else fixed_us


def score_pairs(
    workspace: Workspace,
    *,
    brand: str | None = None,
    consumer: str | None = None,
    as_of: Moment = None,
    order: Order | None = None,
    limit: int | None = None,
    is_ranked: bool = True,
) -> pa.Table:
    """The Fusion Scores of pairs, one row each.

    A known consumer together with a known brand gives one row: 50 and `unknown` where they have no events.

    Args:
        workspace: The workspace.
        brand: Only this brand.
        consumer: Only this consumer.
        as_of: As-of time; None for the default.
        order: `lowest` or `highest` score first, or the largest fall, rise or move (either way) in 28 days first.
        limit: Maximum number of rows.
        is_ranked: Whether to compute percentiles, which needs all pairs of the brands; otherwise they are null.

    Returns:
        Columns `SCORE_COLUMNS`; for `falling`, `rising` and `moving` also `change_28_days`.

    Raises:
        NotFoundError: The brand or the consumer is not known; the hint names the most similar known key.
    """
    moment = resolve_as_of(workspace, as_of)
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        brand_ids = find_brand_ids(session, brand)
        consumers = find_consumer_ids(session, consumer)
        is_cut = limit is not None and consumers is None
        columns = _RANKED_COLUMNS if is_cut else SCORED_COLUMNS
        rows = _read_scores(workspace, session, force, moment, consumers, brand_ids, columns)
        if consumer is not None and brand is not None and not rows.num_rows:
            own, other = name_entities(session, consumers or ()), name_entities(session, brand_ids or ())
            strangers = {
                "consumer_id": min(own), "brand_id": min(other), "percentile": None, "percentile_as_of_us": None,
                **list_columns(read_pair([], force.points)),
            }  # fmt: skip
            return name_rows(pa.Table.from_pylist([strangers]), own, other, moment)
        peers = rows if consumers is None else None
        if order in MOVEMENTS:
            earlier_us = moment - FALLING_DAYS * DAY_MICROSECONDS
            earlier = _read_scores(
                workspace, session, force, earlier_us, consumers, brand_ids, _RANKED_COLUMNS
            )
            rows = _add_change(workspace, rows, earlier)
        rows = _sort(rows, order, limit)
        if is_ranked:
            rows = _add_percentiles(workspace, session, force, moment, rows, peers)
        else:
            rows = add_places(rows, pa.nulls(rows.num_rows, pa.float64()), None)
        if is_cut:
            rows = _complete_rows(workspace, session, force, moment, rows)
        consumer_keys = name_entities(session, rows["consumer_id"].to_pylist())
        brand_keys = name_entities(session, rows["brand_id"].to_pylist())
    return name_rows(rows, consumer_keys, brand_keys, moment)


def summarise_brands(
    workspace: Workspace, *, as_of: Moment = None, brand_ids: Collection[int] | None = None
) -> pa.Table:
    """One row per brand: pairs, mean, quartiles, the mix of symbiosis classes, and the half-life of orders.

    Args:
        workspace: The workspace.
        as_of: As-of time; None for the default.
        brand_ids: Brands; None for all.
    """
    moment = resolve_as_of(workspace, as_of)
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        rows = _read_scores(workspace, session, force, moment, None, brand_ids, _SUMMARISED_COLUMNS)
        classes = encode_classes(rows["symbiosis"].combine_chunks()).indices
        columns = [rows["fusion_score"].to_numpy(), rows["confidence"].to_numpy(), classes.to_numpy()]
        summaries = {
            brand_id: summarise_scores(*(column[own] for column in columns))
            for brand_id, own in split_brands(rows["brand_id"].to_numpy())
        }
        return _describe_brands(session, force.points, summaries)


def read_brand_summaries(workspace: Workspace) -> tuple[pa.Table, int] | None:
    """The rows of `summarise_brands` from the snapshots of all brands, and the as-of time of the oldest.

    None where a brand has no snapshot for the points in force and the default as-of time.
    """
    force = put_points_in_force(workspace)
    as_of_us = resolve_as_of(workspace, None)
    with workspace.store.reading() as session:
        heads = read_snapshot_heads(session)
        brands = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
        if (
            not heads
            or not heads.keys() >= set(brands["entity_id"].to_pylist())
            or not all(is_usable(head, force.points.version, as_of_us) for head in heads.values())
        ):
            return None
        summaries = {brand_id: head for brand_id, head in heads.items() if head["pairs"]}
        oldest_us = min(head["as_of_us"] for head in heads.values())
        return _describe_brands(session, force.points, summaries), oldest_us


def _describe_brands(
    session: Session, points: PointsTable, summaries: Mapping[int, Mapping[str, Any]]
) -> pa.Table:
    """The rows of brands with their summaries, keys and rhythms, the largest first."""
    keys = name_entities(session, list(summaries))
    gaps = {
        row["brand_id"]: row["usual_gap_days"]
        for row in session.read(BRAND_RHYTHMS, columns=("brand_id", "usual_gap_days")).to_pylist()
    }
    order = points.kinds.get(ORDER_KIND)
    rows = [
        {
            **{name: summary[name] for name in _BRAND_SCHEMA.names if name in summary},
            "brand": keys[brand_id],
            "usual_gap_days": gaps.get(brand_id),
            "half_life_days": None
            if order is None
            else order.half_life_days * points.rhythms.get(brand_id, 1.0),
        }
        for brand_id, summary in summaries.items()
    ]
    return pa.Table.from_pylist(sorted(rows, key=lambda row: (-row["pairs"], row["brand"])), _BRAND_SCHEMA)


def to_pair_scores(rows: pa.Table) -> list[PairScore]:
    """The rows of `score_pairs` as results."""
    return [PairScore.from_row(row) for row in rows.to_pylist()]


def _read_scores(
    workspace: Workspace,
    session: Session,
    force: EffectivePoints,
    as_of_us: int,
    consumers: Collection[int] | None,
    brand_ids: Collection[int] | None,
    columns: Sequence[str] = SCORED_COLUMNS,
) -> pa.Table:
    context = force.open(workspace, session)
    parts = [
        score_states(states, force.points, force.kind_ids, columns)
        for states in stream_states(context, as_of_us, consumers=consumers, brand_ids=brand_ids)
    ]
    return pa.concat_tables(parts).combine_chunks()


def _complete_rows(
    workspace: Workspace, session: Session, force: EffectivePoints, as_of_us: int, rows: pa.Table
) -> pa.Table:
    """The rows that are left of many, with all columns of their scores: few states are read again for them."""
    consumers, brand_ids = (rows[name].unique().to_pylist() for name in ("consumer_id", "brand_id"))
    whole = _read_scores(workspace, session, force, as_of_us, consumers, brand_ids, SCORED_COLUMNS)
    places = {
        pair: place
        for place, pair in enumerate(
            zip(whole["consumer_id"].to_pylist(), whole["brand_id"].to_pylist(), strict=True)
        )
    }
    pairs = zip(rows["consumer_id"].to_pylist(), rows["brand_id"].to_pylist(), strict=True)
    whole = whole.take(pa.array([places[pair] for pair in pairs], pa.int64()))
    for name in set(rows.column_names) - set(whole.column_names):
        whole = whole.append_column(name, rows[name])
    return whole


def order_values(order: str | None, scores: Floats, change: Floats | None) -> Floats:
    """Sort keys for pairs, in ascending order.

    Args:
        order: An `Order`; None for none, which leaves all equal.
        scores: Their Fusion Scores.
        change: Changes of the scores; needed for `MOVEMENTS`.
    """
    if order not in MOVEMENTS:
        return {"lowest": scores, "highest": -scores}.get(order or "", np.zeros(len(scores)))
    assert change is not None
    return {"falling": change, "rising": -change, "moving": -np.abs(change)}[order or ""]


def list_movers(scores: pa.Table, count: int, order: Order = "moving") -> pa.Table:
    """The pairs that moved most, the largest move first.

    Args:
        scores: Scores with `change_28_days`, in any order.
        count: Maximum number of pairs.
        order: `falling`, `rising`, or `moving` for either.

    Returns:
        Those columns of the scores that name a pair, `fusion_score`, `score_before`.
    """
    change = scores["change_28_days"].to_numpy()
    values = order_values(order, scores["fusion_score"].to_numpy(), change)
    places = find_first(values, count)
    moved = scores.take(places[-values[places] >= LEAST_MOVE])
    before = pc.subtract(moved["fusion_score"], moved["change_28_days"])
    named = [name for name in ("consumer", "brand", "consumer_id") if name in scores.column_names]
    return moved.select([*named, "fusion_score"]).append_column("score_before", before)


def find_first(values: Floats, count: int) -> Ints:
    """The positions of the smallest values, in order; finding them takes a tenth of the time of sorting all."""
    chosen = np.arange(len(values))
    if 0 < count < len(values):
        chosen = np.flatnonzero(values <= np.partition(values, count - 1)[count - 1])
    return chosen[np.argsort(values[chosen], kind="stable")][:count]


def _add_percentiles(
    workspace: Workspace,
    session: Session,
    force: EffectivePoints,
    as_of_us: int,
    rows: pa.Table,
    peers: pa.Table | None,
) -> pa.Table:
    """The rows with their percentiles.

    Args:
        workspace: The workspace.
        session: Session of its store.
        force: The points in force.
        as_of_us: As-of time.
        rows: The rows.
        peers: All pairs of their brands; None where they were not read.
    """
    if peers is not None or not rows.num_rows:
        return _rank(rows, rows if peers is None else peers, as_of_us)
    parts = []
    for brand_id in rows["brand_id"].unique().to_pylist():
        own = rows.filter(pc.equal(rows["brand_id"], brand_id))
        context = force.open(workspace, session)
        snapshot = find_snapshot(context, brand_id)
        if snapshot is not None and abs(snapshot.as_of_us - as_of_us) <= DAY_MICROSECONDS:
            # Not the score of now, which has decayed since, while those that it is compared with have not.
            snapshot = bring_up_to_date(context, snapshot, as_of_us)
            pairs = zip(own["consumer_id"].to_pylist(), own["fusion_score"].to_pylist(), strict=True)
            places = [snapshot.rank(*pair, tolerance=math.inf) for pair in pairs]
            parts.append(add_places(own, places, snapshot.as_of_us))
            continue
        others = _read_scores(workspace, session, force, as_of_us, None, [brand_id], _RANKED_COLUMNS)
        parts.append(_rank(own, others, as_of_us))
    return pa.concat_tables(parts)


def _rank(rows: pa.Table, peers: pa.Table, as_of_us: int) -> pa.Table:
    places = rank_within_brands(
        rows["brand_id"].to_numpy(),
        rows["fusion_score"].to_numpy(),
        peers["brand_id"].to_numpy(),
        peers["fusion_score"].to_numpy(),
    )
    return add_places(rows, places, as_of_us)


def add_places(
    rows: pa.Table, percentiles: Sequence[float | None] | Floats | pa.Array, as_of_us: int | None
) -> pa.Table:
    """Rows of scores with their percentiles, and the as-of time of the scores that they were compared with."""
    return rows.append_column("percentile", pa.array(percentiles, pa.float64())).append_column(
        "percentile_as_of_us", pa.array([as_of_us] * rows.num_rows, pa.int64())
    )


def rank_within_brands(brands: Ints, scores: Floats, peer_brands: Ints, peers: Floats) -> Floats:
    """The percentiles of scores within their brands.

    Args:
        brands: The brand of each score.
        scores: The scores.
        peer_brands: Brand of each score of all pairs of these brands.
        peers: Those scores.
    """
    percentiles = np.empty(len(scores))
    among = dict(split_brands(peer_brands))
    for brand_id, own in split_brands(brands):
        percentiles[own] = compute_distribution(peers[among[brand_id]]).rank(scores[own])
    return percentiles


def split_brands(brands: Ints) -> list[tuple[int, Ints]]:
    """Each brand with the positions of its rows."""
    order = np.argsort(brands, kind="stable")
    edges = np.flatnonzero(np.diff(brands[order])) + 1
    return [(int(brands[own[0]]), own) for own in np.split(order, edges) if len(own)]


def _add_change(workspace: Workspace, rows: pa.Table, earlier: pa.Table) -> pa.Table:
    return workspace.engine.read(
        """
        select n.*, n.fusion_score - coalesce(e.fusion_score, 50) as change_28_days from newer n
        left join earlier e on e.consumer_id = n.consumer_id and e.brand_id = n.brand_id
        """,
        step=f"compare with {FALLING_DAYS} days earlier",
        tables={"newer": rows, "earlier": earlier},
    )


def _sort(rows: pa.Table, order: Order | None, limit: int | None) -> pa.Table:
    """The rows in order, the first ones up to the limit."""
    change = rows["change_28_days"].to_numpy() if "change_28_days" in rows.column_names else None
    values = order_values(order, rows["fusion_score"].to_numpy(), change)
    chosen = np.arange(len(values))
    if limit is not None and 0 < limit < len(values):
        # Only rows up to the limit-th value are sorted: finding it takes a tenth of the time of sorting all.
        chosen = np.flatnonzero(values <= np.partition(values, limit - 1)[limit - 1])
    keys = (rows[name].to_numpy()[chosen] for name in ("brand_id", "consumer_id"))
    return rows.take(chosen[np.lexsort((*keys, values[chosen]))[:limit]]).combine_chunks()


def name_rows(
    rows: pa.Table,
    consumer_keys: Mapping[int, str],
    brand_keys: Mapping[int, str],
    as_of_us: int,
) -> pa.Table:
    """Rows of scores with keys in place of numbers: `SCORE_COLUMNS`, and `change_28_days` where it is there.

    Args:
        rows: Columns of scores, those of `add_places`, and maybe `change_28_days`.
        consumer_keys: Keys of the consumers.
        brand_keys: Keys of the brands.
        as_of_us: As-of time, in microseconds since the epoch.
    """
    compared = rows["percentile_as_of_us"]
    moments = {each: None if each is None else write_moment(each) for each in compared.unique().to_pylist()}
    names = {
        "consumer": pa.array(
            [consumer_keys.get(each) for each in rows["consumer_id"].to_pylist()], pa.string()
        ),
        "brand": pa.array([brand_keys.get(each) for each in rows["brand_id"].to_pylist()], pa.string()),
        "as_of": pa.array([write_moment(as_of_us)] * rows.num_rows, pa.string()),
        "percentile_as_of": pa.array([moments[each] for each in compared.to_pylist()], pa.string()),
    }
    columns = [*SCORE_COLUMNS, *(["change_28_days"] if "change_28_days" in rows.column_names else [])]
    table = pa.table({name: names[name] if name in names else rows[name] for name in columns})
    return table.set_column(
        table.column_names.index("percentile"), "percentile", pc.cast(table["percentile"], pa.float64())
    )
