"""The points in force: the shipped table, then calibration, then the workspace's points, then experiments.

A change of points alone needs no folding. Where rules, half-lives or trust changed, the states concerned
are folded again here, before anything is read with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.calibration import CALIBRATIONS
from consumer_fusion.records.experiment import EXPERIMENTS
from consumer_fusion.records.points import POINTS_MARK, PointsTable
from consumer_fusion.score.fold.dispersions import read_dispersions
from consumer_fusion.score.fold.rhythms import read_rhythms
from consumer_fusion.score.points.points_overrides import list_overridden, read_points_file
from consumer_fusion.score.points.points_store import read_kind_ids
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session, Store
from consumer_fusion.workspace import Workspace

if TYPE_CHECKING:
    from consumer_fusion.score.calibration.calibration_report import CalibrationReport
    from consumer_fusion.score.calibration.experiment_overrides import PointsOverride


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


_known: WeakKeyDictionary[Store, tuple[object, EffectivePoints]] = WeakKeyDictionary()
"""The points in force of each store, with the version of their sources: reading them takes as long as a score."""


def put_points_in_force(workspace: Workspace, progress: Progress = ignore_progress) -> EffectivePoints:
    """The points in force; states affected by a changed table are folded again first.

    Raises:
        PointsError: The workspace's own points break a rule.
    """
    with workspace.store.reading() as session:
        own = read_points_file(workspace.points_path) if workspace.points_path.exists() else None
        # Every other source of the points is a table whose changes move this version.
        version = (own, session.read_version("rules"))
        known = _known.get(workspace.store)
        if known is not None and known[0] == version:
            return known[1]
        points = read_effective_points(workspace, session)
        if session.read_mark(POINTS_MARK) == points.version:
            force = EffectivePoints(points, read_kind_ids(session))
            _known[workspace.store] = (version, force)
            return force
    # Imported here, because points rarely change.
    from consumer_fusion.score.changed_points import store_points

    with workspace.store.writing() as session:
        points, kind_ids = store_points(workspace, session, points, progress)
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
        calibration = _read_calibration(session)
    if calibration is not None:
        from consumer_fusion.score.calibration.calibration_report import apply_calibration

        protect = list_overridden(own) if own else frozenset()
        points = apply_calibration(points, calibration, protect)
    if decided := [one for one in read_overrides(session) if one.key != without]:
        from consumer_fusion.score.calibration.experiment_overrides import apply_overrides

        points = apply_overrides(points, decided)
    return replace(
        points,
        dispersions=read_dispersions(session),
        rhythms=read_rhythms(session),
    )


def _read_calibration(session: Session) -> CalibrationReport | None:
    """The calibration that was applied last."""
    applied = session.read(CALIBRATIONS, {"is_applied": True}, order_by=("made_us",))
    if not applied.num_rows:
        return None
    # Imported here, as below, because most workspaces have neither a calibration nor an experiment.
    from consumer_fusion.score.calibration.calibration_report import read_report

    return read_report(json.loads(applied["report"][-1].as_py()))


def read_overrides(session: Session) -> list[PointsOverride]:
    """The points of brand actions that experiments decided; for each action the override applied last."""
    in_force: dict[str, PointsOverride] = {}
    columns = ("override", "applied_us", "withdrawn_us")
    for row in session.read(
        EXPERIMENTS, columns=columns, order_by=("applied_us", "experiment_id")
    ).to_pylist():
        if row["override"] and row["applied_us"] is not None and row["withdrawn_us"] is None:
            from consumer_fusion.score.calibration.experiment_overrides import PointsOverride

            override = PointsOverride.model_validate_json(row["override"])
            in_force[override.key] = override
    return list(in_force.values())
