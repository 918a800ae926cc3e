"""One real server for the tests of a file, and ids that no other test has."""

from __future__ import annotations

import itertools

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
from live_server import LiveServer

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "collect" in item.path.parts and "server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.process)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    live = LiveServer(tmp_path_factory.mktemp("live") / "workspace").start()
    yield live
    live.stop()


@pytest.fixture
def tag():
    """A word that marks the events of one test."""
    return f"test-{next(_numbers)}"
