"""Grouped rows: stored as they arrive, joined by their key, and returned as parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer_fusion.ingest.mapping import FileMapping
from consumer_fusion.ingest.mapping_query import group_rows, join_group_key, name_rows
from consumer_fusion.ingest.row_batches import RowBatch
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import finish_file

GROUPED_FILE = "grouped.parquet"


def keep_rows(
    engine: Engine, mapping: FileMapping, part: RowBatch, lookups: dict[str, pa.Table], path: Path
) -> None:
    """Write the rows of a part, reduced to the columns of the mapping, for grouping."""
    unfinished = path.with_suffix(".unfinished")
    engine.write(
        name_rows(mapping, part), unfinished, step="keep rows", tables={"lines": part.rows, **lookups}
    )
    finish_file(unfinished, path)


def write_groups(engine: Engine, mapping: FileMapping, kept: Sequence[Path], folder: Path) -> None:
    """Group the stored rows, once."""
    path = folder / GROUPED_FILE
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        relation = f"read_parquet({quote_paths(list(kept))})"
        engine.write(group_rows(mapping, relation), unfinished, step="put rows together")
        finish_file(unfinished, path)


def read_groups(folder: Path, rows_per_part: int, after: int) -> Iterator[RowBatch]:
    """The grouped rows after a position, as parts."""
    opened = pq.ParquetFile(folder / GROUPED_FILE)
    total = max(opened.metadata.num_rows, 1)
    done = 0
    for batch in opened.iter_batches(rows_per_part):
        done += len(batch)
        rows = pa.Table.from_batches([batch])
        rows = rows.filter(pc.greater(rows["position"], after))
        if len(rows):
            yield RowBatch(
                rows, "values", tuple(rows.column_names), rows["position"][-1].as_py(), done / total
            )


def add_raw_rows(mapping: FileMapping, kept: Sequence[Path], rejected: str) -> str:
    """A query of rejected groups with the rows that they consist of, in the form of the file.

    Args:
        mapping: The mapping.
        kept: The files of `keep_rows`.
        rejected: The query of the rejected rows of a part of grouped rows, named `lines`.
    """
    condition = join_group_key(mapping, "kept", "lines")
    rows = f"read_parquet({quote_paths(list(kept))}) kept"
    # Ungrouped rows are matched by position: by key, each would match all others with a blank one.
    return f"""
with refused as ({rejected}),
found as (
    select lines.position, kept.position as place, kept.header, kept.line
    from lines join refused on refused.position = lines.position join {rows} on {condition}
    where lines.alone = 0
    union all
    select lines.position, kept.position, kept.header, kept.line
    from lines join refused on refused.position = lines.position join {rows} on kept.position = lines.alone
),
joined as (
    select position, coalesce(min(header) || chr(10), '') || string_agg(line, chr(10) order by place) as raw
    from found group by position
)
select refused.position, refused.source, refused.code, refused.message, joined.raw, refused.consumer_key
from refused left join joined on joined.position = refused.position"""
