"""The order: how events become scores, as one list of stages, and the transaction in which they run.

Each stage is a function of a capability; here they are only called, one after the other, in one transaction, so
that a crash at any moment leaves either nothing of an import or all of it.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.typing import IntoDataFrame

from consumer_fusion.associations.spillover import derive_reputations
from consumer_fusion.causal.actions.actions import read_declaring, take_declared_actions
from consumer_fusion.errors import ConflictError, EngineError, ExhaustedError, InputError
from consumer_fusion.events.attachment import LISTED_KINDS_OF_A_BRAND
from consumer_fusion.events.corrections import forget_returned, keep_corrections, list_changed
from consumer_fusion.events.deduplication import Duplicates, find_duplicates
from consumer_fusion.events.entities import ensure_keys, find_keys, write_keys
from consumer_fusion.events.event_reader import EventSource, find_newest, read_identity_map
from consumer_fusion.events.inbox import land_in_inbox, write_segments
from consumer_fusion.events.inbox_queue import Sending, forget_arrivals, group_arrivals, read_arrivals
from consumer_fusion.identity.resolution import Sighting, resolve_identities
from consumer_fusion.ingest.arrow_events import CANONICAL_SCHEMA, write_batches
from consumer_fusion.ingest.formats import Reading, find_files
from consumer_fusion.ingest.imports import begin_import, begin_stream, enter_arrivals, finish_import
from consumer_fusion.ingest.rejections import list_pending, store_rejections
from consumer_fusion.ingest.staging import (
    Staging,
    check_first_rows,
    set_aside_lines,
    stage_batches,
    stage_files,
)
from consumer_fusion.records.event import EVENTS, Event
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import Acceptance
from consumer_fusion.records.points import BRAND_REFERENCES, PointsTable
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derivation import (
    RECOVERY_KIND,
    derive_failures,
    derive_recoveries,
    list_deriving_kinds,
)
from consumer_fusion.score.fold.derive_and_fold import Landing, Progress, ignore_progress, seal_inbox, settle
from consumer_fusion.score.fold.dispersions import FEWEST_EVENTS, learn_dispersions
from consumer_fusion.score.fold.folding import fold_new_events, fold_segments, write_deltas
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.money_references import renew_references
from consumer_fusion.score.fold.replacement import NoteReplaced, replace_events
from consumer_fusion.score.fold.rhythms import renew_rhythms
from consumer_fusion.score.fold.sizing import follow_orders
from consumer_fusion.score.queries.score_queries import NEWEST_MARK
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.file_locks import Claim, claim_folder
from consumer_fusion.storage.segments import add_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step from an event to a score.

    Attributes:
        name: What it does.
        function: The capability's function that does it.
        reads: Tables (or the staged files) that it reads.
        writes: Tables that it writes.
    """

    name: str
    function: Callable[..., Any]
    reads: tuple[str, ...]
    writes: tuple[str, ...]


STAGES: tuple[Stage, ...] = (
    Stage("tell duplicates apart", find_duplicates, ("staged", "events", "seen_events", "segments"), ()),
    Stage("number the keys", write_keys, ("staged",), ("entities",)),
    Stage("recognise consumers", resolve_identities, ("staged", "entities"),
          ("identifiers", "identifier_sightings", "merges", "identities", "identity_conflicts")),
    Stage("size money", renew_references, ("staged", "entities", "events", "segments", "brand_references"),
          ("brand_references", "events", "segments")),
    Stage("pace fading", renew_rhythms, ("staged", "events", "segments", "brand_references"), ("brand_rhythms",)),
    Stage("give kind and magnitude", annotate_sql, ("staged", "brand_references", "kinds"), ()),
    Stage("make durable", land_in_inbox, ("staged",), ("events", "segments")),
    Stage("declare actions", take_declared_actions, ("staged",), ("actions",)),
    Stage("derive failures", derive_failures, ("events", "segments"), ("derived_events",)),
    Stage("spread reputations", derive_reputations, ("events", "segments", "associations"),
          ("derived_events",)),
    Stage("derive recoveries", derive_recoveries, ("events", "segments", "derived_events"),
          ("derived_events",)),
    Stage("fold", fold_new_events, ("events", "segments", "derived_events", "identities"),
          ("pair_kind_states", "landmarks", "marks")),
    Stage("see which kinds come in runs", learn_dispersions, ("events", "segments", "derived_events"),
          ("kind_dispersions", "marks")),
)  # fmt: skip
"""The order in which an event becomes part of a score."""

DISPERSIONS_MARK = "dispersions_learnt_of_events"

_ARRIVAL_CHARACTERS = 32 << 20
"""So much of what arrived is read at a time, whatever the number of events in it."""

_STAGED_COLUMNS = (
    "event_id, occurred_us, precision, received_us, kind, channel, value, currency, text, coalesce(trust, 1) as trust, "
    "properties"
)


_SIGHTINGS_AT_A_TIME = 200_000
"""Who is who is decided in memory: for so many combinations of consumer and identifiers at once."""
_NO_SIGHTINGS = pa.schema(
    [
        ("consumer", pa.string()),
        ("identifiers", pa.string()),
        ("brand_id", pa.int64()),
        ("consumer_id", pa.int64()),
    ]
).empty_table()


def import_files(
    workspace: Workspace,
    patterns: Sequence[str | Path],
    reading: Reading,
    progress: Progress = ignore_progress,
    *,
    is_setting_aside: bool = False,
) -> Acceptance:
    """Read events from files or globs into the workspace; the same events again change nothing.

    An import that was interrupted goes on where its staging stopped when the same files are given again.

    Args:
        workspace: The workspace.
        patterns: Files or globs.
        reading: How they are read.
        progress: Told how far it is.
        is_setting_aside: Go on even where most of the first rows cannot be taken for one reason.

    Raises:
        InputError: A file does not exist or cannot be read.
        MappingError: The mapping does not fit the files, or their first rows.
    """
    files = find_files(patterns)
    if not is_setting_aside:
        claim = claim_folder(workspace.staging_folder / make_id())
        assert claim is not None, "an id that was made just now is nobody else's"
        with claim:
            check_first_rows(
                workspace.engine, files, reading, claim.folder, received_us=workspace.now_us,
                tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            )  # fmt: skip
    return import_found(workspace, files, reading, progress)


def import_found(
    workspace: Workspace, files: Sequence[Path], reading: Reading, progress: Progress,
    *, retried: Sequence[int] = (),
) -> Acceptance:  # fmt: skip
    """Import files that exist; rejected rows that they stand for leave the list once they are accepted."""
    started = perf_counter()
    with workspace.store.writing() as session:
        import_id, claim = begin_import(session, files, reading, workspace.staging_folder, workspace.now_us)
        pending = list_pending(session)
    with claim:
        staging = stage_files(
            workspace.engine,
            files,
            reading,
            claim.folder,
            received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            progress=lambda done, total: progress("read and check", done, total),
            pending=pending,
            has_lines=bool(retried),
        )
        return land_staged(
            workspace,
            staging,
            import_id,
            progress,
            started,
            retried=retried,
            is_replacing=reading.is_replacing,
        )


def import_events(
    workspace: Workspace, events: Iterable[Event], progress: Progress = ignore_progress
) -> Acceptance:
    """Take events into the workspace, checked as those of files are."""
    return import_batches(workspace, write_batches(events), progress)


def import_batches(
    workspace: Workspace, batches: Iterable[pa.RecordBatch], progress: Progress = ignore_progress
) -> Acceptance:
    """Take Arrow batches of the canonical text columns (`ingest.CANONICAL_SCHEMA`), checked as files are."""
    started = perf_counter()
    with workspace.store.writing() as session:
        import_id, claim = begin_stream(session, workspace.staging_folder, workspace.now_us)
    with claim:
        staging = stage_batches(
            workspace.engine,
            batches,
            claim.folder,
            received_us=workspace.now_us,
            tolerance_hours=workspace.settings.future_tolerance_hours,
            placeholders=workspace.settings.placeholder_keys,
            progress=lambda done, total: progress("check", done, total),
        )
        return land_staged(workspace, staging, import_id, progress, started)


def import_frame(
    workspace: Workspace, frame: IntoDataFrame, progress: Progress = ignore_progress
) -> Acceptance:
    """Take events from a data frame of any library (pandas, Polars, Arrow, ...) with the names of `Event`'s fields.

    Raises:
        InputError: A column that every event needs is missing.
    """
    table = nw.from_native(frame, eager_only=True).to_arrow()
    missing = {"occurred_at", "kind"} - set(table.column_names)
    if missing:
        raise InputError(
            f"The data frame has no column {' and no column '.join(sorted(missing))}.",
            hint="Name its columns as the fields of Event: event_id, occurred_at, kind, consumer, brand, value, ...",
        )
    columns = [
        _write_texts(table[name]) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
        for name in CANONICAL_SCHEMA.names
    ]
    texts = pa.Table.from_arrays(columns, schema=CANONICAL_SCHEMA)
    return import_batches(workspace, texts.to_batches(max_chunksize=100_000), progress)


def _write_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        offset = "Z" if column.type.tz is None else "%z"
        return pc.strftime(
            column.cast(pa.timestamp("us", column.type.tz)), format=f"%Y-%m-%dT%H:%M:%S{offset}"
        )
    if pa.types.is_nested(column.type):
        texts = [None if each is None else json.dumps(each, default=str) for each in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def land_arrivals(workspace: Workspace, *, limit: int = 50_000, wait_seconds: float = 600.0) -> Acceptance:
    """Read the events that arrived over the network, exactly as those of files are, and bring scores up to date.

    Arrivals leave their file after the transaction that took their events in. A crash between the two lets them
    be read again, and their ids then tell that their events are here already.

    Args:
        workspace: The workspace.
        limit: At most so many at a time.
        wait_seconds: How long to wait while another process or thread is at the same work.

    Raises:
        ConflictError: The wait was in vain.
    """
    started = perf_counter()
    total = Acceptance(accepted=0, duplicates=0, rejected=0, unattributed=0, seconds=0.0)
    with _claim_landing(workspace, wait_seconds) as claim:
        with workspace.arrivals.reading() as session:
            waiting = read_arrivals(session, limit=limit, characters=_ARRIVAL_CHARACTERS)
        for sending in group_arrivals(waiting):
            total += _land_sending(workspace, sending, claim.folder)
        if waiting.num_rows:
            with workspace.arrivals.writing() as session:
                forget_arrivals(session, waiting["sequence"].to_pylist())
    return replace(total, seconds=perf_counter() - started)


def _claim_landing(workspace: Workspace, wait_seconds: float) -> Claim:
    end = perf_counter() + wait_seconds
    while (claim := claim_folder(workspace.staging_folder / "arrivals")) is None:
        if perf_counter() > end:
            raise ConflictError(
                "Another process has been reading what arrived for too long.",
                hint="Wait until it is done, then run the same command again.",
            )
        time.sleep(0.02)
    return claim


def _land_sending(workspace: Workspace, sending: Sending, folder: Path) -> Acceptance:
    """Land arrivals; a line that cannot even be read without the store is set aside, so that it holds up no other.

    Whatever else fails is no fault of a line: the arrivals stay where they are.
    """
    try:
        staging = _stage_sending(workspace, sending, folder)
    except ExhaustedError:
        raise
    except (EngineError, ValueError):
        if len(sending.lines) > 1:
            first, second = sending.split()
            return _land_sending(workspace, first, folder) + _land_sending(workspace, second, folder)
        staging = set_aside_lines(sending.lines, sending.reading, folder / "aside", "engine_failed")
    import_id = ""
    if staging.rejected_count:
        with workspace.store.writing() as session:
            import_id = enter_arrivals(session, sending.reading, workspace.now_us)
    return land_staged(workspace, staging, import_id, ignore_progress, perf_counter())


def _stage_sending(workspace: Workspace, sending: Sending, folder: Path) -> Staging:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = folder / "arrivals.jsonl"
    sending.write(lines)
    return stage_files(
        workspace.engine,
        [lines],
        sending.reading,
        folder / "staged",
        received_us=sending.received_us,
        tolerance_hours=workspace.settings.future_tolerance_hours,
        placeholders=workspace.settings.placeholder_keys,
        has_lines=True,
    )


def land_staged(
    workspace: Workspace, staging: Staging, import_id: str, progress: Progress, started: float,
    *, retried: Sequence[int] = (), is_replacing: bool = False, note_replaced: NoteReplaced | None = None,
    is_undoing: bool = False,
) -> Acceptance:  # fmt: skip
    """Run all stages over staged rows in one transaction.

    Args:
        workspace: The workspace.
        staging: The checked rows.
        import_id: The import that they are of.
        progress: Told how far it is.
        started: When the import began, on the clock of `perf_counter`.
        retried: Rejected rows that this import reads again; they leave the list once they are accepted.
        is_replacing: Rows that say something else of an event on record come into its place; else they are kept
            beside it, to be looked at.
        note_replaced: Notes what was replaced, where somebody asked for it.
        is_undoing: What replaces is what was on record before, whole; else it keeps the parties that it does not name.
    """
    scratch = staging.folder / "landing"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with begin_change(workspace, progress) as (session, force):
        points, kind_ids = force.points, force.kind_ids
        mark_us = int(session.read_mark(NEWEST_MARK) or 0)
        landing, duplicates, replaced, replaced_us = Landing(), None, 0, None
        if staging.accepted_files:
            duplicates = find_duplicates(
                session, workspace.engine, workspace.folder, staging.accepted_files, scratch,
                is_last_taken=is_replacing,
            )  # fmt: skip
            parties = taken = None
            if is_replacing and (duplicates.changed_count or note_replaced is not None):
                replacement = replace_events(
                    workspace, session, staging, duplicates, scratch, landing, note_replaced
                )
                duplicates, parties = replacement.duplicates, None if is_undoing else replacement.parties
                replaced, replaced_us, taken = replacement.count, replacement.newest_us, replacement.taken
            if staging.accepted_count > duplicates.count:
                fresh = _select_fresh(staging, duplicates, parties, scratch, workspace)
                points = _land_fresh(
                    workspace,
                    session,
                    fresh,
                    scratch,
                    points,
                    kind_ids,
                    progress,
                    landing,
                    staging.claimed_by,
                    taken,
                )
            if duplicates.count:
                forget_returned(session, workspace.engine, staging, duplicates)
            if duplicates.changed_count and not is_replacing:
                for batch in list_changed(workspace.engine, staging, duplicates):
                    keep_corrections(session, batch.to_pylist(), now_us=workspace.now_us)
        rejected = store_rejections(
            session, workspace.engine, import_id, staging, workspace.now_us, retried=retried
        )
        settle(workspace, session, points, kind_ids, landing, progress)
        if landing.accepted:
            _learn_dispersions(workspace, session, points, kind_ids)
        if replaced and replaced_us == mark_us:
            # Perhaps what was the newest moment is none any more; what followed from it is gone by now, too.
            newest_us = find_newest(session, workspace.engine, workspace.folder)
            session.write_mark(NEWEST_MARK, newest_us)
        acceptance = Acceptance(
            accepted=landing.accepted - replaced,
            duplicates=duplicates.count if duplicates else 0,
            rejected=rejected,
            unattributed=landing.unattributed,
            seconds=perf_counter() - started,
            nobody=staging.nobody_count,
            changed=duplicates.changed_count if duplicates else 0,
            replaced=replaced,
        )
        finish_import(session, import_id, acceptance, workspace.now_us)
    seal_inbox(workspace)
    return acceptance


def _select_fresh(
    staging: Staging, duplicates: Duplicates, parties: pa.Table | None, scratch: Path,
    workspace: Workspace,
) -> str:  # fmt: skip
    """The relation of the rows that are to land; one that replaces another keeps the parties that it does not name."""
    staged = f"read_parquet({quote_paths(list(staging.accepted_files))})"
    passed = f"read_parquet({quote_paths([duplicates.path])})"
    if parties is None or not parties.num_rows:
        return f"""(
            select s.* from {staged} s left join {passed} d on d.position = s.position where d.position is null
        )"""
    path = scratch / "parties.parquet"
    workspace.engine.write("select * from parties", path, step="keep parties", tables={"parties": parties})
    return f"""(
        select s.* replace (
            coalesce(s.consumer, case when s.identifiers is null then a.consumer end) as consumer,
            coalesce(s.brand, a.brand) as brand)
        from {staged} s left join {passed} d on d.position = s.position
        left join read_parquet({quote_paths([path])}) a on a.source = s.source and a.event_id = s.event_id
        where d.position is null
    )"""


def _land_fresh(
    workspace: Workspace, session: Session, fresh: str, scratch: Path, points: PointsTable,
    kind_ids: Mapping[str, int], progress: Progress, landing: Landing, claimed_by: str | None,
    taken: pa.Table | None,
) -> PointsTable:  # fmt: skip
    """Land the rows that are not on record yet; the points returned know how often consumers order now."""
    engine = workspace.engine
    progress("number the keys", 0, None)
    for column in ("source", "brand", "consumer"):
        write_keys(session, engine, fresh, column, column, scratch / f"{column}.parquet")
    keys = {name: quote_paths([scratch / f"{name}.parquet"]) for name in ("source", "brand", "consumer")}
    sightings = _recognise_consumers(workspace, session, fresh, keys, landing, claimed_by)
    numbered = f"""(
        select k.entity_id as source_id, {_STAGED_COLUMNS}, cast(floor(s.occurred_us / 86400000000.0) as bigint) as day,
               coalesce(i.consumer_id, c.entity_id, 0) as consumer_id, coalesce(b.entity_id, 0) as brand_id
        from {fresh} s
        join read_parquet({keys["source"]}) k on k.entity_key = s.source
        left join read_parquet({keys["brand"]}) b on b.entity_key = s.brand
        left join read_parquet({keys["consumer"]}) c on c.entity_key = s.consumer
        left join sightings i on i.identifiers = s.identifiers and i.consumer is not distinct from s.consumer
            and (i.brand_id is null or i.brand_id = coalesce(b.entity_id, 0))
    )"""
    found = engine.read(
        f"select max(occurred_us) as newest_us, count(*) as n from {fresh}", step="find the newest event"
    )
    newest_us = found["newest_us"][0].as_py()
    given = EventSource(numbered, {"sightings": sightings})
    if found["n"][0].as_py() <= workspace.settings.inbox_import_limit:
        # Few events are joined with their numbers once; of many that would be another copy.
        rows = engine.read(f"select * from {numbered}", step="number the events", tables=given.tables)
        given = EventSource("numbered_events", {"numbered_events": rows})
    progress("size money", 0, None)
    points = follow_orders(workspace, session, points, kind_ids, landing, given, taken=taken)
    tables = {
        **given.tables,
        **annotation_tables(points, kind_ids, session.read(BRAND_REFERENCES)),
    }
    annotated_path = scratch / "annotated.parquet"
    progress("give kind and magnitude", 0, None)
    annotated = f"read_parquet({quote_paths([annotated_path])})"
    landing.accepted = engine.write(
        annotate_sql(points, kind_ids, given.relation),
        annotated_path,
        step="give kind and magnitude",
        tables=tables,
    )
    counts = engine.read(
        f"select count(*) as n from {annotated} where brand_id = 0 or (consumer_id = 0 "
        f"and kind not in ({LISTED_KINDS_OF_A_BRAND}))",
        step="count unknown parties",
    )
    landing.unattributed = counts["n"][0].as_py()
    if landing.accepted <= workspace.settings.inbox_import_limit:
        rows = engine.read(
            f"select * from {annotated} order by occurred_us, event_id", step="read accepted events"
        ).to_pydict()
        land_in_inbox(session, rows)
    else:
        landing.segments = write_segments(
            engine,
            workspace.folder,
            annotated,
            {},
            progress=lambda done, total: progress("seal", done, total),
        )
        progress("fold", 0, None)
        deltas = fold_segments(
            session, engine, workspace.folder, points, kind_ids, landing.segments, newest_us=newest_us
        )
        write_deltas(session, deltas, progress=lambda done, total: progress("keep states", done, total))
        add_segments(session, landing.segments, workspace.now_us)
    _take_actions(workspace, session, fresh)
    mark = int(session.read_mark(NEWEST_MARK) or 0)
    session.write_mark(NEWEST_MARK, max(mark, newest_us))
    _note_deriving(workspace, session, annotated, points, kind_ids, landing)
    return points


def _take_actions(workspace: Workspace, session: Session, fresh: str) -> None:
    """Put the actions on record that events declare; one that cannot be stays an event and is told in the log."""
    rows = read_declaring(workspace.engine, fresh)
    if rows:
        brands = sorted({row["brand"] for row in rows if row["brand"]})
        refused = take_declared_actions(
            session,
            rows,
            brand_ids=find_keys(session, "brand", brands),
            declared_us=workspace.now_us,
        )
        for event_id, reason in refused.items():
            _log.warning("the event %s declares no action: %s", event_id, reason)


def _learn_dispersions(
    workspace: Workspace, session: Session, points: PointsTable, kind_ids: Mapping[str, int]
) -> None:
    """See anew which kinds come in runs, each time that there are half as many events again."""
    count = session.count(EVENTS) + int(session.summarise(SEGMENTS, "row_count", "sum") or 0)
    if count >= max(FEWEST_EVENTS, 1.5 * int(session.read_mark(DISPERSIONS_MARK) or 0)):
        learn_dispersions(session, workspace.engine, workspace.folder, points, kind_ids, count)
        session.write_mark(DISPERSIONS_MARK, count)


def _recognise_consumers(
    workspace: Workspace, session: Session, fresh: str, keys: Mapping[str, str], landing: Landing,
    claimed_by: str | None,
) -> pa.Table:  # fmt: skip
    # Whose a claim is depends on the brand of its event; what a trusted source says does not.
    brand_id = "coalesce(b.entity_id, 0)" if claimed_by else "null"
    rows = workspace.engine.read(
        f"""
        select consumer, identifiers, cast({brand_id} as bigint) as brand_id, min(occurred_us) as first_us,
               list(distinct [k.entity_id, coalesce(b.entity_id, 0)]) as places
        from {fresh} s
        join read_parquet({keys["source"]}) k on k.entity_key = s.source
        left join read_parquet({keys["brand"]}) b on b.entity_key = s.brand
        where identifiers is not null group by consumer, identifiers, 3
        order by first_us, consumer, identifiers, 3
        """,
        step="list the identifiers seen",
    )
    claimed_id = ensure_keys(session, "source", [claimed_by])[claimed_by] if claimed_by else None
    parts: list[pa.Table] = []
    for batch in rows.to_batches(max_chunksize=_SIGHTINGS_AT_A_TIME):
        sightings = [
            Sighting(
                consumer,
                {str(k): str(v) for k, v in json.loads(identifiers).items()},
                tuple(map(tuple, places)),
            )
            for consumer, identifiers, places in zip(
                *(batch[name].to_pylist() for name in ("consumer", "identifiers", "places"))
            )
        ]
        resolution = resolve_identities(
            session,
            sightings,
            ensure_consumers=lambda keys: ensure_keys(session, "consumer", keys),
            seen_us=workspace.now_us,
            limit=workspace.settings.identifier_limit,
            claimed_by=claimed_id,
            placeholders=[*map(str.lower, workspace.settings.placeholder_keys)],
        )
        for member, groups in resolution.regrouped.items():
            landing.refold_members.add(member)
            landing.refold_consumers.update(groups)
        parts.append(
            pa.table(
                {
                    "consumer": batch["consumer"].cast(pa.string()),
                    "identifiers": batch["identifiers"].cast(pa.string()),
                    "brand_id": batch["brand_id"].cast(pa.int64()),
                    "consumer_id": pa.array(resolution.consumer_ids, pa.int64()),
                }
            )
        )
    return pa.concat_tables(parts) if parts else _NO_SIGHTINGS


def _note_deriving(
    workspace: Workspace, session: Session, annotated: str, points: PointsTable, kind_ids: Mapping[str, int],
    landing: Landing,
) -> None:  # fmt: skip
    wanted = ", ".join(str(kind_ids[key]) for key in sorted(list_deriving_kinds(points)))
    rows = workspace.engine.read(
        f"""
        select distinct consumer_id from {annotated}
        where consumer_id <> 0 and brand_id <> 0 and (kind_id in ({wanted}) or kind = '{RECOVERY_KIND}')
        """,
        step="find events from which others follow",
    )
    identity_map = read_identity_map(session)
    assert landing.consumers is not None
    landing.consumers |= {identity_map.get(each, each) for each in rows["consumer_id"].to_pylist()}
