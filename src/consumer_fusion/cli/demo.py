"""`fusion demo`: a simulated town to look around in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from consumer_fusion import answers, declarations, pipeline
from consumer_fusion.cli.output import (
    JsonOption,
    color_score,
    console,
    name_command,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.errors import ConflictError
from consumer_fusion.kit.moments import parse_moment, to_microseconds
from consumer_fusion.simulate import Town, build_town
from consumer_fusion.workspace import (
    DEMO_MARK,
    STORE_FILE,
    WORKSPACE_FILES,
    Workspace,
    create_workspace,
    open_workspace,
)

DEFAULT_PEOPLE = 2000
DEMO_FILES = (DEMO_MARK, *WORKSPACE_FILES)
"""What an earlier demo left; everything else in its folder is somebody's."""
FOUNDING_MOMENTS = (
    ("before", "2026-06-08T19:59:59Z"),
    ("100,000 new followers", "2026-06-08T20:00:00Z"),
    ("before dinner", "2026-06-15T19:59:59Z"),
    ("after the tweet", "2026-06-15T20:30:00Z"),
)


def demo(
    people: Annotated[int, typer.Option(min=0, help="How many people live in the town.")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same town.")] = 0,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only make the workspace.")] = False,
    port: Annotated[
        int, typer.Option(help="The port of the console, once the demo opens it by itself.")
    ] = 8000,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", envvar="CONSUMER_FUSION_WORKSPACE", help="Default: ./demo-workspace."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Make a workspace with a simulated town that contains the founding example, and score it."""
    # The demo will open the console by itself once that is finished; until then `fusion serve` does.
    del no_serve, port
    folder = workspace or Path("demo-workspace")
    make_room(folder)
    town = build_town(people, seed)
    create_workspace(folder)
    (folder / DEMO_MARK).write_text(
        "A simulated town; `fusion demo` may replace this folder.\n", encoding="utf-8"
    )
    with open_workspace(folder) as opened:
        with show_progress(is_quiet=is_json) as progress:
            declare_town(opened, town)
            acceptance = pipeline.import_batches(opened, town.batches(), progress)
        rows = answers.score_pairs(opened, as_of="latest")
        founding = read_founding_example(opened)
    if is_json:
        print_json(
            {
                "workspace": str(folder.resolve()),
                "events": acceptance.accepted,
                "pairs": rows.num_rows,
                "url": None,
            }
        )
        return
    console.print(
        f"A town of {people:,} people, {acceptance.accepted:,} events, {rows.num_rows:,} relationships, in {folder}/ "
        f"({acceptance.seconds:.1f} s)\n",
    )  # fmt: skip
    console.print(
        "The pop artist wore its sweater at the brand's concert and 100,000 people more followed her.\n"
        "A week later, in the same sweater, she tweeted against waiters over a salmon that the kitchen had spoilt.",
    )  # fmt: skip
    print_table(
        "",
        ["pop-artist ×", *(name for name, _ in FOUNDING_MOMENTS)],
        [
            [brand, *(_show_move(values, number) for number in range(len(values)))]
            for brand, values in founding.items()
        ],
        right=[name for name, _ in FOUNDING_MOMENTS],
    )
    fusion = name_command()
    console.print(
        f"Next:\n"
        f"  export CONSUMER_FUSION_WORKSPACE={folder}\n"
        f"  {fusion} explain pop-artist sweater-brand --as-of 2026-06-15T20:30:00Z\n"
        f"  {fusion} score --brand sweater-brand --as-of latest --order falling\n"
        f"  {fusion} brands --as-of latest\n"
        f"  {fusion} report --as-of latest --out report.html\n"
        f"  {fusion} serve",
        soft_wrap=True,
    )


def make_room(folder: Path) -> None:
    """Remove the files of an earlier demo; anything else in the folder is left alone.

    Raises:
        ConflictError: The folder holds a workspace that is no demo.
    """
    if not (folder / STORE_FILE).exists():
        return
    if not (folder / DEMO_MARK).exists():
        raise ConflictError(
            f"{folder} holds a workspace that is no demo.", hint="Name another folder with --workspace."
        )
    for name in DEMO_FILES:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def declare_town(workspace: Workspace, town: Town) -> None:
    """Put the town's declared associations on record."""
    for each in town.associations:
        declarations.declare(
            workspace, each.consumer, each.brand, evidence=each.evidence, strength=each.strength,
            is_commercial=each.is_commercial, valid_from_us=to_microseconds(parse_moment(each.valid_from)),
            valid_to_us=None if each.valid_to is None else to_microseconds(parse_moment(each.valid_to)),
            association_id=each.association_id,
        )  # fmt: skip


def read_founding_example(workspace: Workspace) -> dict[str, list[float]]:
    """The artist's scores with both brands at the moments of the founding example."""
    return {
        brand: [
            answers.explain_pair(
                workspace, "pop-artist", brand, as_of=parse_moment(moment)
            ).explanation.reading.fusion_score
            for _, moment in FOUNDING_MOMENTS
        ]
        for brand in ("sweater-brand", "salmon-restaurant")
    }


def _show_move(values: list[float], number: int) -> Text:
    shown = color_score(values[number])
    change = values[number] - values[number - 1] if number else 0.0
    return Text.assemble(shown, f" ({change:+.0f})" if abs(change) >= 0.5 else "")
