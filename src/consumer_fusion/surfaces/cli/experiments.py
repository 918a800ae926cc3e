"""`fusion experiments`: the report of an experiment in sentences, and the ranking written to a file."""

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
    """Print the report of an experiment."""
    for sentence in report.sentences:
        console.print(sentence)
    if report.groups:
        print_table(
            "By stratum, pooled estimates",
            ["group", "effect", "95%", "raw estimate"],
            [
                [
                    each.group,
                    f"{each.effect:+.1%}",
                    f"{each.low:+.1%} to {each.high:+.1%}",
                    f"{each.raw:+.1%}",
                ]
                for each in report.groups
            ],
            right=["effect", "raw estimate"],
        )
    if not report.refusals:
        console.print(f"Next: fusion experiments apply {report.experiment_id}", style="dim")


@application.command()
def rank(
    experiment_id: Annotated[str, typer.Argument(help="Id of the experiment.")],
    out: Annotated[Path, typer.Option(help="Output file, .parquet or .csv: consumer, place, uplift.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Rank the consumers of an experiment by expected uplift, and report how good the ranking is."""
    with open_workspace(workspace) as opened:
        found = rank_consumers(opened, experiment_id)
    write_rows(found.rows, out)
    worth = found.worth
    if is_json:
        print_json(worth)
        return
    verdict = (
        "better than a random one" if worth.is_better_than_chance else "not clearly better than a random one"
    )
    console.print(
        f"The ranking is {verdict}: Qini {worth.qini:+.4f} (95% interval {worth.low:+.4f} to {worth.high:+.4f})"
    )
    print_table(
        "Effect by equal parts of the ranking, highest expected uplift first",
        ["part", "effect", "95%"],
        [
            [str(place), f"{each.effect:+.1%}", f"{each.low:+.1%} to {each.high:+.1%}"]
            for place, each in enumerate(worth.parts, start=1)
        ],
        right=["effect"],
    )
    console.print(f"{worth.consumers:,} consumers written to {out}")
