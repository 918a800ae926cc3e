"""`fusion corrections`: events of which their source says something else now; list, apply, undo."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import repairs
from consumer_fusion.errors import InputError
from consumer_fusion.records.import_record import Correction
from consumer_fusion.surfaces.cli.importing import print_acceptance
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(
    help="Events here already of which their source says something else now.", no_args_is_help=True
)


@application.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """List what sources say now of events that are here already."""
    with open_workspace(workspace) as opened:
        found = repairs.list_corrections(opened, limit=None if is_json else limit)
    if is_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        console.print("No source says anything else than is on record.")
        return
    print_table(
        "Corrections",
        ["number", "source", "event", "status", "the source says now"],
        [[each.correction_id, each.source, each.event_id, each.status, _tell_newer(each)] for each in found],
    )
    if any(each.status == "waiting" for each in found):
        console.print("Next: fusion corrections apply NUMBER..., or --all", style="dim")


def _tell_newer(correction: Correction) -> str:
    """What is said now; where it is known what was said before, only what differs."""
    former = correction.former or {}
    return ", ".join(
        f"{name}: {value}"
        for name, value in correction.newer.items()
        if name not in ("source", "event_id", "identifiers", "precision") and former.get(name) != value
    )


@application.command()
def apply(
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers of corrections.")] = None,
    is_all: Annotated[bool, typer.Option("--all", help="All that are waiting.")] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Put what the source says now into the place of what is on record; scores follow at once."""
    if bool(ids) == is_all:
        raise InputError("Say which corrections.", hint="Give numbers, or --all, and only one of them.")
    with open_recorded(workspace, "apply corrections") as opened:
        acceptance = repairs.apply_corrections(opened, ids or None)
    is_any = acceptance.accepted + acceptance.duplicates + acceptance.replaced > 0
    if is_json:
        print_json(asdict(acceptance))
    elif is_any:
        print_acceptance(acceptance)
    else:
        console.print("No correction is waiting.")
    if not is_any:
        raise typer.Exit(1)


@application.command()
def undo(
    correction_id: Annotated[int, typer.Argument(help="The correction.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Undo a correction; scores are what they were before it, but merges that it led to are undone by themselves."""
    with open_recorded(workspace, "undo correction", object_id=str(correction_id)) as opened:
        repairs.undo_correction(opened, correction_id)
    if is_json:
        print_json({"undone": correction_id})
        return
    console.print(f"{correction_id} undone")
