"""`fusion calibrate` and `fusion predict`: learn from outcomes, and forecast them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from consumer_fusion.errors import InputError
from consumer_fusion.records.timestamps import parse_moment
from consumer_fusion.score import calibration_runs
from consumer_fusion.score.calibration.calibration_report import (
    CalibrationReport,
    find_objection,
    object_to_lifting,
)
from consumer_fusion.score.points_comparison import ScoreComparison
from consumer_fusion.surfaces.cli.as_of_option import AsOfOption, asking_about
from consumer_fusion.surfaces.cli.audited_commands import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    color_score,
    console,
    draw_sparkline,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.surfaces.cli.scores import write_rows
from consumer_fusion.workspace import open_workspace

OutcomeOption = Annotated[str, typer.Option(help="The kind of event to predict, 'Order Completed'.")]
HorizonOption = Annotated[float, typer.Option(help="How many days ahead.", min=1)]


def calibrate(
    outcome: OutcomeOption,
    horizon: HorizonOption,
    cutoff: Annotated[str, typer.Option(help="The moment that splits past from future, ISO 8601.")],
    with_points: Annotated[
        bool, typer.Option("--points", help="Learn the points too, within bounds, and not only half-lives.")
    ] = False,
    is_applied: Annotated[
        bool,
        typer.Option("--apply", help="Put it in force, if it is better, after showing which scores change."),
    ] = False,
    is_agreed: Annotated[bool, typer.Option("--yes", help="With --apply: do not ask, for programs.")] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Learn how fast what happened fades from what consumers did next."""
    if is_applied and is_json and not is_agreed:
        raise InputError(
            "--apply with --json cannot ask whether the scores may change, so nothing was done.",
            hint="Leave --apply out to see what is learnt, or add --yes to put it in force without a question.",
        )
    with (
        open_recorded(workspace, "calibrate points", detail={"outcome": outcome}) as opened,
        show_progress(is_quiet=is_json) as progress,
    ):
        report = calibration_runs.calibrate_points(
            opened, outcome=outcome, horizon_days=horizon, cutoff=parse_moment(cutoff), with_points=with_points,
            progress=progress,
        )  # fmt: skip
    if not is_json:
        print_calibration(report)
    comparison, objection = None, find_objection(report)
    if is_applied and report.is_better:
        with open_workspace(workspace) as opened, show_progress(is_quiet=is_json) as progress:
            progress("read all scores as they are and as they would be", 0, None)
            comparison = calibration_runs.preview_calibration(opened, report)
        if not is_json:
            print_comparison(comparison)
        objection = object_to_lifting(comparison.low_before, comparison.low_lifted)
        if objection and not is_json:
            console.print(f"It does not come into force: {objection}.")
        is_applied = not objection and (is_agreed or ask_whether_scores_may_change())
        if is_applied:
            apply_report(workspace, report, comparison, is_quiet=is_json)
    if is_json:
        changes = {} if comparison is None else {"changes": write_comparison(comparison)}
        print_json(
            {
                **report.as_dict(),
                "is_applied": is_applied and report.is_better,
                "objection": objection or None,
                **changes,
            }
        )


def apply_report(
    workspace: Path, report: CalibrationReport, comparison: ScoreComparison, *, is_quiet: bool
) -> None:
    """Put a calibration in force, on record."""
    detail: dict[str, object] = {"outcome": report.outcome, "points": report.calibrated_version}
    with (
        open_recorded(workspace, "put points in force", detail=detail) as opened,
        show_progress(is_quiet=is_quiet) as progress,
    ):
        calibration_runs.apply_calibration(opened, report, progress, comparison=comparison)
    if not is_quiet:
        console.print("In force.")


def ask_whether_scores_may_change() -> bool:
    """Ask a person; where nobody answers, nothing changes."""
    try:
        is_agreed = typer.confirm("Put it in force?", default=False)
    except typer.Abort:
        is_agreed = False
    if not is_agreed:
        console.print("Nothing was changed; --yes puts it in force without a question.")
    return is_agreed


def print_calibration(report: CalibrationReport) -> None:
    """Print what was learnt and how good it is."""
    for sentence in report.sentences:
        console.print(sentence)
    columns = ["kind", *(["points"] if report.multipliers else []), "half-life"]
    rows = [
        [key, *([f"×{report.multipliers[key]:.2f}"] if report.multipliers else []), f"×{factor:.2f}"]
        for key, factor in sorted(report.half_life_factors.items())
    ]
    print_table("Learnt", columns, rows, right=["points", "half-life"])
    print_table(
        "Forecast against what came, on pairs that were held out",
        ["forecast", "came", "pairs", ""],
        [
            [
                f"{each.predicted:.1%}",
                f"{each.observed:.1%}",
                f"{each.count:,}",
                "█" * round(30 * each.observed),
            ]
            for each in report.reliability
        ],
        right=["forecast", "came", "pairs"],
    )


def print_comparison(comparison: ScoreComparison) -> None:
    """Print what would become of the scores of all pairs."""
    low, high = comparison.low_before, comparison.high_before
    console.print(
        f"Of {comparison.pair_count:,} relationships {comparison.class_count:,} would be of another class. Under 45: "
        f"{low:,} now, {comparison.low_after:,} then (of those {low:,} {comparison.low_kept:,} stay and "
        f"{comparison.low_lifted:,} would be above 50). Over 55: {high:,} now, {comparison.high_after:,} then."
    )
    told = ", ".join(f"{share:.0%} {move:+.1f}" for share, move in comparison.quantiles.items())
    console.print(f"By how much scores would move, by the share of pairs that move less: {told}.")
    console.print(
        Text.assemble(
            (f"{-comparison.reach:+.1f} ", "dim"),
            draw_sparkline(comparison.bins, low=0),
            (f" {comparison.reach:+.1f}", "dim"),
        )
    )
    print_table(
        "Those that would move most",
        ["consumer", "brand", "now", "then"],
        [
            [pair.consumer, pair.brand, color_score(pair.before), color_score(pair.after)]
            for pair in comparison.largest
        ],
        right=["now", "then"],
    )


def write_comparison(comparison: ScoreComparison) -> dict[str, object]:
    """The same for programs."""
    quantiles = [{"share": share, "move": move} for share, move in comparison.quantiles.items()]
    return {**asdict(comparison), "quantiles": quantiles}


def predict(
    outcome: OutcomeOption,
    horizon: HorizonOption,
    out: Annotated[Path, typer.Option(help="A .parquet or .csv file.")],
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Forecast an outcome for each pair, with reasons; a forecast is not the score, and is fitted apart."""
    with open_workspace(workspace) as opened, asking_about(opened, as_of) as moment:
        with show_progress(is_quiet=is_json) as progress:
            forecast = calibration_runs.predict_pairs(
                opened, outcome=outcome, horizon_days=horizon, as_of=moment, progress=progress
            )
        write_rows(forecast.rows, out)
    if is_json:
        print_json(
            {
                "pairs": forecast.rows.num_rows, "out": str(out), "outcome": outcome, "horizon_days": horizon,
                "sentences": list(forecast.sentences),
            }
        )  # fmt: skip
        return
    console.print(f"{forecast.rows.num_rows:,} forecasts written to {out}")
    for sentence in forecast.sentences:
        console.print(sentence)
