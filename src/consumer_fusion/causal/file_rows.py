"""Rows of an uploaded file: CSV with names in its first line, JSON lines, or TOML."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from consumer_fusion.errors import InputError
from consumer_fusion.operations import TextFile

LINES = (".jsonl", ".ndjson")


def read_rows(file: TextFile, formats: Sequence[str], *, table: str = "") -> Iterator[Mapping[str, Any]]:
    """The rows of a file, one after the other.

    Args:
        file: The file.
        formats: Accepted file name extensions.
        table: In TOML, the name of the array of tables that holds the rows.

    Raises:
        InputError: Its format is not accepted, or it is malformed.
    """
    if file.ending not in formats:
        raise InputError(
            f"The file {file.name} has an unsupported format.", hint=f"Use one of {', '.join(formats)}."
        )
    try:
        for place, row in enumerate(_read_format(file, table), start=1):
            if not isinstance(row, dict):
                raise InputError(
                    f"Row {place} of {file.name} is not an object.",
                    hint="Write one object a line, or one table each.",
                )
            yield row
    except (ValueError, csv.Error) as error:
        raise InputError(f"{file.name} is malformed: {error}.", hint="Fix the file.") from error


def _read_format(file: TextFile, table: str) -> Iterator[Any]:
    if file.ending == ".toml":
        yield from tomllib.loads(file.text).get(table, [])
    elif file.ending == ".csv":
        yield from csv.DictReader(io.StringIO(file.text, newline=""))
    else:
        yield from (json.loads(line) for line in io.StringIO(file.text) if line.strip())
