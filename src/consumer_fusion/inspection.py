"""Inspection of a workspace: integrity checks, kinds without points, and export to files for other tools."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.access.audit import find_broken_audit
from consumer_fusion.causal.experiments.rollout import PointsSuggestion, list_suggestions
from consumer_fusion.errors import ConflictError, FusionError, StoreError
from consumer_fusion.events.event_reader import FOLDED_MARK, EventSelection, EventSource, open_events
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.events.sealed_ids import find_wrong_digests
from consumer_fusion.i18n.messages import parse_message
from consumer_fusion.ingest.imports import abandon_imports
from consumer_fusion.messages.perceptions import count_waiting
from consumer_fusion.records.action import ACTIONS
from consumer_fusion.records.effect import EFFECTS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.identity import IDENTIFIERS, MERGES
from consumer_fusion.records.import_record import REJECTIONS
from consumer_fusion.records.pair_state import SUMS
from consumer_fusion.records.perception import PERCEPTION_LABELS, PERCEPTIONS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.fold.decay import read_fold_kinds
from consumer_fusion.score.fold.derivation import RECOVERY_KIND
from consumer_fusion.score.fold.fold_queries import fold_relation
from consumer_fusion.score.fold.money_references import find_wrong_references
from consumer_fusion.score.points.points_table import load_points, write_points
from consumer_fusion.score.points_comparison import PointsDifference, compare_points
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.all_scores import stream_all_scores
from consumer_fusion.score.queries.answers import Moment
from consumer_fusion.score.states.kept_states import count_kept_states, stream_kept_states
from consumer_fusion.storage.external_sort import ROWS_TOGETHER, stream_sorted
from consumer_fusion.storage.file_locks import remove_unlocked
from consumer_fusion.storage.private_files import is_private
from consumer_fusion.storage.segments import find_safe_deletion_time, list_segments, sweep_files
from consumer_fusion.storage.sqlite import SQLiteStore, StoreSchema
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import (
    ARRIVALS_FILE,
    SESSIONS_FILE,
    SPILL_FOLDER,
    STORE_FILE,
    STORE_FILES,
    Workspace,
    open_workspace,
)

TOLERANCE = 1e-9
"""Maximum relative difference between states and a full recomputation, due to the order of addition."""
STATES_PER_PASS = 1_000_000
"""Number of states above which they are compared in several passes."""
INTERRUPTED_DAYS = 7
"""Number of days for which an interrupted import of files is kept, so that it can be resumed."""
WAIT_SECONDS = 10.0
SHOWN_NAMES = 5
WHOLE, NOT_THERE, NOT_LOOKED_AT = "intact", "missing; created when needed", "not checked"
_STATES = "states equal a full recomputation"
_REFERENCES = "references for money equal those of the events"
_RESTORE = "Put them back, or restore the last backup: fusion restore FILE NEW-FOLDER."
_ADVICE = {
    STORE_FILE: _RESTORE,
    ARRIVALS_FILE: "Restore the last backup; senders can send again what has arrived since and was not processed.",
    SESSIONS_FILE: "Stop the server and delete the file; everyone has to sign in again.",
}


@dataclass(frozen=True, slots=True)
class InspectionCheck:
    """The result of one check.

    Attributes:
        name: Name of the check.
        is_ok: Whether the check passed.
        found: Findings, as text; files by name.
        advice: How to fix a problem; empty if there is nothing to do.
    """

    name: str
    is_ok: bool
    found: str
    advice: str = ""


class InspectionReport(Schema):
    """The result of all checks."""

    ok: bool = describe("OK", "Whether all checks passed.")
    checks: tuple[InspectionCheck, ...] = describe("Checks", "The checks, in order.")


class ExportSummary(Schema):
    """Summary of an export."""

    to: Path = describe("Folder", "Folder that was written.")
    rows: dict[str, int] = describe("Rows", "Number of rows by file name.")


class UnscoredKind(Schema):
    """A kind of event without points."""

    kind: str = describe("Kind", "The kind of event.")
    events: int = describe("Events", "Number of its events.")


class PointsReport(Schema):
    """The points in force: what differs from the shipped table, and what could be changed."""

    version: str = describe("Version", "Version of the points table.")
    no_points_yet: tuple[UnscoredKind, ...] = describe("Without points", "Kinds of events without points.")
    differences: tuple[PointsDifference, ...] = describe("Differences", "Differences from the shipped table.")
    suggestions: tuple[PointsSuggestion, ...] = describe(
        "Suggestions", "Points that experiments imply, never applied automatically."
    )


class FullPointsReport(PointsReport):
    """The same with the whole table."""

    points: dict[str, Any] = describe("Points", "The whole table, in the form of `points.toml`.")


def report_points(workspace: Workspace, points: PointsTable, *, is_difference: bool = False) -> PointsReport:
    """A report on the points in force.

    Args:
        workspace: Workspace.
        points: The points in force.
        is_difference: Whether to leave out the whole table.
    """
    report = PointsReport(
        version=points.version,
        no_points_yet=tuple(UnscoredKind.model_validate(row) for row in count_unscored(workspace)),
        differences=compare_points(load_points(), points),
        suggestions=tuple(list_suggestions(workspace)),
    )
    return report if is_difference else FullPointsReport(**dict(report), points=write_points(points))


def examine_folder(folder: Path, *, is_quick: bool = False) -> InspectionReport:
    """Check the databases of a workspace, and everything else if they are intact enough to open it.

    Raises:
        WorkspaceNotFoundError: There is no workspace in the folder.
    """
    databases = [_check_database(folder / name, schema) for name, schema in STORE_FILES.items()]
    if (folder / STORE_FILE).exists() and not all(each.is_ok for each in databases):
        advice = "Repair the databases first, then run `fusion doctor` again."
        checks = [*databases, InspectionCheck("everything else", False, NOT_LOOKED_AT, advice)]
    else:
        with open_workspace(folder) as workspace:
            checks = [*databases, *check_workspace(workspace, is_quick=is_quick)]
    return InspectionReport(ok=all(each.is_ok for each in checks), checks=tuple(checks))


def check_workspace(workspace: Workspace, *, is_quick: bool = False) -> list[InspectionCheck]:
    """Check the integrity of an opened workspace.

    Args:
        workspace: Workspace.
        is_quick: Whether to skip checks that read every event.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        segments = list_segments(session)
        missing = [each.path for each in segments if not (workspace.folder / each.path).exists()]
        wrong = [
            each.path for each in segments
            if each.path not in missing and _digest(workspace.folder / each.path) != each.sha256
        ]  # fmt: skip
        checks = [
            InspectionCheck(
                "segment files", not missing,
                f"{len(segments)} in the manifest, {len(missing)} missing{_list_names(missing)}",
                "" if not missing else _RESTORE,
            ),
            InspectionCheck(
                "digests of segment files", not wrong, f"{len(wrong)} differ{_list_names(wrong)}",
                "" if not wrong else _RESTORE,
            ),
            _check_ids(workspace, segments),
            _check_audit(session),
            _check_privacy(workspace.folder),
            _check_messages(session),
            *_count_events(session, sum(each.row_count for each in segments)),
        ]  # fmt: skip
        if not is_quick and not missing:
            checks += [
                _try("duplicate events", lambda: _check_doubles(workspace, session)),
                _try(_STATES, lambda: _compare_states(workspace, session, force)),
                _try(_REFERENCES, lambda: _compare_references(workspace, session)),
            ]
    checks.append(_remove_leftovers(workspace))
    return checks


def _try(name: str, look: Callable[[], InspectionCheck]) -> InspectionCheck:
    """The result of a check; its failure is a finding too."""
    try:
        return look()
    except FusionError as error:
        return InspectionCheck(name, False, error.message, error.hint)


def _check_database(path: Path, schema: StoreSchema) -> InspectionCheck:
    name = f"database {path.name}"
    if not path.exists():
        return InspectionCheck(name, True, NOT_THERE)

    def look() -> InspectionCheck:
        store = SQLiteStore(path, schema, is_read_only=not os.access(path.parent, os.W_OK))
        try:
            broken = store.check_file()
        finally:
            store.close()
        found = f"damaged: {broken[0]}" if broken else WHOLE
        return InspectionCheck(name, not broken, found)

    found = _try(name, look)
    return found if found.is_ok else replace(found, advice=_ADVICE[path.name])


def _check_messages(session: Session) -> InspectionCheck:
    count = count_waiting(session)
    advice = (
        "A server reads them within some ten seconds; an import reads them before it ends." if count else ""
    )
    return InspectionCheck("messages that wait to be read", True, f"{count}", advice)


def _check_ids(workspace: Workspace, segments: Sequence[Segment]) -> InspectionCheck:
    wrong = find_wrong_digests(workspace.folder, segments)
    names = [str(path.relative_to(workspace.folder)) for path in wrong]
    advice = "Nothing to do: they are recomputed from their segments when needed."
    return InspectionCheck(
        "digests of sealed ids",
        not wrong,
        f"{len(wrong)} damaged{_list_names(names)}",
        advice if wrong else "",
    )


def _check_audit(session: Session) -> InspectionCheck:
    broken = find_broken_audit(session)
    rows = [f"row {number}" for number in broken]
    advice = "The audit log was tampered with. Compare it with that of a backup, and change the passwords."
    return InspectionCheck(
        "hash chain of the audit log", not broken, f"{len(broken)} places broken{_list_names(rows)}",
        advice if broken else "",
    )  # fmt: skip


def _check_privacy(folder: Path) -> InspectionCheck:
    """Whether other users of the machine have no access, either by the folder or by each file in it."""
    is_kept = is_private(folder) or all(is_private(path) for path in folder.rglob("*") if path.is_file())
    advice = "" if is_kept else f"Run: chmod -R go= {shlex.quote(str(folder))}"
    found = "only its owner" if is_kept else "others may read them"
    return InspectionCheck("privacy of the files", is_kept, found, advice)


def _count_events(session: Session, sealed: int) -> list[InspectionCheck]:
    counts = {table.name: session.count(table) for table in (EVENTS, DERIVED_EVENTS, REJECTIONS)}
    folded = int(session.read_mark(FOLDED_MARK) or 0)
    newest = int(session.summarise(EVENTS, "sequence", "max") or 0)
    listed = f"{sealed:,} sealed, {counts['events']:,} in the inbox, {counts['derived_events']:,} derived"
    return [
        InspectionCheck("events", True, listed),
        InspectionCheck(
            "waiting to be folded", True, f"{max(newest - folded, 0):,} events; scores count them already"
        ),
        InspectionCheck("rejected rows", True, f"{counts['rejections']:,}"),
    ]


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return f": {shown}{more}" if names else ""


def _check_doubles(workspace: Workspace, session: Session) -> InspectionCheck:
    """Whether an id of a source occurs twice, so that the event counts twice."""
    selection = EventSelection(is_attributed_only=False)
    columns = ("source_id", "event_id", "parent_event_id", "consumer_id", "brand_id", "day", "occurred_us")
    source = open_events(session, workspace.folder, selection, columns=columns)
    row = workspace.engine.read(
        f"""
        select count(*) as events, any_value(event_id) as example from (
            select source_id, event_id from {source.relation} e group by source_id, event_id having count(*) > 1
        )
        """,  # noqa: S608 - a relation of our own
        step="count duplicate events",
        tables=source.tables,
    ).to_pylist()[0]
    count = int(row["events"])
    return InspectionCheck(
        "duplicate events",
        not count,
        f"{count:,} events{_list_names([row['example']] if count else [])}",
        "Restore the last backup without duplicates, and import the newer events again." if count else "",
    )


def _remove_leftovers(workspace: Workspace) -> InspectionCheck:
    """Remove leftovers of interrupted work; needs the write lock, to distinguish them from files being written."""
    now_us = workspace.now_us
    try:
        unseen = find_safe_deletion_time(workspace.store)
        with workspace.store.writing(wait_seconds=WAIT_SECONDS) as session:
            files = sweep_files(session, workspace.folder, replaced_before=unseen)
            folders = abandon_imports(
                session, workspace.staging_folder, before_us=now_us - INTERRUPTED_DAYS * DAY_MICROSECONDS
            )
    except StoreError:
        reason = "nothing may be written here" if workspace.is_read_only else "another process is writing"
        return InspectionCheck("files of interrupted work", True, f"not checked: {reason}")
    folders += remove_unlocked(workspace.folder / SPILL_FOLDER)
    return InspectionCheck("files of interrupted work", True, f"{files} files and {folders} folders removed")


def count_unscored(workspace: Workspace) -> list[dict[str, object]]:
    """The kinds of events without points, with their numbers of events."""
    force = put_points_in_force(workspace)
    scored = {number for key, number in force.kind_ids.items() if key in force.points.kinds}
    with workspace.store.reading() as session:
        source = open_events(
            session,
            workspace.folder,
            EventSelection(is_attributed_only=False),
            columns=("kind_id", "kind"),
            is_merged=False,
        )
        # All kinds are counted: the engine would compare each event with every number of a list, one by one.
        rows = workspace.engine.read(
            f"select kind_id, kind, count(*) as events from {source.relation} e "  # noqa: S608 - text of our own
            "group by kind_id, kind",
            step="count events of kinds",
            tables=source.tables,
        )
    counts: Counter[str] = Counter()
    for row in rows.to_pylist():
        if row["kind_id"] not in scored and row["kind"] != RECOVERY_KIND:
            counts[row["kind"]] += row["events"]
    listed = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [{"kind": kind, "events": events} for kind, events in listed]


def export_workspace(
    workspace: Workspace, folder: Path, as_of: Moment, progress: Progress = ignore_progress
) -> ExportSummary:
    """Export the contents of the workspace to files.

    Raises:
        ConflictError: The folder exists and is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError(f"The folder {folder} is not empty.", hint="Choose a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    force = put_points_in_force(workspace)
    counts: dict[str, int] = {}

    def keep(name: str, table: pa.Table) -> None:
        pq.write_table(table, folder / name)
        counts[name] = table.num_rows

    progress("scores", 0, 4)
    scores = stream_all_scores(workspace, answers.resolve_as_of(workspace, as_of), folder)
    counts["scores.parquet"] = _write_pieces(scores, folder / "scores.parquet")
    with workspace.store.reading() as session:
        progress("events", 1, 4)
        counts["events.parquet"] = _export_events(workspace, session, force, folder / "events.parquet")
        progress("identities", 2, 4)
        keep("identifiers.parquet", session.read(IDENTIFIERS))
        keep("merges.parquet", session.read(MERGES))
        keep("actions.parquet", session.read(ACTIONS))
        keep("effects.parquet", session.read(EFFECTS))
        keep("perceptions.parquet", session.read(PERCEPTIONS))
        keep("perception_labels.parquet", session.read(PERCEPTION_LABELS))
    progress("points", 3, 4)
    (folder / "points.json").write_text(
        json.dumps(write_points(force.points), ensure_ascii=False, indent=1), encoding="utf-8"
    )
    counts["points.json"] = len(force.points.kinds)
    return ExportSummary(to=folder.resolve(), rows=counts)


def _export_events(workspace: Workspace, session: Session, force: EffectivePoints, path: Path) -> int:
    columns = (
        "source_id", "event_id", "occurred_us", "precision", "received_us", "consumer_id", "brand_id", "kind",
        "kind_id", "channel", "value", "currency", "text", "trust", "magnitude", "properties",
        "parent_event_id", "sentence",
    )  # fmt: skip
    selection = EventSelection(is_attributed_only=False)
    source = open_events(session, workspace.folder, selection, columns=columns)
    names = session.read(ENTITIES, columns=("entity_id", "entity_key"))
    kinds = pa.table(
        {
            "kind_id": pa.array(list(force.kind_ids.values()), pa.int64()),
            "kind_key": pa.array(list(force.kind_ids), pa.string()),
        }
    )
    stored = session.read(DERIVED_EVENTS, columns=("sentence",))["sentence"].unique()
    reasons = pa.table(
        {"stored": stored, "sentence": [str(parse_message(each)) for each in stored.to_pylist()]}
    )
    batches = workspace.engine.stream(
        f"""
        select s.entity_key as source, e.event_id, make_timestamp(e.occurred_us) as occurred_at, e.precision,
               make_timestamp(e.received_us) as received_at, c.entity_key as consumer, b.entity_key as brand, e.kind,
               k.kind_key as counted_as, e.channel, e.value, e.currency, e.text, e.trust, e.magnitude, e.properties,
               e.parent_event_id, r.sentence, e.occurred_us
        from {source.relation} e
        left join entity_names s on s.entity_id = e.source_id
        left join entity_names c on c.entity_id = e.consumer_id
        left join entity_names b on b.entity_id = e.brand_id
        left join kind_names k on k.kind_id = e.kind_id
        left join reasons r on r.stored = e.sentence
        """,  # noqa: S608 - a relation of our own
        step="export events",
        tables={**source.tables, "entity_names": names, "kind_names": kinds, "reasons": reasons},
    )
    # Not sorted by the engine, which exceeds its memory with the texts of some millions of events.
    tables = (pa.Table.from_batches([batch]) for batch in batches)
    starts = _choose_times(workspace, source)
    ordered = stream_sorted(tables, ("occurred_us", "event_id"), starts, path.parent)
    return _write_pieces((each.drop_columns(["occurred_us"]) for each in ordered), path)


def _choose_times(workspace: Workspace, source: EventSource) -> npt.NDArray[np.int64]:
    """The first time of each range of days with about as many events as are sorted together."""
    days = workspace.engine.read(
        f"select occurred_us // {DAY_MICROSECONDS} as day, count(*) as events from {source.relation} e "  # noqa: S608
        "group by 1 order by 1",
        step="count events by day",
        tables=source.tables,
    )
    before = np.cumsum(days["events"].to_numpy()) - days["events"].to_numpy()
    _, first = np.unique(before // ROWS_TOGETHER, return_index=True)
    starts: npt.NDArray[np.int64] = days["day"].to_numpy()[first] * DAY_MICROSECONDS
    return starts


def _write_pieces(pieces: Iterator[pa.Table], path: Path) -> int:
    """Write tables of the same columns into one file, and return the number of rows."""
    first = next(pieces)
    count = 0
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        for piece in itertools.chain([first], pieces):
            writer.write_table(piece)
            count += piece.num_rows
    return count


def _compare_states(workspace: Workspace, session: Session, force: EffectivePoints) -> InspectionCheck:
    """Compare the states with a full recomputation, for a part of the consumers at a time to bound memory."""
    parts = -(-count_kept_states(session) // STATES_PER_PASS) or 1
    source = open_events(session, workspace.folder, EventSelection(is_folded_only=True))
    fold_kinds = read_fold_kinds(session, force.points, force.kind_ids)
    terms = ", ".join(
        f"max(abs(coalesce(a.{s}, 0) - coalesce(k.{s}, 0)) / greatest(abs(a.{s}), abs(k.{s}), 1e-300))"
        for s in SUMS
    )
    count, differing, apart = 0, 0, 0.0
    for part in range(parts):
        own = f"(select * from {source.relation} e where consumer_id % {parts} = {part})"  # noqa: S608
        row = workspace.engine.read(
            f"""
            select count(*) as n, sum(case when a.kind_id is null or k.kind_id is null
                   or a.event_count <> k.event_count then 1 else 0 end) as differing, greatest({terms}) as apart
            from kept k full outer join recomputed a
              on a.consumer_id = k.consumer_id and a.brand_id = k.brand_id and a.kind_id = k.kind_id
            """,  # noqa: S608 - names of our own columns
            step="compare states with a full recomputation",
            tables={
                "kept": pa.concat_tables(
                    each.filter(each["consumer_id"].to_numpy() % parts == part)
                    for each in stream_kept_states(session)
                ),
                "recomputed": fold_relation(workspace.engine, EventSource(own, source.tables), fold_kinds),
            },
        ).to_pylist()[0]
        count += row["n"]
        differing += int(row["differing"] or 0)
        apart = max(apart, row["apart"] or 0.0)
    return InspectionCheck(
        _STATES,
        apart <= TOLERANCE and not differing,
        f"{count:,} rows, {differing:,} differ in events, largest relative difference {apart:.1e}",
    )


def _compare_references(workspace: Workspace, session: Session) -> InspectionCheck:
    wrong = find_wrong_references(session, workspace.engine, workspace.folder).num_rows
    return InspectionCheck(_REFERENCES, not wrong, f"{wrong:,} months of brands are sized otherwise")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
