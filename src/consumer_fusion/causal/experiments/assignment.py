"""Assignment: the people who get an action and those who do not, drawn and recorded before it begins."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from consumer_fusion.causal.designs.holdouts import Holdout, draw_holdout
from consumer_fusion.causal.experiments.experiment_store import ExperimentRow, keep_experiment
from consumer_fusion.causal.file_rows import read_rows
from consumer_fusion.errors import InputError, RefusedError
from consumer_fusion.events.entities import declare_keys, find_keys, name_entities
from consumer_fusion.events.event_reader import NEWEST_MARK
from consumer_fusion.operations import TextFile
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.experiment import Arm
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, write_moment
from consumer_fusion.score.calibration.samples import list_outcome_kinds
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.queries.score_queries import read_ledgers
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

ARMS: tuple[Arm, Arm] = ("treated", "held_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentPlan:
    """A planned experiment.

    Attributes:
        brand: Key of the brand.
        kind: Key of its action in the points table.
        outcome: Key of the kind of event that it is to bring about.
        horizon_days: Number of days for which outcomes are counted; that of a calibration, if points are to follow.
        starts_us: Earliest time at which the action may reach anyone, in microseconds since the epoch.
        delivery_days: Number of days until it has reached everyone; then outcomes begin to count.
        title: A short description.
        experiment_id: An id of the caller's choice; generated where not given.
    """

    brand: str
    kind: str
    outcome: str
    horizon_days: float
    starts_us: int
    delivery_days: float = 1.0
    title: str = ""
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class DrawnExperiment:
    """A recorded experiment, with its list.

    Attributes:
        experiment_id: Its id.
        holdout: The assignment of the consumers.
    """

    experiment_id: str
    holdout: Holdout


def draw_experiment(
    workspace: Workspace,
    plan: ExperimentPlan,
    *,
    share: float,
    seed: int,
    consumers: Sequence[str] | None = None,
) -> DrawnExperiment:
    """Draw a hold-out at random, balanced by past outcomes, and record it.

    Args:
        workspace: The workspace.
        plan: The planned experiment.
        share: Share that is held out.
        seed: Random seed; it reproduces the same list.
        consumers: Keys of the audience; by default all that have events with the brand.

    Raises:
        RefusedError: The action has begun, or is not an action of the brand.
        InputError: The audience is empty, or has a consumer twice.
        ConflictError: There is already an experiment with the id.
    """
    force = put_points_in_force(workspace)
    _check_plan(workspace, plan, force)
    with workspace.store.reading() as session:
        past = _count_past_outcomes(workspace, session, force, plan)
    audience = sorted(past) if consumers is None else list(consumers)
    if not audience:
        raise InputError(
            f"No consumer has events with {plan.brand}.", hint="Name the audience, or import events first."
        )
    holdout = draw_holdout(
        audience,
        share=share,
        seed=seed,
        past_outcome=np.array([past.get(one, (0.0, 0.0))[0] for one in audience]),
        earlier_outcome=np.array([past.get(one, (0.0, 0.0))[1] for one in audience]),
    )
    assigned = {
        name: (ARMS[int(held)], stratum)
        for name, held, stratum in zip(holdout.consumers, holdout.is_held_out, holdout.strata)
    }
    made = _keep(workspace, plan, assigned, True, "product", seed, holdout.digest)
    return DrawnExperiment(made, holdout)


def record_experiment(
    workspace: Workspace, plan: ExperimentPlan, arms: Mapping[str, Arm], *, is_randomised: bool
) -> str:
    """Record an assignment that was made elsewhere.

    Args:
        workspace: The workspace.
        plan: The experiment.
        arms: Arm by key of the consumer.
        is_randomised: Whether it was randomised; if recorded after the start, it cannot decide points.

    Returns:
        The id of the experiment.

    Raises:
        RefusedError: The action is not an action of the brand.
        InputError: An arm is unknown.
        ConflictError: There is already an experiment with the id.
    """
    force = put_points_in_force(workspace)
    _check_kind(plan, force)
    for name in set(arms.values()) - set(ARMS):
        raise InputError(f"'{name}' is not an arm.", hint=f"Use {ARMS[0]} or {ARMS[1]}.")
    text = "\n".join(f"{name}\t{arm}" for name, arm in sorted(arms.items()))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assigned = {name: (arm, "all") for name, arm in arms.items()}
    return _keep(workspace, plan, assigned, is_randomised, "file", None, digest)


def read_assignment_file(file: TextFile) -> dict[str, Arm]:
    """The arms of a CSV file with the columns `consumer` and `arm`.

    Raises:
        InputError: It is not a CSV file, names a consumer twice, or has an unknown arm.
    """
    known: dict[str, Arm] = {arm: arm for arm in ARMS}
    arms: dict[str, Arm] = {}
    for place, row in enumerate(read_rows(file, (".csv",)), start=2):
        consumer, arm = row.get("consumer") or "", row.get("arm") or ""
        if not consumer or arm not in known or consumer in arms:
            raise InputError(
                f"Found consumer '{consumer}' with arm '{arm}'.",
                hint=f"Name each consumer once, with {ARMS[0]} or {ARMS[1]}.",
                where=f"{file.name}, line {place}",
            )
        arms[consumer] = known[arm]
    return arms


def _check_kind(plan: ExperimentPlan, force: EffectivePoints) -> None:
    kind = force.points.kinds.get(plan.kind)
    if kind is None or not kind.is_brand_action:
        raise RefusedError(
            f"'{plan.kind}' is not an action of the brand in the points table.",
            hint="Experiments test what a brand sends or grants, for example 'Campaign Received'.",
        )
    if plan.horizon_days <= 0 or plan.delivery_days < 0:
        raise InputError(
            f"Found a horizon of {plan.horizon_days:g} and a delivery of {plan.delivery_days:g} days.",
            hint="Give a horizon above 0 and a delivery of at least 0 days.",
        )


def _check_plan(workspace: Workspace, plan: ExperimentPlan, force: EffectivePoints) -> None:
    _check_kind(plan, force)
    if plan.starts_us < workspace.now_us:
        raise RefusedError(
            f"The action began on {write_moment(plan.starts_us)}, before now.",
            hint="People can only be randomised before an action reaches them: give a start in the future.",
        )


def _keep(
    workspace: Workspace,
    plan: ExperimentPlan,
    assigned: Mapping[str, tuple[Arm, str]],
    is_randomised: bool,
    origin: str,
    seed: int | None,
    digest: str,
) -> str:
    experiment_id = check_name("The id of an experiment", plan.experiment_id or make_id())
    check_name("The title of an experiment", plan.title or "")
    with workspace.store.writing() as session:
        brand_id = declare_keys(session, "brand", [plan.brand])[plan.brand]
        ids = declare_keys(session, "consumer", sorted(assigned))
        row = ExperimentRow(
            experiment_id=experiment_id,
            title=plan.title or plan.kind,
            brand_id=brand_id,
            kind=plan.kind,
            outcome=plan.outcome,
            horizon_days=float(plan.horizon_days),
            is_randomised=is_randomised,
            origin=origin,
            seed=seed,
            digest=digest,
            recorded_us=workspace.now_us,
            starts_us=plan.starts_us,
            outcome_from_us=plan.starts_us + round(plan.delivery_days * DAY_MICROSECONDS),
        )
        keep_experiment(session, row, {ids[name]: one for name, one in assigned.items()})
        workspace.note_change(session)
    return experiment_id


def _count_past_outcomes(
    workspace: Workspace, session: Session, force: EffectivePoints, plan: ExperimentPlan
) -> dict[str, tuple[float, float]]:
    """Outcomes of the latest horizon and of the one before it, by key, for all consumers of the brand."""
    brand_id = find_keys(session, "brand", [plan.brand]).get(plan.brand)
    if brand_id is None:
        return {}
    ledger = read_ledgers(force.open(workspace, session), brand_ids=[brand_id])
    horizon_us = round(plan.horizon_days * DAY_MICROSECONDS)
    # Where events arrive late, the latest horizon with data counts.
    until_us = min(workspace.now_us, int(session.read_mark(NEWEST_MARK) or 0))
    counted = list(list_outcome_kinds(force.points, plan.outcome))
    counts = {number: [0.0, 0.0] for number in ledger["consumer_id"].unique().to_pylist() if number}
    happened = ledger.filter(pc.field("kind").isin(counted))
    for consumer_id, occurred_us in zip(
        happened["consumer_id"].to_pylist(), happened["occurred_us"].to_pylist()
    ):
        period = (until_us - occurred_us) // horizon_us
        if consumer_id and period in (0, 1):
            counts[consumer_id][period] += 1.0
    names = name_entities(session, list(counts))
    return {names[number]: (one, other) for number, (one, other) in counts.items()}
