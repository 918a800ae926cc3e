"""Tables are contracts: one writer that exists, a meaning for each column, an owner for what is personal."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from consumer_fusion import records
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.table import Column, Table

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion"


def find_declared() -> dict[str, tuple[Table, str]]:
    """Every table that a module of records/ declares, with the name of its constant."""
    found: dict[str, tuple[Table, str]] = {}
    for module in pkgutil.iter_modules(records.__path__):
        names = vars(importlib.import_module(f"consumer_fusion.records.{module.name}"))
        found |= {value.name: (value, name) for name, value in names.items() if isinstance(value, Table)}
    return found


DECLARED = find_declared()
TABLES = [table for table, _ in DECLARED.values()]
# Names that a person may be told by: a column of such a name must say whether it is personal.
HINTS_OF_A_PERSON = {"email", "phone", "name", "address", "text", "identifier", "words", "birthday"}
# What a session of the store offers to write with; reading is free to all.
WRITES = {"insert", "replace", "add", "multiply", "update", "delete", "delete_matching"}
CLEARED = "clear personal columns"


def find_writer(table: Table) -> Path | None:
    """The module or package that writes the table, if it exists."""
    place = PACKAGE.joinpath(*table.writer.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()), None)


def find_written(text: str) -> list[tuple[int, str]]:
    """The tables that a module writes, by the names of their constants, with the lines."""
    return [
        (node.lineno, node.args[0].id)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        and node.args
        and isinstance(node.args[0], ast.Name)
    ]


def may_write(module: Path, table: Table) -> bool:
    """Whether the module is the table's writer, or a part of it where the writer is a whole capability.

    A port of the store writes through what implements it.
    """
    name = ".".join(module.with_suffix("").parts).removesuffix(".__init__")
    return f"{name}.".startswith(f"{table.writer}.") or (
        table.writer == "storage.store" and name.startswith("storage.")
    )


def find_faults(table: Table) -> list[str]:
    """What the declaration of a table lacks."""
    names = table.column_names
    faults = [f"{c.name}: its meaning is no sentence" for c in table.columns if not is_sentence(c.meaning)]
    faults += [f"{name}: declared twice" for name, count in Counter(names).items() if count > 1]
    keys = {*table.primary_key, *(name for group in (*table.unique, *table.indexes) for name in group)}
    faults += [f"{name}: a key that is no column" for name in sorted(keys - set(names))]
    if not table.columns or not table.primary_key:
        faults.append("no columns or no primary key")
    if not table.grain.strip():
        faults.append("does not say what a row is")
    if table.subject is not None and table.subject not in names:
        faults.append(f"subject {table.subject} is no column")
    if table.personal_columns and (table.subject is None or table.erasure == "nothing personal"):
        faults.append("has personal columns but does not say whose they are and what erasure does")
    if table.subject is not None and table.erasure == "nothing personal":
        faults.append("has a subject but does not say what erasure does")
    if table.subject is None and table.erasure not in ("nothing personal", "rewrite rows"):
        faults.append("erases without saying whose rows")
    if table.erasure == CLEARED:
        if not table.personal_columns:
            faults.append("clears personal columns but has none")
        faults += [
            f"{c.name}: personal, cleared by erasure, but may not be null"
            for c in table.columns
            if c.is_personal and not c.is_optional and c.name not in table.primary_key and c.type != "text"
        ]
    faults += [
        f"{c.name}: a name of this kind is personal, and the table has a subject"
        for c in table.columns
        if c.name in HINTS_OF_A_PERSON and table.subject == "consumer_id" and not c.is_personal
    ]
    faults += [
        f"{c.name}: a truth value is called is_... or has_..."
        for c in table.columns
        if c.type == "boolean" and not c.name.startswith(("is_", "has_"))
    ]
    return faults


def is_sentence(text: str) -> bool:
    """Whether it is a sentence a reader can use: it ends in a full stop. "When." is one."""
    return bool(text.strip()) and text.rstrip().endswith(".")


def test_the_tables_are_those_that_the_files_declare_each_once():
    assert len(DECLARED) >= 15
    found = records.find_tables()
    assert [table.name for table in found] == list(DECLARED)
    assert len({table.name for table in found}) == len(found)


def test_a_table_in_a_new_file_is_found_without_an_edit(tmp_path, monkeypatch):
    (tmp_path / "postcard.py").write_text(
        "from consumer_fusion.records.event import EVENTS\n"
        "from consumer_fusion.records.table import Column, Table\n"
        "POSTCARDS = Table('postcards', 'one postcard', 'post', (Column('place', 'text', 'Place.'),), ('place',))\n",
        encoding="utf-8",
    )
    before = records.find_tables()
    monkeypatch.setattr(records, "__path__", [*records.__path__, str(tmp_path)])
    # What was imported from there is forgotten again.
    monkeypatch.setitem(sys.modules, "consumer_fusion.records.postcard", None)
    del sys.modules["consumer_fusion.records.postcard"]
    found = records.find_tables.__wrapped__()
    assert [table.name for table in found if table not in before] == ["postcards"]
    assert len(found) == len(before) + 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_declaration_is_whole(table):
    assert find_faults(table) == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_one_writer_exists_and_names_the_table(table):
    writer = find_writer(table)
    assert writer is not None, f"{table.name}: its writer {table.writer} does not exist"
    modules = sorted(writer.parent.rglob("*.py")) if writer.name == "__init__.py" else [writer]
    text = "\n".join(module.read_text(encoding="utf-8") for module in modules)
    words = (DECLARED[table.name][1], table.name, f"write_{table.name.removesuffix('s')}")
    assert any(word in text for word in words), f"{table.writer} never speaks of {table.name}"


def test_only_the_writer_writes():
    constants = {constant: table for table, constant in DECLARED.values()}
    written = {
        (str(module.relative_to(PACKAGE)), line, constant)
        for module in PACKAGE.rglob("*.py")
        for line, constant in find_written(module.read_text(encoding="utf-8"))
        if constant in constants
    }
    assert len(written) >= 10
    assert [place for place in sorted(written) if not may_write(Path(place[0]), constants[place[2]])] == []


def test_a_second_writer_is_found():
    assert find_written("session.delete(EVENTS, {})\nsession.read(EVENTS)") == [(1, "EVENTS")]
    assert may_write(Path("events/inbox.py"), EVENTS)
    assert not may_write(Path("pipeline.py"), EVENTS)
    assert not may_write(Path("events/compaction.py"), replace(EVENTS, writer="events.inbox"))
    assert may_write(Path("events/compaction.py"), replace(EVENTS, writer="events"))


def test_some_tables_hold_personal_data():
    assert any(table.personal_columns for table in TABLES)


@pytest.mark.parametrize(
    ("change", "part_of_the_fault"),
    [
        ({"subject": None}, "whose they are"),
        ({"erasure": "nothing personal"}, "what erasure does"),
        ({"subject": "nobody_id"}, "is no column"),
        ({"primary_key": ("nothing",)}, "a key that is no column"),
        ({"grain": " "}, "what a row is"),
        ({"columns": (*EVENTS.columns, Column("said", "text", ""))}, "no sentence"),
        ({"columns": (*EVENTS.columns, EVENTS.columns[0])}, "declared twice"),
        ({"columns": (*EVENTS.columns, Column("email", "text", "An address."))}, "of this kind is personal"),
        ({"columns": (*EVENTS.columns, Column("open", "boolean", "Whether."))}, "is_... or has_..."),
    ],
)
def test_a_planted_fault_is_found(change, part_of_the_fault):
    assert find_faults(EVENTS) == []
    assert any(part_of_the_fault in fault for fault in find_faults(replace(EVENTS, **change)))


def test_a_writer_that_does_not_exist_is_found():
    assert find_writer(replace(EVENTS, writer="events.nowhere")) is None
