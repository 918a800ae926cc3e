"""What scores are read and folded with: one moment of the store, where to compute, and the points in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer_fusion.records.points import PointsTable
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class ScoreContext:
    """What scores are read and folded with.

    Attributes:
        session: One moment of the store; a transaction, for what writes.
        engine: Where to compute.
        folder: The workspace.
        points: The points table.
        kind_ids: The number of every key that was ever in force.
    """

    session: Session
    engine: Engine
    folder: Path
    points: PointsTable
    kind_ids: Mapping[str, int]
