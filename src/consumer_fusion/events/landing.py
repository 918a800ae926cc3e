"""Landing: what one transaction over new events, or over a change of others, tells from stage to stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from consumer_fusion.events.deduplication import Duplicates
from consumer_fusion.events.event_reader import EventSource
from consumer_fusion.ingest.staging import Staging
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.segment import Segment
from consumer_fusion.storage.scratch import Scratch
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

Progress = Callable[[str, int, int | None], None]
"""Called with the name of the stage, how much is done and how much there is (None while unknown)."""

NoteReplaced = Callable[[Session, Mapping[tuple[int, str], str]], None]
"""Called with what was on record before, by source and event."""


def ignore_progress(stage: str, done: int, total: int | None) -> None:
    """The progress that nobody looks at."""


@dataclass(slots=True)
class AffectedConsumers:
    """What a change of events moves.

    Attributes:
        consumers: Canonical consumers whose derived events may have changed; None for all.
        refold_consumers: Canonical consumers whose states must be folded anew.
        refold_members: Consumers that were absorbed.
    """

    consumers: set[int] | None = field(default_factory=set)
    refold_consumers: set[int] = field(default_factory=set)
    refold_members: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Landing(AffectedConsumers):
    """Staged rows on their way into the record.

    Attributes:
        workspace: The workspace.
        session: The transaction.
        points: The points in force; with the brands' rhythms as they are once new orders were sized.
        kind_ids: The number of every kind that was ever in force.
        staging: The checked rows.
        scratch: Where stages keep results for later ones.
        progress: Told how far it is.
        import_id: The import that the rows are of.
        retried: Rejected rows that it reads again.
        is_replacing: Rows that say something else of an event on record come into its place; else they are kept
            beside it, to be looked at.
        note_replaced: Notes what was replaced, where somebody asked for it.
        is_undoing: What replaces is what was on record before, whole; else it keeps the parties it does not name.
        duplicates: Rows that are passed over.
        parties: The parties of replaced events, by `source` and `event_id`.
        taken: Events that left the record, as they were.
        replaced: How many were replaced.
        replaced_us: When the newest of them occurred.
        keys: For source, brand and consumer: the relation of keys and numbers.
        sightings: Which consumer each set of identifiers means.
        fresh: The relation of the rows that land.
        numbered: The same with the numbers of their parties.
        annotated: The same with kind and magnitude.
        newest_us: When the newest of them occurred.
        former_mark_us: The newest moment on record before.
        accepted: How many landed.
        unattributed: How many of them have an unknown party.
        rejected: How many rows were set aside.
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
    annotated: str = ""
    newest_us: int = 0
    former_mark_us: int = 0
    accepted: int = 0
    unattributed: int = 0
    rejected: int = 0
    segments: list[Segment] = field(default_factory=list)

    @property
    def has_rows(self) -> bool:
        """Whether rows are left that are to land."""
        passed = 0 if self.duplicates is None else self.duplicates.count
        return self.staging.accepted_count > passed
