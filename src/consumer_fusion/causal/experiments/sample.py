"""The data of an experiment: its consumers with their arms, their history, and their outcomes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consumer_fusion.causal.experiments.experiment_store import ExperimentRow
from consumer_fusion.errors import RefusedError
from consumer_fusion.events.event_reader import NEWEST_MARK, read_identity_map
from consumer_fusion.records.calibration import CALIBRATIONS
from consumer_fusion.records.experiment import EXPERIMENT_ASSIGNMENTS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, write_moment
from consumer_fusion.score.calibration.calibration_report import find_link, read_report
from consumer_fusion.score.calibration.experiment_overrides import forecast_before
from consumer_fusion.score.calibration.link_functions import LinkFunction
from consumer_fusion.score.calibration.samples import list_outcome_kinds
from consumer_fusion.score.effective_points import EffectivePoints, read_effective_points
from consumer_fusion.score.queries.score_queries import read_ledgers
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FEATURES = ("outcomes before", "outcomes ever", "events ever", "days known")


@dataclass(frozen=True, slots=True)
class ExperimentSample:
    """The people of an experiment.

    Attributes:
        consumers: Canonical ids.
        is_treated: By consumer: whether assigned to the action.
        strata: By consumer: the stratum, each divided separately.
        has_outcome: By consumer: whether they had the outcome within the horizon.
        had_outcome: By consumer: whether they had it in an equally long period before the start.
        features: By consumer: `FEATURES`, and last the forecast of the link where there is one; all before the start.
        is_reached: By consumer: whether the action reached them between its start and the start of the outcome period.
        left_out: Number of consumers in both arms, under two keys that turned out to be one person.
        points: The points in force without this experiment.
        link: The link of a calibration of this outcome and horizon to these points; None without one.
        ledger: Annotated events of the brand until the outcome period begins.
    """

    consumers: NDArray[np.int64]
    is_treated: NDArray[np.bool_]
    strata: tuple[str, ...]
    has_outcome: NDArray[np.bool_]
    had_outcome: NDArray[np.bool_]
    features: NDArray[np.float64]
    is_reached: NDArray[np.bool_]
    left_out: int
    points: PointsTable
    link: LinkFunction | None
    ledger: pa.Table


def gather_sample(
    workspace: Workspace, session: Session, force: EffectivePoints, row: ExperimentRow
) -> ExperimentSample:
    """Read the data of an experiment.

    Raises:
        RefusedError: Its outcome period is not over in the data.
    """
    horizon_us = round(row.horizon_days * DAY_MICROSECONDS)
    end_us = row.outcome_from_us + horizon_us
    newest_us = int(session.read_mark(NEWEST_MARK) or 0)
    if newest_us < end_us:
        raise RefusedError(
            f"Outcomes count until {write_moment(end_us)}; the last event is of {write_moment(newest_us)}.",
            hint="Wait, and import what happened until then.",
        )
    points = read_effective_points(workspace, session, without=row.kind)
    link = _find_link(session, [points, force.points], row)
    ledger = read_ledgers(
        ScoreContext(session, workspace.engine, workspace.folder, points, force.kind_ids),
        brand_ids=[row.brand_id],
        until_us=end_us,
    )
    consumers, is_treated, strata, left_out = _read_arms(session, row)
    outcome_kinds = list(list_outcome_kinds(points, row.outcome))
    is_outcome = pc.is_in(ledger["kind"].cast(pa.string()), pa.array(outcome_kinds, pa.string()))
    outcomes = ledger.filter(is_outcome)
    actions = ledger.filter(pc.equal(ledger["kind"].cast(pa.string()), row.kind))

    def count(rows: pa.Table, above_us: int, until_us: int) -> NDArray[np.float64]:
        is_within = pc.and_(
            pc.greater(rows["occurred_us"], above_us), pc.less_equal(rows["occurred_us"], until_us)
        )
        return _count_by(rows.filter(is_within)["consumer_id"], consumers)

    start_us = row.starts_us - 1
    first_us = _find_first(ledger, consumers, row.starts_us)
    columns = [
        np.log1p(count(outcomes, start_us - horizon_us, start_us)),
        np.log1p(count(outcomes, -(2**62), start_us)),
        np.log1p(count(ledger, -(2**62), start_us)),
        np.log1p((row.starts_us - first_us) / DAY_MICROSECONDS),
    ]
    if link is not None:
        columns.append(
            forecast_before(ledger, points, link, outcome=row.outcome, consumers=consumers, as_of_us=start_us)
        )
    return ExperimentSample(
        consumers=consumers,
        is_treated=is_treated,
        strata=strata,
        has_outcome=count(outcomes, row.outcome_from_us, end_us) > 0,
        had_outcome=count(outcomes, start_us - horizon_us, start_us) > 0,
        features=np.column_stack(columns),
        is_reached=count(actions, start_us, row.outcome_from_us) > 0,
        left_out=left_out,
        points=points,
        link=link,
        ledger=ledger.filter(pc.less_equal(ledger["occurred_us"], row.outcome_from_us)),
    )


def _find_link(session: Session, tables: list[PointsTable], row: ExperimentRow) -> LinkFunction | None:
    """The link of the latest calibration of the outcome and horizon that was fitted to the current points."""
    kept = session.read(
        CALIBRATIONS, {"outcome": row.outcome, "horizon_days": row.horizon_days}, order_by=("made_us",)
    )
    for content in reversed(kept["report"].to_pylist()):
        report = read_report(json.loads(content))
        for points in tables:
            link = find_link(report, points, row.outcome, row.horizon_days)
            if link is not None:
                return link
    return None


def _read_arms(
    session: Session, row: ExperimentRow
) -> tuple[NDArray[np.int64], NDArray[np.bool_], tuple[str, ...], int]:
    """Canonical consumers with their arm and stratum, without those in both arms."""
    rows = session.read(
        EXPERIMENT_ASSIGNMENTS, {"experiment_id": row.experiment_id}, order_by=("consumer_id",)
    )
    canonical = read_identity_map(session)
    arms: dict[int, set[str]] = {}
    strata: dict[int, str] = {}
    for each in rows.to_pylist():
        consumer = canonical.get(each["consumer_id"], each["consumer_id"])
        arms.setdefault(consumer, set()).add(each["arm"])
        strata.setdefault(consumer, each["stratum"])
    clear = sorted(consumer for consumer, own in arms.items() if len(own) == 1)
    is_treated = np.array([arms[consumer] == {"treated"} for consumer in clear], dtype=np.bool_)
    told = tuple(strata[consumer] for consumer in clear)
    return np.array(clear, dtype=np.int64), is_treated, told, len(arms) - len(clear)


def _count_by(found: pa.ChunkedArray, consumers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Number of rows of each of the consumers, who are in ascending order."""
    numbers = found.to_numpy().astype(np.int64)
    if not consumers.size:
        return np.zeros(0)
    place = np.minimum(np.searchsorted(consumers, numbers), consumers.size - 1)
    is_own = consumers[place] == numbers
    return np.bincount(place[is_own], minlength=consumers.size).astype(np.float64)


def _find_first(ledger: pa.Table, consumers: NDArray[np.int64], before_us: int) -> NDArray[np.float64]:
    """Time of the first event of each consumer; the start for those without an earlier event."""
    first = np.full(consumers.size, float(before_us))
    past = ledger.filter(pc.less(ledger["occurred_us"], before_us))
    grouped = past.group_by("consumer_id").aggregate([("occurred_us", "min")])
    known = dict(zip(grouped["consumer_id"].to_pylist(), grouped["occurred_us_min"].to_pylist()))
    return np.array([float(known.get(one, start)) for one, start in zip(consumers.tolist(), first)])
