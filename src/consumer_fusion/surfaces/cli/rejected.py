"""`fusion rejected retry`: shows progress, and accepts a corrected mapping file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.repairs.rejected_operations import RETRY, RetryResult, RetryRows, retry_rows
from consumer_fusion.surfaces.cli.importing import print_acceptance
from consumer_fusion.surfaces.cli.operation_commands import run_operation
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    show_progress,
)

application = typer.Typer()


@application.command()
def retry(
    ids: Annotated[list[int] | None, typer.Argument(help="IDs of rejected rows; omit for all.")] = None,
    code: Annotated[
        str | None,
        typer.Option(help="Only rows with this reason; its code as in --json, such as invalid_time."),
    ] = None,
    raw: Annotated[
        str | None,
        typer.Option(help="Corrected row, for a single ID; of a CSV file the header line and the row."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Corrected mapping file to read the rows with.")
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Retry rejected rows, unchanged or corrected; accepted rows leave the list."""
    reading = None if map_file is None else choose_reading(map_file=map_file)
    with show_progress(is_quiet=is_json) as progress:
        outcome: RetryResult = run_operation(
            replace(RETRY, run=partial(retry_rows, progress=progress, reading=reading)),
            workspace,
            RetryRows(rejection_ids=ids or [], code=code, raw=raw),
        )
    if is_json:
        print_json(outcome)
    else:
        print_acceptance(outcome)
        for reason in outcome.reasons:
            console.print(reason, soft_wrap=True)
    if not outcome.accepted + outcome.duplicates:
        raise typer.Exit(1)
