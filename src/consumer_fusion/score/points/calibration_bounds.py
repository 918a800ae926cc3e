"""Bounds of a calibration: outcomes teach who returns, and a returning consumer is not always a happy one.

Where unhappy people keep buying, outcomes would suggest that failures count for nothing. The points define health
and are set by people; a calibration moves them only so far. The bounds hold in the fit, and again when a report is
applied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from consumer_fusion.records.points import Kind
from consumer_fusion.score.points.points_rules import find_largest_points

LEAST_MULTIPLIER = math.exp(-3.0)
"""A twentieth: the multiplier of a kind that counts for nothing."""
MOST_MULTIPLIER = math.exp(3.0)
MOST_HALF_LIFE_FACTOR = 4.0
LEAST_OF_WHAT_TAKES = 0.5
MOST_OF_WHAT_IS_SMALL = 3.0
_SMALL_POINTS = 1.0


@dataclass(frozen=True, slots=True)
class CalibrationBounds:
    """Lower and upper bounds for the calibration of a kind.

    Attributes:
        takes_points: Whether the kind takes more than it gives.
        multiplier: Bounds of the multiplier of its points.
        half_life_factor: Bounds of the factor of its half-life.
    """

    takes_points: bool
    multiplier: tuple[float, float]
    half_life_factor: tuple[float, float]


def bound_kind(kind: Kind) -> CalibrationBounds:
    """The bounds of a kind; a recovery shares the parameters of its failure and has no bounds of its own."""
    takes_points = sum(entry.points for entry in kind.entries) < 0.0
    is_small = 0.0 < find_largest_points(kind) < _SMALL_POINTS
    return CalibrationBounds(
        takes_points=takes_points,
        multiplier=(
            LEAST_OF_WHAT_TAKES if takes_points else LEAST_MULTIPLIER,
            MOST_OF_WHAT_IS_SMALL if is_small else MOST_MULTIPLIER,
        ),
        # Halved points that also decay sooner would have less than half of the weight.
        half_life_factor=(1.0 if takes_points else 1.0 / MOST_HALF_LIFE_FACTOR, MOST_HALF_LIFE_FACTOR),
    )
