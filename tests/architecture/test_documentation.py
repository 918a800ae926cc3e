"""The documents are true: the map, the glossary, and the pages of commands, settings and decisions."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import tomllib
from pathlib import Path

import click
import pytest
import typer

from consumer_fusion.settings import Settings
from consumer_fusion.surfaces.cli.application import application

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_spec = importlib.util.spec_from_file_location(
    "check_architecture", ROOT / "scripts" / "check_architecture.py"
)
check_architecture = importlib.util.module_from_spec(_spec)
sys.modules["check_architecture"] = check_architecture
_spec.loader.exec_module(check_architecture)

_DECLARES = re.compile(r"^(@dataclass|class |[A-Z_]+ = Table\()", re.MULTILINE)
NOUNS = sorted(
    file.stem
    for file in (ROOT / "src" / "consumer_fusion" / "records").glob("*.py")
    if file.stem != "__init__" and _DECLARES.search(file.read_text(encoding="utf-8"))
)
"""Modules that declare a record or a table; the others are small functions on times, keys and texts."""
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PARTS_OF_A_DECISION = ["Context", "Decision", "Consequences", "Alternatives", "Gate"]


def read_headings(page: Path) -> list[str]:
    """The headings of a page, without marks."""
    return [
        line.replace("`", "") for line in re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.M)
    ]


def list_commands(command: click.Command, path: tuple[str, ...] = ()) -> list[str]:
    """Every command that can be called, as it is typed."""
    names = command.list_commands(None) if hasattr(command, "commands") else []
    subcommands = [(name, command.get_command(None, name)) for name in names]
    return [
        " ".join((*path, name, *rest.split()))
        for name, subcommand in subcommands
        if not subcommand.hidden
        for rest in (list_commands(subcommand) or [""])
    ]


COMMANDS = sorted(list_commands(typer.main.get_command(application)))


@pytest.fixture
def document():
    return (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_the_map_the_drawing_the_flow_and_the_paths_are_true(document):
    assert check_architecture.check(ROOT, document) == []


@pytest.mark.parametrize(
    ("old", "new", "part_of_the_fault"),
    [
        (r"^\| `src/consumer_fusion/score/` .*\n", "", "`src/consumer_fusion/score/` has no row"),
        (r"^(\| `src/consumer_fusion/score/`) .*\n", r"\1 | |\n", "needs a sentence"),
        (
            r"^(\| `src/consumer_fusion/score)/(`.*\n)",
            r"\1board/\2",
            "`src/consumer_fusion/scoreboard/` has a row",
        ),
        (r"^ *records\b", "  stories", "drawing differs"),
        (r"\[events\]", "[happenings]", "no table [happenings]"),
        (
            r"`score/points/points.toml`",
            "`score/points/dots.toml`",
            "`score/points/dots.toml` does not exist",
        ),
    ],
)
def test_a_document_that_is_not_true_is_found(document, old, new, part_of_the_fault):
    changed, times = re.subn(old, new, document, flags=re.MULTILINE)
    assert times
    assert any(part_of_the_fault in fault for fault in check_architecture.check(ROOT, changed))


def test_a_new_folder_is_found(document, tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "src" / "consumer_fusion" / "novelty").mkdir()
    (tmp_path / "src" / "consumer_fusion" / "novelty" / "__init__.py").write_text("")
    assert any("novelty" in fault for fault in check_architecture.check(tmp_path, document))


def test_there_are_nouns_commands_settings_and_decisions():
    assert len(NOUNS) >= 8
    assert len(COMMANDS) >= 8
    assert len(Settings.model_fields) >= 3
    assert len(DECISIONS) >= 6


@pytest.mark.parametrize("noun", NOUNS)
def test_the_glossary_has_an_entry_for_every_noun(noun):
    headings = [heading.lower() for heading in read_headings(DOCS / "concepts" / "glossary.md")]
    assert headings.count(noun.replace("_", " ")) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_heading(command):
    headings = read_headings(DOCS / "reference" / "commands.md")
    assert any(re.match(rf"fusion {re.escape(command)}\b(?! [a-z])", heading) for heading in headings)


def test_the_documents_tell_of_no_command_that_is_gone():
    headings = [h for h in read_headings(DOCS / "reference" / "commands.md") if h.startswith("fusion ")]
    assert headings
    groups = {command.rsplit(" ", 1)[0] for command in COMMANDS}
    told = {" ".join(re.match(r"fusion ((?:[a-z-]+ ?)+)", heading).group(1).split()) for heading in headings}
    assert told <= {*COMMANDS, *groups}


def test_no_document_has_leftovers_of_its_writing():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    leftovers = [
        f"{page.name}: {found}"
        for page in pages
        for found in re.findall(r"@@\w*|\b(?:TODO|FIXME|TBD|XXX)\b", page.read_text(encoding="utf-8"))
    ]
    assert leftovers == []


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_has_a_meaning_and_its_entry(setting):
    assert Settings.model_fields[setting].description
    page = (DOCS / "reference" / "settings.md").read_text(encoding="utf-8")
    assert re.search(rf"^(?:#+ |\| *)`?{setting}\b", page, re.MULTILINE)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_all_its_parts_and_stands_in_the_index(decision):
    assert read_headings(decision)[1:] == PARTS_OF_A_DECISION
    assert decision.name in (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    sentence = re.search(
        r"^## Decision\n+(.+?)\n\n", decision.read_text(encoding="utf-8"), re.M | re.S
    ).group(1)
    assert len(re.findall(r"[.!?](?:\s|$)", sentence)) == 1, "A decision is one sentence."


def test_the_lock_names_every_library_of_the_core():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = [re.match(r"[A-Za-z0-9_-]+", requirement).group() for requirement in project["dependencies"]]
    assert names
    assert not [name for name in names if not re.search(rf"^{name}==\S+ \\$", lock, re.M)]
    assert "://" not in lock


MEASUREMENTS = re.findall(
    r'`make bench B=(\w+)(?: A="([^"]*)")?`',
    (DOCS / "reference" / "benchmarks.md").read_text(encoding="utf-8"),
)


@pytest.mark.parametrize(("name", "options"), MEASUREMENTS)
def test_every_benchmark_of_the_page_exists_with_its_options(name, options):
    script = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
    known = set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', script))
    assert set(re.findall(r"--[a-z-]+", options)) <= known


def test_the_page_of_benchmarks_has_every_benchmark_of_speed():
    # Those of validity and of effects print no machine, because their figures do not depend on one.
    of_speed = [
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if "describe_machine" in (text := path.read_text(encoding="utf-8")) and "__main__" in text
    ]
    assert of_speed
    assert set(of_speed) <= {name for name, _ in MEASUREMENTS}
