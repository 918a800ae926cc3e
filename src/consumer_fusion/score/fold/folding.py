"""Folding: events become the decayed sums of their pair and kind, exactly once.

The sums are forward-decayed (Cormode et al., ICDE 2009) from a landmark per half-life, so that they are purely
additive: order does not matter and a late event costs what a timely one does. State, marks and manifest change in one
transaction. Removing an event is not subtraction: the pair is folded again from its events.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import (
    FOLD_COLUMNS,
    FOLDED_DERIVED_MARK,
    FOLDED_MARK,
    EventSelection,
    EventSource,
    list_members,
    open_events,
    read_identity_map,
)
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.pair_state import LANDMARKS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import KindArrays, fold_late_events, fold_sealed_batches
from consumer_fusion.score.fold.decay import fold_kinds_at, read_fold_kinds
from consumer_fusion.score.fold.fold_queries import (
    DAY_COLUMNS,
    compute_late,
    compute_with_old,
    fold_events,
    read_same_days,
)
from consumer_fusion.score.fold.rhythms import list_half_lives
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import add_states, remove_states, scale_states
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from consumer_fusion.storage.store import RangeCondition, Session

RELANDMARK_HALF_LIVES = 200
"""Age in half-lives at which a landmark moves: squares of weights stay well inside the range of a double."""

FEW_CONSUMERS = 200
"""Maximum number of consumers that are looked up one by one."""


def prepare_landmarks(
    session: Session, points: PointsTable, kind_ids: Mapping[str, int], newest_us: int
) -> None:
    """Ensure that each half-life has a landmark that is not too far before the newest event.

    Moving a landmark multiplies the sums of its kinds by one factor, in the same transaction.
    """
    known = {row["half_life_days"]: row["landmark_us"] for row in session.read(LANDMARKS).to_pylist()}
    for half_life in sorted(list_half_lives(points)):
        landmark = known.get(half_life)
        if landmark is None:
            session.insert(LANDMARKS, LANDMARKS.column_names, [(half_life, newest_us)])
            continue
        elapsed = (newest_us - landmark) / (half_life * DAY_MICROSECONDS)
        if elapsed > RELANDMARK_HALF_LIVES:
            for chosen, brand_ids in _list_rows(session, points, kind_ids, half_life):
                scale_states(session, 2.0**-elapsed, kind_ids=chosen, brand_ids=brand_ids)
            session.replace(LANDMARKS, LANDMARKS.column_names, [(half_life, newest_us)])


def _list_rows(
    session: Session, points: PointsTable, kind_ids: Mapping[str, int], half_life_days: float
) -> Iterator[tuple[Sequence[int], list[int] | None]]:
    """Kinds and brands (None for all) that select the states with a half-life; no state matches two of them."""
    kinds = points.kinds.values()
    steady = [
        k for k in kinds if k.half_life_days == half_life_days and not (k.follows_rhythm and points.rhythms)
    ]
    if steady:
        yield [kind_ids[kind.key] for kind in steady], None
    by_kinds: dict[tuple[int, ...], list[int]] = {}
    if points.rhythms:
        brands = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))[
            "entity_id"
        ].to_pylist()
        for brand_id in brands:
            factor = points.rhythms.get(brand_id, 1.0)
            fading = [k for k in kinds if k.follows_rhythm and k.half_life_days * factor == half_life_days]
            by_kinds.setdefault(tuple(kind_ids[kind.key] for kind in fading), []).append(brand_id)
    for kind_numbers, brand_ids in by_kinds.items():
        if kind_numbers:
            yield kind_numbers, brand_ids


def fold_new_events(
    context: ScoreContext,
    *,
    limit: int = 200_000,
) -> int:
    """Fold the inbox and the derived events that are not in the state yet.

    Returns:
        Number of events folded; call again while it equals the limit.
    """
    new, marks = _read_unfolded(context.session, limit)
    if not new.num_rows:
        return 0
    newest_us = pc.max(new["occurred_us"]).as_py()
    prepare_landmarks(context.session, context.points, context.kind_ids, newest_us)
    deltas = compute_late(
        context.session,
        context.engine,
        context.folder,
        new,
        read_fold_kinds(context.session, context.points, context.kind_ids),
        is_folded_only=True,
    )
    add_states(context.session, [deltas], oldest_us=pc.min(new["occurred_us"]).as_py())
    for mark, value in marks.items():
        context.session.write_mark(mark, value)
    return int(new.num_rows)


def fold_segments(
    context: ScoreContext,
    segments: Sequence[Segment],
    *,
    newest_us: int,
) -> Iterator[pa.Table]:
    """Compute the changes of the state by new segments; the caller enters them into the manifest afterwards.

    Days that already have events elsewhere are computed again with both; all others in one pass.

    Args:
        context: Context for reading scores.
        segments: New segments, not in the manifest yet.
        newest_us: Time of the newest event in them.

    Yields:
        Changes of the states (`STATE_COLUMNS`), for a part of the consumers at a time.
    """
    prepare_landmarks(context.session, context.points, context.kind_ids, newest_us)
    fold_kinds = read_fold_kinds(context.session, context.points, context.kind_ids)
    attributed = [each for each in segments if each.bucket != UNATTRIBUTED_BUCKET]
    identity_map = read_identity_map(context.session)
    merged = sorted({*identity_map, *identity_map.values()})
    has_overlap = _has_overlap(context.session, attributed)
    known = list_segments(context.session)
    for bucket in range(BUCKET_COUNT):
        group = [each for each in attributed if each.bucket == bucket]
        if group:
            old = [each for each in known if each.bucket == bucket] if has_overlap else None
            yield from _fold_bucket(context, group, old, merged, fold_kinds)
    if merged and attributed:
        # The events of one consumer are in the buckets of all its members.
        canonical = sorted(set(identity_map.values()))
        new = open_events(
            context.session,
            context.folder,
            EventSelection(consumers=canonical),
            segments=attributed,
            only_segments=True,
        )
        yield compute_with_old(
            context.engine, new, _open_old(context, attributed, known, canonical), fold_kinds
        )


def _fold_bucket(
    context: ScoreContext,
    group: Sequence[Segment],
    known: Sequence[Segment] | None,
    merged: Sequence[int],
    fold_kinds: pa.Table,
) -> Iterator[pa.Table]:
    """Changes of the states by the new segments of a bucket, without those of merged consumers.

    Args:
        context: Context for reading scores.
        group: The new segments.
        known: Stored segments of the bucket; None where no stored event shares a day with a new one.
        merged: Consumers to leave out.
        fold_kinds: Half-life, landmark and trust of each kind.
    """
    paths = quote_paths([context.folder / each.path for each in group])
    relation, tables = f"read_parquet({paths}, hive_partitioning = false)", {}
    if merged:
        tables["merged_consumers"] = pa.table({"consumer_id": pa.array(merged, pa.int64())})
        relation = (
            f"(select e.* from {relation} e anti join merged_consumers m on m.consumer_id = e.consumer_id)"
        )
    if known is not None:
        new, old = EventSource(relation, tables), _open_old(context, group, known)
        same_days = read_same_days(context.engine, new, old)
        if same_days.num_rows:
            tables["shared_days"] = same_days.group_by(DAY_COLUMNS).aggregate([])
            same = " and ".join(f"d.{name} = e.{name}" for name in DAY_COLUMNS)
            late = context.engine.read(
                f"select {', '.join(FOLD_COLUMNS)} from {relation} e semi join shared_days d on {same}",
                step="read new events of days with stored ones",
                tables=tables,
            )
            yield fold_late_events(late, same_days, KindArrays.from_table(fold_kinds))
            relation = f"(select e.* from {relation} e anti join shared_days d on {same})"
    batches = context.engine.stream(
        f"select {', '.join((*FOLD_COLUMNS, 'same_day_count'))} from {relation}",
        step="read a new segment",
        tables=tables,
        rows_per_batch=500_000,
    )
    yield from fold_sealed_batches(batches, KindArrays.from_table(fold_kinds))


def _open_old(
    context: ScoreContext,
    group: Sequence[Segment],
    known: Sequence[Segment],
    consumers: Collection[int] | None = None,
) -> EventSource:
    """The folded events of the days of new segments: of some canonical consumers, or as sources name them."""
    selection = EventSelection(
        consumers=consumers,
        min_day=min(each.min_day for each in group),
        max_day=max(each.max_day for each in group),
        is_folded_only=True,
    )
    return open_events(
        context.session, context.folder, selection, segments=known, is_merged=consumers is not None
    )


def refold(
    context: ScoreContext,
    *,
    consumers: Collection[int] | None = None,
    members: Collection[int] = (),
    kinds: Collection[str] | None = None,
    brand_ids: Collection[int] | None = None,
) -> int:
    """Fold again from the events where adding is not enough: after a merge, an undo, a changed rule.

    Args:
        context: Context for reading scores.
        consumers: Canonical consumers; None for all.
        members: Further consumers whose state is deleted (those absorbed by a merge).
        kinds: Keys of the kinds; None for all.
        brand_ids: Brands; None for all.

    Returns:
        Number of state rows written.
    """
    wanted = None if kinds is None else [context.kind_ids[key] for key in kinds]
    everyone = None
    if consumers is not None:
        everyone = set(list_members(read_identity_map(context.session), consumers)) | set(members)
    remove_states(context.session, consumers=everyone, brand_ids=brand_ids, kind_ids=wanted)
    newest = context.session.summarise(EVENTS, "occurred_us", "max")
    mark = context.session.read_mark("newest_occurred_us")
    prepare_landmarks(
        context.session, context.points, context.kind_ids, max(int(newest or 0), int(mark or 0))
    )
    source = open_events(
        context.session,
        context.folder,
        EventSelection(consumers=consumers, brand_ids=brand_ids, kind_ids=wanted, is_folded_only=True),
        columns=FOLD_COLUMNS,
    )
    return add_states(
        context.session,
        fold_events(
            context.engine, source, read_fold_kinds(context.session, context.points, context.kind_ids)
        ),
    )


def read_unfolded(session: Session, consumers: Collection[int] | None = None) -> pa.Table:
    """The events that arrived since the last fold (`FOLD_COLUMNS`), for some canonical consumers or for all."""
    members = None if consumers is None else list_members(read_identity_map(session, consumers), consumers)
    if members is not None and len(members) <= FEW_CONSUMERS:
        return _read_unfolded(session, None, {"consumer_id": members})[0]
    new, _ = _read_unfolded(session, None)
    return new if members is None else new.filter(pc.is_in(new["consumer_id"], pa.array(members, pa.int64())))


def fold_unfolded(
    context: ScoreContext,
    new: pa.Table,
    as_of_us: int,
) -> pa.Table:
    """Changes of the states, as of a given time, by events not folded yet, so that a score is never stale.

    That time is the landmark: those of the state may be missing yet, or too far back for these events.
    """
    return compute_late(
        context.session,
        context.engine,
        context.folder,
        new,
        fold_kinds_at(context.points, context.kind_ids, as_of_us),
        is_folded_only=True,
    )


def _read_unfolded(
    session: Session, limit: int | None, where: Mapping[str, list[int]] | None = None
) -> tuple[pa.Table, dict[str, int]]:
    tables: list[pa.Table] = []
    marks: dict[str, int] = {}
    for table, mark in ((EVENTS, FOLDED_MARK), (DERIVED_EVENTS, FOLDED_DERIVED_MARK)):
        rows = session.read(
            table,
            {"sequence": RangeCondition(above=int(session.read_mark(mark) or 0)), **(where or {})},
            columns=("sequence", *FOLD_COLUMNS),
            order_by=("sequence",),
            limit=limit,
        )
        if rows.num_rows:
            marks[mark] = rows["sequence"][-1].as_py()
        tables.append(rows.select(list(FOLD_COLUMNS)))
    return pa.concat_tables(tables), marks


def _has_overlap(session: Session, segments: Sequence[Segment]) -> bool:
    """Whether any stored event may share a day, pair and kind with the new segments."""
    if int(session.read_mark(FOLDED_MARK) or 0) and session.count(EVENTS):
        return True
    if session.count(DERIVED_EVENTS):
        return True
    everything = [*segments, *list_segments(session)]
    return has_shared_days(everything)


def has_shared_days(segments: Sequence[Segment]) -> bool:
    """Whether two segments of one bucket overlap in days, so that their same-day counts are incomplete."""
    by_bucket: dict[int, list[Segment]] = {}
    for each in segments:
        if each.bucket != UNATTRIBUTED_BUCKET:
            by_bucket.setdefault(each.bucket, []).append(each)
    for members in by_bucket.values():
        members.sort(key=lambda each: (each.min_day, each.max_day))
        if any(later.min_day <= earlier.max_day for earlier, later in zip(members, members[1:])):
            return True
    return False
