"""Keeps ARCHITECTURE.md true: its map equals the folders, its drawing equals the import contracts.

Run by `make check` and by tests/architecture/test_documentation.py. It looks at four things:

1. every folder, and every module that stands directly in the package, has its row in the map
   with a sentence, and every row of the map exists;
2. the layers of the drawing are those of the import-linter contract, in the same order;
3. the paths named under "Where do I put it" exist;
4. the tables named in the flow are declared in records/.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("src/consumer_fusion")
# Folders that tools make; they are in .gitignore too.
_MADE_BY_TOOLS = {"__pycache__", "build", "dist", "demo-workspace", "scratch", "htmlcov"}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ROW = re.compile(r"^\|\s*`([^`]+)`\s*\|\s*(.*?)\s*\|\s*$", re.MULTILINE)


def find_places(root: Path) -> set[str]:
    """Every folder that holds a file somewhere below it, and the modules directly in the package."""
    places: set[str] = set()
    for folder, names, files in os.walk(root):
        names[:] = [
            n for n in names if not n.startswith(".") and n not in _MADE_BY_TOOLS and ".egg-info" not in n
        ]
        here = Path(folder).relative_to(root)
        if files and here != Path():
            # A folder of folders has its row as well.
            places |= {f"{place}/" for place in (here, *here.parents) if place != Path()}
    places.discard("src/")
    # The tests of a part lie in the folder of its name; that is said once, in the row of tests/.
    places -= {
        f"tests/{folder.relative_to(root / PACKAGE)}/"
        for folder in (root / PACKAGE).rglob("*")
        if folder.is_dir()
    }
    places |= {str(PACKAGE / file.name) for file in (root / PACKAGE).glob("*.py")}
    return places


def check(root: Path, document: str) -> list[str]:
    """What of the document is not true of the tree under `root`; empty when all is."""
    return [
        *_check_map(root, _read_section(document, "Map")),
        *_check_drawing(root, _read_section(document, "Direction of imports")),
        *_check_paths(root, _read_section(document, "Where do I put it")),
        *_check_tables(root, _read_section(document, "Flow")),
    ]


def _read_section(document: str, title: str) -> str:
    match = re.search(rf"^## {re.escape(title)}\s*$(.*?)(?=^## |\Z)", document, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def _check_map(root: Path, section: str) -> list[str]:
    rows: list[tuple[str, str]] = _ROW.findall(section)
    if not rows:
        return ["The section 'Map' is missing or has no rows."]
    named = [place for place, _ in rows]
    found = find_places(root)
    return [
        *(
            f"Map: `{place}` has no row. Add one with a sentence on what lives there."
            for place in sorted(found - set(named))
        ),
        *(f"Map: `{place}` has a row but does not exist." for place in sorted(set(named) - found)),
        *(f"Map: `{place}` has two rows." for place in sorted({p for p in named if named.count(p) > 1})),
        *(
            f"Map: `{place}` needs a sentence that ends in a full stop."
            for place, sentence in rows
            if len(sentence.split()) < 3 or not sentence.endswith(".")
        ),
    ]


def _check_drawing(root: Path, section: str) -> list[str]:
    drawing = re.search(r"^```text\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    if drawing is None:
        return ["The section 'Direction of imports' has no drawing in a ```text block."]
    drawn: list[frozenset[str]] = []
    for line in drawing.group(1).splitlines():
        names = frozenset(_NAME.findall(re.sub(r"\(.*", "", line)))
        if names:
            drawn.append(names)
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "layers")
    held = [frozenset(_NAME.findall(layer)) for layer in layers]
    if drawn == held:
        return []
    show = " > ".join("|".join(sorted(layer)) for layer in held)
    return [f"The drawing differs from the import contract, which is: {show}."]


def _check_paths(root: Path, section: str) -> list[str]:
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    if not rows:
        return ["The section 'Where do I put it' is missing or has no rows."]
    paths = [
        path
        for row in rows
        for path in re.findall(r"`([^`]+)`", row.split("|", 2)[2])
        if ("/" in path or path.endswith((".py", ".toml", ".md"))) and "<" not in path and " " not in path
    ]
    return [
        f"Where do I put it: `{path}` does not exist."
        for path in paths
        if not any((start / path).exists() for start in (root, root / PACKAGE))
    ]


def _check_tables(root: Path, section: str) -> list[str]:
    drawn = set(re.findall(r"\[([a-z_]+)\]", section))
    if not drawn:
        return ["The section 'Flow' is missing or names no [table]."]
    texts = [file.read_text(encoding="utf-8") for file in (root / PACKAGE / "records").glob("*.py")]
    declared = {name for text in texts for name in re.findall(r"^    name=\"([a-z_]+)\"", text, re.MULTILINE)}
    return [f"Flow: no table [{table}] is declared in records/." for table in sorted(drawn - declared)]


def main() -> int:
    """Print what is not true; the exit status says whether anything was."""
    wrong = check(ROOT, (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    for line in wrong:
        print(f"ARCHITECTURE.md: {line}", file=sys.stderr)
    if not wrong:
        print("ARCHITECTURE.md: the map, the drawing, the flow and the paths are true.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
