"""`fusion identity`: who is who, merges that can be undone, suggestions that are reviewed first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import declarations
from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD
from consumer_fusion.repairs import attribution
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Who is who: identifiers, merges and suggestions.", no_args_is_help=True)


@application.command()
def show(
    consumer: Annotated[str, typer.Argument(help="The consumer.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Show what a consumer is known by, and which merges made them who they are."""
    with open_workspace(workspace) as opened:
        known = declarations.show_identity(opened, consumer)
    if is_json:
        print_json(known.as_dict())
        return
    told = known.as_dict(is_masked=True)
    console.print(f"{told['consumer']}: {', '.join(told['members'])}")  # type: ignore[arg-type]
    for title, name in (("Identifiers", "identifiers"), ("Merges", "merges"), ("Declined", "conflicts")):
        rows = told[name]
        assert isinstance(rows, list)
        if rows:
            print_table(title, list(rows[0]), [list(row.values()) for row in rows])


@application.command()
def suggest(
    people: Annotated[
        Path, typer.Argument(help="A .csv or .parquet of person records: unique_id, names, ...")
    ],
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Only pairs at least so probable.")
    ] = DEFAULT_THRESHOLD,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 20,
    accept: Annotated[
        bool, typer.Option("--accept", help="Merge the consumers whose keys are the unique ids.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Suggest who may be the same person (probabilistic linkage); nothing merges before it is reviewed."""
    found = declarations.suggest_merges(people, threshold=threshold)
    rows = found.to_pylist()
    merged: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    if accept:
        with open_recorded(workspace, "merge consumers", detail={"origin": "review"}) as opened:
            accepted = declarations.accept_suggestions(opened, found)
        merged, unknown = accepted.merge_ids, accepted.unknown
    if is_json:
        print_json({"suggestions": rows, "merged": list(merged), "unknown": list(unknown)})
        return
    print_table(
        f"{len(rows):,} suggestions",
        ["first", "second", "probability", "because"],
        [
            [row["first"], row["second"], f"{row['probability']:.3f}", ", ".join(row["reasons"])]
            for row in rows[:limit]
        ],
    )
    if accept:
        console.print(f"{len(merged):,} merged, {len(unknown):,} ids are of no consumer here")
        console.print("Each merge can be undone: fusion identity undo MERGE", style="dim")
    elif rows:
        console.print("Next: fusion identity merge FIRST SECOND --reason '...', or --accept", style="dim")


@application.command()
def merge(
    kept: Annotated[str, typer.Argument(help="The consumer that goes on.")],
    absorbed: Annotated[str, typer.Argument(help="The consumer whose events then count for the other.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Join two consumers who are one person; it can be undone exactly."""
    with open_recorded(workspace, "merge consumers", detail={"kept": kept, "absorbed": absorbed}) as opened:
        merge_id = declarations.merge(opened, kept, absorbed, reason=reason)
    if is_json:
        print_json({"merge_id": merge_id})
        return
    console.print(f"Merged. To take it back: fusion identity undo {merge_id}")


@application.command()
def undo(
    merge_id: Annotated[str, typer.Argument(help="The merge.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Undo a merge; both have exactly the scores they would have without it."""
    with open_recorded(workspace, "undo merge", object_id=merge_id) as opened:
        declarations.undo(opened, merge_id)
    if is_json:
        print_json({"undone": merge_id})
        return
    console.print(f"{merge_id} undone")


@application.command()
def attach(
    event_id: Annotated[str, typer.Argument(help="The event with an unknown consumer or brand.")],
    source: Annotated[str, typer.Option(help="Its source.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    consumer: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    brand: Annotated[str | None, typer.Option(help="Which brand it is of.")] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Give an event its consumer or brand, once it is known."""
    with open_recorded(workspace, "attach event", object_id=event_id, detail={"source": source}) as opened:
        attribution.attach(opened, source, event_id, consumer=consumer, brand=brand, reason=reason)
    if is_json:
        print_json({"attached": event_id})
        return
    console.print(f"{event_id} attached")
