"""`fusion identity suggest`: probable duplicates, to be reviewed before anything is merged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD, suggest_merges
from consumer_fusion.identity.operations import ACCEPT, AcceptPairs
from consumer_fusion.identity.people import read_people
from consumer_fusion.identity.review import ReviewedSuggestions, SuggestedPair
from consumer_fusion.surfaces.cli.operation_commands import run_operation
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table

application = typer.Typer()


@application.command()
def suggest(
    people: Annotated[
        Path, typer.Argument(help="A .csv or .parquet of person records: unique_id, names, ...")
    ],
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Minimum match probability.")
    ] = DEFAULT_THRESHOLD,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of suggestions shown.")] = 20,
    accept: Annotated[
        bool, typer.Option("--accept", help="Merge the consumers whose keys are the unique ids.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Suggest consumers who may be the same person (probabilistic linkage); nothing is merged without review."""
    rows = suggest_merges(read_people(people), threshold=threshold).to_pylist()
    pairs = [SuggestedPair(**row) for row in rows]
    merged: list[str] = []
    unknown: list[str] = []
    if accept and pairs:
        accepted = run_operation(ACCEPT, workspace, AcceptPairs(pairs=pairs))
        merged, unknown = accepted.merge_ids, accepted.unknown
    if is_json:
        print_json(ReviewedSuggestions(suggestions=pairs, merged=merged, unknown=unknown))
        return
    print_table(
        f"{len(pairs):,} suggestions",
        ["first", "second", "probability", "because"],
        [
            [each.first, each.second, f"{each.probability:.3f}", ", ".join(each.reasons)]
            for each in pairs[:limit]
        ],
    )
    if accept:
        console.print(f"{len(merged):,} merged, {len(unknown):,} ids of unknown consumers")
        console.print("Each merge can be undone: fusion identity undo MERGE", style="dim")
    elif pairs:
        console.print("Next: fusion identity merge FIRST SECOND --reason '...', or --accept", style="dim")
