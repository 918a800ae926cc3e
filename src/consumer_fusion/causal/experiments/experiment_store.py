"""The book of experiments: their rows, as kept and as told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.records.experiment import EXPERIMENT_ASSIGNMENTS, EXPERIMENTS, Arm
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """A row of `experiments`; its columns say what the fields mean."""

    experiment_id: str
    title: str
    brand_id: int
    kind: str
    outcome: str
    horizon_days: float
    is_randomised: bool
    origin: str
    seed: int | None
    digest: str
    recorded_us: int
    starts_us: int
    outcome_from_us: int
    report: str | None = None
    measured_us: int | None = None
    override: str | None = None
    applied_us: int | None = None
    withdrawn_us: int | None = None

    @property
    def is_recorded_before(self) -> bool:
        """Whether the list was on record here before the action and the outcome could begin."""
        return self.recorded_us <= self.starts_us <= self.outcome_from_us

    def as_row(self) -> tuple[int | float | str | bool | None, ...]:
        """Its values in the order of the table's columns."""
        return tuple(getattr(self, name) for name in EXPERIMENTS.column_names)


def find_experiment(session: Session, experiment_id: str) -> ExperimentRow:
    """An experiment on record.

    Raises:
        NotFoundError: There is none with the id.
    """
    rows = session.read(EXPERIMENTS, {"experiment_id": experiment_id}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"There is no experiment '{experiment_id}'.", hint="`fusion experiments list` names them."
        )
    return ExperimentRow(**rows[0])


def keep_experiment(session: Session, row: ExperimentRow, arms: Mapping[int, tuple[Arm, str]]) -> None:
    """Put a new experiment on record with the arm and stratum of every consumer.

    Raises:
        ConflictError: There is one with the id already.
    """
    if session.count(EXPERIMENTS, {"experiment_id": row.experiment_id}):
        raise ConflictError(
            f"There is an experiment '{row.experiment_id}' already.",
            hint="What was assigned is never written over: choose another id.",
        )
    session.insert(EXPERIMENTS, EXPERIMENTS.column_names, [row.as_row()])
    session.insert(
        EXPERIMENT_ASSIGNMENTS,
        EXPERIMENT_ASSIGNMENTS.column_names,
        [(row.experiment_id, consumer_id, arm, stratum) for consumer_id, (arm, stratum) in arms.items()],
    )


def change_experiment(session: Session, experiment_id: str, **values: int | float | str | None) -> None:
    """Set columns of an experiment."""
    session.update(EXPERIMENTS, values, {"experiment_id": experiment_id})


def list_experiments(workspace: Workspace) -> list[dict[str, Any]]:
    """The experiments, the latest first, as JSON tells them."""
    with workspace.store.reading() as session:
        rows = [ExperimentRow(**row) for row in session.read(EXPERIMENTS).to_pylist()]
        brands = name_entities(session, [row.brand_id for row in rows])
        told = [_tell(row, brands[row.brand_id], _count_arms(session, row)) for row in rows]
    return sorted(told, key=lambda row: str(row["recorded_at"]), reverse=True)


def list_assignments(workspace: Workspace, experiment_id: str) -> list[tuple[str, str, str]]:
    """Who was to get the action of an experiment and who was not: key of the consumer, arm, stratum.

    Raises:
        NotFoundError: There is no such experiment.
    """
    with workspace.store.reading() as session:
        find_experiment(session, experiment_id)
        rows = session.read(EXPERIMENT_ASSIGNMENTS, {"experiment_id": experiment_id}).to_pylist()
        names = name_entities(session, [row["consumer_id"] for row in rows])
    return sorted((names[row["consumer_id"]], row["arm"], row["stratum"]) for row in rows)


def _count_arms(session: Session, row: ExperimentRow) -> dict[str, int]:
    return {
        arm: session.count(EXPERIMENT_ASSIGNMENTS, {"experiment_id": row.experiment_id, "arm": arm})
        for arm in ("treated", "held_out")
    }


def _tell(row: ExperimentRow, brand: str, counts: Mapping[str, int]) -> dict[str, Any]:
    override = json.loads(row.override) if row.override else None
    return {
        "experiment_id": row.experiment_id,
        "title": row.title,
        "brand": brand,
        "kind": row.kind,
        "outcome": row.outcome,
        "horizon_days": row.horizon_days,
        "is_randomised": row.is_randomised,
        "origin": row.origin,
        "seed": row.seed,
        "digest": row.digest,
        "recorded_at": write_moment(row.recorded_us),
        "starts_at": write_moment(row.starts_us),
        "outcome_from": write_moment(row.outcome_from_us),
        **counts,
        "report": json.loads(row.report) if row.report else None,
        "is_applied": row.applied_us is not None and row.withdrawn_us is None,
        "points": override,
        "withdrawn_at": None if row.withdrawn_us is None else write_moment(row.withdrawn_us),
    }
