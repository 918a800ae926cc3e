"""Operations on experiments: assigned at random before an action, measured after it, and applied to its points."""

from __future__ import annotations

from pydantic import Field

from consumer_fusion.causal.experiments import analysis, rollout
from consumer_fusion.causal.experiments.assignment import (
    ExperimentPlan,
    draw_experiment,
    read_assignment_file,
    record_experiment,
)
from consumer_fusion.causal.experiments.experiment_store import (
    AssignedConsumer,
    Experiment,
    list_assignments,
    list_experiments,
)
from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.errors import NotFoundError
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Moment,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    TextFile,
    describe,
)
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.points import Facet
from consumer_fusion.score.calibration.experiment_overrides import DEFAULT_FACET, PointsOverride


class ExperimentFilter(Schema):
    """Which experiments."""

    brand: str | None = describe("Brand", "Only of this brand.", default=None)


class ExperimentId(Schema):
    """Which experiment."""

    experiment_id: Text = describe(N_("ID"), "The id of the experiment.")


class WeighedExperiment(ExperimentId):
    """Which experiment, and where its points would count."""

    facet: Facet = describe(
        N_("Facet"), "What the action gives where the points table does not say: service, delight and others.",
        default=DEFAULT_FACET,
    )  # fmt: skip


class PlannedExperiment(Schema):
    """What is to be tried."""

    brand: Text = describe(N_("Brand"), "The brand that acts.")
    kind: Text = describe(N_("Action"), "Its action in the points table, 'Campaign Received'.")
    starts_at: Moment = describe(
        N_("Start (UTC)"), "From when on the action may reach anybody, ISO 8601.", option="--starts"
    )
    outcome: Text = describe(
        N_("Outcome"), "What it is to bring about, 'Order Completed'.", default="Order Completed"
    )
    horizon_days: float = Field(
        default=28.0, ge=1, title=N_("Days"), json_schema_extra={"option": "--horizon"},
        description="So many days outcomes count; as a calibration has it.",
    )  # fmt: skip
    delivery_days: float = Field(
        default=1.0, ge=0, title=N_("Delivery"),
        description="Days until it has reached all; outcomes count from then on.",
    )  # fmt: skip
    title: str = describe(N_("Experiment name"), "What is tried, in words.", default="")
    experiment_id: str | None = describe(N_("ID"), N_("An id of your own."), default=None, option="--id")

    def make_plan(self) -> ExperimentPlan:
        """The plan, with an id."""
        return ExperimentPlan(
            brand=self.brand, kind=self.kind, outcome=self.outcome, horizon_days=self.horizon_days,
            starts_us=self.starts_at, delivery_days=self.delivery_days, title=self.title,
            experiment_id=self.experiment_id or make_id(),
        )  # fmt: skip


class DrawExperiment(PlannedExperiment):
    """An experiment to draw."""

    share: float = describe(N_("Left out"), "Share that does not get it, from 0 to 1.", default=0.1)
    seed: int = describe(N_("Random seed"), "The same seed gives the same list again.", default=1)
    audience: TextFile | None = describe(
        N_("Audience"), "A text file of consumers, one a line; all with events if left out.", default=None
    )


class DrawnControlGroup(Schema):
    """A control group that was drawn and put on record."""

    experiment_id: str = describe("Experiment", "The id of the experiment.")
    consumers: int = describe("Consumers", "How many consumers take part.")
    held_out: int = describe("Held out", "How many of them do not get the action.")
    seed: int = describe("Seed", "By which the same list comes out again.")
    digest: str = describe("Digest", "Of the list: who kept it can prove that it was not changed.")
    detectable: float | None = describe(
        "Detectable",
        "The smallest effect per consumer that is found in 80% of the cases.",
        absent=N_("not enough data"),
    )
    detectable_relative: float | None = describe(
        "Detectable, relative",
        "The same over the mean past outcome.",
        form="change",
        absent=N_("not enough data"),
    )


class RecordExperiment(PlannedExperiment):
    """A division that was made elsewhere."""

    file: TextFile = describe("File", "A .csv with the columns consumer and arm (treated, held_out).")
    is_randomised: bool = describe(
        "By chance", "Whether chance alone divided them.", default=False, option="--randomised/--chosen"
    )


def find_experiment(context: Context, experiment_id: str) -> Experiment:
    """An experiment of a brand that the caller may see.

    Raises:
        NotFoundError: There is none; others are refused in the same words.
    """
    for each in _list_visible(context):
        if each.experiment_id == experiment_id:
            return each
    raise NotFoundError(
        f"There is no experiment '{experiment_id}'.", hint="`fusion experiments list` names them."
    )


def _list_visible(context: Context) -> list[Experiment]:
    return [each for each in list_experiments(context.workspace) if context.caller.sees(each.brand)]


def _list_experiments(context: Context, asked: ExperimentFilter) -> list[Experiment]:
    return [each for each in _list_visible(context) if asked.brand in (None, each.brand)]


def _show_experiment(context: Context, asked: ExperimentId) -> Experiment:
    return find_experiment(context, asked.experiment_id)


def _list_assignments(context: Context, asked: ExperimentId) -> list[AssignedConsumer]:
    return list_assignments(context.workspace, find_experiment(context, asked.experiment_id).experiment_id)


def _draw_experiment(context: Context, asked: DrawExperiment) -> DrawnControlGroup:
    plan = asked.make_plan()
    context.describe(object_id=plan.experiment_id, brand=plan.brand, kind=plan.kind, share=asked.share)
    lines = None if asked.audience is None else asked.audience.text.splitlines()
    audience = None if lines is None else [line.strip() for line in lines if line.strip()]
    drawn = draw_experiment(context.workspace, plan, share=asked.share, seed=asked.seed, consumers=audience)
    holdout = drawn.holdout
    return DrawnControlGroup(
        experiment_id=drawn.experiment_id, consumers=len(holdout.consumers), held_out=holdout.held_out_count,
        seed=asked.seed, digest=holdout.digest, detectable=holdout.detectable,
        detectable_relative=holdout.detectable_relative,
    )  # fmt: skip


def _record_experiment(context: Context, asked: RecordExperiment) -> Experiment:
    plan = asked.make_plan()
    context.describe(object_id=plan.experiment_id, brand=plan.brand, kind=plan.kind)
    arms = read_assignment_file(asked.file)
    record_experiment(context.workspace, plan, arms, is_randomised=asked.is_randomised)
    return find_experiment(context, plan.experiment_id or "")


def _measure_experiment(context: Context, asked: WeighedExperiment) -> ExperimentReport:
    known = find_experiment(context, asked.experiment_id)
    context.describe(object_id=known.experiment_id, brand=known.brand)
    return analysis.measure_experiment(context.workspace, known.experiment_id, facet=asked.facet)


def _apply_experiment(context: Context, asked: WeighedExperiment) -> PointsOverride:
    known = find_experiment(context, asked.experiment_id)
    context.describe(object_id=known.experiment_id, brand=known.brand)
    return rollout.apply_experiment(
        context.workspace, known.experiment_id, facet=asked.facet, progress=context.progress,
        note=lambda made: context.describe(kind=made.key, points=round(made.points, 2)),
    )  # fmt: skip


def _withdraw_experiment(context: Context, asked: ExperimentId) -> Experiment:
    known = find_experiment(context, asked.experiment_id)
    context.describe(object_id=known.experiment_id, brand=known.brand)
    rollout.withdraw_experiment(context.workspace, known.experiment_id, context.progress)
    return find_experiment(context, known.experiment_id)


GROUPS = (
    OperationGroup(
        "experiments",
        "Experiments",
        "Divisions of consumers by chance: the only proof that decides points of a brand's action.",
    ),
)
OPERATIONS = (
    Query(
        name="experiments list", run=_list_experiments, needs="look", parameters=ExperimentFilter, result=Experiment,
        is_many=True, title="Experiments", summary="List the experiments, the latest first.",
        empty="No experiments yet.", is_past=lambda row: row.withdrawn_at is not None,
    ),
    Query(
        name="experiments show", run=_show_experiment, needs="look", parameters=ExperimentId, result=Experiment,
        arguments=("experiment_id",), summary="Show an experiment, with what was found.",
    ),
    Query(
        name="experiments assignments", run=_list_assignments, needs="see_identities", parameters=ExperimentId,
        result=AssignedConsumer, is_many=True, arguments=("experiment_id",), title="Assignments",
        summary="List who is to get the action of an experiment and who is not.", empty="No consumers.",
        look="download hold-out",
    ),
    Operation(
        name="experiments draw", run=_draw_experiment, needs="declare_actions", parameters=DrawExperiment,
        result=DrawnControlGroup, arguments=("brand", "kind"), audit="draw hold-out",
        button=N_("Draw it and put it on record"),
        summary="Draw by chance who does not get an action, and put the list on record before the action.",
        done=N_(
            "{held_out} of {consumers} consumers are held out in experiment {experiment_id}. Smallest detectable "
            "effect per consumer at 80% power: {detectable} ({detectable_relative})."
        ),
    ),
    Operation(
        name="experiments record", run=_record_experiment, needs="declare_actions", parameters=RecordExperiment,
        result=Experiment, arguments=("file", "brand", "kind"), audit="record experiment", button="Record",
        summary="Put a division that was made elsewhere on record; only what is recorded before it begins is proof.",
        done="On record as experiment {experiment_id}: {treated} treated, {held_out} held out.",
    ),
    Operation(
        name="experiments measure", run=_measure_experiment, needs="declare_actions", parameters=WeighedExperiment,
        result=ExperimentReport, arguments=("experiment_id",), audit="measure experiment", button=N_("Measure it"),
        summary="Compare the arms when the time is over, and say what may follow; no point changes.",
        done=N_("It is measured. No point has changed."), of_row="experiment_id", is_on_page=False,
    ),
    Operation(
        name="experiments apply", run=_apply_experiment, needs="change_points", parameters=WeighedExperiment,
        result=PointsOverride, arguments=("experiment_id",), audit="apply experiment",
        button=N_("Put its points in force"),
        summary="Put the points that an experiment decides in force, with its stamp; refused without proof.",
        done=N_(
            "“{key}” gave {prior} and gives {points} now (the experiment alone: {estimate}, standard error "
            "{estimate_error}); every score is read with it."
        ),
        of_row="experiment_id", is_on_page=False,
    ),
    Operation(
        name="experiments withdraw", run=_withdraw_experiment, needs="change_points", parameters=ExperimentId,
        result=Experiment, arguments=("experiment_id",), audit="withdraw experiment", button=N_("Withdraw"),
        summary="Withdraw an experiment; points that it decided are as before it.",
        done=N_("“{title}” is withdrawn and decides nothing any more."), of_row="experiment_id", is_on_page=False,
        is_danger=True, question=N_("Withdraw this experiment? Points that it decided are as they were before."),
    ),
)  # fmt: skip
