"""Events of a town as columns: compact numbers while they are made, the canonical Arrow columns on output.

`EventTable` collects the events of a week, one kind at a time. `render_events` turns rows into the columns
that the product imports; only there do texts, keys and times become strings.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.simulate.founding_example import POP_ARTIST, SOURCE
from consumer_fusion.simulate.town_brands import BRANDS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

EVENT_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("occurred_at", pa.string()),
        ("precision", pa.string()),
        ("received_at", pa.string()),
        ("consumer", pa.string()),
        ("brand", pa.string()),
        ("kind", pa.string()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("currency", pa.string()),
        ("text", pa.string()),
        ("trust", pa.float64()),
        ("identifiers", pa.string()),
        ("properties", pa.string()),
    ]
)
"""The canonical columns: times in ISO 8601, `identifiers` and `properties` as JSON objects."""

SHEET_SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("occurred_s", pa.int64()),
        ("received_s", pa.int64()),
        ("person", pa.int64()),
        ("brand", pa.int8()),
        ("kind", pa.string()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("text", pa.int32()),
        ("trust", pa.float64()),
        ("has_email", pa.bool_()),
        ("is_guest", pa.bool_()),
        ("properties", pa.string()),
    ]
)

NOBODY = -1
ARTIST = -2
NO_BRAND = -1
NO_TEXT = -1
FIRST_CAUSED_NUMBER = 900_000_000_000


def write_json(**fields: object) -> pa.Array | str:
    """A JSON object for every row, concatenated column by column.

    Args:
        **fields: Arrays of numbers or texts (which need no escaping), or one value for all rows.
    """
    parts: list[object] = []
    for position, (name, values) in enumerate(fields.items()):
        parts.append(("{" if position == 0 else ",") + f'"{name}":')
        if isinstance(values, bool):
            parts.append("true" if values else "false")
        elif isinstance(values, str):
            parts.append(f'"{values}"')
        elif isinstance(values, (int, float)):
            parts.append(str(values))
        else:
            column = values if isinstance(values, pa.Array) else pa.array(values)
            if pa.types.is_string(column.type):
                parts.extend(['"', column, '"'])
            else:
                parts.append(column.cast(pa.string()))
    parts.append("}")
    merged: list[object] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    if len(merged) == 1:
        return str(merged[0])
    return pc.binary_join_element_wise(*merged, "")


class EventTable:
    """The events of a town, added one kind at a time.

    Attributes:
        seed: Seed of the town; part of every id.
        is_caused: While true, rows are numbered separately, so that leaving them out changes no other id.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.is_caused = False
        self._numbers = {False: 0, True: FIRST_CAUSED_NUMBER}
        self._batches: list[pa.RecordBatch] = []

    def add(
        self,
        kind: str | pa.Array,
        persons: Integers,
        brands: Integers,
        seconds: Integers,
        *,
        channel: str | pa.Array,
        value: Floats | None = None,
        text: Integers | None = None,
        trust: float | None = None,
        has_email: npt.NDArray[np.bool_] | None = None,
        is_guest: npt.NDArray[np.bool_] | None = None,
        properties: pa.Array | str = "{}",
    ) -> Integers:
        """Add rows and return their numbers."""
        size = len(seconds)
        first = self._numbers[self.is_caused]
        numbers: Integers = np.arange(first, first + size)
        if size == 0:
            return numbers
        self._numbers[self.is_caused] += size
        # Events are received within seconds; the delay depends on the number, not on a random draw.
        received = seconds + 2 + numbers % 7
        no = np.zeros(size, bool)
        columns = [
            numbers,
            seconds,
            received,
            persons,
            brands.astype(np.int8),
            _spread(kind, size),
            _spread(channel, size),
            pa.nulls(size, pa.float64()) if value is None else value,
            np.full(size, NO_TEXT, np.int32) if text is None else text.astype(np.int32),
            pa.nulls(size, pa.float64()) if trust is None else np.full(size, trust),
            no if has_email is None else has_email,
            no if is_guest is None else is_guest,
            _spread(properties, size),
        ]
        self._batches.append(pa.record_batch([pa.array(column) for column in columns], schema=SHEET_SCHEMA))
        return numbers

    def put(self, batch: pa.RecordBatch) -> None:
        """Add finished rows."""
        self._batches.append(batch)

    def take_until(self, second: int) -> pa.Table:
        """Remove and return the rows received before a time, in order of arrival."""
        if not self._batches:
            return SHEET_SCHEMA.empty_table()
        table = pa.Table.from_batches(self._batches, SHEET_SCHEMA).combine_chunks()
        received = table["received_s"].to_numpy()
        is_ready = received < second
        self._batches = table.filter(pa.array(~is_ready)).to_batches()
        ready = table.filter(pa.array(is_ready)) if not is_ready.all() else table
        order = np.lexsort((ready["number"].to_numpy(), ready["received_s"].to_numpy()))
        return ready.take(pa.array(order))

    def write_ids(self, numbers: Integers) -> pa.Array:
        """The event ids of numbered rows."""
        return write_event_ids(self.seed, pa.array(numbers))


def write_event_ids(seed: int, numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The ids of events: `E1` to `E3` for the founding ones, which have negative numbers."""
    ids = pc.binary_join_element_wise(f"town-{seed}-", pc.cast(numbers, pa.string()), "")
    if len(numbers) and pc.min(numbers).as_py() < 0:
        founding = pc.binary_join_element_wise("E", pc.cast(pc.negate(numbers), pa.string()), "")
        ids = pc.if_else(pc.less(numbers, 0), founding, ids)
    return ids


def write_consumer_keys(persons: pa.Array | pa.ChunkedArray, prefix: str = "consumer-") -> pa.Array:
    """The key of each person; null for unknown persons."""
    padded = pc.utf8_lpad(pc.cast(persons, pa.string()), 6, "0")
    keys = pc.binary_join_element_wise(prefix, padded, "")
    keys = pc.if_else(pc.equal(persons, ARTIST), POP_ARTIST, keys)
    return pc.if_else(pc.equal(persons, NOBODY), pa.scalar(None, pa.string()), keys)


def write_times(seconds: pa.Array | pa.ChunkedArray) -> pa.Array:
    """ISO 8601 in UTC of seconds since 1970."""
    moments = pc.cast(pc.cast(seconds, pa.timestamp("s")), pa.string())
    return pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(moments, 0, 10), "T", pc.utf8_slice_codeunits(moments, 11, 19), "Z", ""
    )


def render_events(
    sheet: pa.Table, seed: int, texts: pa.Array, brand_keys: pa.Array | None = None
) -> pa.Table:
    """Turn rows of the sheet into the canonical columns.

    Args:
        sheet: Rows of `SHEET_SCHEMA`.
        seed: Seed of the town.
        texts: All texts, by position.
        brand_keys: The brands' keys, by position; those of the town by default.
    """
    size = len(sheet)
    sheet = sheet.combine_chunks()
    persons, value, text, brand = (sheet[name] for name in ("person", "value", "text", "brand"))
    consumers = write_consumer_keys(persons)
    if pc.any(sheet["is_guest"]).as_py():
        consumers = pc.if_else(sheet["is_guest"], write_consumer_keys(persons, "guest-"), consumers)
    emails = pc.binary_join_element_wise(
        '{"email":"person', pc.cast(persons, pa.string()), '@people.example"}', ""
    )
    keys = pa.array(BRANDS) if brand_keys is None else brand_keys
    columns = [
        pa.repeat(pa.scalar(SOURCE), size),
        write_event_ids(seed, sheet["number"]),
        write_times(sheet["occurred_s"]),
        pa.repeat(pa.scalar("second"), size),
        write_times(sheet["received_s"]),
        consumers,
        pc.take(keys, pc.if_else(pc.less(brand, 0), pa.scalar(None, pa.int8()), brand)),
        sheet["kind"],
        sheet["channel"],
        value,
        pc.if_else(pc.is_valid(value), "EUR", pa.scalar(None, pa.string())),
        pc.take(texts, pc.if_else(pc.less(text, 0), pa.scalar(None, pa.int32()), text)),
        sheet["trust"],
        pc.if_else(sheet["has_email"], emails, "{}"),
        sheet["properties"],
    ]
    return pa.table(columns, schema=EVENT_SCHEMA)


def _spread(values: str | pa.Array, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(values), size) if isinstance(values, str) else values
