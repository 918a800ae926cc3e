"""Every control that asks for a part of a page fills its place, and the page stays whole; see `test_live.py` too."""

from __future__ import annotations

import pytest

from browser_staff import PAGES, draw_all, work_controls

REGULAR = "/relationship?consumer=regular-reader&brand=book-shop&as_of=2026-06-15T20:30"
"""A relationship of so many events that the earlier ones are asked for."""
ADDRESSES = {**PAGES, "long relationship": REGULAR}
HALVES = [list(ADDRESSES)[::2], list(ADDRESSES)[1::2]]
WORKED = {
    "associations": 1, "consumers": 1, "kind": 1, "points": 1, "relationship": 6, "long relationship": 8,
}  # fmt: skip
"""So many controls at least: searching, previewing, charts, what if, earlier events."""


@pytest.mark.parametrize("names", HALVES, ids=["half", "other half"])
def test_every_control_that_asks_for_a_part_of_a_page_fills_its_place(open_page, names):
    page = open_page()
    counts, faults = {}, {}
    for name in names:
        page.goto(ADDRESSES[name])
        draw_all(page)
        worked, faults[name] = work_controls(page)
        counts[name] = len(worked)
    assert {name: found for name, found in faults.items() if found} == {}
    assert {name: counts[name] for name in names if counts[name] < WORKED.get(name, 0)} == {}
