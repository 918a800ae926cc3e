"""The store of experiments: their rows and their result model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.operations import Moment, Schema, describe
from consumer_fusion.records.experiment import EXPERIMENT_ASSIGNMENTS, EXPERIMENTS, Arm
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.calibration.experiment_overrides import PointsOverride
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """A row of `experiments`; its columns document the fields."""

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
        """Whether the list was recorded before the action and the outcome could begin."""
        return self.recorded_us <= self.starts_us <= self.outcome_from_us

    def as_row(self) -> tuple[int | float | str | bool | None, ...]:
        """Its values in the order of the table's columns."""
        return tuple(getattr(self, name) for name in EXPERIMENTS.column_names)


def find_experiment(session: Session, experiment_id: str) -> ExperimentRow:
    """A stored experiment.

    Raises:
        NotFoundError: There is none with the id.
    """
    rows = session.read(EXPERIMENTS, {"experiment_id": experiment_id}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"There is no experiment '{experiment_id}'.", hint="`fusion experiments list` lists them."
        )
    return ExperimentRow(**rows[0])


def keep_experiment(session: Session, row: ExperimentRow, arms: Mapping[int, tuple[Arm, str]]) -> None:
    """Record a new experiment with the arm and stratum of every consumer.

    Raises:
        ConflictError: There is already one with the id.
    """
    if session.count(EXPERIMENTS, {"experiment_id": row.experiment_id}):
        raise ConflictError(
            f"There is an experiment '{row.experiment_id}' already.",
            hint="An assignment is never overwritten: choose another id.",
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


class Experiment(Schema):
    """A recorded comparison of consumers who were to get an action with others who were not."""

    experiment_id: str = describe("ID", "Its id.")
    title: str = describe("Name", "A short description.")
    brand: str = describe("Brand", "The brand that acts.")
    kind: str = describe("Action", "Its action in the points table.")
    outcome: str = describe("Outcome", "The kind of event that it is to bring about.", is_shown=False)
    horizon_days: float = describe("Horizon", "Days for which outcomes are counted.", is_shown=False)
    is_randomised: bool = describe("Randomised", "Whether the people were randomised.")
    origin: str = describe(
        "Origin", "Source of the assignment: product, or file for a list made elsewhere.", is_shown=False
    )
    seed: int | None = describe("Seed", "Random seed of the assignment, if made here.", is_shown=False)
    digest: str = describe("Digest", "Hash of the list of consumers and arms.", is_shown=False)
    recorded_at: Moment = describe("Recorded", "Time at which the list was recorded.", is_shown=False)
    starts_at: Moment = describe("Start", "Earliest time at which the action may reach anyone.")
    outcome_from: Moment = describe(
        "Outcomes from", "Start of the period in which outcomes count.", is_shown=False
    )
    outcome_until: Moment = describe(
        "Outcomes until", "End of the period in which outcomes count.", is_shown=False
    )
    treated: int = describe("Treated", "Number of people who are to get the action.")
    held_out: int = describe("Held out", "Number of people who are not.")
    report: ExperimentReport | None = describe(
        "Report", "The report; null until it was measured.", is_shown=False
    )
    is_applied: bool = describe("In force", "Whether it decides points now.")
    points: PointsOverride | None = describe("Points", "The points that it decides.", is_shown=False)
    withdrawn_at: Moment | None = describe("Withdrawn", "Time at which it was withdrawn.", is_shown=False)


def list_experiments(workspace: Workspace) -> list[Experiment]:
    """The experiments, the latest first."""
    with workspace.store.reading() as session:
        rows = [ExperimentRow(**row) for row in session.read(EXPERIMENTS).to_pylist()]
        brands = name_entities(session, [row.brand_id for row in rows])
        listed = [_tell(row, brands[row.brand_id], _count_arms(session, row)) for row in rows]
    return sorted(listed, key=lambda each: each.recorded_at, reverse=True)


class AssignedConsumer(Schema):
    """A consumer of an experiment."""

    consumer: str = describe("Consumer", "The consumer.")
    arm: Arm = describe("Arm", "treated (is to get the action) or held_out.")
    stratum: str = describe("Group", "The stratum, each divided separately.")


def list_assignments(workspace: Workspace, experiment_id: str) -> list[AssignedConsumer]:
    """The assignment of an experiment, by key of the consumer.

    Raises:
        NotFoundError: There is no such experiment.
    """
    with workspace.store.reading() as session:
        find_experiment(session, experiment_id)
        rows = session.read(EXPERIMENT_ASSIGNMENTS, {"experiment_id": experiment_id}).to_pylist()
        names = name_entities(session, [row["consumer_id"] for row in rows])
    listed = [
        AssignedConsumer(consumer=names[row["consumer_id"]], arm=row["arm"], stratum=row["stratum"])
        for row in rows
    ]
    return sorted(listed, key=lambda each: each.consumer)


def _count_arms(session: Session, row: ExperimentRow) -> dict[Arm, int]:
    return {
        arm: session.count(EXPERIMENT_ASSIGNMENTS, {"experiment_id": row.experiment_id, "arm": arm})
        for arm in get_args(Arm)
    }


def _tell(row: ExperimentRow, brand: str, counts: Mapping[Arm, int]) -> Experiment:
    return Experiment(
        experiment_id=row.experiment_id, title=row.title, brand=brand, kind=row.kind, outcome=row.outcome,
        horizon_days=row.horizon_days, is_randomised=row.is_randomised, origin=row.origin, seed=row.seed,
        digest=row.digest, recorded_at=row.recorded_us, starts_at=row.starts_us, outcome_from=row.outcome_from_us,
        outcome_until=row.outcome_from_us + round(row.horizon_days * DAY_MICROSECONDS), treated=counts["treated"],
        held_out=counts["held_out"],
        report=ExperimentReport.model_validate_json(row.report) if row.report else None,
        is_applied=row.applied_us is not None and row.withdrawn_us is None,
        points=PointsOverride.model_validate_json(row.override) if row.override else None,
        withdrawn_at=row.withdrawn_us,
    )  # fmt: skip
