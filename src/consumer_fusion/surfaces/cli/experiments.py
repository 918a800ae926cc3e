"""`fusion experiments`: what was found in sentences, and the ranking that is written to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.causal.experiments.ranking import rank_consumers
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.surfaces.cli.scores import write_rows
from consumer_fusion.workspace import open_workspace

application = typer.Typer()


def print_report(report: ExperimentReport) -> None:
    """Print what an experiment found."""
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
        console.print(f"Next: fusion experiments apply {report.experiment_id}", style="dim")


@application.command()
def rank(
    experiment_id: Annotated[str, typer.Argument(help="The id of the experiment.")],
    out: Annotated[Path, typer.Option(help="A .parquet or .csv file: consumer, place, uplift.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Rank the consumers of an experiment by whom the action helps most, and say what the ranking is worth."""
    with open_workspace(workspace) as opened:
        found = rank_consumers(opened, experiment_id)
    write_rows(found.rows, out)
    worth = found.worth
    if is_json:
        print_json(worth)
        return
    verdict = (
        "better than one by chance"
        if worth.is_better_than_chance
        else "not clearly better than one by chance"
    )
    console.print(
        f"The ranking is {verdict}: Qini {worth.qini:+.4f} (95% between {worth.low:+.4f} and {worth.high:+.4f})"
    )
    print_table(
        "The effect in equal parts of the ranking, in its order",
        ["part", "effect", "95%"],
        [
            [str(place), f"{each.effect:+.1%}", f"{each.low:+.1%} to {each.high:+.1%}"]
            for place, each in enumerate(worth.parts, start=1)
        ],
        right=["effect"],
    )
    console.print(f"{worth.consumers:,} consumers written to {out}")
