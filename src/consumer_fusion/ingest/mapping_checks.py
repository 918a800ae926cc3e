"""Checks before a mapping is applied: its columns, its time zone, and its lookup files."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from consumer_fusion.errors import MappingError
from consumer_fusion.ingest.mapping import FileMapping, LookupJoin
from consumer_fusion.ingest.mapping_query import list_columns, select_lookup
from consumer_fusion.ingest.row_batches import read_columns
from consumer_fusion.ingest.validation import quote_text
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine


def check_fit(engine: Engine, mapping: FileMapping, files: Sequence[Path]) -> None:
    """Check that every file has the columns that the mapping reads, and that the time zone exists.

    Raises:
        MappingError: A check failed; all missing columns of the first such file are named.
    """
    for file in files:
        present = read_columns(file, mapping.layout)
        if present is not None:
            _check_columns(list_columns(mapping), present, file)
    if mapping.time_zone != "UTC":
        zones = engine.read("select name from pg_timezone_names()", step="list time zones")[
            "name"
        ].to_pylist()
        if mapping.time_zone not in zones:
            near = difflib.get_close_matches(mapping.time_zone, zones, n=1)
            raise MappingError(
                f"The time zone '{mapping.time_zone}' is unknown.",
                hint=f"Did you mean {near[0]}?" if near else "Write a name such as Europe/London.",
            )


def _check_columns(wanted: Sequence[str], present: Sequence[str], file: Path) -> None:
    written = Counter(name.lower() for name in present)
    alike = [name for name in present if written[name.lower()] > 1]
    if alike:
        raise MappingError(
            f"The file {file.name} has columns that differ by capital letters only: {', '.join(alike)}.",
            hint="Give a CSV file other names: `columns = [...]` under [source]; rename them in a Parquet file.",
            where=str(file),
        )
    missing = [name for name in wanted if name not in present]
    if not missing:
        return
    quoted = []
    for name in missing:
        near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
        quoted.append(f"`{name}`" + (f" (did you mean `{near[0]}`?)" if near else ""))
    raise MappingError(
        f"The file {file.name} has no column {', '.join(quoted)}; it has {', '.join(present)}.",
        hint="Correct the names in the mapping; they must match exactly (case-sensitive).",
        where=str(file),
    )


def read_lookups(engine: Engine, mapping: FileMapping, folders: Sequence[Path]) -> dict[str, pa.Table]:
    """The rows of the lookup files, by the names used in the mapping's query.

    Args:
        engine: Engine to read them with.
        mapping: The mapping.
        folders: Folders to search for the files, in order.

    Raises:
        MappingError: A file is missing, lacks a column, or has two different rows for one key.
    """
    return {
        f"lookup_{number}": _read_lookup(engine, join, folders)
        for number, join in enumerate(mapping.joins, start=1)
    }


def _read_lookup(engine: Engine, join: LookupJoin, folders: Sequence[Path]) -> pa.Table:
    file = next((folder / join.file for folder in folders if (folder / join.file).is_file()), None)
    if file is None:
        raise MappingError(
            f"The lookup file '{join.file}' is not there.",
            hint="Put it into the folder of the imported files, or of the mapping.",
        )
    ending = Path(file.name.removesuffix(".gz")).suffix.lower()
    if ending in (".parquet", ".pq"):
        relation = f"read_parquet({quote_paths([file])})"
    elif ending in (".jsonl", ".ndjson", ".json"):
        relation = f"read_json({quote_text(str(file))}, format = 'newline_delimited')"
    else:
        relation = f"read_csv({quote_text(str(file))}, header = true, all_varchar = true)"
    present = engine.read(f"select * from {relation} limit 0", step="read a lookup file").column_names
    _check_columns([theirs for _, theirs in (*join.keys, *join.columns)], present, file)
    table = engine.read(select_lookup(join, relation), step="read a lookup file")
    keys = [f"key_{number}" for number in range(1, len(join.keys) + 1)]
    if len(table.group_by(keys).aggregate([])) != len(table):
        raise MappingError(
            f"The lookup file {file.name} has different rows for one key.",
            hint="A lookup needs one row per key: name further columns under `join.on`, or clean the file.",
            where=str(file),
        )
    return table
