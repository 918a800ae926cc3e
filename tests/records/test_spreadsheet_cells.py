"""Texts from outside are no formulas in a spreadsheet, whoever writes the file."""

from __future__ import annotations

import pyarrow as pa
import pytest

from consumer_fusion.records.spreadsheet_cells import write_cell, write_cells

HOSTILE = [
    "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\ufeff=1+1", "\uff1d1+1", " =1",
    "\u200b=1", "\u200f+1",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_a_spreadsheet_would_compute_is_written_as_text(text):
    assert write_cell(text) == f"'{text}"
    assert write_cells(pa.table({"key": ["ann", text]}))["key"].to_pylist() == ["ann", f"'{text}"]


@pytest.mark.parametrize("value", ["ann", "a=b", "7", "é+1", "", None, -5, 2.5])
def test_other_values_stay_as_they_are(value):
    assert write_cell(value) == value


def test_what_turns_the_direction_of_writing_is_replaced():
    assert write_cell("ann\u202egpj.exe") == "ann\ufffdgpj.exe"
    table = write_cells(pa.table({"key": ["ann\u202e", None], "score": [1.0, 2.0]}))
    assert table.to_pylist() == [{"key": "ann\ufffd", "score": 1.0}, {"key": None, "score": 2.0}]
