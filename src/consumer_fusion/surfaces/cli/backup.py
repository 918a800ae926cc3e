"""`fusion backup` and `fusion restore`: a workspace as one file, while it is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import backup as backups
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    show_progress,
)
from consumer_fusion.workspace import open_workspace


def backup(
    to: Annotated[Path, typer.Option("--to", help="File to write; it must not exist yet.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Write a workspace to one file, also while events arrive. It contains personal data: store it safely."""
    with open_workspace(workspace) as opened, show_progress(is_quiet=is_json) as progress:
        made = backups.back_up(opened, to, progress)
    if is_json:
        print_json(made)
        return
    console.print(f"{made.files:,} files, {made.bytes:,} bytes, in {to}")
    console.print(f"Next: fusion restore {to} --workspace DIR", style="dim")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Backup file.")],
    workspace: Annotated[Path, typer.Option("--workspace", help="New folder; it must not exist yet.")],
    is_json: JsonOption = False,
) -> None:
    """Restore a workspace from a backup; every byte is verified against its recorded hash."""
    with show_progress(is_quiet=is_json) as progress:
        made = backups.restore(source, workspace, progress)
    if is_json:
        print_json(made)
        return
    console.print(f"The workspace as of {made.made_at} is in {workspace}")
    console.print(f"Next: fusion doctor --workspace {workspace}", style="dim")
