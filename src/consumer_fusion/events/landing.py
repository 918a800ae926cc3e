"""Landing: the data that the stages of a transaction share, for new or changed events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from consumer_fusion.events.event_reader import EventSource
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.segment import Segment
from consumer_fusion.storage.scratch import Scratch
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

if TYPE_CHECKING:
    # For a caller that only names affected consumers, and reads no files.
    from consumer_fusion.events.deduplication import Duplicates
    from consumer_fusion.ingest.staging import Staging

Progress = Callable[[str, int, int | None], None]
"""Called with the name of the stage, the amount done and the total (None while unknown)."""

NoteReplaced = Callable[[Session, Mapping[tuple[int, str], str]], None]
"""Called with the former versions of events, by source and event."""


def ignore_progress(stage: str, done: int, total: int | None) -> None:
    """A progress callback that does nothing."""


@dataclass(slots=True)
class AffectedConsumers:
    """The consumers affected by a change of events.

    Attributes:
        consumers: Canonical consumers whose derived events may have changed; None for all.
        refold_consumers: Canonical consumers whose states must be folded again.
        refold_members: Consumers that were absorbed.
    """

    consumers: set[int] | None = field(default_factory=set)
    refold_consumers: set[int] = field(default_factory=set)
    refold_members: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Landing(AffectedConsumers):
    """Staged rows about to be stored.

    Attributes:
        workspace: The workspace.
        session: Transaction of the landing.
        points: Points in force, with the current rhythms once new orders were sized.
        kind_ids: Number of every kind that was ever in force.
        staging: Validated rows.
        scratch: Scratch for results that later stages use.
        progress: Progress callback.
        import_id: Id of the import.
        retried: Rejected rows that are read again.
        is_replacing: Whether changed rows replace the stored events; otherwise they are kept
            as corrections for review.
        note_replaced: Callback for replaced events, if requested.
        is_undoing: Whether the former version is restored as a whole; otherwise an event keeps unnamed parties.
        duplicates: Rows that are skipped.
        parties: Parties of replaced events, by `source` and `event_id`.
        taken: Removed events, as they were.
        replaced: Number of replaced events.
        replaced_us: Time of the newest of them.
        keys: Relation of keys and numbers, for source, brand and consumer.
        sightings: Consumer of each set of identifiers.
        fresh: Relation of the rows that land.
        numbered: The same with the numbers of their parties.
        parts: Relations of its rows by bucket, if they are many; a few are in memory and go into the inbox.
        annotate: Adds kind and magnitude to a relation of such rows.
        annotated: The rows that land with kind and magnitude; once many are sealed, as they are in their segments.
        newest_us: Time of the newest of them.
        former_mark_us: Time of the newest event before.
        accepted: Number of stored rows.
        unattributed: Number of them with an unknown party.
        rejected: Number of rejected rows.
        segments: New segments.
    """

    workspace: Workspace = field(kw_only=True)
    session: Session = field(kw_only=True)
    points: PointsTable = field(kw_only=True)
    kind_ids: Mapping[str, int] = field(kw_only=True)
    staging: Staging = field(kw_only=True)
    scratch: Scratch = field(kw_only=True)
    progress: Progress = ignore_progress
    import_id: str = ""
    retried: Sequence[int] = ()
    is_replacing: bool = False
    note_replaced: NoteReplaced | None = None
    is_undoing: bool = False
    duplicates: Duplicates | None = None
    parties: pa.Table | None = None
    taken: pa.Table | None = None
    replaced: int = 0
    replaced_us: int | None = None
    keys: dict[str, str] = field(default_factory=dict)
    sightings: pa.Table | None = None
    fresh: str = ""
    numbered: EventSource | None = None
    parts: dict[int, str] = field(default_factory=dict)
    annotate: Callable[[str], EventSource] = EventSource
    annotated: EventSource | None = None
    newest_us: int = 0
    former_mark_us: int = 0
    accepted: int = 0
    unattributed: int = 0
    rejected: int = 0
    segments: list[Segment] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        """Number of rows to land."""
        passed = 0 if self.duplicates is None else self.duplicates.count
        return self.staging.accepted_count - passed

    @property
    def has_rows(self) -> bool:
        """Whether rows are left to land."""
        return self.row_count > 0
