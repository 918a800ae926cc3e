"""Doors: `__all__` of a folder lists the modules that others may import, at most twelve; nothing else is imported."""

from __future__ import annotations

import ast
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion"
MOST_NAMES = 12
WITHOUT_DOOR = {"records", "storage/migrations"}
"""The vocabulary is for everybody; migrations are read by their tool."""


def find_imports(package: Path) -> dict[str, set[tuple[str, str]]]:
    """For each folder: the modules of it that others import, with the importing module."""
    modules = {
        ".".join(("consumer_fusion", *file.relative_to(package).with_suffix("").parts)): file
        for file in sorted(package.rglob("*.py"))
    }
    imports: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for name, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("consumer_fusion."):
                continue
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                target = full if full in modules else str(node.module)
                folder, _, module = target.rpartition(".")
                if target in modules and not name.startswith(f"{folder}.") and "." in folder:
                    imports["/".join(folder.split(".")[1:])].add((module, name))
    return imports


def read_door(folder: Path) -> set[str]:
    """The names of `__all__` in the folder's `__init__.py`."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def find_faults(package: Path) -> list[str]:
    """What is imported past a door, listed without being imported, or too long."""
    imports = find_imports(package)
    faults = []
    for file in sorted(package.rglob("__init__.py")):
        folder = str(file.parent.relative_to(package))
        if folder == "." or any(folder == each or folder.startswith(f"{each}/") for each in WITHOUT_DOOR):
            continue
        door, used = read_door(file.parent), {module for module, _ in imports[folder]}
        faults += [
            f"{folder}: {module} is imported by {importer}, but is not in `__all__`."
            for module, importer in sorted(imports[folder])
            if module not in door
        ]
        faults += [
            f"{folder}: {name} is in `__all__`, but nobody imports it." for name in sorted(door - used)
        ]
        if len(door) > MOST_NAMES:
            faults.append(f"{folder}: `__all__` has {len(door)} names, more than {MOST_NAMES}.")
    return faults


def test_every_folder_is_entered_by_its_door():
    assert len(find_imports(PACKAGE)) > 20
    assert find_faults(PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        (
            "identity/planted",
            "from consumer_fusion.score.fold.parent_events import read_parents",
            "not in `__all__`",
        ),
        ("views/planted", "from consumer_fusion.score.fold import parent_events", "not in `__all__`"),
    ],
)
def test_an_import_past_the_door_is_found(tmp_path, module, text, fault):
    package = tmp_path / "consumer_fusion"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / f"{module}.py").write_text(f"{text}\n", encoding="utf-8")
    faults = find_faults(package)
    assert len(faults) == 1
    assert fault in faults[0]


def test_a_name_that_nobody_imports_and_a_long_door_are_found(tmp_path):
    package = tmp_path / "consumer_fusion"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    names = [f"planted_{number}" for number in range(MOST_NAMES + 1)]
    (package / "associations" / "__init__.py").write_text(f"__all__ = {names}\n", encoding="utf-8")
    faults = find_faults(package)
    assert any("nobody imports it" in fault for fault in faults)
    assert any("more than 12" in fault for fault in faults)
