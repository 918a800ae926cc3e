"""`fusion rejected`: rows that were set aside, with their reasons; list, repair and retry, or drop."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.repairs import rejected_rows
from consumer_fusion.surfaces.cli.importing import print_acceptance
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Rows that were set aside, with the reason.", no_args_is_help=True)
IdsArgument = Annotated[list[int] | None, typer.Argument(help="Numbers of rows; none for all.")]


@application.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """List the rows that were set aside."""
    with open_workspace(workspace) as opened:
        rows, counts = rejected_rows.list_rejected(opened, limit=None if is_json else limit)
    if is_json:
        print_json([asdict(row) for row in rows])
        return
    if not rows:
        console.print("No rows are set aside.")
        return
    print_table(
        "Why", ["reason", "rows"], [[code, f"{count:,}"] for code, count in counts.items()], right=["rows"]
    )
    print_table(
        "Rows set aside",
        ["number", "row", "reason", "message", "as it came"],
        [[row.rejection_id, row.position, row.code, row.message, row.raw[:80]] for row in rows],
    )
    if rows:
        console.print(
            "Next: fusion rejected retry [NUMBER...], with --raw TEXT for a repaired row, or fusion rejected drop",
            style="dim",
        )  # fmt: skip


@application.command()
def retry(
    ids: IdsArgument = None,
    raw: Annotated[str | None, typer.Option(help="The repaired row, for one number.")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="A corrected mapping by which the rows are read now.")
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Read rows again, as they are or repaired; those that can be taken now leave the list."""
    reading = choose_reading(map_file=map_file) if map_file is not None else None
    with (
        open_recorded(workspace, "retry rejected rows") as opened,
        show_progress(is_quiet=is_json) as progress,
    ):
        acceptance = rejected_rows.retry_rejected(opened, ids or None, raw, progress, reading=reading)
    if is_json:
        print_json(asdict(acceptance))
    else:
        print_acceptance(acceptance)
    if not acceptance.accepted + acceptance.duplicates:
        raise typer.Exit(1)


@application.command()
def drop(
    ids: IdsArgument = None,
    is_all: Annotated[bool, typer.Option("--all", help="Drop all.")] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Drop rows; an unchanged file that is imported again sets them aside anew."""
    with open_recorded(workspace, "drop rejected rows") as opened:
        count = rejected_rows.drop_rejected(opened, ids or None, is_all=is_all)
    if is_json:
        print_json({"dropped": count})
    else:
        console.print(f"{count:,} rows dropped")
    if not count:
        raise typer.Exit(1)
