"""`fusion actions`: what brands did on purpose, declared before its effect is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from consumer_fusion.causal.actions.declared_actions import import_actions, list_actions, withdraw_action
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(
    help="Declared actions: what a brand did on purpose, and when.", no_args_is_help=True
)


@application.command("list")
def list_(
    brand: Annotated[str | None, typer.Option(help="Only actions of this brand.")] = None,
    with_withdrawn: Annotated[bool, typer.Option("--all", help="Withdrawn ones too.")] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """List the actions, in the order in which they began."""
    with open_workspace(workspace) as opened:
        rows = list_actions(opened, brand=brand, with_withdrawn=with_withdrawn)
    if is_json:
        print_json(rows)
        return
    if not rows:
        console.print("No actions yet. Next: fusion actions import FILE")
        return
    print_table(
        "Actions",
        ["id", "brand", "from", "effect looked for", "what"],
        [
            [row["action"], row["brand"], str(row["starts_at"])[:10], _tell_window(row), row["title"]]
            for row in rows
        ],
    )  # fmt: skip


@application.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .csv, .jsonl or .toml file ([[actions]]).")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Declare the actions of a file, all of them or none; the very same ones again change nothing."""
    with open_recorded(workspace, "import actions", detail={"file": file.name}) as opened:
        found = import_actions(opened, file)
    if is_json:
        print_json({"declared": found.declared, "known": found.known})
        return
    console.print(
        f"{found.declared} action{'' if found.declared == 1 else 's'} declared, {found.known} on record already"
    )


@application.command()
def withdraw(
    action: Annotated[str, typer.Argument(help="Its id.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Take an action back as never done; its effects are no longer shown."""
    with open_recorded(workspace, "withdraw action", object_id=action) as opened:
        withdraw_action(opened, action)
    if is_json:
        print_json({"withdrawn": action})
        return
    console.print(f"{action} withdrawn")


def _tell_window(row: dict[str, Any]) -> str:
    first, last = str(row["effect_from"]), str(row["effect_until"])
    return f"{first} to {last}, {row['expected_effect']}"
