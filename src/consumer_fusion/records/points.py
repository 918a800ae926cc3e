"""Points: points and half-life of a kind of event, by facet; the table of versions in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

Direction = Literal["consumer_to_brand", "brand_to_consumer"]
Facet = Literal["wallet", "feet", "voice", "influence", "service", "delight", "standing", "wellbeing"]

RHYTHM_HALF_LIFE_DAYS = 90.0
"""The half-life of an order for brands with unknown rhythm."""

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
    """Points of one event of a kind in one facet.

    Attributes:
        direction: Direction of the points.
        facet: Facet of the points.
        points: Signed points, at magnitude 1 for a graded entry; score points at neutral.
        is_graded: Whether the points are multiplied by the event's magnitude.
        experiment_id: Id of the experiment that decided them; None for all others.
    """

    direction: Direction
    facet: Facet
    points: float
    is_graded: bool
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of a variant: a property (or column) of the event compared with a value.

    Attributes:
        field: Name of a property, or `value`, `channel` or `response_ratio` (actual over target seconds).
        comparison: Kind of comparison.
        value: Value to compare with; unused for present and absent.
    """

    field: str
    comparison: Comparison
    value: object = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the points table, which may be a variant with its own key.

    Attributes:
        key: `Order Completed`, or `Order Refunded/defect` for a variant.
        event: Kind as sent by sources.
        conditions: Conditions that must all hold for the variant; none for the plain kind.
        half_life_days: Half-life in days.
        magnitude: Rule for the magnitude of its events.
        trust: Factor of the event's own trust; .25 for self-reported events.
        entries: The points.
        spreads: Key of the kind as which its public events reach associated brands, if they do.
        derives: Key of the failure derived from an event that refers to no other.
        mends: Key of the failure that it repairs (for variants of a recovery).  # words: as is
        is_brand_action: Whether it is an action of the brand; such points are never learnt from observation.
        meaning: One sentence.
        hint: Type of alert that an event of it may trigger; it changes no number.
        follows_rhythm: Whether its half-life follows the rhythm of the brand's orders: it is then stated for
            a brand whose orders have a half-life of `RHYTHM_HALF_LIFE_DAYS`.
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
    """A complete points table, from which every number of the product is computed.

    Attributes:
        model: Version of the score model.
        version: Version of the table, a digest of model, constants and kinds.
        constants: Constants of the model.
        kinds: Kinds by key, in the order in which variants are tried.
        dispersions: By key, how much more events vary than independent ones, because they cluster; 1 where
            missing. Learnt, and only used for intervals.
        rhythms: Factor of the half-lives by brand number, from its rhythm; 1 where missing. Learnt.
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
    grain="one brand whose consumers order often enough to measure how often",
    writer="score.fold.rhythms",
    columns=(
        Column("brand_id", "integer", "The brand."),
        Column("usual_gap_days", "integer", "Third quartile of the days between orders."),
        Column("gap_count", "integer", "Number of gaps that it is based on."),
        Column("half_life_days", "real", "The resulting half-life of its orders."),
    ),
    primary_key=("brand_id",),
    scope="rules",
)

KIND_DISPERSIONS = Table(
    name="kind_dispersions",
    grain="one kind whose events cluster",
    writer="score.fold.dispersions",
    columns=(
        Column("kind_id", "integer", "The kind (`kinds`)."),
        Column("dispersion", "real", "How much more its events vary than independent ones; above 1."),
        Column("event_count", "integer", "Number of events that it was learnt from."),
    ),
    primary_key=("kind_id",),
    scope="rules",
)

POINTS_MARK = "points_version"
"""Mark with the version of the points in force."""

POINTS_VERSIONS = Table(
    name="points_versions",
    grain="one points table that was in force",
    writer="score.points.points_store",
    columns=(
        Column("version", "text", "Digest of the content."),
        Column("content", "text", "The table, as JSON."),
        Column("applied_us", "integer", "Time since when it is in force."),
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
            "Start of the month; the first one is valid for all time before, the last one for all after.",
        ),
        Column("amount", "real", "A usual order of the brand: money of magnitude 1."),
        Column("depends_until_us", "integer", "Only orders before this time can change it."),
    ),
    primary_key=("brand_id", "currency", "valid_from_us"),
    scope="events",
)
