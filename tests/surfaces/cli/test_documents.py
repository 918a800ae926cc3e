"""The documents show commands that there are, links that lead somewhere, and the story as it is told."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from command_line import run_fusion
from consumer_fusion.i18n.labels import FACET_LABELS, SYMBIOSIS_LABELS
from consumer_fusion.ingest.validation import CANONICAL_COLUMNS
from consumer_fusion.surfaces.cli.application import application

ROOT = Path(__file__).resolve().parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def list_commands(page):
    """The `fusion` commands of the shell blocks of a page; those of consoles are run by docs/conftest.py."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for words in (
            line.split("#")[0].strip() for line in re.sub(r"'[^']*'", "'quoted'", block).splitlines()
        ):
            if words.startswith(("fusion ", ".venv/bin/fusion ")):
                yield shlex.split(words)[1:]


SHOWN = [(page, words) for page in PAGES for words in list_commands(page)]


def test_there_are_commands_and_links_to_look_at():
    assert len(SHOWN) >= 10
    assert len(PAGES) >= 20


@pytest.mark.parametrize(
    ("page", "words"), SHOWN, ids=lambda value: " ".join(value) if isinstance(value, list) else value.stem
)
def test_a_command_that_is_shown_can_be_called_so(page, words):
    command = typer.main.get_command(application)
    path = []
    while hasattr(command, "commands"):
        path.append(words[0])
        assert words[0] in command.list_commands(None), f"{page.name} shows {' '.join(path)}"
        command, words = command.get_command(None, words[0]), words[1:]
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    assert [word for word in words if word.startswith("--") and word not in {*options, "--help"}] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_that_is_there(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("folder", ["tutorial", "how-to", "concepts", "reference"])
def test_every_page_stands_in_the_index(folder):
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs" / folder).glob("*.md"))
    assert pages
    assert [page.name for page in pages if f"({folder}/{page.name})" not in index] == []


def test_the_readme_tells_the_story_as_the_demo_tells_it(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    run = run_fusion("demo", "--no-serve", "--people", 0, "--workspace", tmp_path / "town")
    rows = [line.split() for line in run.output.splitlines() if line.startswith(("sweater-brand", "salmon-"))]
    assert len(rows) == 2
    shown = [line.split() for line in readme.splitlines()]
    assert all(row in shown for row in rows)


def test_the_readme_names_only_commands_that_there_are_and_no_host():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`fusion ([a-z]+)", readme))
    assert len(told) >= 15
    assert told <= set(typer.main.get_command(application).list_commands(None))
    assert "://" not in readme


def test_the_page_about_sending_has_every_field_of_an_event():
    page = (ROOT / "docs" / "how-to" / "send-events.md").read_text(encoding="utf-8")
    told = {
        name
        for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
        for name in re.findall("`([a-z_]+)`", row)
    }
    assert len(CANONICAL_COLUMNS) >= 12
    assert sorted(set(CANONICAL_COLUMNS) - told) == []


def test_the_glossary_names_code_and_label_of_kinds_of_relationships_and_facets():
    page = " ".join((ROOT / "docs" / "concepts" / "glossary.md").read_text(encoding="utf-8").split())
    labels = {**SYMBIOSIS_LABELS, **{code: each for code, each in FACET_LABELS.items() if each.words != code}}
    told = {code: (f"{each.words} (`{code}`)", f"`{code}` ({each.words})") for code, each in labels.items()}
    assert len(told) >= 12
    assert [code for code, forms in told.items() if not any(form in page for form in forms)] == []


def test_the_page_of_the_score_has_the_code_and_the_label_of_every_kind_of_relationship():
    page = (ROOT / "docs" / "concepts" / "score.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"\| ([^|]+) \| `([a-z-]+)` \|$", page, re.MULTILINE))
    assert shown == {label.words: code for code, label in SYMBIOSIS_LABELS.items()}
