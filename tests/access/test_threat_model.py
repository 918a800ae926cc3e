"""THREAT_MODEL.md: every threat has a defence, and a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| threat ", "| subject "))
]


def find_tests():
    """The names of all tests."""
    return {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_threat_has_a_defence_and_a_test():
    assert len(ROWS) >= 50
    assert [row for row in ROWS if len(row) != 3 or not all(row) or "`test_" not in row[2]] == []


def test_every_test_that_is_named_exists():
    named = {name for row in ROWS for name in re.findall(r"`(test_\w+)`", row[2])}
    assert len(named) >= 60
    assert sorted(named - find_tests()) == []


def test_no_threat_is_told_twice():
    threats = [row[0] for row in ROWS]
    assert len(set(threats)) == len(threats)
