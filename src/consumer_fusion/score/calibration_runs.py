"""Learning from outcomes in a workspace: calibrations, which may come into force, and forecasts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from consumer_fusion.errors import NotFoundError, RefusedError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.calibration import CALIBRATIONS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.score.calibration.calibration import calibrate
from consumer_fusion.score.calibration.calibration_report import (
    CalibrationReport,
    CalibrationResult,
    find_objection,
    object_to_lifting,
    read_report,
    write_report,
    write_sentences,
)
from consumer_fusion.score.effective_points import put_points_in_force, read_effective_points
from consumer_fusion.score.forecast.forecasts import Forecast, predict_outcomes
from consumer_fusion.score.points.points_overrides import list_overridden
from consumer_fusion.score.points_comparison import ScoreComparison, compare_scores, score_with_points
from consumer_fusion.score.queries.answers import Moment, resolve_as_of
from consumer_fusion.score.queries.score_queries import read_ledgers
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.workspace import Workspace


class ComparedCalibration(CalibrationResult):
    """The same with the effect on all scores, where it could be put in force."""

    changes: ScoreComparison = describe("Changes", "Effect on the scores of all pairs.")


def write_result(
    report: CalibrationReport, *, is_applied: bool, objection: str, changes: ScoreComparison | None
) -> CalibrationResult:
    """The result of a calibration.

    Args:
        report: The calibration.
        is_applied: Whether it was put in force.
        objection: Why it may not come into force; empty if it may.
        changes: Its effect on the scores of all pairs; None where it was not computed.
    """
    fields = {
        **dict(report),
        "sentences": write_sentences(report),
        "is_applied": is_applied,
        "objection": objection or None,
    }
    return CalibrationResult(**fields) if changes is None else ComparedCalibration(**fields, changes=changes)


def calibrate_points(
    workspace: Workspace,
    *,
    outcome: str,
    horizon_days: float,
    cutoff: datetime,
    with_points: bool = False,
    is_applied: bool = False,
    progress: Progress = ignore_progress,
) -> CalibrationReport:
    """Learn half-lives, and optionally points, from the outcomes after a cutoff; optionally put better ones in force.

    Args:
        workspace: The workspace.
        outcome: Key of the kind to predict.
        horizon_days: Horizon of the forecast, in days.
        cutoff: Cutoff between past and future.
        with_points: Learn multipliers of the points too, not only half-lives and the link.
        is_applied: Whether to put the result in force where it is better on held-out pairs; `preview_calibration`
            returns its effect on the scores. The result stays stored where `apply_calibration` refuses it.
        progress: Progress callback.

    Raises:
        RefusedError: It cannot be learnt soundly: a brand's own action, too few events, a window that has not ended.
    """
    force = put_points_in_force(workspace)
    own = workspace.points_path if workspace.points_path.exists() else None
    progress("read the ledger", 0, None)
    with workspace.store.reading() as session:
        # The results of experiments are fixed: the rest is learnt around them.
        base = read_effective_points(workspace, session, is_calibrated=False)
        ledger = read_ledgers(ScoreContext(session, workspace.engine, workspace.folder, base, force.kind_ids))
    progress("learn", 0, None)
    report = calibrate(
        ledger,
        base,
        outcome=outcome,
        horizon_days=horizon_days,
        cutoff_us=to_microseconds(cutoff),
        with_points=with_points,
        protect=list_overridden(own) if own else frozenset(),
    )
    with workspace.store.writing() as session:
        row = (
            make_id(),
            outcome,
            horizon_days,
            to_microseconds(cutoff),
            json.dumps(write_report(report)),
            False,
            workspace.now_us,
        )
        session.insert(CALIBRATIONS, CALIBRATIONS.column_names, [row])
        workspace.note_change(session)
    if is_applied and report.is_better:
        apply_calibration(workspace, report, progress)
    return report


def preview_calibration(
    workspace: Workspace, report: CalibrationReport, as_of: Moment = None
) -> ScoreComparison:
    """Compare the scores of all pairs with those under a calibration; nothing is changed.

    Args:
        workspace: The workspace.
        report: The calibration.
        as_of: As-of time of the scores; None for the default.
    """
    force = put_points_in_force(workspace)
    moment = resolve_as_of(workspace, as_of)
    with workspace.store.reading() as session:
        after = read_effective_points(workspace, session, calibration=report)
        now, then = (
            score_with_points(
                ScoreContext(session, workspace.engine, workspace.folder, points, force.kind_ids), moment
            )
            for points in (force.points, after)
        )
        return compare_scores(now, then, lambda ids: name_entities(session, ids))


def apply_calibration(
    workspace: Workspace,
    report: CalibrationReport,
    progress: Progress = ignore_progress,
    *,
    comparison: ScoreComparison | None = None,
) -> None:
    """Put a stored calibration in force.

    Args:
        workspace: The workspace.
        report: The calibration.
        progress: Progress callback.
        comparison: Its effect on all scores, if `preview_calibration` has just returned it.

    Raises:
        RefusedError: It is not better than the points before it, or would show unhappy relationships as happy.
        NotFoundError: It is not stored.
    """
    objection = find_objection(report)
    if not objection:
        # The calibration was learnt from a sample of pairs, and the scores have another as-of time.
        changes = comparison or preview_calibration(workspace, report)
        objection = object_to_lifting(changes.low_before, changes.low_lifted)
    if objection:
        raise RefusedError(
            f"This calibration does not come into force: {objection}.",
            hint="Learn from more history or another cutoff; the points in force stay.",
        )
    with workspace.store.writing() as session:
        rows = session.read(CALIBRATIONS, order_by=("made_us",)).to_pylist()
        made = [row["calibration_id"] for row in rows if read_report(json.loads(row["report"])) == report]
        if not made:
            raise NotFoundError(
                "This calibration is not stored in this workspace.",
                hint="Calibrate in this workspace, then apply the result.",
            )
        session.update(CALIBRATIONS, {"is_applied": False}, {"is_applied": True})
        session.update(CALIBRATIONS, {"is_applied": True}, {"calibration_id": made[-1]})
        workspace.note_change(session)
    put_points_in_force(workspace, progress)


class ForecastSummary(Schema):
    """Summary of the forecasts in a file."""

    pairs: int = describe("Relationships", "Number of forecasts.")
    out: Path = describe("File", "File that was written.")
    outcome: str = describe("Outcome", "Kind of event that is forecast.")
    horizon_days: float = describe("Days", "Horizon of the forecast.")
    sentences: tuple[str, ...] = describe("Remarks", "Remarks on all forecasts, such as a season.")


def predict_pairs(
    workspace: Workspace,
    *,
    outcome: str,
    horizon_days: float,
    as_of: Moment = None,
    progress: Progress = ignore_progress,
) -> Forecast:
    """Forecast an outcome for every pair with evidence.

    Returns:
        Rows of consumer, brand, probability, expected_value, fusion_score and reasons, with a summary of all of them.

    Raises:
        RefusedError: The past does not support a forecast.
    """
    force = put_points_in_force(workspace)
    moment = resolve_as_of(workspace, as_of)
    progress("read the ledger", 0, None)
    with workspace.store.reading() as session:
        ledger = read_ledgers(force.open(workspace, session), until_us=moment)
        progress("forecast", 0, None)
        forecast = predict_outcomes(
            ledger, force.points, outcome=outcome, horizon_days=horizon_days, as_of_us=moment
        )
        rows = forecast.rows
        consumers = name_entities(session, rows["consumer_id"].to_pylist())
        brands = name_entities(session, rows["brand_id"].to_pylist())
    named = pa.table(
        {
            "consumer": pa.array([consumers[each] for each in rows["consumer_id"].to_pylist()], pa.string()),
            "brand": pa.array([brands[each] for each in rows["brand_id"].to_pylist()], pa.string()),
            **{name: rows[name] for name in ("probability", "expected_value", "fusion_score", "reasons")},
        }
    )
    return replace(forecast, rows=named)


def read_latest_calibration(workspace: Workspace) -> CalibrationReport | None:
    """The most recent calibration, whether in force or not."""
    with workspace.store.reading() as session:
        rows = session.read(CALIBRATIONS, order_by=("made_us",))
    return read_report(json.loads(rows["report"][-1].as_py())) if rows.num_rows else None
