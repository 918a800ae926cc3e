"""What tests of several folders share: how properties are tried, and a browser."""

from __future__ import annotations

import gc
import os
import shutil

import pytest
from hypothesis import settings

from copied_workspaces import make_room

# A slow machine is no fault of the product's: how long something takes is for benchmarks.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Waking a second thread for a handful of rows takes a fifth of all that the tests compute. What the product does
# where nothing is set, one thread a core, is seen by the tests that kill processes.
os.environ.setdefault("CONSUMER_FUSION_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Whoever has no time for a browser can leave out all that needs one."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


def pytest_collection_finish():
    """Who looks for garbage need not look at all the tests and libraries each time."""
    gc.freeze()


ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def made_workspaces(tmp_path_factory):
    """What is made to be copied lies where all processes that run the tests find it; pytest removes it in time."""
    own = tmp_path_factory.getbasetemp()
    make_room((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-workspaces")


@pytest.fixture(scope="module")
def chromium():
    """A real browser; skipped where Playwright or Chromium are not installed.

    One for a file of tests: Playwright keeps a running loop in its thread until it ends, so that neither a second
    one nor a loop of a later test could be started beside it.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed (extra `dev`)"
    )
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium; on Debian: apt install chromium, or name one in CHROMIUM")
    playwright.expect.set_options(
        timeout=30_000
    )  # a page may measure something first, on a machine with other work
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
