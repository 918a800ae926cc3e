"""Output of commands: tables for people, JSON for programs, progress on stderr, errors in one shape."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from consumer_fusion.errors import FusionError
from consumer_fusion.records.characters import find_unsafe, replace_unsafe
from consumer_fusion.records.timestamps import write_moment

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
    # Anything but a result is a path or another simple value; commands without results do not load pydantic.
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)


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
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()
) -> None:
    """Print rows as a table, or one field per line where the window is too narrow to keep words whole.

    External text is never interpreted as markup.

    Args:
        title: Its heading.
        columns: Column headings.
        rows: Its cells.
        right: Right-aligned columns.
    """
    headings = list(map(Text, columns))
    cells = [[clean_cell(each) for each in row] for row in rows]
    by_column = [[heading, *(row[place] for row in cells)] for place, heading in enumerate(headings)]
    least = [max(map(_measure_longest_word, column)) for column in by_column]
    most = [max(cell_len(line) for each in column for line in each.plain.split("\n")) for column in by_column]
    if title:
        console.print(Text(title, style="bold"))
    gap = 2 if sum(least) + 2 * (len(columns) - 1) <= console.width else 1
    room = console.width - gap * (len(columns) - 1)
    if sum(least) > room and cells:
        for row in cells:
            console.print(_make_record(headings, row))
            console.print()
        return
    table = Table(
        box=SIMPLE_HEAD, header_style="dim", pad_edge=False, show_edge=False, padding=(0, gap - 1, 0, 0)
    )
    spare, wanted = max(0, room - sum(least)), max(1, sum(most) - sum(least))
    widths = [
        max(1, min(high, low + (high - low) * spare // wanted)) for low, high in zip(least, most, strict=True)
    ]
    for heading, width in zip(headings, widths, strict=True):
        justify: JustifyMethod = "right" if heading.plain in right else "left"
        table.add_column(_wrap(heading, width), justify=justify, overflow="fold", width=width)
    for row in cells:
        table.add_row(*map(_wrap, row, widths))
    console.print(table)
    console.print()


def _measure_longest_word(text: Text) -> int:
    return max(map(cell_len, textwrap.wrap(text.plain, 1, break_long_words=False)), default=0)


def _wrap(text: Text, width: int) -> Text:
    """A text in lines of a width, broken at spaces and inside hyphenated words, which Rich keeps whole."""
    lines = [
        part
        for line in text.plain.split("\n")
        for part in textwrap.wrap(line, width, break_long_words=False) or [""]
    ]
    return Text("\n".join(lines), style=text.style)


def _make_record(headings: Sequence[Text], row: Sequence[Text]) -> Table:
    """One row as lines of heading and value."""
    is_stacked = max(heading.cell_len for heading in headings) > console.width // 2
    record = Table.grid(padding=(0, 2, 0, 0))
    record.add_column(style="" if is_stacked else "dim", overflow="fold", no_wrap=not is_stacked)
    record.add_column(overflow="fold")
    for heading, cell in zip(headings, row, strict=True):
        if not cell.plain:
            continue
        if is_stacked:
            record.add_row(Text(heading.plain, style="dim"))
            record.add_row(cell)
        else:
            record.add_row(heading, cell)
    return record


def write_minute(microseconds: int) -> str:
    """A timestamp in UTC to the minute, for a cell of a table: `2026-06-05 20:00`."""
    return write_moment(microseconds)[:16].replace("T", " ")


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
    # Imported here, because only people who wait see it.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=error_console, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("starting", total=None)
        current = ""

        def tell(stage: str, done: int, total: int | None) -> None:
            nonlocal current, task
            if stage != current:
                current = stage
                # A new line: one that is reset keeps the total of the stage before where this one has none.
                progress.remove_task(task)
                task = progress.add_task(stage, total=total, completed=done)
            else:
                progress.update(task, description=stage, completed=done, total=total)

        yield tell
