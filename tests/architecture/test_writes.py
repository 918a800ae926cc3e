"""Every change goes through an operation, with its permission and its audit entry: no surface writes by itself."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

SURFACES = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion" / "surfaces"
WRITING = {"writing", "append_audit", "audit_changes", "open_recorded", "acting"}
"""Names by which a surface could write in the store or in the audit log by itself."""
ALLOWED = {
    "cli/audited_commands.py": "opens a workspace for the commands below",
    "cli/calibration.py": "a report of a calibration is no result model yet",
    "cli/importing.py": "reads files of any size, which no program may name; its audit entry is in its transaction",
    "cli/serve.py": "makes the link by which the first account is created, before anybody could be asked",
    "collect/collector.py": "appends events to the inbox, for which a write key speaks",
    "collect/source_keys.py": "notes when a write key was used last; that is no change by anybody",
    "console/pages.py": "opens the store for the pages below",
}
"""Modules that still write by themselves, each with the reason."""


def find_writers(folder):
    """The modules of the surfaces that write by themselves, with the names by which they do."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
                    names.add(name)
        if names & WRITING:
            found[path.relative_to(folder).as_posix()] = names & WRITING
    return found


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
    ],
)
def test_a_surface_that_writes_by_itself_is_found(tmp_path, text):
    folder = tmp_path / "surfaces"
    shutil.copytree(SURFACES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "api" / "planted.py").write_text(f'"""Planted."""\n\n{text}', encoding="utf-8")
    assert set(find_writers(folder)) - set(ALLOWED) == {"api/planted.py"}
