"""Context for reading and folding scores: a session of the store, the engine, and the points in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from consumer_fusion.records.points import PointsTable
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class ScoreContext:
    """Context for reading and folding scores.

    Attributes:
        session: Session of the store; a transaction for writes.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        points: The points table.
        kind_ids: Number of every key that was ever in force.
    """

    session: Session
    engine: Engine
    folder: Path
    points: PointsTable
    kind_ids: Mapping[str, int]
