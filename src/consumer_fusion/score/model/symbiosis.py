"""The class of a relationship: which side gives and which takes, as far as the evidence allows."""

from __future__ import annotations

from consumer_fusion.records.score import SYMBIOSIS_BY_SIGNS, Symbiosis

SIGN_POINTS = 5.0
"""Minimum points for a side to give (or take), if they also exceed its standard deviation."""

KNOWN_CONFIDENCE = 0.5
"""Confidence below which a relationship without a sign on either side is unknown rather than neutral."""


def read_sign(side_points: float, deviation: float) -> int:
    """The sign of a side: giving (1), taking (-1) or undetermined (0)."""
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
    """The class for the points of both sides and their standard deviations."""
    signs = (read_sign(consumer_points, consumer_deviation), read_sign(brand_points, brand_deviation))
    if signs == (0, 0) and confidence < KNOWN_CONFIDENCE:
        return "unknown"
    return SYMBIOSIS_BY_SIGNS[signs]
