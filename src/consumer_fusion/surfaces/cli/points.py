"""`fusion points`: the points in force, suggested points, and kinds without points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import inspection
from consumer_fusion.i18n.labels import name_facet, name_kind
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer()


@application.callback(invoke_without_command=True)
def points(
    context: typer.Context,
    workspace: WorkspaceOption = Path(),
    is_difference: Annotated[
        bool, typer.Option("--diff", help="Only differences from the shipped table.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """The points in force: points of each kind of event by facet, and half-lives."""
    if context.invoked_subcommand is not None:
        return
    with open_workspace(workspace) as opened:
        points_table = put_points_in_force(opened).points
        report = inspection.report_points(opened, points_table, is_difference=is_difference)
    if is_json:
        print_json(report)
        return
    if is_difference and not report.differences:
        console.print("No differences: the points in force are the shipped ones.")
        return
    if is_difference:
        print_table(
            "Differences from the shipped points",
            ["kind", "field", "shipped", "in force"],
            [[each.kind, each.field, each.before, each.after] for each in report.differences],
        )
        return
    rows = [
        [
            name_kind(kind.key),
            "" if name_kind(kind.key) == kind.key else kind.key,
            ", ".join(
                f"{name_facet(e.facet)} {e.points:+.4g}{' ×' if e.is_graded else ''}"
                f"{f' (experiment {e.experiment_id})' if e.experiment_id else ''}"
                for e in kind.entries
            ),
            kind.magnitude if any(e.is_graded for e in kind.entries) else "",
            f"{kind.half_life_days:g}{' ~' if kind.follows_rhythm else ''}",
        ]
        for kind in points_table.kinds.values()
    ]
    print_table(
        f"Points {points_table.version[:12]}",
        ["kind of event", "its key, if different", "points (× magnitude)", "magnitude", "half-life, days"],
        rows,
    )
    console.print("~ adapts to how often the consumers of each brand order; see `fusion brands`.")
    if report.suggestions:
        print_table(
            "Suggested from observed data, never applied automatically",
            ["kind", "points", "from", "evidence", "why not in force"],
            [
                [
                    name_kind(each.key), f"{each.points:+.2f} ± {each.points_error:.2f}", each.experiment_id,
                    each.grade.replace("_", " "), " ".join(each.reasons) or "not applied yet",
                ]
                for each in report.suggestions
            ],
        )  # fmt: skip
    if report.no_points_yet:
        print_table(
            "Kinds without points",
            ["kind", "events"],
            [[name_kind(each.kind), f"{each.events:,}"] for each in report.no_points_yet],
        )
