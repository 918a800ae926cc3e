"""An intake: one import of files, how far it got, and the rows that it set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.records.table import Column, Table

CorrectionStatus = Literal["waiting", "applied", "undone"]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of the events of one import.

    Attributes:
        accepted: New events, now durable.
        duplicates: Events that were here already.
        rejected: Rows set aside with a reason.
        unattributed: Accepted events with an unknown consumer or brand.
        seconds: How long it took.
        nobody: Rows whose key of the consumer stands for nobody, such as 0 or guest.
        changed: Those of the events here already of which the source now says something else.
        replaced: Events on record in whose place the newer ones came.
    """

    accepted: int
    duplicates: int
    rejected: int
    unattributed: int
    seconds: float
    nobody: int = 0
    changed: int = 0
    replaced: int = 0

    def __add__(self, other: ImportResult) -> ImportResult:
        """Both together."""
        return ImportResult(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that could not be taken, kept for repair.

    Attributes:
        rejection_id: Its number.
        source: Where it came from.
        position: Which row of the import, from 1.
        code: Stable word for the reason.
        message: What was found, what was expected, what to do.
        raw: The row as it came.
    """

    rejection_id: int
    source: str
    position: int
    code: str
    message: str
    raw: str


@dataclass(frozen=True, slots=True)
class Correction:
    """An event of which its source says something else than before.

    Attributes:
        correction_id: Its number.
        source: The source.
        event_id: The event.
        status: waiting (the record says what it said), applied (it says the newer), undone (what it said again).
        newer: What the source says now, by field.
        former: What the record said before; None while it is waiting.
        found_us: When it was told.
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
        Column("import_id", "text", "Its id."),
        Column(
            "fingerprint",
            "text",
            "Digest of files and mapping, by which an interrupted import is found again.",
        ),
        Column("reading", "text", "How the files are read (format or mapping), as JSON, for re-trying rows."),
        Column("status", "text", "started, finished, or abandoned."),
        Column("accepted", "integer", "New events.", is_optional=True),
        Column("duplicates", "integer", "Events that were here already.", is_optional=True),
        Column("rejected", "integer", "Rows set aside.", is_optional=True),
        Column("unattributed", "integer", "Accepted events with an unknown party.", is_optional=True),
        Column("started_us", "integer", "When it began."),
        Column("finished_us", "integer", "When it ended.", is_optional=True),
    ),
    primary_key=("import_id",),
    indexes=(("fingerprint",),),
)

REJECTIONS = Table(
    name="rejections",
    grain="one row that could not be taken",
    writer="ingest.rejections",
    columns=(
        Column("rejection_id", "integer", "Its number."),
        Column("import_id", "text", "The import that met it."),
        Column("source", "text", "Where it came from."),
        Column("position", "integer", "Which row of the import, from 1."),
        Column("code", "text", "Stable word for the reason."),
        Column("message", "text", "What was found, what was expected, what to do.", is_personal=True),
        Column("raw", "text", "The row as it came.", is_personal=True),
        Column(
            "consumer_key", "text", "Whose row it is, as far as it says.", is_personal=True, is_optional=True
        ),
        Column("rejected_us", "integer", "When."),
    ),
    primary_key=("rejection_id",),
    unique=(("import_id", "position", "code"),),
    subject="consumer_key",
    erasure="delete rows",
    has_sequence=True,
)

CORRECTIONS = Table(
    name="corrections",
    grain="one time that a source said of an event on record something else than before",
    writer="events.corrections",
    columns=(
        Column("correction_id", "integer", "Its number."),
        Column("source_id", "integer", "The source of the event (`entities`)."),
        Column("event_id", "text", "The event."),
        Column("consumer_id", "integer", "Whose event it is by what is said now; 0 while unknown."),
        Column("newer", "text", "What the source says now, as a JSON object of fields.", is_personal=True),
        Column(
            "former",
            "text",
            "What the record said, once the newer is in its place.",
            is_personal=True,
            is_optional=True,
        ),
        Column("found_us", "integer", "When it was told."),
        Column("applied_us", "integer", "When the newer came into its place.", is_optional=True),
        Column("undone_us", "integer", "When what the record said came back.", is_optional=True),
    ),
    primary_key=("correction_id",),
    indexes=(("source_id", "event_id"),),
    subject="consumer_id",
    erasure="delete rows",
    has_sequence=True,
)
