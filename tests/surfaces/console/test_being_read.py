"""Pages of very much: they say that they are being read, come by themselves, and are then what they always are."""

from __future__ import annotations

import re
import time

import pytest

from console_town import OWNER, open_console
from consumer_fusion.surfaces.console import queries as readings_module
from consumer_fusion.surfaces.console.queries import ConsoleQueries

BRAND = "sweater-brand"
PATHS = [f"/brand?brand={BRAND}", f"/consumers?brand={BRAND}", "/brands", "/points"]


def read_main(answer):
    """What stands on the page, without the tokens of its forms."""
    main = re.search(r"<main.*</main>", answer.text, re.DOTALL).group(0)
    return re.sub(r'name="form_token" value="[^"]*"', "", main)


@pytest.mark.parametrize("path", [*PATHS, "/"])
def test_a_page_that_takes_seconds_says_so_at_once(owner, monkeypatch, path):
    for name in ("find_brand", "find_brands", "find_unscored"):
        monkeypatch.setattr(ConsoleQueries, name, lambda *_: None)
    answer = owner.get(path)
    assert answer.status_code == 202
    assert 'data-again="' in answer.text
    assert "This page takes a few seconds to compute." in answer.text


def test_pages_that_were_read_aside_are_those_read_in_place(town_folder, owner, monkeypatch):
    in_place = {path: read_main(owner.get(path)) for path in PATHS}
    monkeypatch.setattr(readings_module, "is_many", lambda *_: True)
    with open_console(town_folder) as (app, *_):
        visitor = type(owner)(app).sign_in(OWNER)
        for path in PATHS:
            end = time.monotonic() + 60
            while (answer := visitor.get(path)).status_code == 202 or "being counted" in answer.text:
                assert time.monotonic() < end, "the page did not come"
                time.sleep(0.05)
            assert answer.status_code == 200
            assert read_main(answer) == in_place[path]
