"""The console of a small town before a real browser."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from browser_staff import sign_in
from console_town import make_town, serve_console

AXE = "axe-core@4.11.0"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def axe():
    """The accessibility engine, fetched by npm beside the repository; skipped where that cannot be."""
    folder = Path(tempfile.gettempdir()) / f"consumer-fusion-{AXE}"
    script = folder / "package" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, which fetches axe-core")
        folder.mkdir(exist_ok=True)
        packed = subprocess.run(
            [npm, "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120
        )
        if packed.returncode:
            pytest.skip("npm could not fetch axe-core")
        shutil.unpack_archive(folder / packed.stdout.strip().splitlines()[-1], folder)
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def town_folder(tmp_path_factory):
    return make_town(tmp_path_factory.mktemp("browser") / "town")


@pytest.fixture(scope="module")
def address(town_folder, tmp_path_factory):
    """A console of one's own for each module, because stories change the town."""
    folder = tmp_path_factory.mktemp("served") / "town"
    shutil.copytree(town_folder, folder)
    with serve_console(folder) as served:
        yield served


@pytest.fixture
def open_page(chromium, address):
    """Opens a browser of its own, signed in or not, and sees that no page has an error of script or policy."""
    contexts, faults = [], []

    def open_one(*, size=DESK, theme="light", language="en", is_signed_in=True):
        context = chromium.new_context(
            viewport=size, color_scheme=theme, locale=language, base_url=address, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        if is_signed_in:
            sign_in(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []
