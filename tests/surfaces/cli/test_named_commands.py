"""A text that names a command names one that there is: hints, next steps, help and documents."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.main import get_command

from consumer_fusion.surfaces.cli.application import application

ROOT = Path(__file__).resolve().parents[3]
NAMED = re.compile(
    r"(?:`fusion|Next: fusion|\{fusion\}|^\$ fusion) ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE
)
"""Where a text means a command, and not the product."""
PYTHON = re.compile(r"^```python\n.*?^```", re.MULTILINE | re.DOTALL)


def list_texts():
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value
            elif isinstance(node, ast.JoinedStr):
                yield path.name, ast.unparse(node)
    for folder, ending in (("src", "*.html"), ("docs", "*.md"), (".", "README.md"), (".", "CONTRIBUTING.md")):
        for path in sorted((ROOT / folder).rglob(ending) if folder != "." else [ROOT / ending]):
            if "decisions" not in path.parts:
                text = path.read_text(encoding="utf-8")
                # The example of a new capability has commands of its own, which tests/test_new_capability.py runs.
                yield path.name, PYTHON.sub("", text) if ending == "CONTRIBUTING.md" else text


def find_unknown(texts):
    """The commands that are named and that there are not, with where they are named."""
    commands = get_command(application)
    unknown = set()
    for place, text in texts:
        for first, second in NAMED.findall(text):
            command = commands.get_command(None, first)
            if command is None or (
                second and hasattr(command, "commands") and second not in command.commands
            ):
                unknown.add(f"{place}: fusion {first} {second}".strip())
    return sorted(unknown)


def test_every_command_that_a_text_names_is_there():
    texts = list(list_texts())
    assert sum(len(NAMED.findall(text)) for _, text in texts) > 100
    assert find_unknown(texts) == []


@pytest.mark.parametrize(
    "text", ["Next: fusion effect founding-concert", "See `fusion staff fire`.", "$ fusion holdout"]
)
def test_a_command_that_is_gone_is_found(text):
    assert len(find_unknown([("a text", text)])) == 1
