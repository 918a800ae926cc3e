"""Docstrings, comments, texts and documents are in plain English, the catalogue in plain Italian."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def linter():
    path = ROOT / "scripts" / "linters" / "plain_words.py"
    spec = importlib.util.spec_from_file_location("plain_words", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["plain_words"] = module
    spec.loader.exec_module(module)
    return module


def test_everything_that_is_read_is_in_plain_words(linter):
    assert [str(each) for each in linter.check_all()] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""What a workspace holds."""', ["What"]),
        (
            'def ask(moment_us):\n    """Ask.\n\n    Args:\n        moment_us: Where the newest event is.\n    """',
            ["Where the"],
        ),
        ("# Whoever looks then sees the former page.", ["Whoever"]),
        ('HINT = _("Measure it anew.")', ["anew"]),
        ('raise InputError(f"{name} was told of {brand}.")', ["told"]),
        ('"""Queries of a workspace."""', []),
        ('QUOTED = "Sing it anew!"  # words: as is', []),
    ],
)
def test_a_riddle_is_found_in_docstring_comment_and_text(linter, tmp_path, text, found):
    path = tmp_path / "planted.py"
    path.write_text(text + "\n", encoding="utf-8")
    assert [each.found for each in linter.check_source(path)] == found


def test_a_riddle_is_found_in_a_document_and_in_the_catalogue(linter, tmp_path):
    page, catalogue = tmp_path / "page.md", tmp_path / "messages.po"
    page.write_text("Plain.\nA row is mended.\n", encoding="utf-8")
    catalogue.write_text('msgid ""\nmsgstr ""\n\nmsgid "spend"\nmsgstr "portafoglio"\n', encoding="utf-8")
    assert [(each.line, each.found) for each in linter.check_document(page)] == [(2, "mended")]
    assert [each.found for each in linter.check_catalogue(catalogue)] == ["portafoglio"]
