"""The direction of imports: the contracts hold, and they catch a fault when one is planted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

# (the module that is added, what it says, the contract that must break)
FAULTS = {
    "a record reads a capability": ("records/planted", "import consumer_fusion.score", "Commands, report"),
    "one capability imports another": ("ingest/planted", "import consumer_fusion.score", "Commands, report"),
    "an import hides under TYPE_CHECKING": (
        "score/planted",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import consumer_fusion.pipeline",
        "Commands, report",
    ),
    "an import hides in a function": (
        "kit/planted",
        "def read():\n    import consumer_fusion.records",
        "Commands, report",
    ),
    "a part is not in the contract": ("planted", "NUMBER = 1", "Commands, report"),
    "a capability is entered by a window": (
        "cli/planted",
        "import consumer_fusion.score.planted",
        "package door only",
    ),
    "a query outside engines": ("score/planted", "import duckdb", "Only engines/"),
    "linkage outside its module": ("identity/planted", "import splink", "Only engines/"),
    "a store outside stores": ("ingest/planted", "import sqlite3", "Only stores/"),
    "a chart outside charts": ("cli/planted", "import altair", "Only charts/"),
    "a cycle between two siblings": (
        "kit/planted",
        "import consumer_fusion.kit.planted_back",
        "No import cycle",
    ),
}


@pytest.fixture
def run_contracts():
    """Run import-linter in its own process, on the package as it lies under `folder`."""

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RUN],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_contracts_hold(run_contracts):
    result = run_contracts(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout
    assert "KEPT" in result.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault, run_contracts, tmp_path):
    module, text, contract = FAULTS[fault]
    package = tmp_path / "src" / "consumer_fusion"
    shutil.copytree(ROOT / "src" / "consumer_fusion", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if "planted_back" in text:
        (package / "kit" / "planted_back.py").write_text("import consumer_fusion.kit.planted\n")
    if "score.planted" in text:
        (package / "score" / "planted.py").write_text("NUMBER = 1\n")
    (package / f"{module}.py").write_text(text + "\n")
    result = run_contracts(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert any(contract in line for line in broken) or (
        # A part that no layer names is reported as such, not as a broken line.
        module == "planted" and "planted" in result.stdout
    ), result.stdout
