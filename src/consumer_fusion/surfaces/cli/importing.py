"""`fusion import`: import events from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import pipeline
from consumer_fusion.i18n.labels import write_noun
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.import_record import ImportResult
from consumer_fusion.surfaces.cli.audited_commands import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    show_progress,
)


def import_(
    files: Annotated[list[str], typer.Argument(help="Files or globs; .gz files are read directly.")],
    workspace: WorkspaceOption = Path(),
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Mapping file that describes how to read them.")
    ] = None,
    format_name: Annotated[
        str | None, typer.Option("--format", help="Format without a mapping: events, segment or cloudevents.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Source name of events that carry none.")] = None,
    brand: Annotated[str | None, typer.Option(help="Brand of events that carry none.")] = None,
    is_setting_aside: Annotated[
        bool,
        typer.Option(
            "--set-aside",  # words: as is
            help="Continue even if most of the first rows are rejected.",
        ),
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """Import events from files. Importing the same events again changes nothing; invalid rows are kept as rejected."""
    reading = choose_reading(format=format_name, map_file=map_file, source=source, brand=brand)
    with open_recorded(workspace, "import events") as opened, show_progress(is_quiet=is_json) as progress:
        acceptance = pipeline.import_files(
            opened, files, reading, progress, is_setting_aside=is_setting_aside
        )
    if is_json:
        print_json(acceptance)
    elif acceptance.accepted + acceptance.duplicates + acceptance.replaced + acceptance.rejected:
        print_acceptance(acceptance)
    else:
        console.print("Nothing was imported: the files hold no rows.")
    if not acceptance.accepted + acceptance.duplicates + acceptance.replaced:
        raise typer.Exit(1)


def print_acceptance(acceptance: ImportResult) -> None:
    """Print the result of an import."""
    changed = f" ({acceptance.changed:,} of them with other content)" if acceptance.changed else ""
    replaced = f"{acceptance.replaced:,} replaced by newer versions, " if acceptance.replaced else ""
    duplicates = (
        f"{acceptance.duplicates:,} were duplicates" if acceptance.duplicates != 1 else "1 was a duplicate"
    )
    console.print(
        f"{write_noun(acceptance.accepted, 'event')} accepted, {duplicates}{changed}, {replaced}"
        f"{write_noun(acceptance.rejected, 'row')} rejected, {acceptance.unattributed:,} with an unknown consumer "
        f"or brand ({acceptance.seconds:.1f} s)",
    )
    if acceptance.nobody:
        console.print(
            f"{write_noun(acceptance.nobody, 'row')} with a placeholder as consumer (0, guest, null, ...); other "
            "identifiers, if any, identify the consumer. The setting `placeholder_keys` adds further placeholders.",
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
            "None of them counts yet: their brand or consumer is missing. `--brand` sets the brand of rows that have "
            "none; import the file again with it, then run `fusion corrections apply --all`.",
            style="yellow",
        )
