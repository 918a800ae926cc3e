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
    """A filter of experiments."""

    brand: str | None = describe("Brand", "Only of this brand.", default=None)


class ExperimentId(Schema):
    """The id of an experiment."""

    experiment_id: Text = describe(N_("ID"), "The id of the experiment.")


class WeighedExperiment(ExperimentId):
    """The id of an experiment, and the facet of its points."""

    facet: Facet = describe(
        N_("Facet"), "The facet that the action affects, where the points table does not define it.",
        default=DEFAULT_FACET,
    )  # fmt: skip


class PlannedExperiment(Schema):
    """A planned experiment."""

    brand: Text = describe(N_("Brand"), "The brand that acts.")
    kind: Text = describe(N_("Action"), "Its action in the points table, 'Campaign Received'.")
    starts_at: Moment = describe(
        N_("Start (UTC)"), "Earliest time at which the action may reach anyone, ISO 8601.", option="--starts"
    )
    outcome: Text = describe(
        N_("Outcome"), "The kind of event that it is to bring about.", default="Order Completed"
    )
    horizon_days: float = Field(
        default=28.0, ge=1, title=N_("Days"), json_schema_extra={"option": "--horizon"},
        description="Number of days for which outcomes count; that of a calibration.",
    )  # fmt: skip
    delivery_days: float = Field(
        default=1.0, ge=0, title=N_("Delivery"),
        description="Number of days until it has reached everyone; outcomes count from then on.",
    )  # fmt: skip
    title: str = describe(N_("Experiment name"), "A short description.", default="")
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
    seed: int = describe(N_("Random seed"), "The same seed reproduces the same list.", default=1)
    audience: TextFile | None = describe(
        N_("Audience"), "A text file of consumers, one a line; all with events if left out.", default=None
    )


class DrawnControlGroup(Schema):
    """A control group that was drawn and recorded."""

    experiment_id: str = describe("Experiment", "The id of the experiment.")
    consumers: int = describe("Consumers", "Number of consumers who take part.")
    held_out: int = describe("Held out", "Number of them who do not get the action.")
    seed: int = describe("Seed", "Random seed; it reproduces the same list.")
    digest: str = describe("Digest", "Hash of the list, which proves that it was not changed.")
    detectable: float | None = describe(
        "Detectable",
        "The smallest detectable effect per consumer at 80% power.",
        absent=N_("not enough data"),
    )
    detectable_relative: float | None = describe(
        "Detectable, relative",
        "The same over the mean past outcome.",
        form="change",
        absent=N_("not enough data"),
    )


class RecordExperiment(PlannedExperiment):
    """An assignment that was made elsewhere."""

    file: TextFile = describe("File", "A .csv with the columns consumer and arm (treated, held_out).")
    is_randomised: bool = describe(
        "Randomised", "Whether the arms were randomised.", default=False, option="--randomised/--chosen"
    )


def find_experiment(context: Context, experiment_id: str) -> Experiment:
    """An experiment of a brand that the caller may see.

    Raises:
        NotFoundError: There is none, or the caller may not see it; the message is the same.
    """
    for each in _list_visible(context):
        if each.experiment_id == experiment_id:
            return each
    raise NotFoundError(
        N_("There is no such experiment."),
        hint=N_(
            "The page “Plan” of a brand lists its experiments, and `fusion experiments list` those of all brands."
        ),
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
        "Draw, measure and apply experiments. Only an experiment decides the points of a brand's action.",
    ),
)
SHOW_EXPERIMENT = Query(
    name="experiments show", run=_show_experiment, needs="view", parameters=ExperimentId, result=Experiment,
    arguments=("experiment_id",), summary="Show an experiment and its report.",
)  # fmt: skip
OPERATIONS = (
    Query(
        name="experiments list", run=_list_experiments, needs="view", parameters=ExperimentFilter, result=Experiment,
        is_many=True, title="Experiments", summary="List the experiments, the latest first.",
        empty="No experiments yet.", is_past=lambda row: row.withdrawn_at is not None,
    ),
    SHOW_EXPERIMENT,
    Query(
        name="experiments assignments", run=_list_assignments, needs="see_identities", parameters=ExperimentId,
        result=AssignedConsumer, is_many=True, arguments=("experiment_id",), title="Assignments",
        summary="List the assignment of an experiment: who is to get the action and who is not.", empty="No consumers.",
        audit="download control group",
    ),
    Operation(
        name="experiments draw", run=_draw_experiment, needs="declare_actions", parameters=DrawExperiment,
        result=DrawnControlGroup, arguments=("brand", "kind"), audit="draw control group",
        button=N_("Draw and record it"),
        summary="Draw a randomised control group, and record the list before the action.",
        done=N_(
            "{held_out} of {consumers} consumers are held out in experiment {experiment_id}. Smallest detectable "
            "effect per consumer at 80% power: {detectable} ({detectable_relative})."
        ),
    ),
    Operation(
        name="experiments record", run=_record_experiment, needs="declare_actions", parameters=RecordExperiment,
        result=Experiment, arguments=("file", "brand", "kind"), audit="record experiment", button="Record",
        summary="Record an assignment made elsewhere; it is proof only if recorded before the action begins.",
        done="Recorded as experiment {experiment_id}: {treated} treated, {held_out} held out.",
    ),
    Operation(
        name="experiments measure", run=_measure_experiment, needs="declare_actions", parameters=WeighedExperiment,
        result=ExperimentReport, arguments=("experiment_id",), audit="measure experiment", button=N_("Measure it"),
        summary="Compare the arms when the outcome period is over, and report what may follow; no points change.",
        done=N_("It is measured. No points have changed."), of_row="experiment_id", is_on_page=False,
    ),
    Operation(
        name="experiments apply", run=_apply_experiment, needs="change_points", parameters=WeighedExperiment,
        result=PointsOverride, arguments=("experiment_id",), audit="apply experiment",
        button=N_("Apply its points"),
        summary="Apply the points that an experiment decides; refused without proof.",
        done=N_(
            "“{key}” gave {prior} points and now gives {points} (the experiment alone: {estimate}, standard error "
            "{estimate_error}); all scores use it."
        ),
        of_row="experiment_id", is_on_page=False,
    ),
    Operation(
        name="experiments withdraw", run=_withdraw_experiment, needs="change_points", parameters=ExperimentId,
        result=Experiment, arguments=("experiment_id",), audit="withdraw experiment", button=N_("Withdraw"),
        summary="Withdraw an experiment; points that it decided return to their previous values.",
        done=N_("“{title}” is withdrawn and no longer decides points."), of_row="experiment_id", is_on_page=False,
        is_danger=True,
        question=N_("Withdraw this experiment? Points that it decided return to their previous values."),
    ),
)  # fmt: skip
