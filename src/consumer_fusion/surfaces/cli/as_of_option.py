"""The `--as-of` option: the given as-of time, or the default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from consumer_fusion.i18n.translation import read_language
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.cli.output import error_console
from consumer_fusion.workspace import Workspace

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="As-of time: ISO 8601, 'now', or 'latest' for the newest event. Default: now, or the newest "
        "event if that is older than a day.",
    ),
]


@contextmanager
def asking_about(workspace: Workspace, as_of: str | None) -> Iterator[datetime]:
    """The as-of time given by `--as-of`, or the default.

    If none was given and the default is not now, a note says so on stderr at the end of the `with` block, unless the
    command failed; stderr reaches people even where the output goes to a file or a program.
    """
    asked = answers.parse_as_of(as_of)
    fixed_us = answers.find_fixed_moment(workspace, asked)
    moment = from_microseconds(workspace.now_us if fixed_us is None else fixed_us)
    yield moment
    if asked is None and fixed_us is not None:
        day = read_language().write_day(moment.date())
        error_console.print(
            f"As of {day}, the newest event; use --as-of now for the current time.",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
