"""SQL for the scores of many pairs: its text for a points table, and the points as a table to join."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from consumer_fusion.records.points import Kind, PointsTable
from consumer_fusion.score.model.reading import FACET_ORDER, INTERVAL_DEVIATIONS, sum_unseen_runs
from consumer_fusion.score.model.symbiosis import KNOWN_CONFIDENCE, SIGN_POINTS
from consumer_fusion.score.query_texts import read_query, write_number

NO_KIND_ID = 0
"""Stands for kinds without points in the tables of events."""


def write_scores_query(points: PointsTable) -> str:
    """The SELECT that computes scores; it needs the relations `decayed_states` and `kind_points`.

    Returns:
        Text whose rows are consumer_id, brand_id, fusion_score, low, high, consumer_to_brand,
        brand_to_consumer, confidence, symbiosis, evidence and the eight facets, one for each pair, unordered.
    """
    constants = points.constants
    unseen = sum_unseen_runs(points)
    numbers = {
        "unseen_consumer": unseen.consumer,
        "unseen_brand": unseen.brand,
        "unseen_common": unseen.common,
        "scale": constants.scale,
        "knee": constants.knee,
        "balance": constants.balance,
        "balance_width": constants.balance_width,
        "ignorance_variance": constants.ignorance**2,
        "ignorance_events": constants.ignorance_events,
        "interval_deviations": INTERVAL_DEVIATIONS,
        "sign_points": SIGN_POINTS,
        "known_confidence": KNOWN_CONFIDENCE,
    }
    texts = {name: write_number(value) for name, value in numbers.items()}
    return read_query("model", "read_scores").substitute(texts)


def build_kind_points(points: PointsTable, kind_ids: Mapping[str, int]) -> pa.Table:
    """One wide row of signed points for each kind.

    Kinds that have no points (any more) get zeros and no evidence, so that a pair with nothing else has the
    score 50, unknown.

    Args:
        points: The points in force.
        kind_ids: Number of every key that states may have.
    """
    numbers = {kind_id: points.kinds.get(key) for key, kind_id in kind_ids.items()}
    numbers.setdefault(NO_KIND_ID, None)
    rows = [
        _lay_out(kind_id, kind, points.dispersions.get(kind.key, 1.0) if kind else 1.0)
        for kind_id, kind in sorted(numbers.items())
    ]
    return pa.Table.from_pylist(rows, schema=_KIND_POINTS_SCHEMA)


_KIND_POINTS_SCHEMA = pa.schema(
    [
        ("kind_id", pa.int64()),
        ("evidence", pa.float64()),
        ("dispersion", pa.float64()),
        *((f"{facet}_{way}", pa.float64()) for facet in FACET_ORDER for way in ("graded", "counted")),
    ]
)


def _lay_out(kind_id: int, kind: Kind | None, dispersion: float) -> dict[str, float]:
    row: dict[str, float] = dict.fromkeys(_KIND_POINTS_SCHEMA.names, 0.0)
    row["kind_id"], row["dispersion"] = kind_id, dispersion
    if kind is not None:
        row["evidence"] = 1.0 if kind.entries else 0.0
        for entry in kind.entries:
            row[f"{entry.facet}_{'graded' if entry.is_graded else 'counted'}"] += entry.points
    return row
