"""Rows sorted by way of files are those sorted at once, and the files are gone afterwards."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.storage.external_sort import stream_sorted


def make_rows(count):
    chance = np.random.default_rng(1)
    number = chance.integers(0, 50, count)
    return pa.table({"number": number, "text": [f"t{each}" for each in chance.integers(0, 90, count)]})


@pytest.mark.parametrize("starts", [[0], [0, 10, 11, 40], [5, 60], [-3, 0, 49]])
def test_rows_come_in_order_whatever_the_ranges(tmp_path, starts):
    rows = make_rows(1_000)
    pieces = [rows.slice(first, 130) for first in range(0, 1_000, 130)]
    parts = list(stream_sorted(pieces, ("number", "text"), np.array(starts), tmp_path))
    expected = rows.sort_by([("number", "ascending"), ("text", "ascending")])
    assert pa.concat_tables(parts).to_pydict() == expected.to_pydict()
    assert len(parts) == len(
        {np.searchsorted(starts[1:], each, "right") for each in rows["number"].to_pylist()}
    )
    assert list(tmp_path.iterdir()) == []


def test_no_rows_are_one_table_without_rows(tmp_path):
    (empty,) = stream_sorted([make_rows(0)], ("number",), np.array([0]), tmp_path)
    assert (empty.num_rows, empty.column_names) == (0, ["number", "text"])


def test_the_files_are_deleted_although_reading_ends_early(tmp_path):
    parts = stream_sorted([make_rows(100)], ("number",), np.array([0, 20]), tmp_path)
    next(parts)
    assert list(tmp_path.iterdir())
    parts.close()
    assert list(tmp_path.iterdir()) == []
