"""The points in force: the shipped table, then calibration, then the workspace's points, then experiments.

A change of points alone needs no folding. Where rules, half-lives or trust changed, the states concerned
are folded again here, before anything is read with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from consumer_fusion.access.audit import append_audit
from consumer_fusion.events.landing import AffectedConsumers, Progress, ignore_progress
from consumer_fusion.events.rewriting import rewrite_events
from consumer_fusion.records.audit import PRODUCT, AuditEntry
from consumer_fusion.records.calibration import CALIBRATIONS
from consumer_fusion.records.experiment import EXPERIMENTS
from consumer_fusion.records.points import BRAND_REFERENCES, Kind, PointsTable
from consumer_fusion.score.calibration.calibration_report import (
    CalibrationReport,
    apply_calibration,
    read_report,
)
from consumer_fusion.score.calibration.experiment_overrides import (
    PointsOverride,
    apply_overrides,
)
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.score.fold.dispersions import read_dispersions
from consumer_fusion.score.fold.folding import refold
from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.fold.rhythms import read_rhythms
from consumer_fusion.score.fold.sizing import update_sizing
from consumer_fusion.score.points.points_overrides import list_overridden
from consumer_fusion.score.points.points_store import (
    keep_points,
    read_kept_points,
    read_kind_ids,
    register_kinds,
)
from consumer_fusion.score.points.points_table import digest_folding, load_points
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

POINTS_MARK = "points_version"


@dataclass(frozen=True, slots=True)
class EffectivePoints:
    """The points in force, with the numbers of their kinds.

    Attributes:
        points: Points table.
        kind_ids: Number of every key that was ever in force.
    """

    points: PointsTable
    kind_ids: Mapping[str, int]

    def open(self, workspace: Workspace, session: Session) -> ScoreContext:
        """The context for reading scores of the workspace in a session."""
        return ScoreContext(session, workspace.engine, workspace.folder, self.points, self.kind_ids)


def put_points_in_force(workspace: Workspace, progress: Progress = ignore_progress) -> EffectivePoints:
    """The points in force; states affected by a changed table are folded again first.

    Raises:
        PointsError: The workspace's own points break a rule.
    """
    with workspace.store.reading() as session:
        points = read_effective_points(workspace, session)
        if session.read_mark(POINTS_MARK) == points.version:
            return EffectivePoints(points, read_kind_ids(session))
    with workspace.store.writing() as session:
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
            derive_and_fold(
                EffectivePoints(points, kind_ids).open(workspace, session),
                landing,
                workspace.now_us,
                progress,
            )
        if previous is not None and workspace.on_change is None:
            # The file was edited by hand: the next process puts it in force, and cannot know who edited it.
            entry = AuditEntry(PRODUCT, "put points in force", workspace.now_us, points.version)
            append_audit(session, [entry])
        workspace.note_change(session)
    return EffectivePoints(points, kind_ids)


@contextmanager
def begin_change(
    workspace: Workspace, progress: Progress = ignore_progress
) -> Iterator[tuple[Session, EffectivePoints]]:
    """A writing session, with the points that are in force in it.

    Another process may put other points in force while this one waits for the write lock; anything then written
    with the former points would be inconsistent.
    """
    unnoted = replace(workspace, on_change=None)
    while True:
        force = put_points_in_force(unnoted, progress)
        with workspace.store.writing() as session:
            if session.read_mark(POINTS_MARK) == force.points.version:
                yield session, force
                workspace.note_change(session)
                return


def read_effective_points(
    workspace: Workspace,
    session: Session,
    *,
    without: str | None = None,
    calibration: CalibrationReport | None = None,
    is_calibrated: bool = True,
) -> PointsTable:
    """The shipped points, overridden by calibration, then by the workspace's own points, then by experiments.

    A contested event counts nothing whatever its points (`docs/concepts/score.md`).

    Args:
        workspace: The workspace.
        session: Session of its store.
        without: Key of a kind whose experiments are ignored.
        calibration: Calibration to use in place of that in force.
        is_calibrated: Whether a calibration is applied; a new calibration starts from points without one.
    """
    own = workspace.points_path if workspace.points_path.exists() else None
    points = load_points(own)
    if calibration is None and is_calibrated:
        applied = session.read(CALIBRATIONS, {"is_applied": True}, order_by=("made_us",))
        if applied.num_rows:
            calibration = read_report(json.loads(applied["report"][-1].as_py()))
    if calibration is not None:
        protect = list_overridden(own) if own else frozenset()
        points = apply_calibration(points, calibration, protect)
    decided = (one for one in read_overrides(session) if one.key != without)
    return replace(
        apply_overrides(points, decided),
        dispersions=read_dispersions(session),
        rhythms=read_rhythms(session),
    )


def read_overrides(session: Session) -> list[PointsOverride]:
    """The points of brand actions that experiments decided; for each action the override applied last."""
    in_force: dict[str, PointsOverride] = {}
    columns = ("override", "applied_us", "withdrawn_us")
    for row in session.read(
        EXPERIMENTS, columns=columns, order_by=("applied_us", "experiment_id")
    ).to_pylist():
        if row["override"] and row["applied_us"] is not None and row["withdrawn_us"] is None:
            override = PointsOverride.model_validate_json(row["override"])
            in_force[override.key] = override
    return list(in_force.values())


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
    context = EffectivePoints(points, kind_ids).open(workspace, session)
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
