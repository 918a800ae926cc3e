"""Explanation of a score: exact contributions of events that add up to the score minus 50.

phi = kappa x omega x h(A)/A x points x weight (x magnitude where graded): the nested Aumann-Shapley shares of
`docs/concepts/score.md`. Every share has the sign of its points, and they are complete.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from consumer_fusion.records.points import Constants, Direction, Facet, PointsEntry, PointsTable
from consumer_fusion.records.schema import Moment
from consumer_fusion.score.model.ledger import LedgerEntry, WeighedEntry, fold_weighed, weigh_entries
from consumer_fusion.score.model.reading import (
    BASELINE,
    FACET_ORDER,
    FacetSums,
    Reading,
    apply_knee,
    apply_knee_to_facets,
    balance_sides,
    read_pair,
    sum_facets,
    sum_sides,
)
from consumer_fusion.score.model.sentences import write_sentence


@dataclass(frozen=True, slots=True)
class Contribution:
    """Contribution of one event to the score through one facet.

    Attributes:
        event_id: The event.
        occurred_at: Time of the event.
        kind: Key of the points table.
        facet: Facet of the points.
        direction: Direction of the points.
        points: Points of the event when it happened, times the magnitude where graded.
        contribution: Its part of the score minus 50, after trust, burst, decay, knee and balance.
        parent_event_id: Id of the event that it was derived from.
        sentence: The same as a sentence.
    """

    event_id: str
    occurred_at: Moment
    kind: str
    facet: Facet
    direction: Direction
    points: float
    contribution: float
    parent_event_id: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with all its contributions.

    Attributes:
        reading: The score.
        contributions: Contributions in order of time; they add up to the score minus 50.
    """

    reading: Reading
    contributions: tuple[Contribution, ...]


def explain_pair(entries: Iterable[LedgerEntry], as_of_us: int, points: PointsTable) -> Explanation:
    """Explain the score of a pair as of a given time, with one contribution for each event and facet.

    Args:
        entries: The pair's events, in any order.
        as_of_us: As-of time; later events are left out.
        points: The points in force.
    """
    weighed = weigh_entries(entries, as_of_us, points)
    states = fold_weighed(weighed)
    sums = sum_facets(states, points)
    worth = price_points(sums, points.constants)
    contributions = [
        share_out(item, entry, worth[entry.facet, entry.points > 0])
        for item in weighed
        for entry in item.kind.entries
    ]
    return Explanation(read_pair(states, points), tuple(contributions))


def price_points(sums: FacetSums, constants: Constants) -> dict[tuple[Facet, bool], float]:
    """The average contribution of one point of each facet and sign to the score: kappa x omega x h(A)/A."""
    facets = apply_knee_to_facets(sums, constants)
    balance = balance_sides(*sum_sides(facets), constants)
    # At 0 the logistic's slope: 25 / scale, which is 1 for the model's scale.
    kappa = BASELINE / (2.0 * constants.scale)
    if balance.points:
        kappa = BASELINE * math.tanh(balance.points / (2.0 * constants.scale)) / balance.points
    prices = {}
    for place, facet in enumerate(FACET_ORDER):
        is_consumers = place < len(FACET_ORDER) // 2
        share = balance.consumer_share if is_consumers else balance.brand_share
        for is_gain, amount in ((True, sums.gained[place]), (False, sums.lost[place])):
            kept = apply_knee(amount, constants.knee) / amount if amount else 1.0
            prices[facet, is_gain] = kappa * share * kept
    return prices


def share_out(item: WeighedEntry, entry: PointsEntry, price: float) -> Contribution:
    """The contribution of one event through one facet.

    Args:
        item: The event with its weight.
        entry: Points of its kind in the facet.
        price: Average contribution of one point of the facet and sign; see `price_points`.
    """
    event = item.entry
    worth = entry.points * event.magnitude if entry.is_graded else entry.points
    return Contribution(
        event_id=event.event_id,
        occurred_at=event.occurred_us,
        kind=event.kind,
        facet=entry.facet,
        direction=entry.direction,
        points=worth,
        contribution=price * worth * item.weight,
        parent_event_id=event.parent_event_id,
        sentence=write_sentence(item, entry, worth),
    )
