"""`fusion rejected retry`: tells how far it is, and takes a corrected mapping from a file of this machine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.repairs.outcome import RepairOutcome
from consumer_fusion.repairs.rejected_operations import RETRY, RetryRows, retry_rows
from consumer_fusion.surfaces.cli.importing import print_acceptance
from consumer_fusion.surfaces.cli.operation_commands import run_operation
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, print_json, show_progress

application = typer.Typer()


@application.command()
def retry(
    ids: Annotated[list[int] | None, typer.Argument(help="Numbers of rows; none for all.")] = None,
    code: Annotated[
        str | None, typer.Option(help="Only rows with this reason, such as invalid_time.")
    ] = None,
    raw: Annotated[str | None, typer.Option(help="The corrected row, for one number.")] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="A corrected mapping by which the rows are read now.")
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Read rows again, as they are or corrected; those that can be taken now leave the list."""
    reading = None if map_file is None else choose_reading(map_file=map_file)
    with show_progress(is_quiet=is_json) as progress:
        told: RepairOutcome = run_operation(
            replace(RETRY, run=partial(retry_rows, progress=progress, reading=reading)),
            workspace,
            RetryRows(rejection_ids=ids or [], code=code, raw=raw),
        )
    if is_json:
        print_json(told)
    else:
        print_acceptance(told)
    if not told.accepted + told.duplicates:
        raise typer.Exit(1)
