"""The moment that a command answers for: the one that `--as-of` names, or the usual one."""

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
        help="The moment asked about: ISO 8601, 'now', or 'latest' for the newest event. Default: now, or the newest "
        "event if that is older than a day.",
    ),
]


@contextmanager
def asking_about(workspace: Workspace, as_of: str | None) -> Iterator[datetime]:
    """The moment that `--as-of` names, or the usual one.

    Where nobody named one and it is not now, that is said at the end of the `with` block, unless the command failed:
    on stderr, so that it reaches people also where the answer goes into a file or to a program.
    """
    asked = answers.parse_as_of(as_of)
    fixed_us = answers.find_fixed_moment(workspace, asked)
    moment = from_microseconds(workspace.now_us if fixed_us is None else fixed_us)
    yield moment
    if asked is None and fixed_us is not None:
        day = read_language().write_day(moment.date())
        error_console.print(
            f"As of {day}, the newest event; --as-of now asks about this moment.",
            style="yellow", soft_wrap=True,
        )  # fmt: skip
