"""Scripts of the project: the places that they name exist, also after folders were moved."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_places_that_a_script_names_exist(script, monkeypatch):
    spec = importlib.util.spec_from_file_location(f"looked_at_{script.stem}", script)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    places = {
        name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, Path)
    }
    missing = [
        name
        for name, place in places.items()
        if not (place if place.is_absolute() else ROOT / place).exists()
    ]
    assert missing == []


def test_there_are_scripts_to_look_at():
    assert len(SCRIPTS) >= 6
