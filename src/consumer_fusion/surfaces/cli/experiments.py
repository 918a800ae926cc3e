"""`fusion experiments`: who gets an action is drawn before it, compared after it, and may decide its points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.causal.designs.holdouts import write_holdout
from consumer_fusion.causal.experiments.analysis import measure_experiment
from consumer_fusion.causal.experiments.assignment import (
    ExperimentPlan,
    draw_experiment,
    read_assignment_file,
    record_experiment,
)
from consumer_fusion.causal.experiments.experiment_store import list_experiments
from consumer_fusion.causal.experiments.ranking import rank_consumers
from consumer_fusion.causal.experiments.rollout import apply_experiment, withdraw_experiment
from consumer_fusion.errors import InputError
from consumer_fusion.records.points import Facet
from consumer_fusion.records.timestamps import parse_moment, to_microseconds
from consumer_fusion.score.calibration.experiment_overrides import DEFAULT_FACET, list_given_facets
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.surfaces.cli.scores import write_rows
from consumer_fusion.workspace import open_workspace

application = typer.Typer(
    help="Divisions of consumers by chance: the only proof that decides points of a brand's action.",
    no_args_is_help=True,
)

ExperimentArgument = Annotated[str, typer.Argument(help="Its id.")]
BrandArgument = Annotated[str, typer.Argument(help="The brand.")]
KindArgument = Annotated[str, typer.Argument(help="Its action in the points table, 'Campaign Received'.")]
StartOption = Annotated[str, typer.Option(help="From when on the action may reach anybody, ISO 8601.")]
OutcomeOption = Annotated[str, typer.Option(help="What it is to bring about, 'Order Completed'.")]
HorizonOption = Annotated[
    float, typer.Option(help="So many days outcomes count; as a calibration has it.", min=1)
]
DeliveryOption = Annotated[
    float, typer.Option(help="Days until it has reached all; outcomes count from then on.", min=0)
]
TitleOption = Annotated[str, typer.Option(help="What is tried, in words.")]
IdOption = Annotated[str | None, typer.Option("--id", help="An id of your own.")]
FacetOption = Annotated[
    str, typer.Option(help="What the action gives where the points table does not say: service, delight …")
]


@application.command("list")
def list_(workspace: WorkspaceOption = Path(), is_json: JsonOption = False) -> None:
    """List the experiments, the latest first."""
    with open_workspace(workspace) as opened:
        rows = list_experiments(opened)
    if is_json:
        print_json(rows)
        return
    if not rows:
        console.print("No experiments yet. Next: fusion holdout, before an action begins")
        return
    print_table(
        "Experiments",
        ["id", "what", "brand", "action", "starts", "treated", "held out", "by chance", "effect", "points"],
        [
            [
                row["experiment_id"], row["title"], row["brand"], row["kind"], row["starts_at"][:10],
                f"{row['treated']:,}", f"{row['held_out']:,}", "yes" if row["is_randomised"] else "no",
                "" if row["report"] is None else f"{row['report']['effect']:+.1%}",
                f"{row['points']['points']:+.2f}" if row["is_applied"] else "",
            ]
            for row in rows
        ],
        right=["treated", "held out", "effect", "points"],
    )  # fmt: skip


@application.command()
def draw(
    brand: BrandArgument,
    kind: KindArgument,
    out: Annotated[Path, typer.Option(help="The list, a .csv that does not exist yet.")],
    starts: StartOption,
    outcome: OutcomeOption = "Order Completed",
    horizon: HorizonOption = 28,
    share: Annotated[float, typer.Option(help="Share that does not get it.")] = 0.1,
    seed: Annotated[int, typer.Option(help="By which the same list comes out again.")] = 1,
    audience: Annotated[
        Path | None, typer.Option(help="A text file of consumers, one a line; all with events if not given.")
    ] = None,
    delivery_days: DeliveryOption = 1.0,
    title: TitleOption = "",
    experiment_id: IdOption = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Draw by chance who does not get an action, write the list, and put it on record before the action."""
    plan = _make_plan(brand, kind, outcome, horizon, starts, delivery_days, title, experiment_id)
    consumers = None if audience is None else _read_audience(audience)
    if out.exists() or not out.absolute().parent.is_dir():
        raise InputError(
            f"The list cannot be written to {out.name}.",
            hint="Name a file that does not exist yet, in a folder.",
        )
    with open_recorded(workspace, "draw hold-out", detail={"brand": brand}) as opened:
        drawn = draw_experiment(opened, plan, share=share, seed=seed, consumers=consumers)
    holdout = drawn.holdout
    write_holdout(holdout, out)
    if is_json:
        print_json({
            "experiment_id": drawn.experiment_id, "consumers": len(holdout.consumers),
            "held_out": holdout.held_out_count, "seed": seed, "digest": holdout.digest, "out": str(out),
            "detectable": holdout.detectable, "detectable_relative": holdout.detectable_relative,
        })  # fmt: skip
        return
    console.print(
        f"{holdout.held_out_count:,} of {len(holdout.consumers):,} consumers are held out; the list is in {out}"
    )
    if holdout.detectable is not None:
        relative = holdout.detectable_relative
        told = "" if relative is None else f", {relative:.0%} of what it is now"
        console.print(
            f"In four of five cases an effect of {holdout.detectable:.3g} '{outcome}' per consumer is found{told}"
        )
    console.print(
        f"Next, when the time is over: fusion experiments measure {drawn.experiment_id}", style="dim"
    )


@application.command()
def record(
    file: Annotated[
        Path, typer.Argument(help="A .csv with the columns consumer and arm (treated, held_out).")
    ],
    brand: BrandArgument,
    kind: KindArgument,
    starts: StartOption,
    outcome: OutcomeOption = "Order Completed",
    horizon: HorizonOption = 28,
    is_randomised: Annotated[
        bool, typer.Option("--randomised/--chosen", help="Whether chance alone divided them.")
    ] = False,
    delivery_days: DeliveryOption = 1.0,
    title: TitleOption = "",
    experiment_id: IdOption = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Put a division that was made elsewhere on record; only what is recorded before it begins is proof."""
    plan = _make_plan(brand, kind, outcome, horizon, starts, delivery_days, title, experiment_id)
    arms = read_assignment_file(file)
    with open_recorded(workspace, "record experiment", detail={"brand": brand}) as opened:
        made = record_experiment(opened, plan, arms, is_randomised=is_randomised)
    if is_json:
        print_json({"experiment_id": made, "consumers": len(arms), "is_randomised": is_randomised})
        return
    console.print(f"{len(arms):,} consumers are on record as experiment {made}")


@application.command()
def measure(
    experiment_id: ExperimentArgument,
    facet: FacetOption = DEFAULT_FACET,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Compare the arms when the time is over, and say what may follow; no point changes."""
    with open_recorded(workspace, "measure experiment", object_id=experiment_id) as opened:
        report = measure_experiment(opened, experiment_id, facet=_read_facet(facet))
    if is_json:
        print_json(report.as_dict())
        return
    for sentence in report.sentences:
        console.print(sentence)
    if report.groups:
        print_table(
            "In the groups that were divided each by itself, drawn towards all of them",
            ["group", "effect", "95%", "as measured"],
            [
                [
                    each.group,
                    f"{each.effect:+.1%}",
                    f"{each.low:+.1%} to {each.high:+.1%}",
                    f"{each.raw:+.1%}",
                ]
                for each in report.groups
            ],
            right=["effect", "as measured"],
        )
    if not report.refusals:
        console.print(f"Next: fusion experiments apply {experiment_id}", style="dim")


@application.command()
def rank(
    experiment_id: ExperimentArgument,
    out: Annotated[Path, typer.Option(help="A .parquet or .csv file: consumer, place, uplift.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Rank the consumers of an experiment by whom the action helps most, and say what the ranking is worth."""
    with open_workspace(workspace) as opened:
        found = rank_consumers(opened, experiment_id)
    write_rows(found.rows, out)
    curve = found.curve
    if is_json:
        print_json({
            "consumers": found.rows.num_rows, "out": str(out), "qini": curve.area, "low": curve.low,
            "high": curve.high, "is_better_than_chance": found.is_worth_it,
            "parts": [{"effect": each.effect, "low": each.low, "high": each.high} for each in found.parts],
        })  # fmt: skip
        return
    verdict = "better than one by chance" if found.is_worth_it else "not clearly better than one by chance"
    console.print(
        f"The ranking is {verdict}: Qini {curve.area:+.4f} (95% between {curve.low:+.4f} and {curve.high:+.4f})"
    )
    print_table(
        "The effect in equal parts of the ranking, first those who are helped most",
        ["part", "effect", "95%"],
        [
            [str(place), f"{each.effect:+.1%}", f"{each.low:+.1%} to {each.high:+.1%}"]
            for place, each in enumerate(found.parts, start=1)
        ],
        right=["effect"],
    )
    console.print(f"{found.rows.num_rows:,} consumers written to {out}")


@application.command()
def apply(
    experiment_id: ExperimentArgument,
    facet: FacetOption = DEFAULT_FACET,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Put the points that an experiment decides in force, with its stamp; refused without proof."""
    with (
        open_recorded(workspace, "apply experiment", object_id=experiment_id) as opened,
        show_progress(is_quiet=is_json) as progress,
    ):
        override = apply_experiment(opened, experiment_id, facet=_read_facet(facet), progress=progress)
    if is_json:
        print_json(override.as_dict())
        return
    console.print(
        f"{override.key}: {override.prior:+.2f} becomes {override.points:+.2f} (the experiment alone: "
        f"{override.estimate:+.2f}, standard error {override.estimate_error:.2f})"
    )


@application.command()
def withdraw(
    experiment_id: ExperimentArgument, workspace: WorkspaceOption = Path(), is_json: JsonOption = False
) -> None:
    """Take an experiment back; points that it decided are as before it."""
    with (
        open_recorded(workspace, "withdraw experiment", object_id=experiment_id) as opened,
        show_progress(is_quiet=is_json) as progress,
    ):
        withdraw_experiment(opened, experiment_id, progress)
    if is_json:
        print_json({"withdrawn": experiment_id})
        return
    console.print(f"{experiment_id} withdrawn; it decides nothing any more")


def _make_plan(
    brand: str, kind: str, outcome: str, horizon: float, starts: str, delivery_days: float, title: str,
    experiment_id: str | None,
) -> ExperimentPlan:  # fmt: skip
    return ExperimentPlan(
        brand=brand, kind=kind, outcome=outcome, horizon_days=horizon,
        starts_us=to_microseconds(parse_moment(starts)), delivery_days=delivery_days, title=title,
        experiment_id=experiment_id,
    )  # fmt: skip


def _read_audience(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read: {error}.", hint="Check its name.") from error
    return [line.strip() for line in lines if line.strip()]


def _read_facet(name: str) -> Facet:
    if name not in list_given_facets():
        raise InputError(
            f"'{name}' is not something that a brand gives.",
            hint=f"Use one of {', '.join(list_given_facets())}.",
        )
    return name
