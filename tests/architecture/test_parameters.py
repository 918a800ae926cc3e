"""What several functions need together travels as one thing, as `ScoreContext` does."""

from __future__ import annotations

import ast
from collections import defaultdict
from itertools import combinations
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion"
TOGETHER = 5
"""So many parameters of the same names, in more functions than these, are one thing without a name."""
MOST_FUNCTIONS = 4


def find_companions(modules):
    """Parameters that go together through many functions, with the functions."""
    functions = defaultdict(list)
    for place, text in modules:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                given = node.args
                names = {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {
                    "self",
                    "cls",
                }
                for together in combinations(sorted(names), TOGETHER):
                    functions[together].append(f"{place}:{node.name}")
    return {" ".join(names): found for names, found in functions.items() if len(found) > MOST_FUNCTIONS}


def test_no_parameters_go_together_through_many_functions():
    modules = [
        (path.relative_to(PACKAGE), path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")
    ]
    assert len(modules) > 300
    assert find_companions(modules) == {}


def test_parameters_that_go_together_are_found():
    planted = "\n".join(
        f"def f{each}(session, engine, folder, points, kind_ids, other_{each}): ..." for each in range(5)
    )
    (found,) = find_companions([("planted.py", planted)])
    assert found == "engine folder kind_ids points session"
    assert (
        find_companions(
            [("planted.py", planted.replace("def f0", "x = '''").replace("other_0): ...", "'''"))]
        )
        == {}
    )
