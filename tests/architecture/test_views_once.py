"""Views once: charts, tables and sections are defined in `views/` alone; surfaces only place them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion"
VIEW_CLASSES = {"ColumnView", "TableView", "Drawing", "Section"}
CHARTS = "consumer_fusion.views.charts"
WORDS_ONLY = f"{CHARTS}.labels"
"""Labels of codes are for every page; the functions that draw are not."""


def find_faults(package: Path) -> list[str]:
    """Modules outside of `views/` that draw, or that define a view: a chart, a table, a column, a section."""
    faults = []
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package)
        if place.parts[0] == "views":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module=str(module)) if module.startswith(CHARTS) and module != WORDS_ONLY:
                    faults.append(f"{place} imports from {module}")
                case ast.ImportFrom(module="consumer_fusion.views", names=names) if "charts" in {
                    each.name for each in names
                }:
                    faults.append(f"{place} imports {CHARTS}")
                case ast.Import(names=names):
                    faults += [
                        f"{place} imports {each.name}" for each in names if each.name.startswith(CHARTS)
                    ]
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in VIEW_CLASSES:
                    faults.append(f"{place} makes a {name}")
                case ast.ClassDef(name=name) if name in VIEW_CLASSES:
                    faults.append(f"{place} has a {name} of its own")
    return faults


def test_views_are_defined_in_one_place():
    assert sum(1 for _ in (PACKAGE / "surfaces").rglob("*.py")) > 50
    assert find_faults(PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        ("surfaces/report/planted", 'SECTION = Section("pair", "One relationship")', "makes a Section"),
        ("surfaces/console/planted", 'COLUMN = tables.ColumnView("day", "day")', "makes a ColumnView"),
        ("surfaces/console/planted", "class TableView:\n    pass", "has a TableView of its own"),
        ("server/planted", "def draw():\n    from consumer_fusion.views.charts import theme", "imports from"),
        ("surfaces/report/planted", "from consumer_fusion.views import charts", "imports"),
        ("surfaces/report/planted", "import consumer_fusion.views.charts.trend", "imports"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, module, text, fault):
    planted = tmp_path / f"{module}.py"
    planted.parent.mkdir(parents=True)
    planted.write_text(text + "\n", encoding="utf-8")
    (found,) = find_faults(tmp_path)
    assert fault in found
