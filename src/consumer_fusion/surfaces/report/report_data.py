"""Filling the report: what a workspace holds, put into the plain data that a page is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion import inspection
from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.shrinking import ShownEffect, list_effects
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import Selection, open_events
from consumer_fusion.ingest.rejections import count_rejections, list_rejections
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import IMPORTS
from consumer_fusion.records.release import read_product_version
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score import calibration_runs
from consumer_fusion.score.calibration.calibration_report import CalibrationReport
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import Moment
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.report.page import (
    CalibrationSummary,
    CourseShown,
    PairExplained,
    ReportPage,
    WorkspaceCounts,
)
from consumer_fusion.workspace import Workspace

LISTED_PAIRS = 5_000
LISTED_MOVERS = 12
HISTORY_DAYS = 180


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What a report is to show.

    Attributes:
        as_of: The moment asked about; None for the usual one.
        brand: Only this brand.
        consumer: The consumer of the pair that is explained; None picks the pair that moved most.
    """

    as_of: Moment = None
    brand: str | None = None
    consumer: str | None = None


def fill_report(workspace: Workspace, request: ReportRequest) -> ReportPage:
    """All that the report shows.

    Raises:
        NotFoundError: The brand or the consumer is not known.
    """
    as_of_us = answers.resolve_as_of(workspace, request.as_of)
    moment = from_microseconds(as_of_us)
    scores = answers.score_pairs(workspace, brand=request.brand, as_of=moment, order="falling")
    movers = answers.list_movers(scores, LISTED_MOVERS)
    explained = _pick_pair(request, scores, movers)
    with workspace.store.reading() as session:
        counts = _count_workspace(workspace, session, scores)
        rejections = _list_rejections(session)
    unscored = inspection.count_unscored(workspace)
    report = calibration_runs.read_latest_calibration(workspace)
    shown = list_effects(workspace, brand=request.brand)
    return ReportPage(
        title=f"Consumer Fusion: {request.brand}" if request.brand else "Consumer Fusion",
        made_at=workspace.clock(),
        as_of_us=as_of_us,
        product_version=read_product_version(),
        points_version=put_points_in_force(workspace).points.version,
        counts=counts,
        scores=scores.sort_by([("fusion_score", "descending")]).slice(0, LISTED_PAIRS),
        population=scores,
        brands=_list_brands(workspace, request, moment),
        activity=_count_activity(workspace, request.brand),
        movers=movers,
        movers_since_us=as_of_us - answers.FALLING_DAYS * DAY_MICROSECONDS,
        pair=_explain(workspace, *explained, moment) if explained else None,
        rejections=rejections,
        kinds_without_points=pa.table(
            {
                "kind": pa.array([row["kind"] for row in unscored], pa.string()),
                "event_count": pa.array([row["events"] for row in unscored], pa.int64()),
            }
        ),
        calibration=None if report is None else _summarise_calibration(workspace, report),
        effects=_tabulate_effects(shown),
        course=_pick_course(shown),
    )


def _tabulate_effects(shown: Sequence[ShownEffect]) -> pa.Table:
    rows = []
    for each in shown:
        if each.report.told_with is not None:
            continue
        shrunk = each.shrunk if each.shrunk is not None and each.shrunk.is_shrunk else None
        rows.append(
            {
                "action": each.title,
                "brand": each.brand,
                "metric": effect_wording.name_metric(each.report.metric),
                "raw": each.report.relative,
                "raw_low": each.report.low,
                "raw_high": each.report.high,
                "shrunk": None if shrunk is None else shrunk.mean,
                "shrunk_low": None if shrunk is None else shrunk.low,
                "shrunk_high": None if shrunk is None else shrunk.high,
                "p_value": each.report.p_value,
                "label": effect_wording.name_verdict(each),
            }
        )
    return pa.Table.from_pylist(rows)


def _pick_course(shown: Sequence[ShownEffect]) -> CourseShown | None:
    """The effect that chance explains least, the newest of those."""
    told = [each for each in shown if each.report.p_value is not None and each.report.told_with is None]
    if not told:
        return None
    best = min(told, key=lambda each: (each.report.p_value or 0.0, -each.starts_us))
    report = best.report
    return CourseShown(
        action=best.title,
        metric=effect_wording.name_metric(report.metric),
        measure=effect_wording.name_measure(report),
        start_day=report.start_day,
        end_day=report.end_day,
        days=pa.table(
            {
                "day": pa.array(report.days, pa.int64()),
                "observed": pa.array(report.observed, pa.float64()),
                "expected": pa.array(report.expected, pa.float64()),
                "low": pa.array(report.expected_low, pa.float64()),
                "high": pa.array(report.expected_high, pa.float64()),
            }
        ),
        sentences=(
            f"“{best.title}”, {effect_wording.name_metric(report.metric)}: {effect_wording.name_label(report.label)}. "
            f"{effect_wording.tell_label(report.label)}",
            " ".join(effect_wording.tell_finding(best)),
        ),
    )


def _list_brands(workspace: Workspace, request: ReportRequest, moment: Moment) -> pa.Table:
    brands = answers.summarise_brands(workspace, as_of=moment)
    return brands if request.brand is None else brands.filter(pc.equal(brands["brand"], request.brand))


def _pick_pair(request: ReportRequest, scores: pa.Table, movers: pa.Table) -> tuple[str, str] | None:
    if request.consumer and request.brand:
        return request.consumer, request.brand
    rows = (
        movers if request.consumer is None else scores.filter(pc.equal(scores["consumer"], request.consumer))
    )
    if request.consumer is not None and not rows.num_rows:
        raise NotFoundError(
            "This consumer has no relationship here.",
            hint="Keys are written as the source writes them; see `fusion score`.",
        )
    return (rows["consumer"][0].as_py(), rows["brand"][0].as_py()) if rows.num_rows else None


def _count_workspace(workspace: Workspace, session: Session, scores: pa.Table) -> WorkspaceCounts:
    segments = list_segments(session)
    sealed = sum(each.row_count for each in segments)
    unattributed = sum(each.row_count for each in segments if each.bucket == UNATTRIBUTED_BUCKET)
    unattributed += session.count(EVENTS, {"consumer_id": 0})
    unattributed += session.count(EVENTS, {"brand_id": 0}) - session.count(
        EVENTS, {"brand_id": 0, "consumer_id": 0}
    )
    source = open_events(
        session, workspace.folder, columns=("consumer_id", "brand_id", "occurred_us", "received_us")
    )
    times = workspace.engine.read(
        "select min(occurred_us) as oldest, max(occurred_us) as newest, max(received_us) as received "  # noqa: S608
        f"from {source.relation} e",
        step="find the oldest and newest event",
        tables=source.tables,
    ).to_pylist()[0]
    imports = session.read(IMPORTS, columns=("duplicates",))["duplicates"].to_pylist()
    return WorkspaceCounts(
        event_count=sealed + session.count(EVENTS),
        consumer_count=pc.count_distinct(scores["consumer"]).as_py(),
        brand_count=pc.count_distinct(scores["brand"]).as_py(),
        pair_count=scores.num_rows,
        unattributed_count=unattributed,
        rejected_count=sum(count_rejections(session).values()),
        duplicate_count=sum(each or 0 for each in imports),
        oldest_event_us=times["oldest"],
        newest_event_us=times["newest"],
        newest_received_us=times["received"],
    )


def _list_rejections(session: Session) -> pa.Table:
    counts = count_rejections(session)
    first: dict[str, str] = {}
    for each in list_rejections(session):
        first.setdefault(each.code, each.message)
    return pa.table(
        {
            "code": pa.array(list(counts), pa.string()),
            "message": pa.array([first[code] for code in counts], pa.string()),
            "row_count": pa.array(list(counts.values()), pa.int64()),
        }
    )


def _count_activity(workspace: Workspace, brand: str | None) -> pa.Table:
    with workspace.store.reading() as session:
        brand_ids = None if brand is None else list(find_keys(session, "brand", [brand]).values())
        selection = Selection(brand_ids=brand_ids)
        source = open_events(
            session,
            workspace.folder,
            selection,
            columns=("consumer_id", "brand_id", "kind_id", "day", "occurred_us", "channel"),
        )
        return workspace.engine.read(
            "select day, channel, count(*) as event_count "  # noqa: S608
            f"from {source.relation} e group by day, channel order by 1, 2",
            step="count activity by channel",
            tables=source.tables,
        )


def _explain(workspace: Workspace, consumer: str, brand: str, moment: Moment) -> PairExplained:
    answer = answers.explain_pair(workspace, consumer, brand, as_of=moment)
    row = answers.score_pairs(workspace, consumer=consumer, brand=brand, as_of=moment).to_pylist()[0]
    contributions, changes = answers.tabulate_contributions(answer), answers.tabulate_changes(answer)
    return PairExplained(
        **{name: row[name] for name in (
            "consumer", "brand", "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer", "confidence",
            "percentile", "symbiosis",
        )},
        facets={facet: row[facet] for facet in FACET_ORDER},
        contributions=_in_microseconds(contributions, "occurred_at", "occurred_us"),
        changes=_in_microseconds(changes, "at", "at_us"),
        history=answers.replay_pair(answer, HISTORY_DAYS),
    )  # fmt: skip


def _in_microseconds(table: pa.Table, name: str, new_name: str) -> pa.Table:
    return table.set_column(table.column_names.index(name), new_name, table[name].cast(pa.int64()))


def _summarise_calibration(workspace: Workspace, report: CalibrationReport) -> CalibrationSummary:
    before, after = report.as_dict()["before"], report.as_dict()["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    return CalibrationSummary(
        outcome=report.outcome,
        horizon_days=report.horizon_days,
        cutoff_us=report.cutoff_us,
        is_applied=put_points_in_force(workspace).points.version == report.calibrated_version,
        sentences=report.sentences,
        measures=pa.table(
            {"measure": list(before), "before": list(before.values()), "after": list(after.values())}
        ),
        reliability=pa.table(
            {
                "predicted": pa.array([each.predicted for each in report.reliability], pa.float64()),
                "observed": pa.array([each.observed for each in report.reliability], pa.float64()),
                "pair_count": pa.array([each.count for each in report.reliability], pa.int64()),
            }
        ),
        multipliers=pa.table(
            {
                "kind": pa.array(list(report.half_life_factors), pa.string()),
                "multiplier": pa.array(
                    [report.multipliers.get(key, 1.0) for key in report.half_life_factors], pa.float64()
                ),
                "half_life_factor": pa.array(list(report.half_life_factors.values()), pa.float64()),
            }
        ),
    )
