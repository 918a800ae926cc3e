"""Schemas of the API's answers: pages of results, and what only the API tells."""

from __future__ import annotations

from pydantic import Field

from consumer_fusion.records.points import Direction, Facet
from consumer_fusion.records.schema import Schema
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.changes import Change
from consumer_fusion.score.queries.score_results import BrandSummary, PairScore, ScoreDay


class ErrorDetail(Schema):
    """One thing that was wrong."""

    code: str = Field(description="A stable word for it.")
    message: str = Field(description="What was found, and what was expected.")
    hint: str = Field(description="What to do about it.")
    where: str | None = Field(description="The parameter or place that it is about.")


class Error(Schema):
    """The one shape of errors."""

    ok: bool = Field(description="Always false.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="A stable word for what went wrong; see docs/reference/errors.md.")
    message: str = Field(description="The first of the errors, in words.")
    errors: list[ErrorDetail] = Field(description="All that was wrong.")


class ScorePage(Schema):
    """One page of scores."""

    as_of: str = Field(description="The moment that this page is of.")
    items: list[PairScore]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class Mover(Schema):
    """A pair whose score moved."""

    consumer: str
    brand: str
    fusion_score: float
    change: float = Field(description="Score now less score so many days before.")
    symbiosis: Symbiosis


class Movers(Schema):
    """The pairs that moved most."""

    as_of: str
    days: int = Field(description="Compared with so many days before.")
    items: list[Mover]


class Changes(Schema):
    """What moved the score of a pair."""

    consumer: str
    brand: str
    as_of: str
    items: list[Change]


class History(Schema):
    """The score of a pair, day by day, the oldest first."""

    consumer: str
    brand: str
    as_of: str
    items: list[ScoreDay]


class Brands(Schema):
    """The brands that the caller may see."""

    as_of: str = Field(description="The moment that their scores are of.")
    items: list[BrandSummary]


class KindEntry(Schema):
    """The points that an event of a kind gives a facet."""

    direction: Direction
    facet: Facet
    points: float
    is_graded: bool = Field(description="Whether the points are multiplied by the event's magnitude.")
    experiment_id: str | None = Field(
        None, description="The experiment that decided them; null for all others."
    )


class Kind(Schema):
    """A kind of the points table."""

    key: str
    event: str = Field(description="The kind as sources say it.")
    meaning: str
    half_life_days: float
    magnitude: str
    trust: float
    entries: list[KindEntry]


class UnscoredKind(Schema):
    """A kind of events that has no points yet."""

    kind: str
    events: int


class Kinds(Schema):
    """The kinds that have points, and those that have none yet."""

    points_version: str
    items: list[Kind]
    no_points_yet: list[UnscoredKind]


class PointsDifference(Schema):
    """Where the points in force differ from the shipped ones."""

    kind: str
    field: str
    before: object
    after: object


class Points(Schema):
    """The points in force."""

    version: str
    model: str
    points: dict[str, object] = Field(description="The whole table, as `fusion points --json` prints it.")
    differences: list[PointsDifference]
