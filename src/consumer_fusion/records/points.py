"""Points: what an event of a kind adds to which facet, and how fast that fades; the table of versions in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

Direction = Literal["consumer_to_brand", "brand_to_consumer"]
Facet = Literal["wallet", "feet", "voice", "influence", "service", "delight", "standing", "wellbeing"]

RHYTHM_HALF_LIFE_DAYS = 90.0
"""The half-life of an order where nothing is known of the brand's rhythm."""

DIRECTIONS: tuple[Direction, Direction] = ("consumer_to_brand", "brand_to_consumer")
FACETS: Mapping[Direction, tuple[Facet, ...]] = {
    "consumer_to_brand": ("wallet", "feet", "voice", "influence"),
    "brand_to_consumer": ("service", "delight", "standing", "wellbeing"),
}

MagnitudeRule = Literal[
    "one", "money", "rating", "effort", "recommendation", "severity", "severity_reach", "sentiment_reach",
    "reach", "gained", "lateness", "response_time", "recovery", "stated",
]  # fmt: skip
HintType = Literal["dissatisfaction"]
Comparison = Literal["is", "in", "above", "below", "at_least", "at_most", "present", "absent"]


@dataclass(frozen=True, slots=True)
class PointsEntry:
    """Points that one event of a kind gives one facet.

    Attributes:
        direction: Who gives.
        facet: What is given.
        points: Signed, at magnitude 1 for a graded entry; score points at neutral.
        is_graded: Whether the points are multiplied by the event's magnitude.
        experiment_id: The experiment that decided them; None for all others.
    """

    direction: Direction
    facet: Facet
    points: float
    is_graded: bool
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """When a variant applies: a property (or column) of the event compared with a value.

    Attributes:
        field: Name of a property, or `value`, `channel` or `response_ratio` (actual over target seconds).
        comparison: How it is compared.
        value: With what; unused for present and absent.
    """

    field: str
    comparison: Comparison
    value: object = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the points table, a variant of an event's kind with its own key.

    Attributes:
        key: `Order Completed`, or `Order Refunded/defect` for a variant.
        event: The kind as sources say it.
        conditions: All must hold for the variant; none for the plain kind.
        half_life_days: After so many days an event counts half.
        magnitude: The rule by which its events are sized.
        trust: Multiplied with the event's own trust; .25 for what is self-reported.
        entries: The points.
        spreads: Whether public events of it reach associated brands, and as which kind.
        derives: The kind of the failure that it derives when it names no event it is about.
        mends: The kind of the failure that it mends (a recovery's variants).
        is_brand_action: Whether the brand does it; such points are never learnt from observation.
        meaning: One sentence.
        hint: What an event of it may be the first sign of; it changes no number.
        follows_rhythm: Whether it fades in the rhythm in which consumers of the brand order: its half-life is then that
            of a brand whose orders fade by half within `RHYTHM_HALF_LIFE_DAYS`.
    """

    key: str
    event: str
    conditions: tuple[Condition, ...]
    half_life_days: float
    magnitude: MagnitudeRule
    trust: float
    entries: tuple[PointsEntry, ...]
    spreads: str | None
    derives: str | None
    mends: str | None
    is_brand_action: bool
    meaning: str
    hint: HintType | None = None
    follows_rhythm: bool = False


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of the score model (`docs/concepts/score.md`)."""

    scale: float
    knee: float
    balance: float
    balance_width: float
    negativity: float
    ignorance: float
    ignorance_events: float


@dataclass(frozen=True, slots=True)
class PointsTable:
    """A whole points table: what every number of the product is read with.

    Attributes:
        model: Version of the score model.
        version: Changes with model, constants and kinds.
        constants: Of the model.
        kinds: By key, in the order in which variants are tried.
        dispersions: By key, how many times as much as independent events those of a kind vary, because they come in
            runs; 1 where nothing is said. Learnt, and only intervals are read with it.
        rhythms: By number of the brand, what its rhythm multiplies half-lives with; 1 where nothing is said. Learnt.
    """

    model: str
    version: str
    constants: Constants
    kinds: Mapping[str, Kind]
    dispersions: Mapping[str, float] = field(default_factory=dict)
    rhythms: Mapping[int, float] = field(default_factory=dict)


KINDS = Table(
    name="kinds",
    grain="one key of the points table that was ever in force",
    writer="score.points.points_store",
    columns=(
        Column("kind_id", "integer", "The number used in other tables; 0 is for kinds without points."),
        Column("kind_key", "text", "The key, `Order Refunded/defect`."),
    ),
    primary_key=("kind_id",),
    unique=(("kind_key",),),
    has_sequence=True,
)

BRAND_RHYTHMS = Table(
    name="brand_rhythms",
    grain="one brand whose consumers order often enough to tell how often",
    writer="score.fold.rhythms",
    columns=(
        Column("brand_id", "integer", "The brand."),
        Column(
            "usual_gap_days", "integer", "Three of four orders come within so many days of the one before."
        ),
        Column("gap_count", "integer", "Gaps that it was taken from."),
        Column("half_life_days", "real", "The half-life of its orders that follows."),
    ),
    primary_key=("brand_id",),
    scope="rules",
)

KIND_DISPERSIONS = Table(
    name="kind_dispersions",
    grain="one kind whose events come in runs",
    writer="score.fold.dispersions",
    columns=(
        Column("kind_id", "integer", "The kind (`kinds`)."),
        Column("dispersion", "real", "How many times as much as independent events they vary; above 1."),
        Column("event_count", "integer", "Events that it was learnt from."),
    ),
    primary_key=("kind_id",),
    scope="rules",
)

POINTS_VERSIONS = Table(
    name="points_versions",
    grain="one points table that was in force",
    writer="score.points.points_store",
    columns=(
        Column("version", "text", "Digest of its content."),
        Column("content", "text", "The table, as JSON."),
        Column("applied_us", "integer", "Since when it is in force."),
    ),
    primary_key=("version",),
    scope="rules",
)

BRAND_REFERENCES = Table(
    name="brand_references",
    grain="one brand, currency and month",
    writer="score.fold.money_references",
    columns=(
        Column("brand_id", "integer", "The brand."),
        Column("currency", "text", "ISO 4217 code; empty where the events name none."),
        Column(
            "valid_from_us",
            "integer",
            "When the month begins; the first one is valid for all time before, the last one for all after.",
        ),
        Column("amount", "real", "A usual order of the brand: money of magnitude 1."),
        Column("depends_until_us", "integer", "Only orders before this moment can move it."),
    ),
    primary_key=("brand_id", "currency", "valid_from_us"),
    scope="events",
)
