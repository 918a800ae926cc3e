"""Sorting more rows than fit into memory: a distribution sort by way of files.

Rows are distributed over files by ranges of their first key, and each file is sorted by itself (Knuth, "The Art of
Computer Programming", volume 3, section 5.2.5). The engine's own sort holds the texts of all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_TOGETHER = 200_000
"""Approximate number of rows that are sorted together."""


def stream_sorted(
    tables: Iterable[pa.Table], keys: Sequence[str], starts: npt.NDArray[np.int64], folder: Path
) -> Iterator[pa.Table]:
    """Rows in the order of their keys, some at a time.

    Args:
        tables: Rows in any order; at least one table, all of the same columns.
        keys: Columns to sort by; the first one holds whole numbers.
        starts: Smallest first key of each range of about `ROWS_TOGETHER` rows, in ascending order; smaller ones are
            added to the first range.
        folder: Folder for temporary files, which are deleted at the end.

    Yields:
        The rows, in tables that are not empty; one without rows if there are none.
    """
    with TemporaryDirectory(dir=folder, prefix=".sorting-") as place:
        parts: dict[int, Path] = {}
        with ExitStack() as open_files:
            writers: dict[int, pq.ParquetWriter] = {}
            for table in tables:
                schema = table.schema
                number = np.searchsorted(starts[1:], table[keys[0]].to_numpy(), "right")
                for part in np.unique(number).tolist():
                    if part not in writers:
                        parts[part] = Path(place) / f"{part}.parquet"
                        writers[part] = open_files.enter_context(
                            pq.ParquetWriter(parts[part], schema, compression="lz4")
                        )
                    writers[part].write_table(table.filter(number == part))
        for part in sorted(parts):
            yield pq.read_table(parts[part], schema=schema).sort_by([(key, "ascending") for key in keys])
            parts[part].unlink()
        if not parts:
            yield schema.empty_table()
