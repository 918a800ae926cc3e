"""Runs the examples of the documents, Python and command line, so that what a reader copies works."""

from __future__ import annotations

import os
import subprocess
import tempfile
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from command_line import run_fusion

FORM = ELLIPSIS | NORMALIZE_WHITESPACE


def _enter_empty_folder(namespace: dict[str, object]) -> None:
    """Each page begins in an empty folder of its own, as a reader would."""
    folder = tempfile.TemporaryDirectory()
    namespace["_folder"], namespace["_before"], namespace["_environment"] = folder, os.getcwd(), {}
    os.chdir(folder.name)


def _leave_folder(namespace: dict[str, object]) -> None:
    os.chdir(str(namespace["_before"]))
    namespace["_folder"].cleanup()


def _read_session(text: str) -> list[tuple[str, str]]:
    """The commands of a console (after `$ `, continued after `> `), each with what it is shown to print."""
    steps: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append(([line[2:]], []))
        elif (line == ">" or line.startswith("> ")) and not steps[-1][1]:
            steps[-1][0].append(line[2:])
        else:
            steps[-1][1].append(line)
    return [("\n".join(command), "\n".join(shown)) for command, shown in steps]


def _run_session(example: Example) -> str | None:
    """Run the commands of a console; where something is shown under one, it must print that."""
    environment = example.namespace["_environment"]
    for command, shown in _read_session(example.parsed):
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environment[name] = str(Path(value).absolute())
            continue
        if command.startswith("fusion "):
            words = subprocess.run(
                ["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, text=True, check=True
            ).stdout.split("\0")[1:-1]
            run = run_fusion(*words, environment=environment)
            printed, is_done = run.output + run.complaint, run.status == 0 or "✗" in shown
        else:
            done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
            printed, is_done = done.stdout + done.stderr, done.returncode == 0
        if not is_done or (shown.strip() and not OutputChecker().check_output(shown, printed, FORM)):
            return f"$ {command}\nshown:\n{shown}\nprinted:\n{printed}"
    return None


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=FORM),
        CodeBlockParser(language="console", evaluator=_run_session),
        SkipParser(),
    ],
    patterns=["*.md"],
    setup=_enter_empty_folder,
    teardown=_leave_folder,
).pytest()
