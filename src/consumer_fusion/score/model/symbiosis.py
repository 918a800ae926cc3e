"""The class of a relationship: who gives and who takes, as far as the evidence lets one say."""

from __future__ import annotations

from consumer_fusion.records.score import SYMBIOSIS_BY_SIGNS, Symbiosis

SIGN_POINTS = 5.0
"""A side gives (or takes) from this many points on, if they also exceed its standard deviation."""

KNOWN_CONFIDENCE = 0.5
"""Below it, a relationship in which neither side shows a sign is unknown rather than neutral."""


def read_sign(side_points: float, deviation: float) -> int:
    """Whether a side gives (1), takes (-1) or cannot be told to do either (0)."""
    if abs(side_points) < SIGN_POINTS or abs(side_points) < deviation:
        return 0
    return 1 if side_points > 0 else -1


def classify_symbiosis(
    consumer_points: float,
    consumer_deviation: float,
    brand_points: float,
    brand_deviation: float,
    confidence: float,
) -> Symbiosis:
    """The class for what both sides give, with the standard deviation of each, all in points."""
    signs = (read_sign(consumer_points, consumer_deviation), read_sign(brand_points, brand_deviation))
    if signs == (0, 0) and confidence < KNOWN_CONFIDENCE:
        return "unknown"
    return SYMBIOSIS_BY_SIGNS[signs]
