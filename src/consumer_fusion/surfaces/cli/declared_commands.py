"""The commands with their first sentences, read from the source: a list of them imports none of them.

The text of a handwritten command is its docstring, that of a group of operations is in its `OperationGroup`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import consumer_fusion

_STATEMENT = re.compile(r"^(?=[\w@])", re.MULTILINE)
"""The begin of a statement of a module; what closes one begins with a bracket."""


@dataclass(frozen=True, slots=True)
class DeclaredGroup:
    """A group of operations, as its declaration is written.

    Attributes:
        name: First word of the command.
        intro: Its help.
        folder: Folder of the capability, as in `find_capabilities`.
    """

    name: str
    intro: str
    folder: str


def find_groups() -> dict[str, DeclaredGroup]:
    """The declared groups by name, of all capabilities."""
    found: dict[str, DeclaredGroup] = {}
    for root in map(Path, consumer_fusion.__path__):
        # A large capability declares in several modules, such as `key_operations`, and gathers them in `operations`.
        for file in sorted(root.rglob("*operations.py")):
            folder = file.parent.relative_to(root).as_posix()
            if folder != "." and (file.parent / "operations.py").exists():
                for name, intro in _read_groups(file):
                    found[name] = DeclaredGroup(name, intro, folder)
    return found


def read_docstring(module: str, function: str) -> str:
    """The docstring of a command, from the source of its module in this folder."""
    text = (Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    (written,) = (each for each in _STATEMENT.split(text) if each.startswith(f"def {function}("))
    (declared,) = ast.parse(written).body
    assert isinstance(declared, ast.FunctionDef)
    return ast.get_docstring(declared) or ""


def _read_groups(file: Path) -> Iterator[tuple[str, str]]:
    """The name and the introduction of each group that a module declares."""
    for written in _STATEMENT.split(file.read_text(encoding="utf-8")):
        if "OperationGroup(" not in written:
            continue
        for node in ast.walk(ast.parse(written)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OperationGroup":
                given = dict(zip(("name", "title", "intro"), node.args)) | {
                    each.arg: each.value for each in node.keywords
                }
                yield _read_text(given["name"]), _read_text(given["intro"])


def _read_text(node: ast.expr) -> str:
    """A text, which may be marked for translation by `N_`."""
    return str(ast.literal_eval(node.args[0] if isinstance(node, ast.Call) else node))
