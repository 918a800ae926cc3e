"""Rows of delimited text: lines of a CSV file joined where a quote spans them, and split into columns.

A row with another number of columns, or with an unclosed quote, costs that one line and no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.ingest.line_reader import LineBlock, MalformedLine, read_lines
from consumer_fusion.ingest.mapping import WHITESPACE, FileLayout

LINES_PER_ROW_LIMIT = 1_000
"""Maximum number of lines of a quoted value; a quote open for longer is no quote."""


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some rows of a file, in order.

    Attributes:
        rows: Original text of each row; also of malformed ones.
        columns: Columns, with one value per row; null in malformed rows.
        broken: Rows that could not be split.
        fraction: Share of the file that has been read, 0 to 1.
    """

    rows: pa.Array
    columns: Sequence[pa.Array]
    broken: tuple[MalformedLine, ...]
    fraction: float


def read_header(path: Path, layout: FileLayout) -> tuple[str | None, tuple[str, ...]]:
    """The header line of a file, None where it has none, and the names of its columns.

    Raises:
        InputError: The file is empty, or its header repeats a name.
    """
    if not layout.has_header:
        return None, layout.columns
    seen = 0
    for block in read_lines(path, layout.encoding):
        if seen + len(block.lines) > layout.skip_lines:
            place = layout.skip_lines - seen
            line: str = block.lines[place].as_py()
            unreadable = next((each.raw for each in block.broken if each.index == place), None)
            if unreadable is not None or "\0" in line:
                raise _refuse_encoding(path, layout, line if unreadable is None else unreadable)
            try:
                names = layout.columns or _trim_names(_cut_row(line, layout))
            except csv.Error:
                raise InputError(
                    f"The header of {path.name} has quotes or line breaks that cannot be read.",
                    hint="Save it with one kind of line breaks, or name the `quote` in the mapping, empty for none.",
                    where=str(path),
                ) from None
            if len(set(names)) != len(names):
                raise InputError(
                    f"The header of {path.name} names a column twice.",
                    hint="Give the names in the mapping: `columns = [...]` under [source].",
                    where=str(path),
                )
            return line, names
        seen += len(block.lines)
    raise InputError(
        f"The file {path.name} has no header.", hint="Check that it is the right file.", where=str(path)
    )


def _refuse_encoding(path: Path, layout: FileLayout, header: str) -> InputError:
    guess = (
        "utf-16" if "\0" in header or header.startswith(("\\xff\\xfe", "\\xfe\\xff")) else "cp1252 or latin-1"
    )
    return InputError(
        f"The header of {path.name} is not text of the encoding '{layout.encoding}'.",
        hint=f'Name the encoding in the mapping: `encoding = "..."` under [source]; it may be {guess}.',
        where=str(path),
    )


def _trim_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of columns; blank ones at the end are dropped, as spreadsheets leave them."""
    trimmed = [name.strip() for name in names]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return tuple(trimmed)


def read_rows(path: Path, layout: FileLayout, names: Sequence[str]) -> Iterator[RowBlock]:
    """The rows of a delimited file below its header, block by block."""
    to_skip = layout.skip_lines + layout.has_header
    for block in _join_rows(read_lines(path, layout.encoding), layout, to_skip):
        columns, broken = _cut_block(block.lines, {each.index for each in block.broken}, layout, len(names))
        yield RowBlock(block.lines, columns, (*block.broken, *broken), block.fraction)


def _join_rows(blocks: Iterator[LineBlock], layout: FileLayout, to_skip: int) -> Iterator[LineBlock]:
    """Lines joined where a quoted column continues over a line break."""
    open_lines: list[str] = []
    for block in blocks:
        if to_skip:
            kept = max(0, len(block.lines) - to_skip)
            skipped = len(block.lines) - kept
            to_skip -= skipped
            broken = tuple(
                MalformedLine(each.index - skipped, each.code, each.detail, each.raw)
                for each in block.broken
                if each.index >= skipped
            )
            block = LineBlock(block.lines.slice(skipped), broken, block.fraction)
        is_balanced = True
        if layout.quote and layout.delimiter != WHITESPACE and len(block.lines):
            quotes = pc.count_substring(block.lines, layout.quote)
            is_balanced = not pc.any(pc.equal(pc.bit_wise_and(quotes, 1), 1)).as_py()
        if is_balanced and not open_lines:
            yield block
            continue
        rows, unclosed = _join_lines(block, open_lines, layout.quote)
        yield LineBlock(pa.array(rows, pa.string()), tuple(unclosed), block.fraction)
    if open_lines:
        rows, unclosed = _give_up(open_lines, 0, layout.quote)
        yield LineBlock(pa.array(rows, pa.string()), tuple(unclosed), 1.0)


def _join_lines(block: LineBlock, open_lines: list[str], quote: str) -> tuple[list[str], list[MalformedLine]]:
    unreadable = {each.index: each for each in block.broken}
    rows: list[str] = []
    broken: list[MalformedLine] = []
    for index, line in enumerate(block.lines.to_pylist()):
        if index in unreadable:
            given_up, unclosed = _give_up(open_lines, len(rows), quote)
            rows += given_up
            broken += unclosed
            found = unreadable[index]
            broken.append(MalformedLine(len(rows), found.code, found.detail, found.raw))
            rows.append("")
        elif open_lines:
            open_lines.append(line)
            if line.count(quote) % 2:
                rows.append("\n".join(open_lines))
                open_lines.clear()
            elif len(open_lines) > LINES_PER_ROW_LIMIT:
                given_up, unclosed = _give_up(open_lines, len(rows), quote)
                rows += given_up
                broken += unclosed
        elif line.count(quote) % 2:
            open_lines.append(line)
        else:
            rows.append(line)
    return rows, broken


def _give_up(open_lines: list[str], first_index: int, quote: str) -> tuple[list[str], list[MalformedLine]]:
    """Treat the first of the open lines as malformed and read the others again."""
    rows: list[str] = []
    broken: list[MalformedLine] = []
    while open_lines:
        line = open_lines.pop(0)
        if line.count(quote) % 2:
            broken.append(
                MalformedLine(
                    first_index + len(rows), "broken_line", "has a quote that is never closed. Close it", line
                )
            )
        rows.append(line)
    return rows, broken


def _cut_block(
    rows: pa.Array, unreadable: set[int], layout: FileLayout, width: int
) -> tuple[list[pa.Array], list[MalformedLine]]:
    broken: list[MalformedLine] = []
    if layout.delimiter == WHITESPACE:
        cut = pc.split_pattern_regex(pc.utf8_trim_whitespace(rows), r"\s+")
        has_quotes = np.zeros(len(rows), dtype=bool)
    else:
        cut = pc.split_pattern(rows, layout.delimiter)
        has_quotes = (
            pc.match_substring(rows, layout.quote).to_numpy(zero_copy_only=False)
            if layout.quote
            else np.zeros(len(rows), dtype=bool)
        )
    lengths = pc.list_value_length(cut).to_numpy(zero_copy_only=False)
    is_plain = ~has_quotes & (lengths == width)
    others = np.flatnonzero(~is_plain)
    flat = cut.filter(pa.array(is_plain)).flatten() if len(others) else cut.flatten()
    columns = [flat.take(pa.array(np.arange(each, len(flat), width))) for each in range(width)]
    if not len(others):
        return columns, broken
    parsed: list[list[str | None]] = [[] for _ in range(width)]
    for index, text in zip(others.tolist(), rows.take(pa.array(others)).to_pylist(), strict=True):
        values: list[str] | None = None
        if index not in unreadable:
            try:
                values = _cut_row(text, layout)
            except csv.Error:
                broken.append(MalformedLine(
                    index, "broken_line", "has quotes that cannot be read. Double a quote inside a quoted column", text
                ))  # fmt: skip
            if values is not None and len(values) > width and not any(map(str.strip, values[width:])):
                values = values[:width]
            if values is not None and len(values) != width:
                detail = Message(
                    "has {values} columns, expected {width}. Add or remove delimiters",
                    values=len(values),
                    width=width,
                )
                broken.append(MalformedLine(index, "broken_line", detail, text))
                values = None
        for place, column in enumerate(parsed):
            column.append(values[place] if values is not None else None)
    order = pa.array(np.argsort(np.concatenate([np.flatnonzero(is_plain), others]), kind="stable"))
    return [
        pa.concat_arrays([column, pa.array(more, pa.string())]).take(order)
        for column, more in zip(columns, parsed, strict=True)
    ], broken


def _cut_row(text: str, layout: FileLayout) -> list[str]:
    if layout.delimiter == WHITESPACE:
        return text.split()
    if not layout.quote:
        return text.split(layout.delimiter)
    return next(csv.reader([text], delimiter=layout.delimiter, quotechar=layout.quote, strict=True))
