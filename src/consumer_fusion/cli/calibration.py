"""`fusion calibrate` and `fusion predict`: learn from outcomes, and forecast them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import learning
from consumer_fusion.cli.on_record import open_recorded
from consumer_fusion.cli.output import (
    AsOfOption,
    JsonOption,
    WorkspaceOption,
    asking_about,
    console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.cli.scores import write_rows
from consumer_fusion.kit.moments import parse_moment
from consumer_fusion.workspace import open_workspace

OutcomeOption = Annotated[str, typer.Option(help="The kind of event to predict, 'Order Completed'.")]
HorizonOption = Annotated[float, typer.Option(help="How many days ahead.", min=1)]


def calibrate(
    outcome: OutcomeOption,
    horizon: HorizonOption,
    cutoff: Annotated[str, typer.Option(help="The moment that splits past from future, ISO 8601.")],
    is_applied: Annotated[bool, typer.Option("--apply", help="Put it in force, if it is better.")] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Learn multipliers and half-lives of the points from what consumers did next."""
    with (
        open_recorded(
            workspace, "calibrate points", detail={"outcome": outcome, "is_applied": is_applied}
        ) as opened,
        show_progress(is_quiet=is_json) as progress,
    ):
        report = learning.calibrate_points(
            opened, outcome=outcome, horizon_days=horizon, cutoff=parse_moment(cutoff),
            is_applied=is_applied, progress=progress,
        )  # fmt: skip
    if is_json:
        print_json({**report.as_dict(), "is_applied": is_applied and report.is_better})
        return
    for sentence in report.sentences:
        console.print(sentence)
    rows = [
        [key, f"×{value:.2f}", f"×{report.half_life_factors.get(key, 1.0):.2f}"]
        for key, value in sorted(report.multipliers.items())
    ]
    print_table("Learnt", ["kind", "points", "half-life"], rows, right=["points", "half-life"])
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
            forecast = learning.predict_pairs(
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
