"""A text with values is a message, so that no sentence is stored, parsed or lost to other languages."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "consumer_fusion"
SAID_BY = {"_", "N_", "ngettext", "Message", "as_message", "mark_count"}


def load_translate():
    spec = importlib.util.spec_from_file_location("translate", ROOT / "scripts" / "translate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WRITTEN_IN = load_translate().WRITTEN_IN
"""Where errors are raised that people meet on pages."""
BY_NOUN = "i18n/labels.py"
"""It makes the key of a count from its noun; each of these keys is marked with `mark_count`."""


def is_formatted(text):
    """Whether an expression puts values into a text by itself, which no catalogue then has."""
    match text:
        case ast.JoinedStr():
            return True
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return isinstance(value, ast.Constant) or is_formatted(value) or isinstance(value, ast.Call)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return any(isinstance(each, ast.Constant) or is_formatted(each) for each in (left, right))
        case ast.IfExp(body=body, orelse=orelse):
            return is_formatted(body) or is_formatted(orelse)
    return False


def find_formatted(place, text):
    """The calls of a module that say or raise a text with its values in it."""
    is_shown = any(place == part or place.startswith(f"{part}/") for part in WRITTEN_IN)
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            texts = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "hint")]
            if (name in SAID_BY or (is_shown and name.endswith("Error"))) and any(map(is_formatted, texts)):
                found.append(f"{place}:{node.lineno} {name}")
    return found


def test_no_text_for_people_has_its_values_in_it():
    places = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    del places[BY_NOUN]
    assert all((PACKAGE / part).exists() for part in WRITTEN_IN)
    assert [
        each for place, path in places.items() for each in find_formatted(place, path.read_text("utf-8"))
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        'reason = N_(f"They have a different {name}.")',
        'reason = as_message(N_("They have a different {name}.").format(name=name))',
        'raise InputError(f"There is no merge {merge_id}.")',
        'raise NotFoundError("No.", hint=f"Did you mean {near}?" if near else "Look again.")',
        'print(_("Hello " + name))',
    ],
)
def test_a_sentence_with_its_values_in_it_is_found(text):
    assert len(find_formatted("identity/planted.py", text)) == 1


def test_a_message_is_none():
    assert (
        find_formatted("identity/planted.py", 'raise InputError(Message("No merge {merge_id}.", merge_id=7))')
        == []
    )


SENTENCE = re.compile(r"[A-Za-z]{2,}[:,]? [a-z]{2,}[ :.]")


def find_parsed(text):
    """The lines of a module that match a pattern with words of a sentence."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = getattr(node.func.value, "id", "")
            texts = [each.value for each in node.args[:1] if isinstance(each, ast.Constant)]
            if of == "re" and any(
                isinstance(each, str) and "(?x" not in each and SENTENCE.search(each) for each in texts
            ):
                found.append(node.lineno)
    return found


def test_no_sentence_is_parsed():
    assert find_parsed('import re\nre.sub(r"There is no merge (.+)", "", text)\n') == [2]
    assert find_parsed('import re\nre.match(r"(?P<n>\\d+) series of (?P<m>\\d+)", text)\n') == [2]
    assert {
        str(path): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := find_parsed(path.read_text(encoding="utf-8")))
    } == {}
