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

PARTS = sorted(
    folder.name
    for folder in (ROOT / "src" / "consumer_fusion").iterdir()
    if (folder / "__init__.py").exists()
)

# (the module that is added, what it says, the contract that must break)
FAULTS = {
    "a record reads a capability": ("records/planted", "import consumer_fusion.score", "Surfaces, server"),
    "a capability imports one above it": (
        "ingest/planted",
        "import consumer_fusion.score",
        "Surfaces, server",
    ),
    "an import hides under TYPE_CHECKING": (
        "score/planted",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import consumer_fusion.pipeline",
        "Surfaces, server",
    ),
    "an import hides in a function": (
        "i18n/planted",
        "def read():\n    import consumer_fusion.records",
        "Surfaces, server",
    ),
    "a part is not in the contract": ("planted", "NUMBER = 1", "Surfaces, server"),
    "a cycle between two siblings": (
        "records/planted",
        "import consumer_fusion.records.planted_back",
        "No import cycle",
    ),
}
LIBRARIES = {
    "duckdb": "query engine",
    "sqlite3": "durable store",
    "altair": "draws",
}
"""Libraries that one part alone may import, with the contract that says so."""
OWNERS = {"duckdb": "storage", "sqlite3": "storage", "altair": "views"}


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
        (package / "records" / "planted_back.py").write_text("import consumer_fusion.records.planted\n")
    (package / f"{module}.py").write_text(text + "\n")
    result = run_contracts(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert any(contract in line for line in broken) or (
        # A part that no layer names is reported as such, not as a broken line.
        module == "planted" and "planted" in result.stdout
    ), result.stdout


def test_a_library_that_one_part_alone_may_import_is_found_in_every_other_part(run_contracts, tmp_path):
    """One run with the fault planted in every part, and one folder deeper where there is one."""
    package = tmp_path / "src" / "consumer_fusion"
    shutil.copytree(ROOT / "src" / "consumer_fusion", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    planted: list[tuple[str, str]] = []
    for part in PARTS:
        deeper = sorted(file.parent for file in (package / part).glob("*/__init__.py"))[:1]
        for folder in (package / part, *deeper):
            libraries = [name for name in LIBRARIES if OWNERS[name] != part]
            text = "".join(f"import {name}\n" for name in libraries)
            (folder / "planted.py").write_text(text, encoding="utf-8")
            module = ".".join(("consumer_fusion", *folder.relative_to(package).parts, "planted"))
            planted += [(module, name) for name in libraries]
    assert len(planted) > 3 * len(PARTS)
    result = run_contracts(tmp_path)
    assert result.returncode == 1
    told = " ".join(result.stdout.split())
    missed = [(module, name) for module, name in planted if f"{module} -> {name} " not in told]
    assert missed == []
