"""Every change goes through an operation, with its permission and its audit entry: no surface writes by itself."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

SURFACES = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion" / "surfaces"
WRITING = {"writing", "append_audit", "audit_changes", "open_recorded", "acting"}
"""Names by which a surface could write in the store or in the audit log by itself."""
NO_CHANGE = {
    "put_points_in_force": "stores the points that the workspace's own file names",
    "land_arrivals": "lands what a write key has sent",
    "flush": "writes the audit entries of what was viewed",
    "take_up_link": "signs in by a link, with its own audit entry",
}
"""Functions of capabilities that write and may be called by surfaces, each with the reason."""
ALLOWED = {
    "cli/audited_commands.py": "opens a workspace for the commands below",
    "cli/calibration.py": "a report of a calibration is no result model yet",
    "cli/demo.py": "makes the workspace of the demo, before anybody may sign in",
    "cli/demo_town.py": "likewise",
    "cli/importing.py": "reads files of any size, which no program may name; its audit entry is in its transaction",
    "cli/serve.py": "makes the link by which the first account is created, before anybody could be asked",
    "collect/collector.py": "appends events to the inbox, for which a write key speaks",
    "collect/source_keys.py": "notes when a write key was used last; that is no change by anybody",
    "console/pages.py": "opens the store for the pages below",
}
"""Modules that still write by themselves, each with the reason."""


def find_changing_functions(package):
    """The public functions of capabilities that open a transaction to write, by name."""
    found = set()
    for path in package.rglob("*.py"):
        part = path.relative_to(package).parts[0]
        if part not in {"surfaces", "storage", "simulate", "server"}:
            found |= {
                node.name
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.FunctionDef)
                and not node.name.startswith("_")
                and {"writing", "begin_change"}
                & {
                    each.attr if isinstance(each, ast.Attribute) else each.id
                    for each in ast.walk(node)
                    if isinstance(each, (ast.Attribute, ast.Name))
                }
            }
    return found - set(NO_CHANGE)


CHANGING = find_changing_functions(SURFACES.parent)


def find_writers(folder):
    """The modules of the surfaces that write by themselves, with the names by which they do."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
        names |= {each.name for each in ast.walk(tree) if isinstance(each, ast.alias)}
        writing = names & (WRITING | CHANGING)
        writing |= {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)} & WRITING
        if writing:
            found[path.relative_to(folder).as_posix()] = writing
    return found


def test_the_changing_functions_of_capabilities_are_known():
    assert {"declare", "withdraw", "merge", "apply_experiment"} <= CHANGING


def test_no_surface_writes_by_itself():
    unknown = set(find_writers(SURFACES)) - set(ALLOWED)
    assert unknown == set(), "declare an operation, and let the surface execute it"


def test_each_exception_is_still_needed():
    assert set(ALLOWED) - set(find_writers(SURFACES)) == set(), "take it out of ALLOWED"


@pytest.mark.parametrize(
    "text",
    [
        "def change(workspace):\n    with workspace.store.writing() as session:\n        pass\n",
        "from consumer_fusion.access.audit import append_audit\n",
        "from consumer_fusion.access import audit\n\n\ndef change(workspace):\n    audit.audit_changes(workspace)\n",
        "def change(visit, deed):\n    return visit.acting(deed)\n",
        "from consumer_fusion.associations import operations as planted\n\n\ndef change(workspace):\n"
        "    planted.withdraw(workspace, 'x')\n",
        "from consumer_fusion.causal.actions.declared_actions import withdraw_action\n",
    ],
)
def test_a_surface_that_writes_by_itself_is_found(tmp_path, text):
    folder = tmp_path / "surfaces"
    shutil.copytree(SURFACES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "api" / "planted.py").write_text(f'"""Planted."""\n\n{text}', encoding="utf-8")
    assert set(find_writers(folder)) - set(ALLOWED) == {"api/planted.py"}
