"""Schemas of API responses: pages of results, and results that only the API returns."""

from __future__ import annotations

from pydantic import Field

from consumer_fusion.inspection import UnscoredKind
from consumer_fusion.records.points import PointsEntry
from consumer_fusion.records.schema import Schema
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.changes import Change
from consumer_fusion.score.points_comparison import PointsDifference
from consumer_fusion.score.queries.score_results import BrandSummary, OtherEvents, PairScore, ScoreDay


class ErrorDetail(Schema):
    """One error."""

    code: str = Field(description="Stable error code.")
    message: str = Field(description="Description of the error.")
    hint: str = Field(description="How to fix it.")
    where: str | None = Field(description="Parameter or location of the error.")


class Error(Schema):
    """Error response."""

    ok: bool = Field(description="Always false.")
    status: int = Field(description="HTTP status.")
    code: str = Field(description="Stable error code; see docs/reference/errors.md.")
    message: str = Field(description="Message of the first error.")
    errors: list[ErrorDetail] = Field(description="All errors.")


class ScorePage(Schema):
    """One page of scores."""

    as_of: str = Field(description="As-of time of this page.")
    items: list[PairScore]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class Mover(Schema):
    """A pair whose score changed."""

    consumer: str
    brand: str
    fusion_score: float
    change: float = Field(description="Current score minus the score `days` earlier.")
    symbiosis: Symbiosis


class Movers(Schema):
    """The pairs with the largest changes."""

    as_of: str
    days: int = Field(description="Number of days over which the change is computed.")
    items: list[Mover]


class Changes(Schema):
    """The changes of the score of a pair at some events, oldest first."""

    consumer: str
    brand: str
    as_of: str
    event_count: int = Field(description="Number of events with points since the start, listed or not.")
    items: list[Change]
    earlier: OtherEvents = Field(
        description="The events before `items`, and the change of the score until then, with decay."
    )
    next_offset: int | None = Field(
        description="Pass it as `offset` for the changes before these; null where there are none."
    )


class History(Schema):
    """The score of a pair by day, oldest first."""

    consumer: str
    brand: str
    as_of: str
    items: list[ScoreDay]


class Brands(Schema):
    """The brands that the caller may see."""

    as_of: str = Field(description="As-of time of the scores.")
    items: list[BrandSummary]


class KindPoints(Schema):
    """A kind of event in the points table."""

    key: str
    event: str = Field(description="Event name used by sources.")
    meaning: str
    half_life_days: float
    magnitude: str
    trust: float
    entries: list[PointsEntry]


class Kinds(Schema):
    """Kinds with points, and kinds without."""

    points_version: str
    items: list[KindPoints]
    no_points_yet: list[UnscoredKind]


class Points(Schema):
    """The points in force."""

    version: str
    model: str
    points: dict[str, object] = Field(description="The whole table, as `fusion points --json` prints it.")
    differences: list[PointsDifference]
