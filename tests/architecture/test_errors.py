"""Errors: one tree, each with its own code, its sentence, its heading in the documents, one JSON shape."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import consumer_fusion
from consumer_fusion.errors import FusionError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "errors.md"


def find_errors() -> list[type[FusionError]]:
    """The root and all that descend from it, in every module of the package."""
    for module in pkgutil.walk_packages(consumer_fusion.__path__, "consumer_fusion."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [FusionError]
    while waiting:
        error = waiting.pop()
        found.append(error)
        waiting += error.__subclasses__()
    return sorted(set(found), key=lambda error: error.__name__)


ERRORS = find_errors()


def test_there_are_errors_to_look_at():
    assert len(ERRORS) >= 8


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_error_has_its_own_code_and_says_what_it_is(error):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert [other for other in ERRORS if other.code == error.code] == [error]
    assert error.__name__.endswith("Error")
    assert error.__doc__
    assert error.__module__ == "consumer_fusion.errors"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_error_has_a_heading_in_the_documents(error):
    headings = re.findall(r"^#+ .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert any(re.search(rf"\b{error.code}\b", heading) for heading in headings)


def test_the_documents_tell_of_no_error_that_is_gone():
    codes = re.findall(r"^#+ .*`([a-z_]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert codes
    assert set(codes) <= {error.code for error in ERRORS}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_error_has_the_one_shape(error):
    shape = error("Found this.", hint="Do that.", where="line 3").as_dict()
    assert shape["ok"] is False
    assert shape["code"] == error.code
    assert shape["errors"] == [
        {"code": error.code, "message": "Found this.", "hint": "Do that.", "where": "line 3"}
    ]
