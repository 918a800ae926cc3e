"""The score of a pair from its folded states: the plain reference that every other computation equals.

Points by facet and sign, a soft knee for each, the balance of both sides, a logistic scale, the uncertainty.
For single pairs; many are computed by `read_scores.sql`. The model is described in `docs/concepts/score.md`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from consumer_fusion.records.points import FACETS, Constants, Facet, PointsTable
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.symbiosis import classify_symbiosis

BASELINE = 50.0
"""The score of a relationship without evidence."""

INTERVAL_DEVIATIONS = 1.2815515655446004
"""Half-width of an 80% interval in standard deviations (the normal quantile of .9)."""

UNSEEN_EVENTS = 0.1
"""Assumed number of events, of each kind whose events cluster, that may be missing by chance."""

FACET_ORDER: tuple[Facet, ...] = (*FACETS["consumer_to_brand"], *FACETS["brand_to_consumer"])
"""All facets; the first half is what the consumer gives."""

_PLACES: Mapping[Facet, int] = {facet: place for place, facet in enumerate(FACET_ORDER)}
_CONSUMER_FACETS = len(FACETS["consumer_to_brand"])


@dataclass(frozen=True, slots=True)
class KindState:
    """The decayed sums of one kind of a pair's events at the as-of time.

    Attributes:
        kind: The key of the points table.
        x: Sum of weight x magnitude.
        y: Sum of weights.
        q: Sum of squared weight x magnitude.
        r: Sum of squared weights.
        u: Sum of squared weight x magnitude to the first power.
    """

    kind: str
    x: float
    y: float
    q: float
    r: float
    u: float


@dataclass(frozen=True, slots=True)
class FacetSums:
    """Points of a pair before the knee, in the order of the facets.

    Attributes:
        gained: Positive points of each facet.
        lost: Negative points of each facet, without sign.
        evidence: Number of events with points, decayed.
    """

    gained: tuple[float, ...]
    lost: tuple[float, ...]
    evidence: float


@dataclass(frozen=True, slots=True)
class Balance:
    """Both sides combined.

    Attributes:
        points: M: the combined points; 0 is neutral.
        consumer_share: omega_G: the weight of the consumer's side in it, from 1/3 to 2/3.
        brand_share: omega_R: the weight of the brand's side.
    """

    points: float
    consumer_share: float
    brand_share: float


@dataclass(frozen=True, slots=True)
class Reading:
    """The score of a pair as of a given time.

    Attributes:
        fusion_score: 0 to 100; 50 without evidence of a relationship.
        low: Lower end of the 80% interval.
        high: Upper end of the 80% interval.
        consumer_to_brand: Points that the consumer gives, on the same scale.
        brand_to_consumer: Points that the brand gives, on the same scale.
        confidence: 0 without evidence, towards 1 with it.
        symbiosis: Class of the relationship: which side gives and which takes.
        evidence: Number of events with points, decayed.
        facets: Signed points of each facet after the knee.
    """

    fusion_score: float
    low: float
    high: float
    consumer_to_brand: float
    brand_to_consumer: float
    confidence: float
    symbiosis: Symbiosis
    evidence: float
    facets: Mapping[Facet, float]


READING_COLUMNS = tuple(each.name for each in fields(Reading) if each.name != "facets")
"""The numbers of a reading besides its facets, which are columns of their own in tables."""


def list_columns(reading: Reading) -> dict[str, Any]:
    """A reading as a row of a table: each facet is a column."""
    return {name: getattr(reading, name) for name in READING_COLUMNS} | dict(reading.facets)


def read_pair(states: Sequence[KindState], points: PointsTable) -> Reading:
    """The score of one pair; without states it is 50, unknown.

    Args:
        states: One for each kind with events of the pair; kinds without points are ignored.
        points: The points in force.
    """
    constants = points.constants
    sums = sum_facets(states, points)
    facets = apply_knee_to_facets(sums, constants)
    consumer_points, brand_points = sum_sides(facets)
    balance = balance_sides(consumer_points, brand_points, constants)
    confidence = sums.evidence / (sums.evidence + constants.ignorance_events)
    variance, consumer_variance, brand_variance = _sum_variances(states, points, sums, balance, confidence)
    ignorance = constants.ignorance**2 * constants.ignorance_events
    independent = sums.evidence
    if points.dispersions:
        independent = sum(
            state.y / points.dispersions.get(state.kind, 1.0)
            for state in states
            if state.kind in points.kinds and points.kinds[state.kind].entries
        )
    unknown = ignorance / (constants.ignorance_events + independent)
    margin = INTERVAL_DEVIATIONS * math.sqrt(variance + unknown)
    return Reading(
        fusion_score=to_score(balance.points, constants),
        low=to_score(balance.points - margin, constants),
        high=to_score(balance.points + margin, constants),
        consumer_to_brand=to_score(consumer_points, constants),
        brand_to_consumer=to_score(brand_points, constants),
        confidence=confidence,
        symbiosis=classify_symbiosis(
            consumer_points,
            math.sqrt(consumer_variance + unknown),
            brand_points,
            math.sqrt(brand_variance + unknown),
            confidence,
        ),
        evidence=sums.evidence,
        facets=dict(zip(FACET_ORDER, facets, strict=True)),
    )


def read_score(states: Iterable[KindState], points: PointsTable) -> float:
    """The score alone, for frequent calls."""
    sides = sum_sides(apply_knee_to_facets(sum_facets(states, points), points.constants))
    return to_score(balance_sides(*sides, points.constants).points, points.constants)


def sum_facets(states: Iterable[KindState], points: PointsTable) -> FacetSums:
    """Apply the points to the sums: A of `docs/concepts/score.md`, gains and losses separately."""
    gained, lost = [0.0] * len(FACET_ORDER), [0.0] * len(FACET_ORDER)
    evidence = 0.0
    for state in states:
        kind = points.kinds.get(state.kind)
        if kind is None or not kind.entries:
            continue
        evidence += state.y
        for entry in kind.entries:
            amount = state.x if entry.is_graded else state.y
            if entry.points > 0:
                gained[_PLACES[entry.facet]] += entry.points * amount
            else:
                lost[_PLACES[entry.facet]] -= entry.points * amount
    return FacetSums(tuple(gained), tuple(lost), evidence)


def apply_knee(amount: float, knee: float) -> float:
    """The soft knee h: in full up to the knee, then each doubling adds ln 2 of it."""
    return amount if amount <= knee else knee * (1.0 + math.log(amount / knee))


def apply_knee_to_facets(sums: FacetSums, constants: Constants) -> list[float]:
    """Signed points of each facet: gains and losses are bent separately, so that neither hides the other."""
    return [
        apply_knee(gained, constants.knee) - apply_knee(lost, constants.knee)
        for gained, lost in zip(sums.gained, sums.lost, strict=True)
    ]


def sum_sides(facets: Sequence[float]) -> tuple[float, float]:
    """The points of the consumer's and of the brand's side: L_G and L_R."""
    return sum(facets[:_CONSUMER_FACETS]), sum(facets[_CONSUMER_FACETS:])


def balance_sides(consumer_points: float, brand_points: float, constants: Constants) -> Balance:
    """The smooth balance mean: the weaker side counts more, and M is exactly the weighted sum of the sides.

    rho is (sqrt(D^2 + delta^2) - delta) / D written without its 0 / 0 at D = 0 (`docs/concepts/score.md`).
    """
    difference = consumer_points - brand_points
    width = constants.balance_width
    rho = difference / (math.sqrt(difference * difference + width * width) + width)
    tilt = constants.balance * rho / 2.0
    mean = (consumer_points + brand_points) / 2.0
    return Balance(mean - tilt * difference, 0.5 - tilt, 0.5 + tilt)


def to_score(balance_points: float, constants: Constants) -> float:
    """100 x logistic(M / scale), in the form that cannot overflow."""
    return BASELINE + BASELINE * math.tanh(balance_points / (2.0 * constants.scale))


@dataclass(frozen=True, slots=True)
class UnseenRuns:
    """Variance from events that a pair has not had but might well have had: clusters that did not begin.

    Attributes:
        consumer: Variance of the consumer's points.
        brand: Variance of the brand's points.
        common: Covariance of both.
    """

    consumer: float
    brand: float
    common: float


def sum_unseen_runs(points: PointsTable) -> UnseenRuns:
    """Contribution of kinds whose events cluster to the variances of a pair with full confidence.

    A pair without a complaint is no proof that none will follow; where one brings others, much may be missing. It is as
    if a tenth of an event of each such kind were there (`docs/decisions/0021`).
    """
    consumer = brand = common = 0.0
    for key, dispersion in points.dispersions.items():
        kind = points.kinds.get(key)
        if kind is None:
            continue
        given = [0.0, 0.0]
        for entry in kind.entries:
            given[0 if _PLACES[entry.facet] < _CONSUMER_FACETS else 1] += entry.points
        share = UNSEEN_EVENTS * (dispersion - 1.0)
        consumer += share * given[0] * given[0]
        brand += share * given[1] * given[1]
        common += share * given[0] * given[1]
    return UnseenRuns(consumer, brand, common)


def _slope(amount: float, knee: float) -> float:
    """h': the contribution of one more point."""
    return 1.0 if amount <= knee else knee / amount


def _sum_variances(
    states: Iterable[KindState], points: PointsTable, sums: FacetSums, balance: Balance, confidence: float
) -> tuple[float, float, float]:
    """Compound-Poisson variances of the joint points and of each side alone (`docs/concepts/score.md`).

    The entries of one kind move together, so they are summed before they are squared. Events that cluster vary
    more, by the dispersion of their kind.
    """
    knee = points.constants.knee
    gain_slopes = [_slope(amount, knee) for amount in sums.gained]
    loss_slopes = [_slope(amount, knee) for amount in sums.lost]
    unseen = sum_unseen_runs(points)
    consumer, brand = confidence * unseen.consumer, confidence * unseen.brand
    joint = (
        balance.consumer_share**2 * consumer
        + balance.brand_share**2 * brand
        + 2.0 * balance.consumer_share * balance.brand_share * confidence * unseen.common
    )
    for state in states:
        kind = points.kinds.get(state.kind)
        if kind is None:
            continue
        dispersion = points.dispersions.get(state.kind, 1.0)
        graded, counted = [0.0, 0.0], [0.0, 0.0]
        for entry in kind.entries:
            place = _PLACES[entry.facet]
            slopes = gain_slopes if entry.points > 0 else loss_slopes
            side = 0 if place < _CONSUMER_FACETS else 1
            (graded if entry.is_graded else counted)[side] += entry.points * slopes[place]
        consumer += dispersion * _square_sum(graded[0], counted[0], state)
        brand += dispersion * _square_sum(graded[1], counted[1], state)
        joint += dispersion * _square_sum(
            balance.consumer_share * graded[0] + balance.brand_share * graded[1],
            balance.consumer_share * counted[0] + balance.brand_share * counted[1],
            state,
        )
    return joint, consumer, brand


def _square_sum(graded: float, counted: float, state: KindState) -> float:
    """Sum over events of (graded w m + counted w)^2."""
    return graded * graded * state.q + counted * counted * state.r + 2.0 * graded * counted * state.u
