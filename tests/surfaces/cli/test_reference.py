"""The reference is written from the code and never differs from it."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def pages(reference):
    return reference.write_pages()


def test_no_page_of_the_reference_differs_from_the_code(reference, pages):
    assert reference.find_stale_pages(pages) == [], "Run: python scripts/write_reference.py"


@pytest.mark.parametrize(
    "page", ["commands.md", "operations.md", "settings.md", "errors.md", "tables.md", "points.md"]
)
def test_a_page_that_was_changed_by_hand_is_found(reference, pages, tmp_path, page):
    for name, text in pages.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / page).write_text("by hand", encoding="utf-8")
    assert reference.find_stale_pages(pages, tmp_path) == [page]


def test_every_kind_of_the_points_table_is_on_the_page(reference):
    page = reference.write_points()
    keys = reference.load_points().kinds
    assert len(keys) >= 50
    assert [key for key in keys if f"| `{key}` |" not in page] == []
