"""`fusion calibrate` and `fusion predict`: learn from outcomes, and forecast them."""

from __future__ import annotations

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
    write_sentences,
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

OutcomeOption = Annotated[str, typer.Option(help="Kind of event to predict, such as 'Order Completed'.")]
HorizonOption = Annotated[float, typer.Option(help="Forecast horizon in days.", min=1)]


def calibrate(
    outcome: OutcomeOption,
    horizon: HorizonOption,
    cutoff: Annotated[str, typer.Option(help="Time that separates training data from outcomes, ISO 8601.")],
    with_points: Annotated[
        bool, typer.Option("--points", help="Learn the points too, within bounds, not only half-lives.")
    ] = False,
    is_applied: Annotated[
        bool,
        typer.Option(
            "--apply", help="Put the result in force if it is better, after showing which scores change."
        ),
    ] = False,
    is_agreed: Annotated[
        bool, typer.Option("--yes", help="With --apply: skip the confirmation question.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Learn half-lives, and optionally points, from what consumers did next."""
    if is_applied and is_json and not is_agreed:
        raise InputError(
            "--apply with --json cannot ask for confirmation, so nothing was done.",
            hint="Omit --apply to see the result only, or add --yes to put it in force without confirmation.",
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
            progress("compute all scores with current and new points", 0, None)
            comparison = calibration_runs.preview_calibration(opened, report)
        if not is_json:
            print_comparison(comparison)
        objection = object_to_lifting(comparison.low_before, comparison.low_lifted)
        if objection and not is_json:
            console.print(f"Not put in force: {objection}.")
        is_applied = not objection and (is_agreed or ask_whether_scores_may_change())
        if is_applied:
            apply_report(workspace, report, comparison, is_quiet=is_json)
    if is_json:
        print_json(
            calibration_runs.write_result(
                report, is_applied=is_applied and report.is_better, objection=objection, changes=comparison
            )
        )


def apply_report(
    workspace: Path, report: CalibrationReport, comparison: ScoreComparison, *, is_quiet: bool
) -> None:
    """Put a calibration in force and record it in the audit log."""
    detail: dict[str, object] = {"outcome": report.outcome, "points": report.calibrated_version}
    with (
        open_recorded(workspace, "put points in force", detail=detail) as opened,
        show_progress(is_quiet=is_quiet) as progress,
    ):
        calibration_runs.apply_calibration(opened, report, progress, comparison=comparison)
    if not is_quiet:
        console.print("In force.")


def ask_whether_scores_may_change() -> bool:
    """Ask for confirmation; without an answer, nothing changes."""
    try:
        is_agreed = typer.confirm("Put it in force?", default=False)
    except typer.Abort:
        is_agreed = False
    if not is_agreed:
        console.print("Nothing was changed; --yes puts it in force without confirmation.")
    return is_agreed


def print_calibration(report: CalibrationReport) -> None:
    """Print the learnt parameters and their reliability."""
    for sentence in write_sentences(report):
        console.print(sentence)
    columns = ["kind", *(["points"] if report.multipliers else []), "half-life"]
    rows = [
        [key, *([f"×{report.multipliers[key]:.2f}"] if report.multipliers else []), f"×{factor:.2f}"]
        for key, factor in sorted(report.half_life_factors.items())
    ]
    print_table("Learnt", columns, rows, right=["points", "half-life"])
    print_table(
        "Forecast and observed rates, on held-out pairs",
        ["forecast", "observed", "pairs", ""],
        [
            [
                f"{each.predicted:.1%}",
                f"{each.observed:.1%}",
                f"{each.count:,}",
                "█" * round(30 * each.observed),
            ]
            for each in report.reliability
        ],
        right=["forecast", "observed", "pairs"],
    )


def print_comparison(comparison: ScoreComparison) -> None:
    """Print how the scores of all pairs would change."""
    low, high = comparison.low_before, comparison.high_before
    console.print(
        f"Of {comparison.pair_count:,} relationships {comparison.class_count:,} would change class. Below 45: "
        f"{low:,} now, {comparison.low_after:,} after (of those {low:,}, {comparison.low_kept:,} stay and "
        f"{comparison.low_lifted:,} would be above 50). Above 55: {high:,} now, {comparison.high_after:,} after."
    )
    quantiles = ", ".join(f"{each.share:.0%} {each.move:+.1f}" for each in comparison.quantiles)
    console.print(f"Quantiles of the score changes: {quantiles}.")
    console.print(
        Text.assemble(
            (f"{-comparison.reach:+.1f} ", "dim"),
            draw_sparkline(comparison.bins, low=0),
            (f" {comparison.reach:+.1f}", "dim"),
        )
    )
    print_table(
        "Biggest changes",
        ["consumer", "brand", "now", "after"],
        [
            [pair.consumer, pair.brand, color_score(pair.before), color_score(pair.after)]
            for pair in comparison.largest
        ],
        right=["now", "after"],
    )


def predict(
    outcome: OutcomeOption,
    horizon: HorizonOption,
    out: Annotated[Path, typer.Option(help="Output file, .parquet or .csv.")],
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Forecast an outcome for each pair, with reasons. A forecast is fitted separately and is not the score."""
    with open_workspace(workspace) as opened, asking_about(opened, as_of) as moment:
        with show_progress(is_quiet=is_json) as progress:
            forecast = calibration_runs.predict_pairs(
                opened, outcome=outcome, horizon_days=horizon, as_of=moment, progress=progress
            )
        write_rows(forecast.rows, out)
    if is_json:
        print_json(
            calibration_runs.ForecastSummary(
                pairs=forecast.rows.num_rows, out=out, outcome=outcome, horizon_days=horizon,
                sentences=forecast.sentences,
            )
        )  # fmt: skip
        return
    console.print(f"{forecast.rows.num_rows:,} forecasts written to {out}")
    for sentence in forecast.sentences:
        console.print(sentence)
