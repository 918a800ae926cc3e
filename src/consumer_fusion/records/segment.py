"""A segment: an immutable Parquet file of sealed events, listed in a manifest."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.records.table import Column, Table


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed file of events.

    Attributes:
        segment_id: Id of the segment, and name of its file.
        path: Path relative to the workspace.
        bucket: Consumers of one bucket share files; -1 for events with an unknown party.
        row_count: Number of events.
        min_day: First UTC day in it.
        max_day: Last UTC day in it.
        sha256: Digest of the file.
    """

    segment_id: str
    path: str
    bucket: int
    row_count: int
    min_day: int
    max_day: int
    sha256: str


SEGMENTS = Table(
    name="segments",
    grain="one sealed file of events",
    writer="storage.segments",
    columns=(
        Column("segment_id", "text", "Id of the segment."),
        Column("path", "text", "Path of the file, relative to the workspace."),
        Column("bucket", "integer", "consumer_id modulo the number of buckets; -1 for an unknown party."),
        Column("row_count", "integer", "Number of events."),
        Column("min_day", "integer", "First UTC day in it."),
        Column("max_day", "integer", "Last UTC day in it."),
        Column("sha256", "text", "Digest of the file."),
        Column("sealed_us", "integer", "Time of the sealing."),
    ),
    primary_key=("segment_id",),
    scope="segments",
)

MARKS = Table(
    name="marks",
    grain="one named position or fact about the workspace",
    writer="storage.store",
    columns=(
        Column("name", "text", "Name of the mark (`folded_sequence`, `store_version`, ...)."),
        Column("value", "text", "Its value."),
    ),
    primary_key=("name",),
)
