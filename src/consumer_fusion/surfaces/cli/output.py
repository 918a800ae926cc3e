"""Output of commands: tables for people, JSON for programs, progress on stderr, errors in one shape."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from consumer_fusion.errors import FusionError
from consumer_fusion.records.characters import find_unsafe, replace_unsafe

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        envvar="CONSUMER_FUSION_WORKSPACE",
        help="Folder of the workspace.",
        show_default="here",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class PlainConsole(Console):
    """A console that prints text literally: no markup in external text, no terminal control characters."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts as they are, without control characters."""
        super().print(
            *(clean_cell(each) if isinstance(each, (str, Text)) else each for each in objects), **options
        )


def clean_cell(value: object) -> Text:
    """A value as text without control characters; its style is kept."""
    text = value.copy() if isinstance(value, Text) else Text("" if value is None else str(value))
    cleaned = replace_unsafe(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.plain))
    if cleaned != text.plain:
        text.plain = cleaned
    return text


# All Unicode control characters except the line feed: names come from outside.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")

console = PlainConsole()
error_console = PlainConsole(stderr=True)

_SPARKS = "▁▂▃▄▅▆▇█"


def name_command() -> str:
    """The command as it can be called from here: `fusion` if it is on the path, else its file."""
    called = Path(sys.argv[0])
    if shutil.which("fusion") or called.name != "fusion":
        return "fusion"
    here = Path.cwd()
    return (
        str(called.relative_to(here)) if called.is_absolute() and called.is_relative_to(here) else str(called)
    )


def print_json(value: object) -> None:
    """Print a value as JSON on stdout; terminal control characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=_write_value)
    sys.stdout.write(_escape_unsafe(text) + "\n")


def _write_value(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _escape_unsafe(text: str) -> str:
    while (found := find_unsafe(text.replace("\n", ""))) is not None:
        character = chr(int(found[2:], 16))
        text = text.replace(character, json.dumps(character)[1:-1])
    return text


def print_error(error: FusionError, *, is_json: bool) -> None:
    """Print an error: as JSON on stdout for programs, as text on stderr for people."""
    if is_json:
        print_json(error.as_dict())
        return
    error_console.print(Text(f"✗ {error.message}", style="bold red"))
    if error.where:
        error_console.print(Text(f"  at {error.where}", style="dim"))
    if error.hint:
        error_console.print(Text(f"  {error.hint}"))


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print rows as a table; external text is never interpreted as markup.

    Args:
        title: Its heading.
        columns: Column headings.
        rows: Its cells.
        right: Right-aligned columns.
        whole: Columns whose cells are not wrapped while there is room.
    """
    table = Table(
        title=clean_cell(title) if title else None,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for name in columns:
        justify: JustifyMethod = "right" if name in right else "left"
        table.add_column(Text(name), justify=justify, overflow="fold", no_wrap=name in whole)
    for row in rows:
        table.add_row(*map(clean_cell, row))
    console.print(table)
    console.print()


def draw_sparkline(values: Sequence[float], *, low: float | None = None, high: float | None = None) -> str:
    """A row of bars, one for each value."""
    if not values:
        return ""
    least, most = min(values) if low is None else low, max(values) if high is None else high
    span = (most - least) or 1.0
    return "".join(_SPARKS[min(7, max(0, int((value - least) / span * 8)))] for value in values)


def color_score(score: float) -> Text:
    """A score with one decimal, green above neutral, red below."""
    style = "green" if score >= 51 else "red" if score <= 49 else "dim"
    return Text(f"{score:.1f}", style=style)


@contextmanager
def show_progress(*, is_quiet: bool = False) -> Iterator[Callable[[str, int, int | None], None]]:
    """Show the running stage and its progress on stderr."""
    if is_quiet or not error_console.is_terminal:
        yield lambda stage, done, total: None
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=error_console, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("starting", total=None)
        current = ""

        def tell(stage: str, done: int, total: int | None) -> None:
            nonlocal current
            if stage != current:
                current = stage
                progress.reset(task, description=stage, total=total, completed=done)
            else:
                progress.update(task, description=stage, completed=done, total=total)

        yield tell
