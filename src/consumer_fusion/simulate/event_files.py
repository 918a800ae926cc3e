"""Writes a town's events as a file in the product's own event format: one JSON object a line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.simulate.towns import Town

_TEXT_FIELDS = (
    "occurred_at", "kind", "consumer", "brand", "source", "precision", "received_at", "channel", "currency",
)  # fmt: skip


def write_events(town: Town, path: Path) -> int:
    """Write all events of a town; fields without a value are left out.

    Args:
        town: The town.
        path: The file; compressed where its name ends in `.gz`.

    Returns:
        Number of lines written.
    """
    return write_text_lines(path, (line for batch in town.batches() for line in write_event_lines(batch)))


def write_text_lines(path: Path, lines: Iterator[str]) -> int:
    """Write lines to a file, compressed where its name ends in `.gz`; the same lines give the same bytes."""
    count = 0
    with path.open("wb") as raw:
        # The header has no name and no time, so that the same town gives the same file.
        stream = gzip.GzipFile("", "wb", 6, raw, mtime=0) if path.suffix == ".gz" else raw
        for line in lines:
            stream.write(line.encode())
            stream.write(b"\n")
            count += 1
        if stream is not raw:
            stream.close()
    return count


def write_event_lines(batch: pa.RecordBatch) -> list[str]:
    """The JSON object of each row of the canonical columns.

    Keys and times of a town need no escaping; each distinct text is escaped once.
    """
    table = pa.Table.from_batches([batch])
    encoded = table["text"].combine_chunks().dictionary_encode()
    quoted = pa.array([json.dumps(text, ensure_ascii=False) for text in encoded.dictionary.to_pylist()])
    text = quoted.cast(pa.string()).take(encoded.indices)
    parts: list[object] = ['{"event_id":"', table["event_id"], '"']
    parts.extend(_write_field(name, table[name], '"') for name in _TEXT_FIELDS)
    parts.extend(_write_field(name, table[name].cast(pa.string()), "") for name in ("value", "trust"))
    parts.append(_write_field("text", text, ""))
    for name in ("identifiers", "properties"):
        column = table[name]
        filled = pc.if_else(pc.equal(column, "{}"), pa.scalar(None, pa.string()), column)
        parts.append(_write_field(name, filled, ""))
    lines: list[str] = pc.binary_join_element_wise(*parts, "}", "").to_pylist()
    return lines


def _write_field(name: str, column: pa.ChunkedArray | pa.Array, quote: str) -> pa.Array:
    written = pc.binary_join_element_wise(f',"{name}":{quote}', column, quote, "")
    return pc.fill_null(written, "")
