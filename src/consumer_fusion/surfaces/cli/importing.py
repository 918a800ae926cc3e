"""`fusion import`: events come in from files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import pipeline
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.import_record import ImportResult
from consumer_fusion.repairs.outcome import RepairOutcome
from consumer_fusion.surfaces.cli.audited_commands import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    show_progress,
)


def import_(
    files: Annotated[list[str], typer.Argument(help="Files or globs; .gz is read as it is.")],
    workspace: WorkspaceOption = Path(),
    map_file: Annotated[
        Path | None, typer.Option("--map", help="The mapping that says how to read them.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="events, segment or cloudevents, when there is no mapping.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The name of the source, where events carry none.")
    ] = None,
    brand: Annotated[str | None, typer.Option(help="The brand, where events carry none.")] = None,
    is_setting_aside: Annotated[
        bool, typer.Option("--set-aside", help="Set rows aside even where most of the first cannot be taken.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Read events from files; the same events again change nothing, bad rows are set aside."""
    reading = choose_reading(format=format_name, map_file=map_file, source=source, brand=brand)
    with open_recorded(workspace, "import events") as opened, show_progress(is_quiet=is_json) as progress:
        acceptance = pipeline.import_files(
            opened, files, reading, progress, is_setting_aside=is_setting_aside
        )
    if is_json:
        print_json(asdict(acceptance))
    elif acceptance.accepted + acceptance.duplicates + acceptance.replaced + acceptance.rejected:
        print_acceptance(acceptance)
    else:
        console.print("Nothing was imported: the files hold no rows.")
    if not acceptance.accepted + acceptance.duplicates + acceptance.replaced:
        raise typer.Exit(1)


def print_acceptance(acceptance: ImportResult | RepairOutcome) -> None:
    """Say in words what became of an import."""
    changed = f" ({acceptance.changed:,} of them with other content)" if acceptance.changed else ""
    replaced = (
        f"{acceptance.replaced:,} replaced by what the source says now, " if acceptance.replaced else ""
    )
    console.print(
        f"{acceptance.accepted:,} events accepted, {acceptance.duplicates:,} were here already{changed}, {replaced}"
        f"{acceptance.rejected:,} rows set aside, {acceptance.unattributed:,} with an unknown consumer or brand "
        f"({acceptance.seconds:.1f} s)",
    )
    if acceptance.nobody:
        console.print(
            f"{acceptance.nobody:,} rows name nobody (0, guest, null, ...); their other identifiers, if any, say whose "
            "they are. The setting `placeholder_keys` adds words of your own.",
            style="dim",
        )
    if acceptance.rejected:
        console.print("Next: fusion rejected list", style="dim")
    elif acceptance.changed:
        console.print("Next: fusion corrections list", style="dim")
    elif acceptance.accepted:
        console.print("Next: fusion score", style="dim")
    if acceptance.accepted and acceptance.unattributed == acceptance.accepted:
        console.print(
            "None of them counts yet: their brand or consumer is missing. `--brand` names the brand of rows that name "
            "none; import the file again with it, then run `fusion corrections apply --all`.",
            style="yellow",
        )
