"""`fusion demo`: a simulated town to explore, in the terminal and in a browser."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError, MissingExtraError
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.timestamps import parse_moment
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.simulate.towns import build_town
from consumer_fusion.surfaces.cli.demo_town import declare_town
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    color_score,
    console,
    name_command,
    print_error,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.surfaces.cli.serving import (
    LOOPBACK,
    listen,
    open_browser,
    require_server,
    run_server,
    write_address,
)
from consumer_fusion.workspace import (
    DEMO_MARK,
    STORE_FILE,
    WORKSPACE_FILES,
    Workspace,
    create_workspace,
    open_workspace,
)

DEFAULT_PEOPLE = 4000
"""Large enough for the effect of the founding concert on orders to be distinguishable from chance."""
DEMO_FILES = (DEMO_MARK, *WORKSPACE_FILES)
"""Files of an earlier demo; everything else in its folder belongs to the user."""
FOUNDING_MOMENTS = (
    ("before", "2026-06-08T19:59:59Z"),
    ("100,000 new followers", "2026-06-08T20:00:00Z"),
    ("before dinner", "2026-06-15T19:59:59Z"),
    ("after the tweet", "2026-06-15T20:30:00Z"),
)


def demo(
    people: Annotated[int, typer.Option(min=0, help="Number of people in the town.")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(min=0, help="Random seed; the same seed gives the same town.")] = 0,
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Only create the workspace; do not serve its console.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the console. Default: 8000, or the next free port."),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", envvar="CONSUMER_FUSION_WORKSPACE", help="Default: ./demo-workspace."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Create a workspace with a simulated town and the founding example, score it, and open it in a browser."""
    folder = workspace or Path("demo-workspace")
    make_room(folder)
    with ExitStack() as stack:
        listening, missing = None, None
        if not no_serve:
            try:
                require_server()
                # Before the town is made: an occupied port is then reported at once.
                listening = stack.enter_context(listen(LOOPBACK, port))
            except MissingExtraError as error:
                missing = error
        url = None if listening is None else write_address(LOOPBACK, listening)
        town = build_town(people, seed)
        create_workspace(folder)
        (folder / DEMO_MARK).write_text(
            "A simulated town; `fusion demo` may replace this folder.\n", encoding="utf-8"
        )
        # One thread, and closed again: more threads would keep memory that the server does not need.
        with open_workspace(folder, threads=1) as making, show_progress(is_quiet=is_json) as progress:
            declare_town(making, town)
            acceptance = pipeline.import_batches(making, town.batches(), progress)
            pair_count = answers.score_pairs(making, as_of="latest").num_rows
        opened = stack.enter_context(open_workspace(folder))
        if is_json:
            print_json(
                DemoSummary(workspace=folder.resolve(), events=acceptance.accepted, pairs=pair_count, url=url)
            )
        else:
            console.print(
                f"A town of {people:,} people, {acceptance.accepted:,} events, {pair_count:,} relationships, in "
                f"{folder}/ ({acceptance.seconds:.1f} s)\n"
            )
            tell_story(read_founding_example(opened))
            tell_commands(folder, is_served=url is not None)
        if missing is not None:
            print_error(missing, is_json=False)  # on stderr: the town exists, and stdout stays valid JSON
        if listening is None or url is None:
            return
        if not is_json:
            tell_where(folder, url)
        sys.stdout.flush()
        if not is_json:
            open_browser(url)
        run_server(opened, LOOPBACK, listening)
        if not is_json:
            console.print(
                f"Stopped. {name_command()} serve --workspace {folder} shows it again.", soft_wrap=True
            )


class DemoSummary(Schema):
    """Summary of the created demo."""

    workspace: Path = describe("Workspace", "Its folder.")
    events: int = describe("Events", "Number of events.")
    pairs: int = describe("Relationships", "Number of relationships.")
    url: str | None = describe("Console", "URL of the console; null where it is not served.")


def tell_story(founding: dict[str, list[float]]) -> None:
    """Print the founding example."""
    console.print(
        "The pop artist wore its sweater at the brand's concert and 100,000 more people followed her.\n"
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


def tell_commands(folder: Path, *, is_served: bool) -> None:
    """Print the commands to try next."""
    fusion = name_command()
    console.print(
        f"Next{', in another terminal' if is_served else ''}:\n"
        f"  export CONSUMER_FUSION_WORKSPACE={folder}\n"
        f"  {fusion} explain pop-artist sweater-brand --as-of 2026-06-15T20:30:00Z\n"
        f"  {fusion} score --brand sweater-brand --order falling\n"
        f"  {fusion} brands\n"
        f"  {fusion} effects show founding-concert --metric followers\n"
        f"  {fusion} report --out report.html",
        soft_wrap=True,
    )
    if not is_served:
        console.print(f"  {fusion} serve", soft_wrap=True)


def tell_where(folder: Path, url: str) -> None:
    """Print where the console is, and how to stop it."""
    console.print(
        f"\nThe town in a browser, on this machine only; you are signed in there:\n"
        f"  {url}/\n"
        f"  {url}/relationship?consumer=pop-artist&brand=sweater-brand\n"
        f"Stop it with Ctrl-C; {folder}/ stays.",
        soft_wrap=True,
    )


def make_room(folder: Path) -> None:
    """Delete the files of an earlier demo; everything else in the folder is kept.

    Raises:
        ConflictError: The folder holds a workspace that is not a demo.
    """
    if not (folder / STORE_FILE).exists():
        return
    if not (folder / DEMO_MARK).exists():
        raise ConflictError(
            f"{folder} holds a workspace that is not a demo.", hint="Name another folder with --workspace."
        )
    for name in DEMO_FILES:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read_founding_example(workspace: Workspace) -> dict[str, list[float]]:
    """The artist's scores with both brands at the times of the founding example."""
    return {
        brand: [
            pair_answers.explain_pair(
                workspace, "pop-artist", brand, as_of=parse_moment(moment)
            ).reading.fusion_score
            for _, moment in FOUNDING_MOMENTS
        ]
        for brand in ("sweater-brand", "salmon-restaurant")
    }


def _show_move(values: list[float], number: int) -> Text:
    shown = color_score(values[number])
    change = values[number] - values[number - 1] if number else 0.0
    return Text.assemble(shown, f" ({change:+.0f})" if abs(change) >= 0.5 else "")
