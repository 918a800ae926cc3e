"""A result is one model: no command builds the JSON that it prints by hand."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

COMMANDS = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion" / "surfaces" / "cli"
BY_HAND = (ast.Dict, ast.DictComp, ast.List)
BUILDERS = {"dict", "asdict", "model_dump", "to_pylist"}
"""Functions whose results are dictionaries, or lists of them."""
PRINTERS = {"print_json", "dumps"}
ALLOWED = [
    "version.py: version",  # its fields are the names of packages
]


def is_by_hand(value: ast.AST | None) -> bool:
    """Whether an expression is a dictionary or a list, or a call that returns one."""
    match value:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=arguments):
            return name in BUILDERS or (name in {"list", "tuple"} and any(map(is_by_hand, arguments)))
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            return is_by_hand(element)
    return isinstance(value, BY_HAND)


def find_by_hand(function: ast.AST) -> bool:
    """Whether a function gives `print_json` such a value, itself or by a name to which it assigns one."""
    names = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and is_by_hand(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return any(
        is_by_hand(argument) or (isinstance(argument, ast.Name) and argument.id in names)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in PRINTERS
        for argument in (*node.args, *(each.value for each in node.keywords))
    )


def find_faults(folder: Path) -> list[str]:
    """The functions of commands that build the JSON that they print by hand."""
    return [
        f"{file.name}: {function.name}"
        for file in sorted(folder.glob("*.py"))
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef) and find_by_hand(function)
    ]


def test_commands_print_models():
    assert sum("print_json(" in file.read_text(encoding="utf-8") for file in COMMANDS.glob("*.py")) > 10
    assert find_faults(COMMANDS) == ALLOWED


@pytest.mark.parametrize(
    "lines",
    [
        'print_json({"ok": True})',
        "print_json([1, 2])",
        'rows: dict[str, object] = {"ok": True}\n    print_json(rows)',
        "rows = table.to_pylist()\n    print_json(rows)",
        "print_json([row.model_dump() for row in rows])",
        "print_json(dataclasses.asdict(result))",
        "output.print_json({'ok': True})",
        "print_json(value={'ok': True})",
        "print_json(tuple({'ok': row} for row in rows))",
        "sys.stdout.write(json.dumps({'ok': True}))",
    ],
)
def test_a_planted_fault_is_found(tmp_path, lines):
    (tmp_path / "planted.py").write_text(f"def command(rows):\n    {lines}\n", encoding="utf-8")
    assert find_faults(tmp_path) == ["planted.py: command"]


def test_a_model_or_a_list_of_them_is_no_fault(tmp_path):
    text = "def command(rows):\n    print_json(Report(rows=rows))\n    print_json([Row(**row) for row in rows])\n"
    (tmp_path / "planted.py").write_text(text, encoding="utf-8")
    assert find_faults(tmp_path) == []
