"""By what tests are told apart: every marker is declared with what it means, used, and told to newcomers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OF_PYTEST = {"filterwarnings", "parametrize", "skip", "skipif", "usefixtures", "xfail"}
COSTS = {"slow", "browser", "process"}


@pytest.fixture(scope="module")
def declared():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    return {line.partition(":")[0] for line in options["ini_options"]["markers"]}


@pytest.fixture(scope="module")
def used():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    return {name for text in texts for name in re.findall(r"pytest\.mark\.(\w+)", text)} - OF_PYTEST


def test_markers_that_are_used_are_those_that_are_declared(declared, used):
    assert declared >= COSTS
    assert used == declared


def test_what_costs_much_is_left_out_where_little_time_is(declared):
    (choice,) = re.findall(r'-m "(.+)"', (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert choice == "not slow and not browser and not process"
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert {name for name in COSTS if f"`{name}`" not in told} == set()
