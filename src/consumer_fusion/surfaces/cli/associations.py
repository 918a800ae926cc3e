"""`fusion associations`: who is declared to be seen with which brand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import declarations
from consumer_fusion.records.timestamps import parse_moment, to_microseconds
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(
    help="Declared associations: over these alone may reputation spread.", no_args_is_help=True
)


@application.command("list")
def list_(
    workspace: WorkspaceOption = Path(),
    with_withdrawn: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False,
    is_json: JsonOption = False,
) -> None:
    """List the associations."""
    with open_workspace(workspace) as opened:
        rows = declarations.list_associations(opened, with_withdrawn=with_withdrawn)
    if is_json:
        print_json(rows)
        return
    if not rows:
        console.print("No associations yet. Next: fusion associations declare CONSUMER BRAND")
        return
    print_table(
        "Associations",
        ["id", "consumer", "brand", "evidence", "strength", "commercial", "valid", "withdrawn"],
        [
            [
                row["association_id"], row["consumer"], row["brand"], row["evidence"], f"{row['strength']:g}",
                "yes" if row["is_commercial"] else "no", f"{row['valid_from']} – {row['valid_to'] or ''}",
                row["withdrawn_at"],
            ]
            for row in rows
        ],
    )  # fmt: skip


@application.command()
def declare(
    consumer: Annotated[str, typer.Argument(help="The consumer.")],
    brand: Annotated[str, typer.Argument(help="The brand.")],
    evidence: Annotated[
        str, typer.Option(help="ambassador, creator, sponsor, wears or shown_on_stage.")
    ] = "wears",
    strength: Annotated[float, typer.Option(help="0 to 1.")] = 1.0,
    is_commercial: Annotated[
        bool, typer.Option("--commercial/--private", help="Only over a commercial one may reputation spread.")
    ] = True,
    valid_from: Annotated[
        str | None, typer.Option("--from", help="Since when, ISO 8601. Default: now.")
    ] = None,
    valid_to: Annotated[str | None, typer.Option("--to", help="Until when, ISO 8601.")] = None,
    association_id: Annotated[str | None, typer.Option("--id", help="An id of your own.")] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Declare that a consumer is seen with a brand."""
    with open_recorded(
        workspace, "declare association", detail={"consumer": consumer, "brand": brand}
    ) as opened:
        row = declarations.declare(
            opened, consumer, brand, evidence=evidence, strength=strength, is_commercial=is_commercial,
            valid_from_us=opened.now_us if valid_from is None else to_microseconds(parse_moment(valid_from)),
            valid_to_us=None if valid_to is None else to_microseconds(parse_moment(valid_to)),
            association_id=association_id,
        )  # fmt: skip
    if is_json:
        print_json(row)
        return
    console.print(f"{consumer} {evidence} {brand}: declared as {row['association_id']}")


@application.command()
def withdraw(
    association_id: Annotated[str, typer.Argument(help="Its id.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Take an association back as never true; what spread over it goes too."""
    with open_recorded(workspace, "withdraw association", object_id=association_id) as opened:
        declarations.withdraw(opened, association_id)
    if is_json:
        print_json({"withdrawn": association_id})
        return
    console.print(f"{association_id} withdrawn, with all that spread over it")
