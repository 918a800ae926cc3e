"""Names: the person is a consumer, modules say what lives in them, no name is used twice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "consumer_fusion"
MODULES = sorted(PACKAGE.rglob("*.py"))

# The product is about consumers.
BANNED_FOR_A_PERSON = {"customer", "customers", "client", "clients", "user", "users"}

BANNED_IN_MODULES = set(
    "util utils helper helpers common misc manager managers handler handlers processor processors "
    "service services models domain info impl stuff tools".split()
)
BANNED_CLASS_ENDINGS = ("Service", "Impl", "Manager", "Processor", "Handler", "Helper", "Util", "Utils")
# A name may be used again where the folder makes it plain: the nouns of records/, the mirror in surfaces/cli/.
MAY_REPEAT_IN = {("records",), ("surfaces", "cli")}
# Each capability declares in modules of these names; `server/http_errors.py` gives `errors.py` a status.
MAY_REPEAT = {"__init__", "__main__", "errors", "jobs", "operations", "stages"}


def split_name(name: str) -> list[str]:
    """The words of a name: `read_OldCustomer2` has read, old, customer."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def find_names(tree: ast.AST) -> list[tuple[int, str]]:
    """Every identifier of a module, with its line."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.append((line, node.name))
            case ast.Name():
                found.append((line, node.id))
            case ast.Attribute():
                found.append((line, node.attr))
            case ast.arg():
                found.append((line, node.arg))
            case ast.keyword() if node.arg:
                found.append((line, node.arg))
            case ast.alias():
                found.append((line, node.asname or node.name))
    return found


def find_banned_persons(tree: ast.AST) -> list[tuple[int, str]]:
    """The identifiers of a module that call the person by another word."""
    return [(line, name) for line, name in find_names(tree) if BANNED_FOR_A_PERSON & set(split_name(name))]


def find_banned_module_words(stem: str) -> set[str]:
    """The words of a module's name that say nothing about it."""
    words = set(stem.strip("_").split("_"))
    return (BANNED_IN_MODULES & words) | ({"base"} & words if stem != "base" else set())


def find_repeated(modules: list[Path]) -> list[str]:
    """Module names that stand in more than one place, without the places that may repeat."""
    names = Counter(
        module.stem
        for module in modules
        if module.stem not in MAY_REPEAT
        and not any(module.parts[: len(each)] == each for each in MAY_REPEAT_IN)
    )
    return sorted(name for name, count in names.items() if count > 1)


def test_there_are_modules_to_look_at():
    assert len(MODULES) >= 20


@pytest.fixture(scope="module")
def trees():
    """Every module as Python reads it, by its path."""
    return {module.relative_to(PACKAGE): ast.parse(module.read_text(encoding="utf-8")) for module in MODULES}


def find_faults(given, find):
    """What is wrong with each module, by its path; only those with which something is."""
    found = {str(path): find(each) for path, each in given.items()}
    return {path: faults for path, faults in found.items() if faults}


def test_the_person_is_called_a_consumer(trees):
    assert find_faults(trees, find_banned_persons) == {}, (
        "Say consumer (or staff, for people who use the product)."
    )


def test_a_module_says_what_it_is(trees):
    assert find_faults({path: path.stem for path in trees}, find_banned_module_words) == {}, (
        "Name it after what lives in it (a noun of the product)."
    )


def test_a_class_says_what_it_is(trees):
    def find(tree):
        classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        return [name for name in classes if name.endswith(BANNED_CLASS_ENDINGS)]

    assert find_faults(trees, find) == {}


def test_a_module_says_in_a_sentence_what_lives_in_it(trees):
    def find(tree):
        sentence = ast.get_docstring(tree) or ""
        return [] if len(sentence.split()) >= 4 else [sentence]

    assert find_faults(trees, find) == {}


def test_no_module_name_is_used_twice():
    assert find_repeated([module.relative_to(PACKAGE) for module in MODULES]) == []


def test_no_folder_has_a_banned_name():
    folders = {module.parent.name for module in MODULES if module.parent != PACKAGE}
    assert len(folders) >= 8
    assert not {name for name in folders if find_banned_module_words(name)}


@pytest.mark.parametrize(
    "text",
    [
        "customer_id = 1",
        "def read(user): ...",
        "class OldClient: ...",
        "import x as clients",
        "f(userName=1)",
        "a.user",
    ],
)
def test_another_word_for_the_person_is_found(text):
    assert find_banned_persons(ast.parse(text))


@pytest.mark.parametrize("text", ["path.expanduser()", "consumer_id = 1", "clienteling = 1", "used = 1"])
def test_a_word_that_only_looks_alike_is_left(text):
    assert find_banned_persons(ast.parse(text)) == []


@pytest.mark.parametrize("stem", ["utils", "score_helpers", "base_store", "common", "_domain"])
def test_a_module_name_that_says_nothing_is_found(stem):
    assert find_banned_module_words(stem)


def test_a_repeated_module_name_is_found():
    modules = [
        Path("score/model/reading.py"),
        Path("spillover/reading.py"),
        Path("surfaces/cli/score.py"),
        Path("records/score.py"),
    ]
    assert find_repeated(modules) == ["reading"]
