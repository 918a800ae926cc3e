"""Safe spreadsheet cells: no text is run as a formula or changes the direction of the text around it.

Keys come from outside and may be malicious (OWASP, "CSV Injection").
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.characters import UNSAFE_PATTERN, replace_unsafe

_FORMULA = re.compile(
    "[\\s\\ufeff\\u200b-\\u200f\\u2060]*[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20]"  # also in full width
    "|[\\t\\r\\n]"
)


def write_cell(value: object) -> object:
    """The value for a CSV file: a text that a spreadsheet would evaluate gets a leading apostrophe."""
    if not isinstance(value, str):
        return value
    text = replace_unsafe(value)
    return f"'{text}" if _FORMULA.match(text) else text


def write_cells(table: pa.Table) -> pa.Table:
    """The table with all texts converted by `write_cell`."""
    for place, name in enumerate(table.column_names):
        column = table[name]
        if not pa.types.is_string(column.type):
            continue
        is_odd = pc.match_substring_regex(column, f"^[^\\pL\\pN]|{UNSAFE_PATTERN}")
        if pc.any(is_odd).as_py():
            table = table.set_column(
                place, name, pa.array([write_cell(each) for each in column.to_pylist()], pa.string())
            )
    return table
