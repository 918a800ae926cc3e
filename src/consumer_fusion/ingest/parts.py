"""The rows of files, cut into parts that fit into memory: line by line, or as they stand in Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer_fusion.ingest.lines import read_lines

POSITION = "__position"
LINE = "__line"
BROKEN_SCHEMA = pa.schema([
    ("position", pa.int64()), ("code", pa.string()), ("message", pa.string()), ("raw", pa.string()),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of an import, in order.

    Attributes:
        rows: The rows, with their `POSITION` in the import.
        broken: Lines that are no rows, in `BROKEN_SCHEMA`.
        last_position: The position of the last row or broken line.
        fraction: How much of all files has been read, 0 to 1.
    """

    rows: pa.Table
    broken: pa.Table
    last_position: int
    fraction: float


def read_line_parts(
    files: Sequence[Path], *, encoding: str = "utf-8", rows_per_part: int, skip_rows: int = 0
) -> Iterator[Part]:
    """The lines of text files as parts with the columns `POSITION` and `LINE`.

    Args:
        files: The files, in order.
        encoding: Their encoding.
        rows_per_part: A part holds at least so many lines, the last one excepted.
        skip_rows: So many lines were dealt with before and are passed over.
    """
    gathered: list[pa.Table] = []
    broken: list[tuple[int, str, str, str]] = []
    position = 0
    for number, file in enumerate(files):
        for block in read_lines(file, encoding):
            first, position = position + 1, position + len(block.lines)
            is_broken = {each.index for each in block.broken if first + each.index > skip_rows}
            broken += [
                (first + each.index, each.code, f"Row {first + each.index} {each.detail}.", each.raw)
                for each in block.broken
                if each.index in is_broken
            ]
            table = pa.table({POSITION: pa.array(range(first, position + 1), pa.int64()), LINE: block.lines})
            if block.broken:
                bad = {each.index for each in block.broken}
                table = table.filter(pa.array([index not in bad for index in range(len(table))]))
            if first <= skip_rows:
                table = table.filter(pa.compute.greater(table[POSITION], skip_rows))
            gathered.append(table)
            if sum(map(len, gathered)) + len(broken) >= rows_per_part:
                fraction = (number + block.fraction) / len(files)
                yield _join_part(gathered, broken, position, fraction)
                gathered, broken = [], []
    if any(map(len, gathered)) or broken:
        yield _join_part(gathered, broken, position, 1.0)


def _join_part(
    gathered: Sequence[pa.Table], broken: Sequence[tuple[int, str, str, str]], position: int, fraction: float
) -> Part:
    return Part(pa.concat_tables(gathered), make_broken(broken), position, fraction)


def make_broken(rows: Sequence[tuple[int, str, str, str]]) -> pa.Table:
    """Rows of position, code, message and raw line as a table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(BROKEN_SCHEMA)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, BROKEN_SCHEMA, strict=True)],
                    schema=BROKEN_SCHEMA)  # fmt: skip
