"""An import of files, its progress, and the rows that it rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.table import Column, Table

CorrectionStatus = Literal["waiting", "applied", "undone"]


class ImportResult(Schema):
    """Result of one import, or of rows that were read again."""

    accepted: int = describe("Accepted", "New events, now durable.", 0)
    duplicates: int = describe("Duplicates", "Events already stored.", 0)
    rejected: int = describe("Rejected", "Rows rejected with a reason.", 0)
    unattributed: int = describe("Unattributed", "Accepted events with an unknown consumer or brand.", 0)
    seconds: float = describe("Seconds", "Duration in seconds.", 0.0)
    nobody: int = describe("Nobody", "Rows whose consumer key is a placeholder, such as 0 or guest.", 0)
    changed: int = describe("Changed", "Stored events that the source now sends with other content.", 0)
    replaced: int = describe("Replaced", "Stored events replaced by newer versions.", 0)

    def __add__(self, other: ImportResult) -> ImportResult:
        """The sum of both."""
        return ImportResult(**{name: value + getattr(other, name) for name, value in self})


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected row, kept for repair.

    Attributes:
        rejection_id: Number of the rejection.
        source: Origin of the row.
        position: Row number in the import, from 1.
        code: Stable code of the reason.
        message: Error message: found value, expected value, remedy.
        raw: The original row.
    """

    rejection_id: int
    source: str
    position: int
    code: str
    message: Message
    raw: str


@dataclass(frozen=True, slots=True)
class Correction:
    """An event that its source sent again with other content.

    Attributes:
        correction_id: Number of the correction.
        source: The source.
        event_id: The event.
        status: waiting (the stored event is unchanged), applied (the newer version is stored), undone (restored).
        newer: Fields of the newer version.
        former: Fields as stored before; None while it is waiting.
        found_us: Time when the newer version arrived.
    """

    correction_id: int
    source: str
    event_id: str
    status: CorrectionStatus
    newer: dict[str, str]
    former: dict[str, str] | None
    found_us: int


IMPORTS = Table(
    name="imports",
    grain="one import of files",
    writer="ingest.imports",
    columns=(
        Column("import_id", "text", "Id of the import."),
        Column(
            "fingerprint",
            "text",
            "Digest of files and mapping, to find an interrupted import again.",
        ),
        Column("reading", "text", "How the files are read (format or mapping), as JSON, for retrying rows."),
        Column("status", "text", "started, finished, or abandoned."),
        Column("accepted", "integer", "Number of new events.", is_optional=True),
        Column("duplicates", "integer", "Number of events already stored.", is_optional=True),
        Column("rejected", "integer", "Number of rejected rows.", is_optional=True),
        Column(
            "unattributed", "integer", "Number of accepted events with an unknown party.", is_optional=True
        ),
        Column("started_us", "integer", "Time of the start."),
        Column("finished_us", "integer", "Time of the end.", is_optional=True),
    ),
    primary_key=("import_id",),
    indexes=(("fingerprint",),),
)

REJECTIONS = Table(
    name="rejections",
    grain="one rejected row",
    writer="ingest.rejections",
    columns=(
        Column("rejection_id", "integer", "Number of the rejection."),
        Column("import_id", "text", "The import of the row."),
        Column("source", "text", "Origin of the row."),
        Column("position", "integer", "Row number in the import, from 1."),
        Column("code", "text", "Stable code of the reason."),
        Column("message", "text", "Error message: found value, expected value, remedy.", is_personal=True),
        Column("raw", "text", "The original row.", is_personal=True),
        Column(
            "consumer_key",
            "text",
            "The consumer of the row, if it names one.",
            is_personal=True,
            is_optional=True,
        ),
        Column("rejected_us", "integer", "Time of the rejection."),
    ),
    primary_key=("rejection_id",),
    unique=(("import_id", "position", "code"),),
    subject="consumer_key",
    erasure="delete rows",
    has_sequence=True,
)

CORRECTIONS = Table(
    name="corrections",
    grain="one case of a stored event that its source sent again with other content",
    writer="events.corrections",
    columns=(
        Column("correction_id", "integer", "Number of the correction."),
        Column("source_id", "integer", "The source of the event (`entities`)."),
        Column("event_id", "text", "The event."),
        Column("consumer_id", "integer", "The consumer of the newer version; 0 while unknown."),
        Column("newer", "text", "Fields of the newer version, as a JSON object.", is_personal=True),
        Column(
            "former",
            "text",
            "Fields as stored before, once the newer version has replaced them.",
            is_personal=True,
            is_optional=True,
        ),
        Column("found_us", "integer", "Time when the newer version arrived."),
        Column("applied_us", "integer", "Time when the newer version was applied.", is_optional=True),
        Column("undone_us", "integer", "Time when the former version was restored.", is_optional=True),
    ),
    primary_key=("correction_id",),
    indexes=(("source_id", "event_id"),),
    subject="consumer_id",
    erasure="delete rows",
    has_sequence=True,
)
