"""Stored points: the number of each kind, and the versions of the table that were in force."""

from __future__ import annotations

import json

from consumer_fusion.records.points import KINDS, POINTS_VERSIONS, PointsTable
from consumer_fusion.score.points.points_table import read_points, write_points
from consumer_fusion.storage.store import Session


def register_kinds(session: Session, points: PointsTable) -> dict[str, int]:
    """Assign every key of the table its permanent number.

    Args:
        session: A writing session.
        points: Table that is put in force.

    Returns:
        Number of every key that was ever in force, also of other tables.
    """
    session.insert(KINDS, ("kind_key",), [(key,) for key in points.kinds], ignore=True)
    return read_kind_ids(session)


def read_kind_ids(session: Session) -> dict[str, int]:
    """The number of every key that was ever in force."""
    return {row["kind_key"]: row["kind_id"] for row in session.read(KINDS).to_pylist()}


def keep_points(session: Session, points: PointsTable, applied_us: int) -> None:
    """Store a table as the one in force since the given time."""
    content = json.dumps(write_points(points), ensure_ascii=False)
    session.replace(POINTS_VERSIONS, POINTS_VERSIONS.column_names, [(points.version, content, applied_us)])


def read_kept_points(session: Session) -> PointsTable | None:
    """The stored table that was put in force last; None in a new workspace."""
    rows = session.read(POINTS_VERSIONS, order_by=("applied_us", "version")).to_pylist()
    return read_points(json.loads(rows[-1]["content"])) if rows else None
