"""Data of the report: the contents of a workspace, arranged in sections."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion import inspection
from consumer_fusion.causal.effects.shrinking import list_effects
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.activity_counts import count_activity
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.ingest.rejections import count_rejections, list_rejections
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import IMPORTS
from consumer_fusion.records.timestamps import from_microseconds, to_microseconds
from consumer_fusion.score import calibration_runs
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.queries.answers import Moment
from consumer_fusion.score.queries.brand_visibility import find_brand_ids
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.report.writing import ROWS_IN_DOWNLOAD, Report
from consumer_fusion.views.arrival_views import ArrivalCounts, make_arrivals_section
from consumer_fusion.views.brand_views import make_brand_sections, make_movers_section, make_scores_section
from consumer_fusion.views.calibration_views import make_calibration_section
from consumer_fusion.views.drawings import Section
from consumer_fusion.views.effect_views import make_effects_section
from consumer_fusion.views.pair_views import make_pair_section
from consumer_fusion.workspace import Workspace

_STEPS = 4
"""Number of steps until all data of a report are there."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Parameters of a report.

    Attributes:
        as_of: As-of time; None for the default.
        brand: Only this brand; None for all.
        consumer: Consumer of the explained pair; None picks the pair with the largest change.
    """

    as_of: Moment = None
    brand: str | None = None
    consumer: str | None = None


def fill_report(workspace: Workspace, request: ReportRequest, progress: Progress = ignore_progress) -> Report:
    """All data of the report, in the current language.

    Args:
        workspace: The workspace.
        request: Parameters of the report.
        progress: Progress callback.

    Raises:
        NotFoundError: The brand or the consumer is unknown.
    """
    as_of_us = answers.resolve_as_of(workspace, request.as_of)
    moment = from_microseconds(as_of_us)
    progress("scores", 0, _STEPS)
    scores = answers.score_pairs(workspace, brand=request.brand, as_of=moment, order="falling")
    progress("brands", 1, _STEPS)
    with workspace.store.reading() as session:
        brand_ids = find_brand_ids(session, request.brand)
    brands = answers.summarise_brands(workspace, as_of=moment, brand_ids=brand_ids)
    progress("activity", 2, _STEPS)
    activity = count_activity(workspace, request.brand)
    with workspace.store.reading() as session:
        counts, rejections = _count_arrivals(session), _list_rejections(session)
    progress("explanation", 3, _STEPS)
    sections = (
        *make_brand_sections(brands, scores),
        make_movers_section(scores),
        _explain_pair(workspace, request, scores, moment),
        make_effects_section(list_effects(workspace, brand=request.brand)),
        make_scores_section(scores, ROWS_IN_DOWNLOAD),
        make_arrivals_section(counts, activity, rejections, inspection.count_unscored(workspace)),
        _tell_calibration(workspace),
    )
    return Report(
        title=f"Consumer Fusion: {request.brand}" if request.brand else "Consumer Fusion",
        made_at_us=to_microseconds(workspace.clock()),
        as_of_us=as_of_us,
        points_version=put_points_in_force(workspace).points.version,
        pair_count=scores.num_rows,
        consumer_count=pc.count_distinct(scores["consumer"]).as_py(),
        brand_count=pc.count_distinct(scores["brand"]).as_py(),
        counts=counts,
        newest_event_us=activity.newest_event_us,
        newest_received_us=activity.newest_received_us,
        sections=[section for section in sections if section is not None],
    )


def _explain_pair(
    workspace: Workspace, request: ReportRequest, scores: pa.Table, moment: Moment
) -> Section | None:
    """The requested relationship; by default the one with the largest change; None where none changed."""
    rows = answers.list_movers(scores, 1).to_pylist()
    pair = (rows[0]["consumer"], rows[0]["brand"]) if rows else None
    if request.consumer is not None:
        own = scores.filter(pc.equal(scores["consumer"], request.consumer))
        if request.brand is None and not own.num_rows:
            raise NotFoundError(
                "This consumer has no relationship here.",
                hint="Keys are written as the source writes them; see `fusion score`.",
            )
        pair = (request.consumer, request.brand or own["brand"][0].as_py())
    if pair is None:
        return None
    answer = pair_answers.explain_pair(workspace, *pair, as_of=moment)
    is_own = pc.and_(pc.equal(scores["consumer"], pair[0]), pc.equal(scores["brand"], pair[1]))
    percentiles = scores.filter(is_own)["percentile"].to_pylist()
    return make_pair_section(answer, percentiles[0] if percentiles else None)


def _count_arrivals(session: Session) -> ArrivalCounts:
    segments = list_segments(session)
    unattributed = sum(each.row_count for each in segments if each.bucket == UNATTRIBUTED_BUCKET)
    unattributed += session.count(EVENTS, {"consumer_id": 0})
    unattributed += session.count(EVENTS, {"brand_id": 0}) - session.count(
        EVENTS, {"brand_id": 0, "consumer_id": 0}
    )
    return ArrivalCounts(
        event_count=sum(each.row_count for each in segments) + session.count(EVENTS),
        unattributed_count=unattributed,
        rejected_count=sum(count_rejections(session).values()),
        duplicate_count=sum(
            each or 0 for each in session.read(IMPORTS, columns=("duplicates",))["duplicates"].to_pylist()
        ),
    )


def _list_rejections(session: Session) -> list[dict[str, object]]:
    first: dict[str, str] = {}
    for each in list_rejections(session):
        first.setdefault(each.code, each.message)
    return [
        {"code": code, "message": first[code], "row_count": count}
        for code, count in count_rejections(session).items()
    ]


def _tell_calibration(workspace: Workspace) -> Section | None:
    report = calibration_runs.read_latest_calibration(workspace)
    if report is None:
        return None
    points = put_points_in_force(workspace).points
    return make_calibration_section(report, is_applied=points.version == report.calibrated_version)
