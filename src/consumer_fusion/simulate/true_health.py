"""The true health of a simulated pair: the equations of the score model, implemented independently in numpy.

The truth of a world must not come from the code that is tested against it, so this module repeats knee and
balance (score model `fs1`) instead of importing them. It has no intervals or explanations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SCALE = 25.0
KNEE = 10.0
BALANCE = 1.0 / 3.0
BALANCE_WIDTH = 5.0
DAY_SECONDS = 86_400

CONSUMER_FACETS = ("wallet", "feet", "voice", "influence")
BRAND_FACETS = ("service", "delight", "standing", "wellbeing")


@dataclass(frozen=True, slots=True)
class WorldKind:
    """A kind of event of a simulated world, with its true points.

    Attributes:
        key: Its key in the points table.
        points: Points by facet, as shipped.
        graded: The facets whose points are multiplied by the magnitude.
        half_life_days: Half-life as shipped.
        rate_year: Mean number of events of an ordinary pair in a year, for random kinds.
        true_multiplier: The factor from its shipped points to the true ones in this world.
        is_brand_action: Whether it is an action of the brand.
    """

    key: str
    points: Mapping[str, float]
    graded: tuple[str, ...]
    half_life_days: float
    rate_year: float
    true_multiplier: float = 1.0
    is_brand_action: bool = False


@dataclass(slots=True)
class DecayedSums:
    """The decayed sums of one kind over all pairs at one time: weight times magnitude, and weight."""

    graded: Floats
    counted: Floats


def weigh_bursts(pairs: Integers, days: Integers) -> Floats:
    """The weight of each event among the same pair's events of its kind and day: log2(1 + n) / n."""
    _, group, sizes = np.unique(np.stack([pairs, days]), axis=1, return_inverse=True, return_counts=True)
    count = sizes[group.reshape(-1)].astype(np.float64)
    weights: Floats = np.log2(1.0 + count) / count
    return weights


def bend(amount: Floats) -> Floats:
    """The soft knee: unchanged up to 10 points, then each doubling adds 6.9."""
    bent: Floats = np.where(amount <= KNEE, amount, KNEE * (1.0 + np.log(np.maximum(amount, KNEE) / KNEE)))
    return bent


def compute_health(
    kinds: Sequence[WorldKind], sums: Sequence[DecayedSums], *, is_true: bool = True
) -> Floats:
    """The mean health M of every pair, before the logistic.

    Args:
        kinds: The world's kinds.
        sums: Their decayed sums, in the same order.
        is_true: Whether to use the world's true multipliers; otherwise the shipped points.
    """
    sides: list[Floats] = []
    for facets in (CONSUMER_FACETS, BRAND_FACETS):
        side = np.zeros_like(sums[0].counted)
        for facet in facets:
            gained, lost = np.zeros_like(side), np.zeros_like(side)
            for kind, state in zip(kinds, sums, strict=True):
                points = kind.points.get(facet, 0.0) * (kind.true_multiplier if is_true else 1.0)
                amount = state.graded if facet in kind.graded else state.counted
                if points > 0:
                    gained += points * amount
                elif points < 0:
                    lost += -points * amount
            side += bend(gained) - bend(lost)
        sides.append(side)
    consumer, brand = sides
    difference = consumer - brand
    drag = BALANCE / 2 * (np.sqrt(difference**2 + BALANCE_WIDTH**2) - BALANCE_WIDTH)
    health: Floats = (consumer + brand) / 2 - drag
    return health
