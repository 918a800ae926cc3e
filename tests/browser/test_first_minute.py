"""The first minute: `fusion demo`, its address in a browser, and the story that the command told in the terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `dev`)")
expect = sync_api.expect


@pytest.fixture
def demo(tmp_path):
    """The address of a demo that runs as a visitor started it."""
    command = [sys.executable, "-m", "consumer_fusion", "demo", "--people", "40", "--port", "0", "--json"]
    running = subprocess.Popen(
        [*command, "--workspace", str(tmp_path / "town")], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "CI": "true"},
    )  # fmt: skip
    told = ""
    while not told.rstrip().endswith("}"):
        line = running.stdout.readline()
        assert line, "the demo ended before it served"
        told += line
    yield json.loads(told)["url"]
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 0
    running.stdout.close()


def test_a_visitor_of_the_demo_is_let_in_and_finds_why_the_artist_fell(demo, chromium):
    context = chromium.new_context(base_url=demo, reduced_motion="reduce", locale="en")
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#brand-choice")).to_be_visible()
    page.locator("#brand-choice").select_option("sweater-brand")
    expect(page.get_by_role("heading", level=1)).to_have_text("sweater-brand")
    page.goto("/relationship?consumer=pop-artist&brand=sweater-brand")
    ledger = page.locator("#ledger")
    expect(ledger).to_contain_text("−7.98")
    expect(ledger).to_contain_text("+3.00")
    context.close()
