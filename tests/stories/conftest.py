"""The places in which the stories happen: the town of the demo, and empty workspaces."""

from __future__ import annotations

import shutil

import pytest

from command_line import ask_fusion, run_fusion


def pytest_collection_modifyitems(items):
    for item in items:
        if "stories" in item.path.parts:
            item.add_marker(pytest.mark.story)


@pytest.fixture(scope="session")
def untouched_town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories") / "town"
    run = run_fusion("demo", "--no-serve", "--people", 20, "--json", "--workspace", folder)
    assert run.status == 0, run.output + run.complaint
    return folder


@pytest.fixture
def town(untouched_town, tmp_path):
    """The town of the demo, to do with as one likes."""
    return shutil.copytree(untouched_town, tmp_path / "town")


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
