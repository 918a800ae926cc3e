"""A class is named by a noun of the trade, and no two classes have one name."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "consumer_fusion"
ROW = re.compile(r"^\| ([A-Z][a-z]+) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def read_nouns():
    """The nouns that classes end in, with meaning and source."""
    page = (ROOT / "docs" / "reference" / "nouns.md").read_text(encoding="utf-8")
    return {noun: (meaning, source) for noun, meaning, source in ROW.findall(page)}


def list_classes(texts):
    """The name of every class, with the places that define it."""
    classes = defaultdict(list)
    for place, text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(str(place))
    return classes


def find_noun(name):
    """The last word of a class name."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)[-1]


def find_faults(classes, nouns):
    """Classes that are defined twice, or whose noun is not on the page."""
    twice = [f"{name} is in {', '.join(places)}" for name, places in classes.items() if len(places) > 1]
    strange = [f"{name}: no noun {find_noun(name)}" for name in classes if find_noun(name) not in nouns]
    return sorted([*twice, *strange])


@pytest.fixture(scope="module")
def classes():
    return list_classes(
        (path.relative_to(PACKAGE), path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")
    )


def test_every_class_is_named_by_a_noun_of_the_trade_and_has_its_name_alone(classes):
    assert len(classes) > 400
    assert find_faults(classes, read_nouns()) == []


def test_every_noun_is_used_and_has_a_meaning_and_a_source(classes):
    nouns = read_nouns()
    assert len(nouns) > 200
    assert sorted(set(nouns) - {find_noun(each) for each in classes}) == []


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"a.py": "class ScoreTeller: ..."}, "ScoreTeller: no noun Teller"),
        ({"a.py": "class Row: ...", "b.py": "class Row: ..."}, "Row is in a.py, b.py"),
        ({"a.py": "def make():\n    class _Sight: ..."}, "_Sight: no noun Sight"),
    ],
)
def test_a_planted_fault_is_found(texts, fault):
    assert find_faults(list_classes(texts.items()), read_nouns()) == [fault]
