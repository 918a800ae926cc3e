"""Rows of files, cut into parts that fit into memory and can be counted again after an interruption."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import write_message
from consumer_fusion.ingest.delimited import read_header, read_rows
from consumer_fusion.ingest.line_reader import MalformedLine, read_lines, read_objects, split_lines
from consumer_fusion.ingest.mapping import FileFormat, FileLayout

POSITION = "__position"
LINE = "__line"
HEADER = "__header"
PROBLEM = "__problem"
DETAIL = "__detail"

PART_BYTES = 8 << 20
"""Size at which a part ends, whatever the number of its rows: long rows take sixty times their size to be checked."""

_FORMATS: dict[str, FileFormat] = {
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
_PARQUET_ROWS = 100_000
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows of an import, in order.

    Attributes:
        rows: Rows with their `POSITION` in the import. Lines have `LINE`, and `PROBLEM` and `DETAIL` where
            they are no rows; rows of a delimited file also have their `HEADER`.
        form: `objects` are JSON lines, `texts` are the columns of a delimited file, `values` those of Parquet.
        columns: Names of the columns; none for `objects`.
        last_position: Position of the last row.
        fraction: Share of all files that has been read, 0 to 1.
    """

    rows: pa.Table
    form: Literal["objects", "texts", "values"]
    columns: tuple[str, ...]
    last_position: int
    fraction: float


def detect_format(path: Path, layout: FileLayout | None) -> FileFormat:
    """The format of a file: from the mapping, or by the ending of its name."""
    if layout is None:
        return "jsonl"
    if layout.format is not None:
        return layout.format
    return _FORMATS.get(Path(path.name.removesuffix(".gz")).suffix.lower(), "csv")


def read_columns(path: Path, layout: FileLayout) -> tuple[str, ...] | None:
    """The names of the columns of a file; None for JSON lines, each of which has its own."""
    match detect_format(path, layout):
        case "csv":
            return read_header(path, layout)[1]
        case "parquet":
            return tuple(_open_parquet(path).schema_arrow.names)
        case "jsonl":
            return None


def read_parts(
    files: Sequence[Path],
    layout: FileLayout | None,
    *,
    rows_per_part: int,
    skip_rows: int = 0,
    has_lines: bool = False,
    row_limit: int | None = None,
) -> Iterator[RowBatch]:
    """The rows of files as parts.

    Args:
        files: The files, in order.
        layout: Layout of the files; None for JSON lines in UTF-8.
        rows_per_part: Approximate number of rows per part; long rows make smaller parts.
        skip_rows: Number of rows to skip because they were processed before.
        has_lines: Whether each line is an object, whatever it looks like; otherwise a file may be one array of objects.
        row_limit: Maximum number of rows; None for all.
    """
    gathered: list[RowBatch] = []
    for part in _limit_rows(_read_blocks(files, layout, has_lines=has_lines), row_limit):
        if part.last_position <= skip_rows:
            continue
        rows = part.rows
        if skip_rows:
            rows = rows.filter(pc.greater(rows[POSITION], skip_rows))
        part = RowBatch(rows, part.form, part.columns, part.last_position, part.fraction)
        if gathered and not _fit(gathered[-1], part):
            yield _join(gathered)
            gathered = []
        gathered.append(part)
        if is_part([each.rows for each in gathered], rows_per_part):
            yield _join(gathered)
            gathered = []
    if gathered:
        yield _join(gathered)


def is_part(gathered: Sequence[pa.Table | pa.RecordBatch], rows_per_part: int) -> bool:
    """Whether rows are enough for a part, by their number or by their size."""
    return sum(map(len, gathered)) >= rows_per_part or sum(each.nbytes for each in gathered) >= PART_BYTES


def cut_batch(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of about the size of a part, if it is larger."""
    pieces = max(1, math.ceil(batch.nbytes / PART_BYTES))
    rows = max(1, math.ceil(len(batch) / pieces))
    for begin in range(0, len(batch), rows):
        yield batch.slice(begin, rows)


def read_lines_as_part(lines: Sequence[str], before: int = 0) -> RowBatch:
    """Lines in memory as one part, each line an object; their positions follow that of the line before."""
    blocks: list[RowBatch] = []
    for block in split_lines("\n".join((*lines, "")).encode("utf-8", "surrogatepass")):
        table = _make_lines(block.lines, block.broken, before)
        before += len(table)
        blocks.append(RowBatch(table, "objects", (), before, 1.0))
    return (
        _join(blocks)
        if blocks
        else RowBatch(_make_lines(pa.array([], pa.string()), (), before), "objects", (), before, 1.0)
    )


def _limit_rows(parts: Iterator[RowBatch], row_limit: int | None) -> Iterator[RowBatch]:
    for part in parts:
        if row_limit is None or part.last_position < row_limit:
            yield part
            continue
        rows = part.rows.filter(pc.less_equal(part.rows[POSITION], row_limit))
        yield RowBatch(rows, part.form, part.columns, row_limit, part.fraction)
        return


def _fit(one: RowBatch, other: RowBatch) -> bool:
    return one.form == other.form and one.rows.schema.equals(other.rows.schema)


def _join(parts: Sequence[RowBatch]) -> RowBatch:
    last = parts[-1]
    rows = pa.concat_tables([part.rows for part in parts]).unify_dictionaries()
    return RowBatch(rows, last.form, last.columns, last.last_position, last.fraction)


def _read_blocks(files: Sequence[Path], layout: FileLayout | None, *, has_lines: bool) -> Iterator[RowBatch]:
    position = 0
    for number, file in enumerate(files):
        for part in _read_file(file, layout, position, has_lines=has_lines):
            position = part.last_position
            if len(part.rows):
                yield RowBatch(
                    part.rows, part.form, part.columns, position, (number + part.fraction) / len(files)
                )


def _read_file(file: Path, layout: FileLayout | None, before: int, *, has_lines: bool) -> Iterator[RowBatch]:
    form = detect_format(file, layout)
    if form == "parquet":
        yield from _read_parquet(file, before)
    elif form == "csv" and layout is not None:
        header, names = read_header(file, layout)
        for rows in read_rows(file, layout, names):
            count = len(rows.rows)
            table = _make_lines(rows.rows, rows.broken, before)
            repeated = pa.DictionaryArray.from_arrays(pa.array([0 if header else None] * count, pa.int32()),
                                                      pa.array([header or ""]))  # fmt: skip
            table = table.append_column(HEADER, repeated)
            for name, column in zip(names, rows.columns, strict=True):
                table = table.append_column(name, column)
            before += count
            yield RowBatch(table, "texts", names, before, rows.fraction)
    else:
        read = read_lines if has_lines else read_objects
        for block in read(file, layout.encoding if layout else "utf-8"):
            table = _make_lines(block.lines, block.broken, before)
            before += len(table)
            yield RowBatch(table, "objects", (), before, block.fraction)


def _make_lines(lines: pa.Array, broken: Sequence[MalformedLine], before: int) -> pa.Table:
    problems: list[str | None] = []
    if broken:
        problems = [None] * len(lines)
        details, texts = list(problems), lines.to_pylist()
        for each in broken:
            problems[each.index], details[each.index], texts[each.index] = (
                each.code,
                write_message(each.detail),
                each.raw,
            )
        lines = pa.array(texts, pa.string())
        problem_columns = [pa.array(problems, pa.string()), pa.array(details, pa.string())]
    else:
        problem_columns = [pa.nulls(len(lines), pa.string())] * 2
    positions = pa.array(np.arange(before + 1, before + len(lines) + 1))
    return pa.table([positions, lines, *problem_columns], names=[POSITION, LINE, PROBLEM, DETAIL])


def _read_parquet(file: Path, before: int) -> Iterator[RowBatch]:
    opened = _open_parquet(file)
    total = max(opened.metadata.num_rows, 1)
    names = tuple(opened.schema_arrow.names)
    done = 0
    # As they lie in the file, where equal texts are stored once: a batch can still be larger than that.
    row_bytes = (
        sum(opened.metadata.row_group(n).total_byte_size for n in range(opened.num_row_groups)) / total
    )
    rows_per_batch = min(_PARQUET_ROWS, max(1, int(PART_BYTES / max(row_bytes, 1))))
    for batch in opened.iter_batches(rows_per_batch, use_threads=False):
        for some in cut_batch(batch):
            positions = pa.array(np.arange(before + done + 1, before + done + len(some) + 1))
            done += len(some)
            rows = pa.Table.from_batches([some]).append_column(POSITION, positions)
            yield RowBatch(rows, "values", names, before + done, done / total)


def _open_parquet(file: Path) -> pq.ParquetFile:
    try:
        # Buffered, else a column of the whole row group is read at once.
        return pq.ParquetFile(file, buffer_size=_BUFFER_BYTES)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"The file {file.name} is not a readable Parquet file.",
            hint='Check that it is complete; for another format name it in the mapping: `format = "csv"`.',
            where=str(file),
        ) from error
