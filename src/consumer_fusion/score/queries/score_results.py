"""Results about scores: one model each, for the command line, the API, pages and Python alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from consumer_fusion.records.points import Direction, Facet
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.changes import Change
from consumer_fusion.score.model.explanation import Contribution
from consumer_fusion.score.model.reading import FACET_ORDER


class Facets(Schema):
    """The eight facets, signed, in points."""

    wallet: float
    feet: float
    voice: float
    influence: float
    service: float
    delight: float
    standing: float
    wellbeing: float


class PairScore(Schema):
    """The Fusion Score of one pair."""

    consumer: str = describe("Consumer", "Key of the consumer, after merges.")
    brand: str = describe("Brand", "Key of the brand.")
    as_of: str = describe("As of (UTC)", "The as-of time of the score.")
    fusion_score: float = describe("Fusion Score", "0 to 100; 50 is neutral.")
    low: float = describe("80% low", "Lower end of the 80% interval.")
    high: float = describe("80% high", "Upper end of the 80% interval.")
    consumer_to_brand: float = describe("Consumer → brand", "What the consumer gives, 0 to 100.")
    brand_to_consumer: float = describe("Brand → consumer", "What the brand gives, 0 to 100.")
    confidence: float = describe("Confidence", "0 to 1: how much is known.")
    percentile: float | None = describe(
        "Percentile",
        "Share of the brand's pairs below, in percent; null while all of a large brand are being read.",
    )
    percentile_as_of: str | None = describe(
        "Percentile as of (UTC)", "The as-of time of the scores that it was compared with."
    )
    symbiosis: Symbiosis = describe(
        "Kind of relationship", "Class of the relationship: who gives and who takes."
    )
    change_28_days: float | None = describe(
        "Change in 28 days",
        "Score now minus score 28 days before, for orders that compare; else null.",
        None,
    )
    facets: Facets

    @classmethod
    def from_row(cls, row: Mapping[str, object], **more: object) -> Self:
        """A score from a row in which the facets are columns; further columns are ignored.

        Args:
            row: Columns of the score, including those of `FACET_ORDER`.
            more: Fields that the row lacks.
        """
        given = {name: row[name] for name in cls.model_fields if name in row}
        facets = Facets.model_validate({name: row[name] for name in FACET_ORDER})
        return cls.model_validate({**given, **more, "facets": facets})


SCORE_COLUMNS = (
    *(name for name in PairScore.model_fields if name not in ("change_28_days", "facets")), *FACET_ORDER,
)  # fmt: skip
"""The columns of a table of scores: the fields of `PairScore`, each facet a column."""


class CounterfactualScore(Schema):
    """The score without an event."""

    event_id: str
    fusion_score: float
    low: float
    high: float
    change: float


class ScoreDay(Schema):
    """A score at the end of a UTC day."""

    day: str
    fusion_score: float
    low: float
    high: float


class KindSummary(Schema):
    """The contribution of all events of a kind through one facet."""

    kind: str
    facet: Facet
    direction: Direction
    event_count: int
    contribution: float


class OtherEvents(Schema):
    """Events that are not listed, and what they contribute to the score together."""

    event_count: int
    contribution: float


class PairExplanation(Schema):
    """Explanation of a score."""

    consumer: str
    brand: str
    as_of: str
    fusion_score: float
    baseline: float = describe("Baseline", "Always 50.")
    event_count: int = describe("Events", "Number of events with points until the as-of time.")
    kinds: list[KindSummary] = describe(
        "Kinds", "Contributions of all events by kind and facet; they add up to the score minus 50."
    )
    contributions: list[Contribution] = describe("Contributions", "Those of the listed events.")
    others: OtherEvents = describe(
        "Others", "The events that are not listed; with `contributions` they add up to the score minus 50."
    )
    changes: list[Change] = describe(
        "Changes",
        "The changes at the newest events since the start, oldest first, with the decay between them.",
    )
    earlier: OtherEvents = describe(
        "Earlier",
        "The events before `changes`, and the change of the score until then, with decay.",
    )
    without: CounterfactualScore | None = describe(
        "Without", "Where `without` was requested; else null.", None
    )
    history: list[ScoreDay] = describe("History", "Where a history was requested; else empty.", [])


class BrandSummary(Schema):
    """Summary of a brand's relationships."""

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
    usual_gap_days: int | None = describe(
        "Usual gap (days)",
        "Third quartile of the days between orders; null while too little is known.",
    )
    half_life_days: float | None = describe(
        "Half-life (days)", "Days after which an order of this brand counts half."
    )
