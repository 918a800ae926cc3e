"""Runs the Python examples of the documents, so that what a reader copies works."""

from __future__ import annotations

import os
import tempfile
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


def _enter_empty_folder(namespace: dict[str, object]) -> None:
    """Each page begins in an empty folder of its own, as a reader would."""
    folder = tempfile.TemporaryDirectory()
    namespace["_folder"], namespace["_before"] = folder, os.getcwd()
    os.chdir(folder.name)


def _leave_folder(namespace: dict[str, object]) -> None:
    os.chdir(str(namespace["_before"]))
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()],
    patterns=["*.md"],
    setup=_enter_empty_folder,
    teardown=_leave_folder,
).pytest()
