"""Changed points: stored with their version, and whatever was folded with the former ones is folded again."""

from __future__ import annotations

from collections.abc import Mapping

from consumer_fusion.access.audit import append_audit
from consumer_fusion.events.landing import AffectedConsumers, Progress
from consumer_fusion.events.rewriting import rewrite_events
from consumer_fusion.records.audit import PRODUCT, AuditEntry
from consumer_fusion.records.points import BRAND_REFERENCES, POINTS_MARK, Kind, PointsTable
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.score.fold.folding import refold
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.sizing import update_sizing
from consumer_fusion.score.points.points_store import keep_points, read_kept_points, register_kinds
from consumer_fusion.score.points.points_table import digest_folding
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def store_points(
    workspace: Workspace, session: Session, points: PointsTable, progress: Progress
) -> tuple[PointsTable, Mapping[str, int]]:
    """Store points that differ from those in force, and fold again what they change.

    Returns:
        The points, whose half-lives may follow new rhythms, and the number of every kind that was ever in force.
    """
    previous = read_kept_points(session)
    kind_ids = register_kinds(session, points)
    keep_points(session, points, workspace.now_us)
    session.write_mark(POINTS_MARK, points.version)
    if previous is not None and digest_folding(previous) != digest_folding(points):
        _fold_changes(workspace, session, previous, points, kind_ids, progress)
    if previous is not None and not session.count(BRAND_REFERENCES):
        # A store of an older release, whose references were of another form.
        landing = AffectedConsumers()
        points = update_sizing(workspace, session, points, kind_ids, landing, with_all_brands=True)
        context = ScoreContext(session, workspace.engine, workspace.folder, points, kind_ids)
        derive_and_fold(context, landing, workspace.now_us, progress)
    if previous is not None and workspace.on_change is None:
        # The file was edited by hand: the next process puts it in force, and cannot know who edited it.
        entry = AuditEntry(PRODUCT, "put points in force", workspace.now_us, points.version)
        append_audit(session, [entry])
    return points, kind_ids


def _fold_changes(
    workspace: Workspace,
    session: Session,
    previous: PointsTable,
    points: PointsTable,
    kind_ids: Mapping[str, int],
    progress: Progress,
) -> None:
    if _write_rules(previous) != _write_rules(points):
        progress("assign kinds and magnitudes again", 0, None)
        rewrite_events(
            session,
            workspace.engine,
            workspace.folder,
            lambda relation: annotate_sql(points, kind_ids, relation),
            annotation_tables(points, kind_ids, session.read(BRAND_REFERENCES)),
            workspace.now_us,
        )
        changed = None
    else:
        changed = [
            key
            for key, kind in points.kinds.items()
            if key not in previous.kinds or _fades_anew(previous.kinds[key], kind)
        ]
    progress("fold again", 0, None)
    context = ScoreContext(session, workspace.engine, workspace.folder, points, kind_ids)
    refold(context, kinds=changed)
    derive_and_fold(context, AffectedConsumers(consumers=None), workspace.now_us, progress)


def _write_rules(points: PointsTable) -> list[tuple[object, ...]]:
    return [
        (key, kind.event, kind.conditions, kind.magnitude, kind.mends, kind.spreads, kind.derives)
        for key, kind in points.kinds.items()
    ]


def _fades_anew(before: Kind, after: Kind) -> bool:
    return (
        before.half_life_days != after.half_life_days
        or before.follows_rhythm != after.follows_rhythm
        or before.trust != after.trust
        or bool(before.entries) != bool(after.entries)
    )
