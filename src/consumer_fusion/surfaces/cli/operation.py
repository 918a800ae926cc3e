"""`fusion init`, `export` and `doctor`: create, export and check a workspace."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import inspection
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.surfaces.cli.as_of_option import AsOfOption, asking_about
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.workspace import CreatedWorkspace, create_workspace, open_workspace


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to create.")] = Path(), is_json: JsonOption = False
) -> None:
    """Create a new workspace with its settings file and a file for your own points."""
    made = create_workspace(folder)
    with open_workspace(made) as opened:
        put_points_in_force(opened)
    if is_json:
        print_json(CreatedWorkspace(workspace=made.resolve()))
        return
    console.print(f"A new workspace in {made}")
    # The next command needs the folder if it is not the current one.
    place = "" if made.resolve() == Path().resolve() else f" --workspace {shlex.quote(str(made))}"
    console.print(
        f"Next: fusion import FILE --map MAP.toml{place}, or --format events", style="dim", soft_wrap=True
    )


def export(
    to: Annotated[Path, typer.Option("--to", help="New folder; it must not exist yet.")],
    workspace: WorkspaceOption = Path(),
    as_of: AsOfOption = None,
    is_json: JsonOption = False,
) -> None:
    """Export scores, events, identities and points as Parquet files and JSON that any tool can read."""
    with (
        open_workspace(workspace) as opened,
        asking_about(opened, as_of) as moment,
        show_progress(is_quiet=is_json) as progress,
    ):
        summary = inspection.export_workspace(opened, to, moment, progress)
    if is_json:
        print_json(summary)
        return
    print_table(
        f"Exported to {to}",
        ["file", "rows"],
        [[name, f"{count:,}"] for name, count in summary.rows.items()],
        right=["rows"],
    )


def doctor(
    workspace: WorkspaceOption = Path(),
    is_quick: Annotated[bool, typer.Option("--quick", help="Skip the full recomputation.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Check the integrity of a workspace (files, audit log, states against a full recomputation), and clean up."""
    report = inspection.examine_folder(workspace, is_quick=is_quick)
    if is_json:
        print_json(report)
    else:
        print_table(
            "Doctor",
            ["", "check", "found"],
            [["✓" if each.is_ok else "✗", each.name, each.found] for each in report.checks],
        )
        for each in report.checks:
            if each.advice:
                console.print(f"{each.name}: {each.advice}")
    if not report.ok:
        raise typer.Exit(1)
