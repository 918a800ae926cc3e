"""The command line, run in the process of the tests, as a person or a program would run it."""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import typer

from consumer_fusion.surfaces.cli.application import run_command

build_command = functools.cache(typer.main.get_command)
"""What Typer makes of the declared commands, for each call anew; here once, since it is the same for all of them."""
_NEVER_ENDS = "a server would run for ever here: say --no-serve, or start it as tests/live_server.py does"
_KEPT = ("CONSUMER_FUSION_THREADS",)
"""Settings of whoever runs the tests that a command gets to know."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a command left behind.

    Attributes:
        status: Its exit status.
        output: What it printed on standard output.
        complaint: What it printed on standard error.
    """

    status: int
    output: str
    complaint: str

    @property
    def told(self) -> Any:
        """Its JSON."""
        return json.loads(self.output)


def run_fusion(*arguments: object, environment: Mapping[str, str] | None = None) -> Run:
    """Run `fusion` with the arguments, and wait for its end."""
    output, complaint = io.StringIO(), io.StringIO()
    words = ["fusion", *map(str, arguments)]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CONSUMER_FUSION_") or name in _KEPT
    }
    with (
        mock.patch("sys.argv", words),
        mock.patch.dict("os.environ", {**kept, **(environment or {})}, clear=True),
        redirect_stdout(output),
        redirect_stderr(complaint),
        mock.patch("typer.main.get_command", build_command),
        mock.patch("consumer_fusion.surfaces.cli.demo.run_server", side_effect=AssertionError(_NEVER_ENDS)),
    ):
        try:
            run_command()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            status = 0
    return Run(status, output.getvalue(), complaint.getvalue())


def make_demo(folder: Path, people: int) -> None:
    """Have the town of the demo in a folder; for `copied_workspaces`."""
    run = run_fusion("demo", "--no-serve", "--people", people, "--json", "--workspace", folder)
    assert run.status == 0, run.output + run.complaint


def ask_fusion(workspace: Path, *arguments: object) -> Any:
    """The JSON of a command about a workspace that must succeed."""
    run = run_fusion(*arguments, "--workspace", workspace, "--json")
    assert run.status == 0, run.output + run.complaint
    return run.told


def write_events(path: Path, *events: Mapping[str, object]) -> Path:
    """A file of events, one JSON object a line."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


def import_events(workspace: Path, *events: Mapping[str, object]) -> Any:
    """Import events into a workspace and return what the command says of it."""
    return ask_fusion(
        workspace, "import", write_events(workspace / "events.jsonl", *events), "--format", "events"
    )
