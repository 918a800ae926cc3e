"""Score stages of an import: money is sized, kinds and magnitudes are assigned, events are folded."""

from __future__ import annotations

from consumer_fusion.events.event_reader import NEWEST_MARK, EventSource, find_newest, read_identity_map
from consumer_fusion.events.landing import Landing
from consumer_fusion.operations import Stage
from consumer_fusion.records.alert import NOTICE_STANDINGS
from consumer_fusion.records.association import ASSOCIATIONS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import ATTACHMENTS, DERIVED_EVENTS, EVENTS
from consumer_fusion.records.identity import IDENTITIES
from consumer_fusion.records.import_record import CORRECTIONS
from consumer_fusion.records.pair_state import (
    BRAND_SNAPSHOTS,
    CHANGED_PAIRS,
    LANDMARKS,
    PAIRS,
    STATE_BLOCKS,
    STATE_CHANGES,
)
from consumer_fusion.records.perception import PERCEPTION_LABELS, PERCEPTIONS
from consumer_fusion.records.points import BRAND_REFERENCES, BRAND_RHYTHMS, KIND_DISPERSIONS
from consumer_fusion.records.segment import MARKS, SEGMENTS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.derivation import RECOVERY_KIND, list_deriving_kinds
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.score.fold.dispersions import FEWEST_EVENTS, learn_dispersions
from consumer_fusion.score.fold.folding import fold_segments
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.replacement import replace_events
from consumer_fusion.score.fold.sizing import update_sizing
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.score.states.kept_states import add_states

DISPERSIONS_MARK = "dispersions_learnt_of_events"


def _open_context(landing: Landing) -> ScoreContext:
    workspace = landing.workspace
    return ScoreContext(landing.session, workspace.engine, workspace.folder, landing.points, landing.kind_ids)


def _replace_events(landing: Landing) -> None:
    landing.former_mark_us = int(landing.session.read_mark(NEWEST_MARK) or 0)
    duplicates = landing.duplicates
    if duplicates is None or not landing.is_replacing:
        return
    if duplicates.changed_count or landing.note_replaced is not None:
        replacement = replace_events(landing)
        landing.duplicates = replacement.duplicates
        landing.parties = None if landing.is_undoing else replacement.parties
        landing.replaced, landing.replaced_us = replacement.count, replacement.newest_us
        landing.taken = replacement.taken


def _size_money(landing: Landing) -> None:
    landing.points = update_sizing(
        landing.workspace,
        landing.session,
        landing.points,
        landing.kind_ids,
        landing,
        landing.numbered,
        taken=landing.taken,
    )


def _give_magnitude(landing: Landing) -> None:
    assert landing.numbered is not None
    points, kind_ids = landing.points, landing.kind_ids
    tables = annotation_tables(points, kind_ids, landing.session.read(BRAND_REFERENCES))

    # Without the landing itself: with it, its tables would stay in memory until the garbage collector comes.
    def annotate(relation: str) -> EventSource:
        return EventSource(f"({annotate_sql(points, kind_ids, relation)})", tables)

    landing.annotate = annotate
    if landing.parts:  # annotated while they are sealed
        return
    annotated = landing.scratch.keep(
        "annotated",
        annotate(landing.numbered.relation).relation,
        step="give kind and magnitude",
        tables={**tables, **landing.numbered.tables},
    )
    landing.annotated = EventSource(annotated.relation)


def _fold_segments(landing: Landing) -> None:
    if not landing.segments:
        return
    deltas = fold_segments(
        _open_context(landing),
        landing.segments,
        newest_us=landing.newest_us,
    )
    add_states(
        landing.session,
        deltas,
        oldest_us=min(each.min_day for each in landing.segments) * DAY_MICROSECONDS,
        progress=lambda done, total: landing.progress("keep states", done, total),
    )


def _note_newest(landing: Landing) -> None:
    """Store the time of the newest event, and collect the consumers with events from which others may be derived."""
    session, points, annotated = landing.session, landing.points, landing.annotated
    assert annotated is not None
    session.write_mark(NEWEST_MARK, max(int(session.read_mark(NEWEST_MARK) or 0), landing.newest_us))
    wanted = ", ".join(str(landing.kind_ids[key]) for key in sorted(list_deriving_kinds(points)))
    rows = landing.workspace.engine.read(
        f"""
        select distinct consumer_id from {annotated.relation}
        where consumer_id <> 0 and brand_id <> 0 and (kind_id in ({wanted}) or kind = '{RECOVERY_KIND}')
        """,
        step="find events from which others follow",
        tables=annotated.tables,
    )
    identity_map = read_identity_map(session)
    assert landing.consumers is not None
    landing.consumers |= {identity_map.get(each, each) for each in rows["consumer_id"].to_pylist()}


def _derive_and_fold(landing: Landing) -> None:
    derive_and_fold(_open_context(landing), landing, landing.workspace.now_us, landing.progress)
    if landing.replaced and landing.replaced_us == landing.former_mark_us:
        # The time of the newest event may have changed; by now the events derived from it are gone too.
        newest_us = find_newest(landing.session, landing.workspace.engine, landing.workspace.folder)
        landing.session.write_mark(NEWEST_MARK, newest_us)


def _learn_dispersions(landing: Landing) -> None:
    """Learn the dispersions again each time the number of events has grown by half."""
    session = landing.session
    if not landing.accepted:
        return
    count = session.count(EVENTS) + int(session.summarise(SEGMENTS, "row_count", "sum") or 0)
    if count >= max(FEWEST_EVENTS, 1.5 * int(session.read_mark(DISPERSIONS_MARK) or 0)):
        learn_dispersions(_open_context(landing), count)
        session.write_mark(DISPERSIONS_MARK, count)


_RECORD = (EVENTS, SEGMENTS, DERIVED_EVENTS, ATTACHMENTS, IDENTITIES, ENTITIES)
_STATES = (STATE_BLOCKS, STATE_CHANGES, PAIRS, LANDMARKS, MARKS, BRAND_SNAPSHOTS, CHANGED_PAIRS)

STAGES = (
    Stage(
        "replace events",
        _replace_events,
        reads=(*_RECORD, CORRECTIONS),
        writes=(EVENTS, SEGMENTS, ATTACHMENTS, CORRECTIONS),
        after="find duplicates",
        of_rows=False,
    ),
    Stage(
        "size money",
        _size_money,
        reads=(*_RECORD, *_STATES, BRAND_REFERENCES, BRAND_RHYTHMS, NOTICE_STANDINGS),
        writes=(BRAND_REFERENCES, BRAND_RHYTHMS, EVENTS, SEGMENTS, *_STATES, NOTICE_STANDINGS),
        after="number the events",
    ),
    Stage("give kind and magnitude", _give_magnitude, reads=(BRAND_REFERENCES,), after="size money"),
    Stage(
        "fold the segments", _fold_segments, reads=(*_RECORD, *_STATES), writes=_STATES, after="make durable"
    ),
    Stage(
        "note the newest event", _note_newest, reads=(IDENTITIES,), writes=(MARKS,), after="list the segments"
    ),
    Stage(
        "derive and fold",
        _derive_and_fold,
        reads=(*_RECORD, *_STATES, ASSOCIATIONS, PERCEPTIONS, PERCEPTION_LABELS, BRAND_REFERENCES),
        writes=(DERIVED_EVENTS, ENTITIES, *_STATES),
        after="keep rejected rows",
        of_rows=False,
    ),
    Stage(
        "learn dispersions",
        _learn_dispersions,
        reads=_RECORD,
        writes=(KIND_DISPERSIONS, MARKS),
        after="derive and fold",
        of_rows=False,
    ),
)
