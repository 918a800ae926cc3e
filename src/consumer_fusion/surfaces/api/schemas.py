"""The wire: the shapes in which answers leave, with the names of the command line's JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from consumer_fusion.records.points import Direction, Facet
from consumer_fusion.records.score import Symbiosis


class Wire(BaseModel):
    """What goes over the wire has exactly the fields that are declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorDetail(Wire):
    """One thing that was wrong."""

    code: str = Field(description="A stable word for it.")
    message: str = Field(description="What was found, and what was expected.")
    hint: str = Field(description="What to do about it.")
    where: str | None = Field(description="The parameter or place that it is about.")


class Error(Wire):
    """The one shape of errors."""

    ok: bool = Field(description="Always false.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="A stable word for what went wrong; see docs/reference/errors.md.")
    message: str = Field(description="The first of the errors, in words.")
    errors: list[ErrorDetail] = Field(description="All that was wrong.")


class Facets(Wire):
    """The eight ways of giving, signed, in points."""

    wallet: float
    feet: float
    voice: float
    influence: float
    service: float
    delight: float
    standing: float
    wellbeing: float


class Score(Wire):
    """The Fusion Score of one pair."""

    consumer: str = Field(description="Key of the consumer, after merges.")
    brand: str = Field(description="Key of the brand.")
    as_of: str = Field(description="The moment that the score is of.")
    fusion_score: float = Field(description="0 to 100; 50 is neutral.")
    low: float = Field(description="Lower end of the 80% interval.")
    high: float = Field(description="Upper end of the 80% interval.")
    consumer_to_brand: float = Field(description="What the consumer gives, 0 to 100.")
    brand_to_consumer: float = Field(description="What the brand gives, 0 to 100.")
    confidence: float = Field(description="0 to 1: how much is known.")
    percentile: float | None = Field(
        description="Share of the brand's pairs below, in percent; null while all of a large brand are being read."
    )
    percentile_as_of: str | None = Field(description="The moment of the scores that it was compared with.")
    symbiosis: Symbiosis = Field(description="What the relationship is for both.")
    facets: Facets


class MovedScore(Score):
    """A score with what it moved by."""

    change_28_days: float = Field(description="Score now less score 28 days before.")


class ScorePage(Wire):
    """One page of scores."""

    as_of: str = Field(description="The moment that this page is of.")
    items: list[MovedScore | Score]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")


class Mover(Wire):
    """A pair whose score moved."""

    consumer: str
    brand: str
    fusion_score: float
    change: float = Field(description="Score now less score so many days before.")
    symbiosis: Symbiosis


class Movers(Wire):
    """The pairs that moved most."""

    as_of: str
    days: int = Field(description="Compared with so many days before.")
    items: list[Mover]


class Contribution(Wire):
    """What one event gives one facet of a score."""

    event_id: str
    occurred_at: str
    kind: str
    facet: Facet
    direction: Direction
    points: float
    contribution: float = Field(description="In score points; all of a pair add up to its score less 50.")
    parent_event_id: str | None
    sentence: str


class Change(Wire):
    """What moved a score."""

    at: str
    event_id: str = Field(description="The event, or `fading`.")
    kind: str
    change: float
    score_after: float


class Without(Wire):
    """What a score would be without an event."""

    event_id: str
    fusion_score: float
    change: float


class Explained(Wire):
    """Why a score is what it is."""

    consumer: str
    brand: str
    as_of: str
    fusion_score: float
    baseline: float = Field(description="Always 50.")
    contributions: list[Contribution]
    changes: list[Change]
    without: Without | None = Field(description="Where `without` was asked for.")


class Changes(Wire):
    """What moved the score of a pair."""

    consumer: str
    brand: str
    as_of: str
    items: list[Change]


class HistoryDay(Wire):
    """A score at the end of a UTC day."""

    day: str
    fusion_score: float
    low: float
    high: float


class History(Wire):
    """The score of a pair, day by day, the oldest first."""

    consumer: str
    brand: str
    as_of: str
    items: list[HistoryDay]


class Brand(Wire):
    """How a brand's relationships stand."""

    brand: str
    pairs: int
    mean: float
    lower_quartile: float
    median: float
    upper_quartile: float
    mean_confidence: float
    mutualism: int
    commensal: int
    one_sided: int
    harmed: int
    neutral: int
    unknown: int
    usual_gap_days: int | None = Field(
        description="Three of four orders come within so many days of the one before; null while too little is known."
    )
    half_life_days: float = Field(description="After so many days an order of this brand counts half.")


class Brands(Wire):
    """The brands that the caller may see."""

    as_of: str = Field(description="The moment that their scores are of.")
    items: list[Brand]


class KindEntry(Wire):
    """The points that an event of a kind gives a facet."""

    direction: Direction
    facet: Facet
    points: float
    is_graded: bool = Field(description="Whether the points are multiplied by the event's magnitude.")
    experiment_id: str | None = Field(
        None, description="The experiment that decided them; null for all others."
    )


class Kind(Wire):
    """A kind of the points table."""

    key: str
    event: str = Field(description="The kind as sources say it.")
    meaning: str
    half_life_days: float
    magnitude: str
    trust: float
    entries: list[KindEntry]


class UnscoredKind(Wire):
    """A kind of events that has no points yet."""

    kind: str
    events: int


class Kinds(Wire):
    """The kinds that have points, and those that have none yet."""

    points_version: str
    items: list[Kind]
    no_points_yet: list[UnscoredKind]


class PointsDifference(Wire):
    """Where the points in force differ from the shipped ones."""

    kind: str
    field: str
    before: object
    after: object


class Points(Wire):
    """The points in force."""

    version: str
    model: str
    points: dict[str, object] = Field(description="The whole table, as `fusion points --json` prints it.")
    differences: list[PointsDifference]


class Identifier(Wire):
    """What a consumer is known by."""

    type: str
    value: str
    strength: str
    consumer: str
    seen_at: str | None = Field(description="When it was first seen; null for whoever sees only some brands.")


class Merge(Wire):
    """A merge that names a consumer."""

    merge_id: str
    kept: str
    absorbed: str
    reason: str
    origin: str
    made_at: str
    undone_at: str | None


class IdentityConflict(Wire):
    """Where the rules declined to join."""

    first: str
    second: str | None
    reason: str
    seen_at: str


class Identity(Wire):
    """Who a consumer is, as far as is known."""

    consumer: str
    members: list[str]
    identifiers: list[Identifier]
    merges: list[Merge]
    conflicts: list[IdentityConflict]


class Rejection(Wire):
    """A row that was set aside."""

    rejection_id: int
    source: str
    position: int
    code: str
    message: str
    raw: str


class RejectionPage(Wire):
    """One page of rows that were set aside, the oldest first."""

    counts: dict[str, int] = Field(description="How many there are, by reason.")
    items: list[Rejection]
    next_cursor: str | None
