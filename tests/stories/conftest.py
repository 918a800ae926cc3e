"""The places in which the stories happen: the town of the demo, and empty workspaces."""

from __future__ import annotations

import shutil

import pytest

from command_line import ask_fusion, make_demo, run_fusion
from copied_workspaces import copy_made


def pytest_collection_modifyitems(items):
    for item in items:
        if "stories" in item.path.parts:
            item.add_marker(pytest.mark.story)


@pytest.fixture
def town(tmp_path):
    """The town of the demo, to do with as one likes."""
    return copy_made(tmp_path / "town", make_demo, 20)


@pytest.fixture(scope="session")
def untouched_workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories") / "workspace"
    assert run_fusion("init", folder).status == 0
    return folder


@pytest.fixture
def workspace(untouched_workspace, tmp_path):
    """A new workspace without events."""
    return shutil.copytree(untouched_workspace, tmp_path / "workspace")


@pytest.fixture
def read_score():
    """What `fusion score` says of one pair at a moment."""

    def read(workspace, consumer, brand, as_of="latest"):
        (row,) = ask_fusion(workspace, "score", "--consumer", consumer, "--brand", brand, "--as-of", as_of)
        return row

    return read
